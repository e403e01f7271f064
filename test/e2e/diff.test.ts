import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import type { DiffReport } from '../../src/jobs/diff/diff.js';
import type { ExportReport } from '../../src/jobs/export.js';
import { sha256Of } from '../../src/codec/digests.js';
import type { SetFile } from '../../src/media/set/headers.js';
import { looseManifestName, mediumJson, setFileName } from '../../src/media/set/names.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import type { JobReport } from '../../src/jobs/job-report.js';
import { reportOf } from '../helpers/real-upstream.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';
import { expectClean, expectRefusal } from '../helpers/refusals.js';

describe('repackenv diff', () => {
  let work: Workplace;
  /** The label folder of generation 1 and of 2, and of 1 without our manifest. */
  const at: Record<'old' | 'fresh' | 'bare' | 'files', string> = { old: '', fresh: '', bare: '', files: '' };
  const file = (name: string): string => join(at.files, name);
  let updated: JobReport;

  beforeAll(async () => {
    work = await openWorkplace();
    for (const name of Object.keys(at) as (keyof typeof at)[]) at[name] = join(work.dir, name);
    expect((await work.update()).exitCode).toBe(0);
    cpSync(work.labelDir, at.old, { recursive: true });
    cpSync(work.labelDir, at.bare, { recursive: true });
    rmSync(join(at.bare, 'manifest.json'));
    rmSync(join(at.bare, 'SHA256SUMS'));
    work.upstream.setGeneration(2);
    updated = reportOf(await work.update({ args: ['--json'] }));
    cpSync(work.labelDir, at.fresh, { recursive: true });
    mkdirSync(at.files);
    const bytes = readFileSync(join(at.old, 'manifest.json'));
    const manifest = JSON.parse(bytes.toString('utf8')) as Manifest;
    writeFileSync(file('sent.json'), bytes);
    writeFileSync(file('receipt.json'), mediumJson(receiptOf(manifest, bytes)));
    const set = setOf(manifest, bytes);
    writeFileSync(file(setFileName(set.name)), mediumJson(set));
    writeFileSync(file(looseManifestName(set.name)), bytes);
  });
  afterAll(() => work.close());

  const run = (args: readonly string[]): Promise<Ran> =>
    work.run('repackenv', ['diff', '--cache-dir', work.cache, '--base-url', work.upstream.url, ...args]);

  async function report(args: readonly string[], exitCode: number): Promise<DiffReport> {
    const before = [at.old, at.fresh, at.bare].map((dir) => snapshot(dir));
    const ran = await run([...args, '--json']);
    expect(ran.exitCode, ran.stderr + ran.stdout).toBe(exitCode);
    expectClean(ran);
    [at.old, at.fresh, at.bare].forEach((dir, i) => expect(changesBetween(before[i]!, snapshot(dir))).toEqual([]));
    const last = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as DiffReport & { type: string };
    expect(last.type).toBe('report');
    expect(last.equal).toBe(exitCode === 0);
    return last;
  }
  const upgrades = ({ changes }: DiffReport): string[] =>
    changes.upgraded.map(({ name, from, to }) => `${name} ${from} -> ${to}`).sort();

  it('says of a name that nothing on disk has that it is taken for a channel', async () => {
    const ran = await run([at.old, 'nonex/folder']);
    expect(ran.exitCode).toBe(7);
    expect(ran.stderr).toMatch(
      /there is no file or folder \S+nonex[\\/]folder: nonex\/folder is taken for a channel\n/,
    );
  });

  it('says equal, with 0, of a folder and itself, its manifest, the site’s receipt, the set, and what is there without manifest', async () => {
    for (const other of [
      at.old,
      join(at.old, 'manifest.json'),
      file('sent.json'),
      file('receipt.json'),
      file('halkbank-g1.set.json'),
    ]) {
      const { changes, files, asked } = await report([at.old, other], 0);
      expect(changes).toMatchObject({ added: [], removed: [], upgraded: [], bytesToTravel: 0 });
      expect([files, asked]).toEqual([{ added: [], removed: [], changed: [] }, []]);
    }
    const bare = await report([at.old, at.bare], 0);
    expect(bare.a).toMatchObject({ kind: 'folder', label: 'halkbank', generation: 1 });
    expect(bare.b).toMatchObject({ kind: 'folder', label: null, generation: null });
  });

  it('tells, with 1, what a new generation brings: from folders, files and bare folders the same', async () => {
    const expected = await report([at.old, at.fresh], 1);
    expect(upgrades(expected)).toEqual(['pytho 1.9 -> 2.0', 'ratingpro 2.4.1 -> 2.5.0']);
    expect(expected.changes.kept).toBeGreaterThan(5);
    expect(expected.files!.changed).toContain('noarch/repodata.json');
    expect(expected.changes.bytesToTravel).toBeGreaterThan(0);
    for (const old of [file('sent.json'), file('receipt.json'), file('halkbank-g1.set.json'), at.bare]) {
      const found = await report([old, at.fresh], 1);
      expect(found.changes).toEqual(expected.changes);
      expect(found.files).toEqual(expected.files);
    }
    const back = await report([at.fresh, at.old], 1);
    expect(back.changes.downgraded.map(({ name, from, to }) => `${name} ${from} -> ${to}`).sort()).toEqual([
      'pytho 2.0 -> 1.9',
      'ratingpro 2.5.0 -> 2.4.1',
    ]);
  });

  it('counts as to travel what rsync would send: as update did, and as a delta carries', async () => {
    const [before, after] = [snapshot(at.old), snapshot(at.fresh)];
    const sent = [...after].filter(([path, { sha256 }]) => before.get(path)?.sha256 !== sha256);
    const bytesOf = (files: typeof sent): number => files.reduce((sum, [, { size }]) => sum + size, 0);
    const packages = sent.filter(([path]) => /\.(conda|tar\.bz2)$/.test(path));
    const expected = { bytesToTravel: bytesOf(sent), bytesOfPackages: bytesOf(packages) };
    expect(expected.bytesToTravel).toBeGreaterThan(expected.bytesOfPackages);
    expect(updated.changes).toMatchObject(expected);
    for (const old of [at.old, file('sent.json'), file('receipt.json'), file('halkbank-g1.set.json')])
      expect((await report([old, at.fresh], 1)).changes).toMatchObject(expected);
    const ran = await work.run('repackenv', [
      'delta',
      at.fresh,
      '--since',
      file('receipt.json'),
      '--to',
      join(work.dir, 'usb'),
      '--json',
    ]);
    const [set] = (JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as ExportReport).sets;
    expect(set).toMatchObject(expected);
    expect(set!.parts[0]!.size).toBeGreaterThan(expected.bytesToTravel);
  });

  it('prints it for people', async () => {
    const ran = await run([at.old, at.fresh]);
    expect(ran.stdout).toMatch(
      /^A {2}\S+old \(folder, label halkbank, generation 1, \d+ packages\)\nB {2}\S+fresh \(folder, label halkbank, generation 2, /,
    );
    expect(ran.stdout).toMatch(
      /\n {2}upgraded {4}2\n {4}pytho 1\.9 -> 2\.0 {2}\(noarch\)\n {4}ratingpro 2\.4\.1 -> 2\.5\.0 {2}\(noarch\)\n/,
    );
    expect(ran.stdout).toMatch(
      /\n {2}to travel {3}\d+(\.\d+)? k?B by rsync or robocopy: \S+ k?B of packages, \S+ k?B of other files\n/,
    );
    expect((await run([at.old, at.old])).stdout).toContain('\n  equal\n');
  });

  it('tells a changed record, a changed side file and a changed wish apart', async () => {
    const other = join(work.dir, 'edited');
    mkdirSync(other);
    const manifest = JSON.parse(readFileSync(join(at.old, 'manifest.json'), 'utf8')) as Manifest;
    const artifact = manifest.files.find(({ kind }) => kind === 'artifact')!;
    artifact.record = '0'.repeat(64);
    manifest.specs = ['pytho', 'ratingpro>=2'];
    manifest.files.push({
      path: 'installers/x.sh',
      kind: 'side',
      size: 5,
      sha256: '1'.repeat(64),
      md5: '1'.repeat(32),
    });
    writeFileSync(join(other, 'manifest.json'), JSON.stringify(manifest));
    const found = await report([at.old, other], 1);
    expect(found.changes.rerecorded.map(({ subdir, fn }) => `${subdir}/${fn}`)).toEqual([artifact.path]);
    expect(found.files).toEqual({ added: ['installers/x.sh'], removed: [], changed: [] });
    expect(found.asked).toEqual([{ what: 'specs', added: ['ratingpro>=2'], removed: ['ratingpro'] }]);
  });

  it('compares a folder with an upstream channel behind a token, and never prints it', async () => {
    const found = await report(
      [at.old, 'prometeia/label/halkbank', '--owner', 'prometeia', '--token-env', 'CONDA_TOKEN'],
      1,
    );
    expect(found.b).toMatchObject({ kind: 'channel', given: work.upstream.channels.label, label: null });
    expect(found.files).toBeNull();
    // The channel keeps the older version.
    expect(found.changes.added.map(({ name, version }) => `${name} ${version}`)).toContain('ratingpro 2.5.0');
    const used = work.upstream.requests.filter(({ path }) => path.includes('/label/halkbank/'));
    expect(used.length).toBeGreaterThan(0);
  });

  it('--newest tells what is newer upstream, and nothing of what else is there', async () => {
    const url = `${work.upstream.url}/prometeia`;
    const found = await report([at.old, url, '--owner', 'prometeia', '--token-env', 'CONDA_TOKEN', '--newest'], 1);
    const names = new Set(
      (JSON.parse(readFileSync(join(at.old, 'manifest.json'), 'utf8')) as Manifest).files.map(
        ({ path }) => /\/(.+)-[^-]+-[^-]+$/.exec(path)?.[1],
      ),
    );
    const told = [
      ...found.changes.added,
      ...found.changes.upgraded,
      ...found.changes.downgraded,
      ...found.changes.removed,
    ];
    expect(told.every(({ name }) => names.has(name))).toBe(true);
    expect(found.changes.added).toEqual([]);
    expect(upgrades(found)).toContain('pytho 1.9 -> 2.0');
  });

  it('--newest tells nothing of a channel that is older, on whichever side it is', async () => {
    const [older, newer] = [at.old, at.fresh].map((dir) => pathToFileURL(dir).href) as [string, string];
    for (const sides of [
      [at.fresh, older],
      [older, at.fresh],
    ]) {
      const { changes } = await report([...sides, '--newest'], 0);
      expect(changes).toMatchObject({ added: [], removed: [], upgraded: [], downgraded: [], bytesToTravel: 0 });
      expect(changes.kept).toBeGreaterThan(5);
    }
    const found = await report([at.old, newer, '--newest'], 1);
    expect(upgrades(found)).toEqual(['pytho 1.9 -> 2.0', 'ratingpro 2.4.1 -> 2.5.0']);
    expect([found.changes.added, found.changes.removed, found.changes.downgraded]).toEqual([[], [], []]);
  });

  it('reads a channel in a folder by its URL, by its indexes alone', async () => {
    const url = pathToFileURL(at.fresh).href;
    const found = await report([at.fresh, url], 0);
    expect(found.b).toMatchObject({ kind: 'channel', given: url });
    expect(upgrades(await report([at.old, url], 1))).toEqual(['pytho 1.9 -> 2.0', 'ratingpro 2.4.1 -> 2.5.0']);
  });

  it.each<[string, () => string[], Parameters<typeof expectRefusal>[1]]>([
    [
      'a path that is not there',
      () => [at.old, './nowhere/manifest.json'],
      { code: 'E_USAGE', says: ['nothing to compare', './nowhere/manifest.json'] },
    ],
    [
      'a file of something else',
      () => [at.old, file('note.txt')],
      { code: 'E_USAGE', says: ['no manifest, site receipt or set file'] },
    ],
    [
      'JSON of something else',
      () => [at.old, file('other.json')],
      { code: 'E_USAGE', says: ['JSON of something else'] },
    ],
    [
      'a manifest that is cut off',
      () => [file('cut.json'), at.old],
      { code: 'E_NOT_A_CHANNEL', says: ["can't be used"] },
    ],
    ['a newer manifest', () => [file('newer.json'), at.old], { code: 'E_NOT_A_CHANNEL', says: ['schema 9'] }],
    [
      'a set without its manifest',
      () => [file('lonely.set.json'), at.old],
      { code: 'E_USAGE', says: ['lonely.manifest.json'] },
    ],
    [
      'a set beside another manifest',
      () => [file('astray.set.json'), at.old],
      { code: 'E_MEDIUM', says: ['not the one that the set is of'] },
    ],
    ['a folder that is no channel', () => [at.files, at.old], { code: 'E_NOT_A_CHANNEL', says: ['no channel'] }],
    [
      'a channel that is not there',
      () => [at.old, 'prometeia/label/nobody'],
      { code: 'E_UPSTREAM_NOT_FOUND', says: ['nobody'] },
    ],
    ['an empty name', () => [at.old, ''], { code: 'E_USAGE', says: ['B is empty'] }],
    [
      'a URL with a token in it',
      () => [at.old, `${work.upstream.url}/t/xx-hidden-token/prometeia`],
      { code: 'E_CHANNEL', secret: 'xx-hidden-token' },
    ],
    ['another scheme', () => [at.old, 'ftp://host/channel'], { code: 'E_CHANNEL', says: ['ftp'] }],
    ['a subdir that is none', () => [at.old, 'prometeia', '--subdir', '../x'], { code: 'E_SUBDIR', says: ['../x'] }],
  ])('refuses %s', async (_title, args, refusal) => {
    const manifest = readFileSync(join(at.old, 'manifest.json'));
    writeFileSync(file('note.txt'), 'text\n');
    writeFileSync(file('other.json'), '{"name":"x"}');
    writeFileSync(file('cut.json'), manifest.subarray(0, 500));
    writeFileSync(file('newer.json'), manifest.toString('utf8').replace('"schema": 1', '"schema": 9'));
    const set = setOf(JSON.parse(manifest.toString('utf8')) as Manifest, manifest);
    for (const name of ['lonely', 'astray']) writeFileSync(file(`${name}.set.json`), mediumJson({ ...set, name }));
    writeFileSync(file('astray.manifest.json'), readFileSync(join(at.fresh, 'manifest.json')));
    const given = args();
    expectRefusal(await run(given), refusal);
  });
});

/** Real indexes of two channels; not part of this repository. */
const DATA = join(PROJECT_ROOT, '..', 'shared', 'data', 'repodata');
const there = ['r-linux-64.json', 'pytorch-linux-64.json'].every((name) => existsSync(join(DATA, name)));
if (!there) console.log(`tests on real indexes skipped: ${DATA} is not there`);

type Records = Record<string, { name: string; depends: string[]; size: number; sha256?: string; md5?: string }>;
type Repodata = Record<'packages' | 'packages.conda', Records>;

describe.skipIf(!there)('repackenv diff of real indexes', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openWorkplace();
  });
  afterAll(() => work.close());

  it.each(['r-linux-64.json', 'pytorch-linux-64.json'])(
    '%s: what was removed, hotfixed, replaced and added by hand is found, no more',
    async (name) => {
      const text = readFileSync(join(DATA, name), 'utf8');
      const before = JSON.parse(text) as Repodata;
      const after = JSON.parse(text) as Repodata;
      const key = Object.keys(after.packages).length > 0 ? 'packages' : 'packages.conda';
      const names = Object.keys(after[key]);
      const [removed, hotfixed, replaced] = [names.slice(0, 7), names.slice(100, 150), names.slice(200, 203)];
      for (const fn of removed) delete after[key][fn];
      for (const fn of hotfixed) after[key][fn]!.depends.push('hotfix >=1');
      for (const fn of replaced) Object.assign(after[key][fn]!, { sha256: '0'.repeat(64), md5: '0'.repeat(32) });
      // md5 only, as old channels have it: the same bytes all the same.
      for (const fn of names.slice(300, 340)) delete after[key][fn]!.sha256;
      const ending = key === 'packages' ? '.tar.bz2' : '.conda';
      const added = { ...after[key][names[500]!]!, name: 'zz-new' };
      after[key][`zz-new-1.0-0${ending}`] = added;
      const [a, b] = [channelOf(`${name}-a`, before), channelOf(`${name}-b`, after)];

      const ran = await work.run('repackenv', [
        'diff',
        a,
        b,
        '--subdir',
        'linux-64',
        '--cache-dir',
        work.cache,
        '--json',
      ]);
      expect(ran.exitCode, ran.stderr).toBe(1);
      const { changes, a: side } = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as DiffReport;
      const total = Object.keys({ ...before.packages, ...before['packages.conda'] }).length;
      expect(side.artifacts).toBe(total);
      expect(changes.removed.map(({ fn }) => fn).sort()).toEqual(removed.toSorted());
      // A record without its sha256 is another record of the same bytes.
      expect(changes.rerecorded.map(({ fn }) => fn).sort()).toEqual(
        [...hotfixed, ...replaced, ...names.slice(300, 340)].sort(),
      );
      expect(changes.added.map(({ fn }) => fn)).toEqual([`zz-new-1.0-0${ending}`]);
      expect([changes.upgraded, changes.downgraded]).toEqual([[], []]);
      expect(changes.bytesToTravel).toBe(added.size + replaced.reduce((sum, fn) => sum + after[key][fn]!.size, 0));

      const same = await work.run('repackenv', ['diff', a, a, '--subdir', 'linux-64', '--cache-dir', work.cache]);
      expect(same.exitCode, same.stdout + same.stderr).toBe(0);
    },
  );

  function channelOf(name: string, repodata: Repodata): string {
    const dir = join(work.dir, name);
    for (const subdir of ['linux-64', 'noarch']) mkdirSync(join(dir, subdir), { recursive: true });
    writeFileSync(join(dir, 'linux-64/repodata.json'), JSON.stringify(repodata));
    writeFileSync(join(dir, 'noarch/repodata.json'), '{"info":{"subdir":"noarch"},"packages":{},"packages.conda":{}}');
    return pathToFileURL(dir).href;
  }
});

function receiptOf(manifest: Manifest, bytes: Uint8Array): Record<string, unknown> {
  return {
    schema: 1,
    format: 'repackenv-site-receipt',
    label: manifest.label,
    generation: manifest.generation,
    manifest_sha256: sha256Of(bytes),
    manifest,
    set: null,
    imported_at: '2026-01-02T03:04:05.000Z',
    host: 'site-1',
    verified: { signature: 'absent' },
  };
}

function setOf(manifest: Manifest, bytes: Uint8Array): SetFile {
  const part = { file: 'halkbank-g1.tar', number: 1, size: 10, sha256: '0'.repeat(64), md5: '0'.repeat(32) };
  return {
    schema: 1,
    format: 'repackenv-set',
    set: '1'.repeat(64),
    name: 'halkbank-g1',
    label: manifest.label,
    generation: manifest.generation,
    kind: 'full',
    manifest_sha256: sha256Of(bytes),
    manifest_size: bytes.length,
    base: null,
    subdirs: manifest.subdirs,
    compression: 'none',
    part_size: null,
    parts: [part],
    added: manifest.files.map(({ path }) => path),
    changed: [],
    removed: [],
  };
}
