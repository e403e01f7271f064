import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digest, makePackage, makeSampleUpstream, SUBDIRS } from '../../../scripts/lib/sample-upstream.js';
import { changesBetween, snapshot } from '../../../scripts/lib/snapshot.js';
import { bzip2Decompress } from '../../../src/codec/bzip2.js';
import { zstdDecompress } from '../../../src/codec/zstd.js';
import { describeWithLayers, layerPath } from '../../helpers/layers.js';

type Repodata = {
  info: { subdir: string };
  packages: Record<string, Record<string, unknown>>;
  'packages.conda': Record<string, Record<string, unknown>>;
};

const FOLDERS = ['pkgs/main', 'prometeia', 'private/prometeia', 'label/halkbank'];

let work: string;
let dir: string;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'repackenv-sample-'));
  dir = join(work, 'upstream');
  await makeSampleUpstream(dir);
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('the sample upstream', () => {
  it('has the same bytes and times each time it is made', async () => {
    const again = join(work, 'again');
    await makeSampleUpstream(again);
    const changes = changesBetween(snapshot(dir), snapshot(again));
    expect(changes.filter((line) => !/^touched .*(upstream|repodata)\.json(\.zst|\.bz2)?$/.test(line))).toEqual([]);
  });

  it('has the same bytes in another time zone', async () => {
    const zone = process.env['TZ'];
    const digests = new Map<number, string | undefined>();
    for (const TZ of ['Asia/Tokyo', 'America/Lima']) {
      process.env['TZ'] = TZ;
      const { record } = await makePackage({ name: 'a', version: '1' });
      digests.set(new Date(0).getTimezoneOffset(), record.sha256);
    }
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
    expect([...digests.keys()]).toEqual([-540, 300]);
    expect(new Set(digests.values()).size).toBe(1);
  });

  it.each([1, 2].flatMap((generation) => FOLDERS.map((folder) => [`gen${generation}`, folder] as const)))(
    'indexes exactly the artifacts of %s/%s, with their digests',
    (generation, folder) => {
      for (const subdir of SUBDIRS) {
        const path = join(dir, generation, folder, subdir);
        const repodata = readRepodata(path);
        const records = { ...repodata.packages, ...repodata['packages.conda'] };
        const artifacts = readdirSync(path).filter((name) => !name.startsWith('repodata.json'));
        expect(Object.keys(records).sort()).toEqual(artifacts.sort());
        expect(repodata.info).toEqual({ subdir });
        for (const [fn, record] of Object.entries(records)) {
          const bytes = readFileSync(join(path, fn));
          const sha256 = fn.startsWith('oldmath-') ? undefined : digest('sha256', bytes);
          expect(record).toMatchObject({ md5: digest('md5', bytes), size: bytes.length, subdir });
          expect(record['sha256'], fn).toBe(sha256);
          expect(statSync(join(path, fn)).mtimeMs).toBe(Math.floor(Number(record['timestamp']) / 1000) * 1000);
        }
      }
    },
  );

  it('compresses the index it has', async () => {
    const path = join(dir, 'gen1', 'pkgs/main', 'linux-64');
    const json = readFileSync(join(path, 'repodata.json'));
    const limit = { maxBytes: 1_000_000 };
    const zst = await zstdDecompress(readFileSync(join(path, 'repodata.json.zst')), limit);
    const bz2 = bzip2Decompress(readFileSync(join(path, 'repodata.json.bz2')), limit);
    expect(Buffer.from(zst).equals(json)).toBe(true);
    expect(Buffer.from(await bz2).equals(json)).toBe(true);
  });

  it('has the cases that tests lean on', () => {
    const owner = readRepodata(join(dir, 'gen1', 'prometeia', 'noarch'));
    const token = readRepodata(join(dir, 'gen1', 'private/prometeia', 'linux-64'));
    const label = readRepodata(join(dir, 'gen1', 'label/halkbank', 'noarch'));
    const label2 = readRepodata(join(dir, 'gen2', 'label/halkbank', 'noarch'));
    const hotfixed = (generation: string) =>
      readRepodata(join(dir, generation, 'prometeia', 'noarch'))['packages.conda']['ratemodels-0.7-py_0.conda'];
    expect(Object.keys(owner.packages)).toContain('bothways-1.0-0.tar.bz2');
    expect(Object.keys(owner['packages.conda'])).toContain('bothways-1.0-0.conda');
    expect(Object.keys(token['packages.conda'])).toEqual(['ratekeys-1.1-h1_0.conda']);
    expect(Object.keys(label['packages.conda'])).toEqual(['halkdata-2024.6-0.conda', 'ratingpro-2.4.1-py_0.conda']);
    expect(Object.keys(label2['packages.conda'])).toContain('ratingpro-2.5.0-py_0.conda');
    expect(hotfixed('gen1')?.['depends']).toEqual(['python >=3.9', 'numpy >=1.26']);
    expect(hotfixed('gen2')?.['depends']).toEqual(['python >=3.9', 'numpy >=1.26', 'pytho >=1.9']);
  });
});

describe('a made package', () => {
  it('opens with tar, and has its info where conda looks for it', async () => {
    const made = await makePackage({
      name: 'tool',
      version: '1.0',
      subdir: 'linux-64',
      format: 'tar.bz2',
      files: { 'bin/tool': { content: '#!/bin/sh\n', mode: 0o755 }, 'bin/t': { symlink: 'tool' } },
    });
    const archive = join(work, made.distFilename);
    const target = join(work, 'tool');
    writeFileSync(archive, made.bytes);
    mkdirSync(target);
    execFileSync('tar', ['xjf', archive, '-C', target]);
    expect(JSON.parse(readFileSync(join(target, 'info/index.json'), 'utf8'))).toEqual(made.indexJson);
    expect(readFileSync(join(target, 'info/files'), 'utf8')).toBe('bin/t\nbin/tool\n');
    expect(statSync(join(target, 'bin/t')).mode & 0o777).toBe(0o755);
    expect(made.indexJson).toMatchObject({ arch: 'x86_64', platform: 'linux', subdir: 'linux-64' });
    expect(made.record).not.toHaveProperty('arch');
  });
});

describeWithLayers(['py-rattler'], 'conda-package-handling on made packages', () => {
  it('opens and validates every artifact of the second generation', () => {
    const program = [
      'import json, pathlib, sys, tempfile',
      'from conda_package_handling import api',
      'for path in sorted(pathlib.Path(sys.argv[1]).rglob("*")):',
      '    if path.name.endswith((".conda", ".tar.bz2")):',
      '        target = tempfile.mkdtemp(dir=sys.argv[2])',
      '        api.extract(str(path), target)',
      '        index = json.loads(pathlib.Path(target, "info", "index.json").read_text())',
      '        listed = pathlib.Path(target, "info", "files").read_text().splitlines()',
      '        missing = [name for name in listed if not pathlib.Path(target, name).exists()]',
      '        print(json.dumps([path.name, index["name"], index["version"], index["build"], missing]))',
    ].join('\n');
    const target = join(work, 'extracted');
    mkdirSync(target);
    const output = execFileSync(layerPath('py-rattler'), ['-c', program, join(dir, 'gen2'), target], {
      encoding: 'utf8',
    });
    const opened = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as [string, string, string, string, string[]]);
    expect(opened.length).toBeGreaterThan(40);
    for (const [fn, name, version, build, missing] of opened) {
      expect(fn.replace(/\.(conda|tar\.bz2)$/, '')).toBe(`${name}-${version}-${build}`);
      expect(missing, fn).toEqual([]);
    }
  });
});

function readRepodata(folder: string): Repodata {
  return JSON.parse(readFileSync(join(folder, 'repodata.json'), 'utf8')) as Repodata;
}
