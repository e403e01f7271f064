import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runProgram } from '../../scripts/lib/run-program.js';
import { snapshot } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { openRealWorkplace, reportOf } from '../helpers/real-upstream.js';

const SLOW = 300_000;
const TWO_SUBDIRS = ['--subdir', 'linux-64', '--subdir', 'win-64'];

// Equal folders from either engine: engines-agree.test.ts. Equal folders on another day: test/unit/channel, with a clock of its own.
describeWithLayers(['rsync', 'upstream-mixed'], 'a label for two platforms, built again', () => {
  let work: Workplace;
  let copy: string;

  beforeAll(async () => {
    work = await openRealWorkplace('mixed');
    const first = await work.update({ args: TWO_SUBDIRS });
    expect(first.exitCode, first.stderr).toBe(0);
    copy = join(work.dir, 'copy');
    mkdirSync(copy);
    await rsync();
  }, SLOW);
  afterAll(() => work.close());

  /** One line for each thing that a synchronisation changes. */
  async function rsync(): Promise<string[]> {
    const ran = await runProgram(layerPath('rsync'), ['-ai', '--delete', `${work.labelDir}/`, `${copy}/`], {
      home: work.home,
    });
    expect(ran.exitCode, ran.stderr).toBe(0);
    return ran.stdout.split('\n').filter((line) => line !== '');
  }

  it('has both platforms and noarch, each indexed', () => {
    const manifest = JSON.parse(readFileSync(join(work.labelDir, 'manifest.json'), 'utf8')) as Manifest;
    expect(manifest.subdirs).toEqual(['linux-64', 'noarch', 'win-64']);
    expect(
      manifest.profiles.map(({ subdir, virtual_packages }) => [subdir, virtual_packages.map(({ name }) => name)]),
    ).toEqual([
      ['linux-64', ['__archspec', '__glibc', '__linux', '__unix']],
      ['win-64', ['__win']],
    ]);
    const names = (subdir: string): string[] =>
      manifest.files
        .filter((file) => file.kind === 'artifact' && file.path.startsWith(`${subdir}/`))
        .map(({ path }) => path.slice(subdir.length + 1).replace(/-\d.*$/, ''));
    expect(names('linux-64')).toEqual(['numpy', 'pandas', 'pip', 'python', 'ratekeys', 'setuptools', 'wheel']);
    expect(names('win-64')).toEqual(names('linux-64'));
    expect(names('noarch')).toEqual(['pytho', 'python-dateutil', 'pytz', 'ratingpro', 'six', 'tzdata']);
    for (const subdir of manifest.subdirs)
      expect(readdirSync(join(work.labelDir, subdir))).toEqual(
        expect.arrayContaining(['repodata.json', 'repodata.json.zst']),
      );
  });

  it(
    'is left as it is: no byte, no time stamp, no file replaced; a synchronisation lists nothing',
    async () => {
      const before = statsBelow(work.labelDir);
      expect(before.size).toBeGreaterThan(25);
      const again = await work.update({ args: [...TWO_SUBDIRS, '--json'] });
      expect(again.exitCode, again.stderr).toBe(0);
      expect(reportOf(again).published).toMatchObject({ generation: 1, unchanged: true, bytesWritten: 0 });
      expect(reportOf(again).changes).toMatchObject({ added: [], removed: [], upgraded: [], bytesToTravel: 0 });
      expect(statsBelow(work.labelDir)).toEqual(before);
      expect(await rsync()).toEqual([]);
    },
    SLOW,
  );

  it(
    'comes out the same in another folder, with another home and an empty cache, whatever the order of the arguments',
    async () => {
      const other = await openWorkplace({ upstream: work.upstream });
      try {
        const root = join(other.dir, 'a root with blanks', 'repos');
        const args = ['--subdir', 'win-64'];
        const built = await other.update({
          root,
          args,
          packages: ['pytho', 'ratingpro'],
          env: { TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8' },
        });
        expect(built.exitCode, built.stderr).toBe(0);
        expect(digests(join(root, 'halkbank'))).toEqual(digests(work.labelDir));
        expect(artifactTimes(join(root, 'halkbank'))).toEqual(artifactTimes(work.labelDir));
      } finally {
        await other.close();
      }
    },
    SLOW,
  );

  it(
    'sends only what is new once the upstream has something new',
    async () => {
      work.upstream.setGeneration(2);
      const update = await work.update({ args: TWO_SUBDIRS });
      expect(update.exitCode, update.stderr).toBe(0);
      const listed = await rsync();
      const sent = listed.filter((line) => line.startsWith('>f')).map((line) => line.split(' ')[1]);
      // The folders of linux-64 and win-64 are as they were.
      expect(sent.sort()).toEqual([
        'SHA256SUMS',
        'manifest.json',
        'noarch/pytho-2.0-py_0.conda',
        'noarch/ratingpro-2.5.0-py_0.conda',
        'noarch/repodata.json',
        'noarch/repodata.json.zst',
      ]);
      const left = listed.filter((line) => line.startsWith('*deleting')).map((line) => line.split(/ +/)[1]);
      expect(left.sort()).toEqual(['noarch/pytho-1.9-py_0.conda', 'noarch/ratingpro-2.4.1-py_0.conda']);
    },
    SLOW,
  );
});

/** Path -> what a synchronisation, a backup or an indexer would see change. Folders too. */
function statsBelow(dir: string): Map<string, string> {
  const entries = ['.', ...readdirSync(dir, { recursive: true, encoding: 'utf8' })].sort();
  return new Map(
    entries.map((path) => {
      const { ino, mtimeMs, size, mode, nlink } = statSync(join(dir, path));
      return [path, JSON.stringify({ ino, mtimeMs, size, mode, nlink })];
    }),
  );
}

function digests(dir: string): [string, string][] {
  return [...snapshot(dir)].map(([path, { sha256 }]) => [path, sha256]);
}

/** They are those of the records, so that a new build host sends nothing again. */
function artifactTimes(dir: string): [string, number][] {
  const artifacts = [...snapshot(dir)].filter(([path]) => /\.(conda|tar\.bz2)$/.test(path));
  expect(new Set(artifacts.map(([, { mtimeMs }]) => mtimeMs)).size).toBeGreaterThan(10);
  return artifacts.map(([path, { mtimeMs }]) => [path, mtimeMs]);
}
