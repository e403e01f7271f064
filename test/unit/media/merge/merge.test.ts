import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeChannel } from '../../../../scripts/lib/sample-upstream.js';
import { changesBetween, snapshot } from '../../../../scripts/lib/snapshot.js';
import type { ImportReport } from '../../../../src/jobs/import/apply-sets.js';
import { merge } from '../../../../src/jobs/merge/merge.js';
import type { MergeRequest } from '../../../../src/jobs/merge/merge-request.js';
import { verify } from '../../../../src/jobs/verify.js';
import { writeDelta } from '../../../../src/media/delta/write-delta.js';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import type { RepackError } from '../../../../src/base/errors.js';
import { bytesBelow, tempDir } from '../../../helpers/artifacts.js';
import { makeGenerations, siteRuntime } from '../../../helpers/import-site.js';
import { publishSamples, samplePackage } from '../../../helpers/label-folders.js';
import { makeDeltaFolder, makeMedium, sha256 } from '../../../helpers/media.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { breaches } from '../../../helpers/tiny-channel.js';

let work: string;
let dirs: string[];
/** Unpacked deltas by name: 1-2, 2-3, 1-3. */
const deltas: Record<string, string> = {};

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'repackenv-merge-'));
  ({ dirs } = await makeGenerations(work));
  for (const [from, to] of [
    [1, 2],
    [2, 3],
    [1, 3],
  ] as const) {
    const since = readFileSync(join(dirs[from - 1]!, 'manifest.json'));
    const name = `acme-g${from}-to-g${to}`;
    deltas[`${from}-${to}`] = makeDeltaFolder({ channel: dirs[to - 1]!, out: join(work, 'deltas'), since, name });
  }
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

let dir: string;
let channel: string;
beforeEach(() => {
  dir = tempDir();
  channel = join(dir, 'site', 'acme');
});

/** The channel is at generation N. */
function startAt(generation: number): void {
  cpSync(dirs[generation - 1]!, channel, { recursive: true, preserveTimestamps: true });
}

function mergeHere(from: string, more: Partial<MergeRequest> = {}): Promise<ImportReport> {
  const request = {
    from,
    channel,
    dryRun: false,
    adopt: false,
    replace: [],
    siteFiles: false,
    waitLockMs: 0,
    takeOverLock: false,
    ...more,
  };
  return merge(siteRuntime(), request);
}

async function refusal(work_: Promise<unknown>): Promise<RepackError> {
  const error: unknown = await work_.then(
    () => new Error('not refused'),
    (thrown: unknown) => thrown,
  );
  return error as RepackError;
}

const expectGeneration = (generation: number): void =>
  expect(bytesBelow(channel)).toEqual(bytesBelow(dirs[generation - 1]!));

describe('merging a delta folder', () => {
  it.each([[['1-2', '2-3']], [['1-3']]])('%j, each twice, ends the same', async (way) => {
    startAt(1);
    const source = snapshot(join(work, 'deltas'));
    for (const name of way) {
      expect(await mergeHere(deltas[name]!)).toMatchObject({ job: 'merge', unchanged: false });
      expect(await breaches(channel)).toEqual([]);
      const before = snapshot(channel);
      expect(await mergeHere(deltas[name]!)).toMatchObject({ unchanged: true, bytesWritten: 0 });
      expect(changesBetween(before, snapshot(channel))).toEqual([]);
    }
    expectGeneration(3);
    expect(snapshot(join(work, 'deltas'))).toEqual(source);
    expect(readdirSync(join(dir, 'site/.repackenv/acme/site-receipts'))).toContain('g3.json');
  });

  it('removals are applied, and what did not change is not touched', async () => {
    startAt(2);
    const before = snapshot(channel);
    await mergeHere(deltas['2-3']!);
    const changed = changesBetween(before, snapshot(channel));
    expect(changed).toContain('removed  noarch/m-1.0-0.conda');
    expect(changed).toContain('added    noarch/n-2.0-0.conda');
    expect(changed.filter((line) => /linux-64|win-64/.test(line))).toEqual([]);
  });

  it('takes the delta that a mirror writes', async () => {
    const known = (at: number) => {
      const bytes = readFileSync(join(dirs[at - 1]!, 'manifest.json'));
      return { manifest: JSON.parse(bytes.toString('utf8')) as Manifest, sha256: sha256(bytes) };
    };
    const task = { deltaDir: join(dir, 'deltas'), name: 'news', base: known(2), target: known(3), labelDir: dirs[2]! };
    const written = await writeDelta(testRuntime(), task);
    startAt(2);
    await mergeHere(written.dir);
    expectGeneration(3);
    const whole = await writeDelta(testRuntime(), { ...task, name: 'all', base: undefined });
    rmSync(channel, { recursive: true });
    await mergeHere(whole.dir);
    expectGeneration(3);
  });

  it('--dry-run tells and writes nothing', async () => {
    startAt(1);
    const before = snapshot(join(dir, 'site'));
    const report = await mergeHere(deltas['1-2']!, { dryRun: true });
    expect(report).toMatchObject({ dryRun: true, before: 1, generation: 2, unchanged: false });
    expect(changesBetween(before, snapshot(join(dir, 'site')))).toEqual([]);
  });

  it.each([
    ['skipped', 1, '2-3', 'E_WRONG_BASE'],
    ['long past', 3, '1-2', 'E_ROLLBACK'],
  ])('G8 %s: refused', async (_title, at, name, code) => {
    startAt(at);
    const before = snapshot(channel);
    expect(await refusal(mergeHere(deltas[name]!))).toMatchObject({ code });
    expect(changesBetween(before, snapshot(channel))).toEqual([]);
  });

  describe('what to do is something that merge can do, or names the command that can', () => {
    /** A delta folder that adds all, as a mirror writes it first. */
    async function fullDelta(at: number): Promise<string> {
      const bytes = readFileSync(join(dirs[at - 1]!, 'manifest.json'));
      const target = { manifest: JSON.parse(bytes.toString('utf8')) as Manifest, sha256: sha256(bytes) };
      const task = { deltaDir: join(dir, 'deltas'), name: `acme-g${at}`, base: undefined, target };
      return (await writeDelta(testRuntime(), { ...task, labelDir: dirs[at - 1]! })).dir;
    }

    it.each<[string, number, () => string | Promise<string>, RegExp]>([
      ['one step behind the folder', 2, () => fullDelta(1), /further than this delta leads/],
      ['far behind the folder', 3, () => fullDelta(1), /`repackenv import` .*--allow-rollback/],
      ['a delta long past', 3, () => deltas['1-2']!, /further than this delta leads/],
      [
        'a delta without its base',
        0,
        () => deltas['1-2']!,
        /^Merge the full delta folder of generation 1 \(…-g1\) first\./,
      ],
      [
        'a delta skipped',
        1,
        () => deltas['2-3']!,
        /^Merge what leads from generation 1 to 2 first, or the full delta folder of generation 2 \(…-g2\)\./,
      ],
    ])('%s', async (_title, at, from, says) => {
      if (at > 0) startAt(at);
      const { hint = '' } = await refusal(mergeHere(await from()));
      expect(hint).toMatch(says);
      expect(hint.replace(/`repackenv import`[^.]*/, '')).not.toMatch(/rollback|import/i);
    });

    it.each([1, 2])('a folder of generation %i that is another channel', async (at) => {
      startAt(at);
      unlinkSync(join(channel, 'linux-64/c-1.0-0.conda'));
      const path = join(channel, 'manifest.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace(/\n$/, ' \n'));
      const { hint = '' } = await refusal(mergeHere(deltas['1-2']!));
      expect(hint).toMatch(
        at === 1 ? /site receipt.*or merge the full delta folder of generation 2 \(…-g2\)/ : /--allow-rollback/,
      );
      expect(hint.replace(/`repackenv import`[^.]*/, '')).not.toMatch(/rollback|import/i);
    });
  });

  it('a wrong base is no harm where the outcome is the same', async () => {
    startAt(2);
    await mergeHere(deltas['1-3']!);
    expectGeneration(3);
    rmSync(channel, { recursive: true });
    // Generation 1 with all that generation 3 needs beside what the delta 2-3 brings.
    cpSync(dirs[1]!, channel, { recursive: true, preserveTimestamps: true });
    const manifest = readFileSync(join(channel, 'manifest.json'), 'utf8').replace('"generation": 2', '"generation": 1');
    writeFileSync(join(channel, 'manifest.json'), manifest);
    await mergeHere(deltas['2-3']!);
    expectGeneration(3);
  });

  it('G8 onto nothing, or of another channel: refused', async () => {
    expect(await refusal(mergeHere(deltas['1-2']!))).toMatchObject({ code: 'E_WRONG_BASE' });
    startAt(1);
    channel = join(dir, 'site', 'other');
    cpSync(join(dir, 'site', 'acme'), channel, { recursive: true });
    expect(await refusal(mergeHere(deltas['1-2']!))).toMatchObject({
      code: 'E_WRONG_BASE',
      what: expect.stringContaining('of the channel acme') as string,
    });
  });

  it.each([
    [
      'a file is missing',
      (delta: string) => unlinkSync(join(delta, 'linux-64/a-2.0-0.conda')),
      'E_MEDIUM',
      /a-2\.0-0\.conda: missing/,
    ],
    [
      'a file is damaged',
      (delta: string) => appendFileSync(join(delta, 'linux-64/a-2.0-0.conda'), 'x'),
      'E_MEDIUM',
      /damaged/,
    ],
    [
      'an unlisted file',
      (delta: string) => writeFileSync(join(delta, 'linux-64/x-1-0.conda'), ''),
      'E_MEDIUM',
      /which delta.json does not name/,
    ],
    ['no manifest', (delta: string) => unlinkSync(join(delta, 'manifest.json')), 'E_MEDIUM', /no manifest.json/],
    [
      'another manifest',
      (delta: string) => cpSync(join(dirs[2]!, 'manifest.json'), join(delta, 'manifest.json')),
      'E_MEDIUM',
      /not the one/,
    ],
    [
      'delta.json cut off',
      (delta: string) => writeFileSync(join(delta, 'delta.json'), '{"schema": 1'),
      'E_MEDIUM',
      /not JSON/,
    ],
    [
      'delta.json of something else',
      (delta: string) => writeFileSync(join(delta, 'delta.json'), '{}'),
      'E_MEDIUM',
      /not whole/,
    ],
    [
      'a file that leads away',
      (delta: string) => {
        unlinkSync(join(delta, 'linux-64/a-2.0-0.conda'));
        symlinkSync('/etc/hostname', join(delta, 'linux-64/a-2.0-0.conda'));
      },
      'E_ARCHIVE_MEMBER',
      /symbolic link/,
    ],
  ])('%s: refused, nothing changed', async (_title, break_, code, says) => {
    startAt(1);
    const delta = join(dir, 'delta');
    cpSync(deltas['1-2']!, delta, { recursive: true });
    break_(delta);
    const before = snapshot(channel);
    const error = await refusal(mergeHere(delta));
    expect(error).toMatchObject({ code });
    expect([error.what, ...error.details].join('\n')).toMatch(says);
    expect(changesBetween(before, snapshot(channel))).toEqual([]);
  });
});

describe('merging a channel folder', () => {
  const linux = { subdir: 'linux-64' };

  /** A channel as an upstream has it, of another hand. */
  async function foreign(name: string, patches: Record<string, Record<string, unknown>> = {}): Promise<string> {
    const packages = [
      // An odd second: a source whose files were linked instead of copied would get the rounded time.
      await samplePackage('x', '1.0', { ...linux, depends: ['a'], timestamp: 1_712_345_679_000 }),
      await samplePackage('y', '1.0'),
    ];
    await makeChannel(join(dir, name), packages, { subdirs: ['linux-64', 'noarch'], patches });
    return join(dir, name);
  }

  it('adds its packages, with the records of its index, and removes nothing', async () => {
    startAt(1);
    const from = await foreign('extra', { 'x-1.0-0.conda': { depends: ['a >=1', 'mended'] } });
    const before = snapshot(channel);
    const source = snapshot(from);
    const report = await mergeHere(from);
    expect(report).toMatchObject({ before: 1, generation: 2, unchanged: false, findings: [] });
    expect(report.changes.added.map(({ fn }) => fn)).toEqual(['x-1.0-0.conda', 'y-1.0-0.conda']);
    const repodata = JSON.parse(readFileSync(join(channel, 'linux-64/repodata.json'), 'utf8')) as Record<
      string,
      Record<string, { depends: string[] }>
    >;
    expect(repodata['packages.conda']!['x-1.0-0.conda']!.depends).toEqual(['a >=1', 'mended']);
    expect(Object.keys(repodata['packages.conda']!)).toContain('a-1.0-0.conda');
    expect(changesBetween(before, snapshot(channel)).filter((line) => !/^(added|changed)/.test(line))).toEqual([]);
    expect(snapshot(from)).toEqual(source);
    const { findings } = await verify({ ...testRuntime(), clock: systemClock() }, { dir: channel });
    expect(findings.filter(({ exit }) => exit)).toEqual([]);

    const again = snapshot(channel);
    expect(await mergeHere(from)).toMatchObject({ unchanged: true, generation: 2 });
    expect(changesBetween(again, snapshot(channel))).toEqual([]);
  });

  it('packages that no index has get the record that they carry', async () => {
    startAt(1);
    const from = await foreign('bag');
    for (const subdir of ['linux-64', 'noarch'])
      for (const name of readdirSync(join(from, subdir)))
        if (name.startsWith('repodata') || name.startsWith('current')) unlinkSync(join(from, subdir, name));
    const report = await mergeHere(from);
    expect(report.findings.map(({ code }) => code)).toEqual(['record-rebuilt', 'record-rebuilt']);
    expect(report.changes.added).toHaveLength(2);
    expect(await breaches(channel)).toEqual([]);
  });

  it.each(['', ' \n'])(
    'C3 an index that holds nothing (%j) has no records: they are read out of the packages',
    async (text) => {
      startAt(1);
      const from = await foreign('blank');
      for (const subdir of ['linux-64', 'noarch'])
        for (const name of readdirSync(join(from, subdir)))
          if (name === 'repodata.json') writeFileSync(join(from, subdir, name), text);
          else if (name.startsWith('repodata') || name.startsWith('current')) unlinkSync(join(from, subdir, name));
      const report = await mergeHere(from);
      expect(report.findings.map(({ code }) => code)).toEqual(['record-rebuilt', 'record-rebuilt']);
      expect(report.changes.added).toHaveLength(2);
    },
  );

  it('of ours, whose index somebody re-made: the index counts, and each record that it changed is told', async () => {
    startAt(1);
    const from = join(dir, 'remade');
    cpSync(dirs[1]!, from, { recursive: true });
    const index = join(from, 'linux-64/repodata.json');
    writeFileSync(index, readFileSync(index, 'utf8').replace('"name":"a"', '"license":"MIT","name":"a"'));
    rmSync(`${index}.zst`);
    const report = await mergeHere(from);
    expect(report.findings.map(({ code, subject }) => [code, subject])).toEqual([
      ['record-differs', join(from, 'linux-64/a-2.0-0.conda')],
    ]);
  });

  it('attestations come along under each of the names that they may have', async () => {
    startAt(1);
    const from = await foreign('attested');
    const names = ['v0.sigs', 'sigs', `sigs.${'0'.repeat(64)}`].map((end) => `linux-64/x-1.0-0.conda.${end}`);
    for (const name of names) writeFileSync(join(from, name), '[]');
    writeFileSync(join(from, 'linux-64/x-1.0-0.conda.sigs.bak'), '[]');
    await mergeHere(from);
    const { files } = JSON.parse(readFileSync(join(channel, 'manifest.json'), 'utf8')) as Manifest;
    expect(files.filter(({ kind }) => kind === 'side').map(({ path }) => path)).toEqual([...names].sort());
    for (const name of names) expect(readFileSync(join(channel, name), 'utf8')).toBe('[]');
    unlinkSync(join(channel, names[0]!));
    expect((await mergeHere(from)).findings).toMatchObject([{ code: 'side-file-restored', exit: false, warn: true }]);
    expect(readFileSync(join(channel, names[0]!), 'utf8')).toBe('[]');
  });

  it('an index may name more than the folder has: news only', async () => {
    startAt(1);
    const from = await foreign('news');
    unlinkSync(join(from, 'noarch/y-1.0-0.conda'));
    mkdirSync(join(from, 'linux-64/.cache'));
    const report = await mergeHere(from);
    expect(report.findings.map(({ code }) => code)).toEqual(['index-without-file']);
    expect(report.changes.added.map(({ fn }) => fn)).toEqual(['x-1.0-0.conda']);
  });

  describe('a set taken out of its tar', () => {
    it.each(['the folder itself', 'the folder of the label'])('%s: refused, nothing changed', async (which) => {
      startAt(2);
      const since = readFileSync(join(dirs[1]!, 'manifest.json'));
      const made = await makeMedium({ channel: dirs[2]!, out: join(dir, 'usb'), since });
      const tar = readdirSync(made.dir).find((name) => name.endsWith('.tar'));
      const out = join(dir, 'unpacked');
      mkdirSync(out);
      expect(spawnSync('tar', ['xf', join(made.dir, tar!), '-C', out]).status).toBe(0);
      const before = snapshot(channel);
      const from = which === 'the folder itself' ? out : join(out, 'acme');
      const error = await refusal(mergeHere(from));
      expect(error).toMatchObject({ code: 'E_MEDIUM', where: from });
      expect(error.what).toContain('out of its tar');
      expect(error.hint).toContain('`repackenv import`');
      rmSync(
        join(
          out,
          readdirSync(out).find((name) => name.endsWith('.part001.json'))!,
        ),
      );
      const alone = await refusal(mergeHere(join(out, 'acme')));
      expect(alone).toMatchObject({ code: 'E_MEDIUM' });
      expect(alone.what).toContain('packages in manifest.json are not in the folder');
      expect(changesBetween(before, snapshot(channel))).toEqual([]);
    });

    it('a whole folder of ours beside the header of another label is a channel', async () => {
      startAt(1);
      const from = join(dir, 'elsewhere', 'acme');
      cpSync(dirs[1]!, from, { recursive: true });
      const header = { format: 'repackenv-part', label: 'other' };
      writeFileSync(join(dir, 'elsewhere', 'other-g1.part001.json'), JSON.stringify(header));
      expect((await mergeHere(from)).changes.added.map(({ fn }) => fn)).toEqual(['a-2.0-0.conda']);
    });
  });

  it('the same name with other bytes: refused without --replace', async () => {
    startAt(1);
    const from = await foreign('other');
    const rebuilt = await samplePackage('a', '1.0', { ...linux, files: { 'share/a': 'rebuilt' } });
    writeFileSync(join(from, 'linux-64/a-1.0-0.conda'), rebuilt.bytes);
    const before = snapshot(channel);
    const error = await refusal(mergeHere(from));
    expect(error).toMatchObject({
      code: 'E_ARTIFACT_REPLACED',
      hint: expect.stringContaining('--replace a-1.0-0.conda') as string,
    });
    expect(await refusal(mergeHere(from, { dryRun: true }))).toMatchObject({ code: 'E_ARTIFACT_REPLACED' });
    expect(changesBetween(before, snapshot(channel))).toEqual([]);
    await mergeHere(from, { replace: ['a-1.0-0.conda'] });
    expect(readFileSync(join(channel, 'linux-64/a-1.0-0.conda'))).toEqual(Buffer.from(rebuilt.bytes));
    expect(await breaches(channel)).toEqual([]);
  });

  it('into a channel of another hand only with --adopt, which loses no package', async () => {
    const theirs = await foreign('theirs');
    renameSync(theirs, join(dir, 'acme'));
    channel = join(dir, 'acme');
    const own = await publishSamples(testRuntime(), {
      root: join(dir, 'own'),
      packages: [await samplePackage('z', '1.0')],
    });
    expect(await refusal(mergeHere(own))).toMatchObject({ code: 'E_NOT_OURS' });
    await mergeHere(own, { adopt: true });
    for (const path of ['linux-64/x-1.0-0.conda', 'noarch/y-1.0-0.conda', 'noarch/z-1.0-0.conda', 'manifest.json'])
      expect(existsSync(join(channel, path)), path).toBe(true);
    expect(await breaches(channel)).toEqual([]);
  });

  it('into a folder that is not there makes it', async () => {
    await mergeHere(await foreign('first'));
    expect(await breaches(channel)).toEqual([]);
    expect(existsSync(join(channel, 'noarch/y-1.0-0.conda'))).toBe(true);
  });

  it('--dry-run tells and writes nothing', async () => {
    startAt(1);
    const before = snapshot(join(dir, 'site'));
    const report = await mergeHere(await foreign('extra'), { dryRun: true });
    expect(report.changes.added).toHaveLength(2);
    expect(report).toMatchObject({ generation: 2, unchanged: false });
    expect(changesBetween(before, snapshot(join(dir, 'site')))).toEqual([]);
  });

  it.each([
    [
      'bytes that its index does not have',
      (from: string) => appendFileSync(join(from, 'linux-64/x-1.0-0.conda'), 'x'),
      'E_ARTIFACT_DIGEST',
    ],
    [
      'a file name that is none',
      (from: string) => cpSync(join(from, 'linux-64/x-1.0-0.conda'), join(from, 'linux-64/x y-1.0-0.conda')),
      'E_RECORD',
    ],
    [
      'a package that is a link',
      (from: string) => symlinkSync('/etc/hostname', join(from, 'linux-64/l-1-0.conda')),
      'E_ARCHIVE_MEMBER',
    ],
    [
      'an index that is broken',
      (from: string) => writeFileSync(join(from, 'linux-64/repodata.json'), '{"packages": {'),
      'E_REPODATA',
    ],
    [
      'a package that is none',
      (from: string) => writeFileSync(join(from, 'linux-64/k-1-0.conda'), 'no zip'),
      'E_ARTIFACT_CORRUPT',
    ],
  ])('%s: refused, nothing changed', async (_title, break_, code) => {
    startAt(1);
    const from = await foreign('bad');
    break_(from);
    const before = snapshot(channel);
    expect(await refusal(mergeHere(from))).toMatchObject({ code });
    expect(changesBetween(before, snapshot(channel))).toEqual([]);
  });

  it('a name that differs in case only is refused', async () => {
    startAt(1);
    const from = join(dir, 'upper');
    await makeChannel(from, [await samplePackage('A', '1.0', linux)], { subdirs: ['linux-64', 'noarch'] });
    expect(await refusal(mergeHere(from))).toMatchObject({ code: 'E_RECORD_CONFLICT' });
  });

  it('what is no channel, is not there, or is the channel itself', async () => {
    startAt(1);
    mkdirSync(join(dir, 'empty'));
    expect(await refusal(mergeHere(join(dir, 'empty')))).toMatchObject({ code: 'E_NOT_A_CHANNEL' });
    expect(await refusal(mergeHere(join(dir, 'nowhere')))).toMatchObject({ code: 'E_MEDIUM' });
    expect(await refusal(mergeHere(channel))).toMatchObject({ code: 'E_USAGE' });
    expect(await refusal(mergeHere(join(channel, 'noarch')))).toMatchObject({ code: 'E_USAGE' });
  });
});
