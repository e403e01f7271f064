import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runProgram } from '../../scripts/lib/run-program.js';
import { snapshot } from '../../scripts/lib/snapshot.js';
import { ownRecord } from '../../src/archive/record-from-artifact.js';
import { bufferSource } from '../../src/archive/source.js';
import { bzip2Decompress } from '../../src/codec/bzip2.js';
import { digestsOf } from '../../src/codec/digests.js';
import { zstdDecompress } from '../../src/codec/zstd.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { describeWithLayers } from '../helpers/layers.js';
import type { Workplace } from '../helpers/programs.js';
import {
  PAPERS,
  folderOfChannel,
  FOR_CONDA43,
  openRealWorkplace,
  recordsIn,
  type Records,
} from '../helpers/real-upstream.js';

const SLOW = 300_000;

/** One of every kind: hotfixed, md5 only, both formats, private, of the label only, of a lower channel, noarch and arch. */
const PACKAGES = [
  'ratingpro',
  'pytho',
  'ratemodels',
  'oldmath',
  'bothways',
  'ratedocs',
  'halkdata',
  'alib',
  'requests',
];

for (const { kind, args, subdirs, artifacts, formats } of [
  {
    kind: 'mixed',
    args: ['--subdir', 'win-64'],
    subdirs: ['linux-64', 'noarch', 'win-64'],
    artifacts: 33,
    formats: ['json', 'json.zst'],
  },
  {
    kind: 'bz2',
    args: FOR_CONDA43,
    subdirs: ['linux-64', 'noarch'],
    artifacts: 25,
    formats: ['json', 'json.bz2', 'json.zst'],
  },
] as const) {
  describeWithLayers([`upstream-${kind}`], `every record of a delivery from ${kind}`, () => {
    let work: Workplace;
    let manifest: Manifest;
    beforeAll(async () => {
      work = await openRealWorkplace(kind);
      const update = await work.update({ packages: PACKAGES, args });
      expect(update.exitCode, update.stderr).toBe(0);
      manifest = JSON.parse(readFileSync(join(work.labelDir, 'manifest.json'), 'utf8')) as Manifest;
    }, SLOW);
    afterAll(() => work.close());

    const delivered = (): Manifest['files'] => manifest.files.filter((file) => file.kind === 'artifact');
    const records = (): Records =>
      Object.fromEntries(
        subdirs.flatMap((subdir) =>
          Object.entries(recordsIn(work.labelDir, subdir)).map(([fn, record]) => [`${subdir}/${fn}`, record]),
        ),
      );

    it('F1 index set = file set = manifest', () => {
      const files = [...snapshot(work.labelDir).keys()];
      const artifactFiles = files.filter((path) => /\.(conda|tar\.bz2)$/.test(path));
      expect(artifactFiles).toHaveLength(artifacts);
      expect(Object.keys(records()).sort()).toEqual(artifactFiles);
      expect(delivered().map(({ path }) => path)).toEqual(artifactFiles);
      expect(manifest.subdirs).toEqual(subdirs);
      const indexes = subdirs.flatMap((subdir) => formats.map((format) => `${subdir}/repodata.${format}`));
      expect(files).toEqual([...artifactFiles, ...indexes, ...PAPERS, 'manifest.json', 'SHA256SUMS'].sort());
      expect(manifest.files.map(({ path }) => path)).toEqual([...artifactFiles, ...indexes, ...PAPERS].sort());
    });

    it('F6 every record is the one that its channel publishes, to the last member', async () => {
      const all = records();
      expect(delivered()).toHaveLength(artifacts);
      for (const { path, channel } of delivered()) {
        const [subdir = '', fn = ''] = path.split('/');
        expect(all[path], path).toEqual(recordsIn(folderOfChannel(work, channel!), subdir)[fn]);
      }
      // What the channel hotfixed is not what the artifact says of itself.
      const models = Object.keys(all).find((path) => path.startsWith('noarch/ratemodels'));
      expect(all[models!]!['depends']).toEqual(['python >=3.9', 'numpy >=1.26']);
      const inside = await ownRecord(
        bufferSource(readFileSync(join(work.labelDir, models!))),
        models!.slice('noarch/'.length),
      );
      expect(inside.depends).toEqual(['python >=3.9', 'numpy >=1.26,<1.27']);
      const old = Object.keys(all).find((path) => path.startsWith('noarch/oldmath'));
      expect(Object.keys(all[old!]!)).toContain('md5');
      expect(Object.keys(all[old!]!)).not.toContain('sha256');
    });

    it('python’s records bring no pip, though pip is delivered', () => {
      const pythons = Object.entries(records()).filter(([, record]) => record['name'] === 'python');
      expect(pythons).toHaveLength(subdirs.length - 1);
      for (const [, record] of pythons)
        expect((record['depends'] as string[]).filter((depend) => /^pip\b/.test(depend))).toEqual([]);
      expect(Object.values(records()).filter((record) => record['name'] === 'pip')).toHaveLength(subdirs.length - 1);
    });

    it('records, manifest and bytes state one size and one digest', () => {
      const all = records();
      for (const { path, size, sha256, md5 } of manifest.files) {
        expect(digestsOf(readFileSync(join(work.labelDir, path))), path).toMatchObject({ size, sha256, md5 });
        const record = all[path];
        if (record === undefined) continue;
        const stated = { size: record['size'], md5: record['md5'], sha256: record['sha256'] ?? sha256 };
        expect(stated, path).toEqual({ size, md5, sha256 });
      }
    });

    it('each index is the same in every encoding, of version 1, with its subdir', async () => {
      for (const subdir of subdirs) {
        const read = (format: string): Buffer => readFileSync(join(work.labelDir, subdir, `repodata.${format}`));
        const json = read('json');
        const text = json.toString('utf8');
        expect(JSON.parse(text)).toMatchObject({ info: { subdir }, repodata_version: 1 });
        expect(Buffer.from(await zstdDecompress(read('json.zst'), { maxBytes: 1e8 })).equals(json)).toBe(true);
        const bz2 = (formats as readonly string[]).includes('json.bz2')
          ? await bzip2Decompress(read('json.bz2'), { maxBytes: 1e8 })
          : json;
        expect(Buffer.from(bz2).equals(json)).toBe(true);
        expect(readdirSync(join(work.labelDir, subdir)).filter((name) => name.startsWith('repodata.'))).toEqual(
          formats.map((format) => `repodata.${format}`),
        );
      }
    });

    it('SHA256SUMS holds for sha256sum, and names every other file', async () => {
      const ran = await runProgram('sha256sum', ['--check', '--strict', 'SHA256SUMS'], {
        home: work.home,
        cwd: work.labelDir,
      });
      expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
      const checked = ran.stdout
        .trim()
        .split('\n')
        .map((line) => line.replace(/: OK$/, ''));
      const files = [...snapshot(work.labelDir).keys()].filter((path) => path !== 'SHA256SUMS');
      expect(checked.sort()).toEqual(files.sort());
    });
  });
}
