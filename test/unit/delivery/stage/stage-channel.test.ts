import fc from 'fast-check';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePackage, type PackageSpec } from '../../../../scripts/lib/sample-upstream.js';
import { stageChannel, type StageResult } from '../../../../src/delivery/stage/stage-channel.js';
import { UNDATED_MS } from '../../../../src/channel/mtimes.js';
import { digestsOf } from '../../../../src/codec/digests.js';
import type { AcquiredArtifact, RepackPlan } from '../../../../src/conda/plan/plan.js';
import type { LiveFolder } from '../../../../src/channel/staged.js';
import { absentFolder, acquired, bytesBelow, liveFolder, planOf, tempDir } from '../../../helpers/artifacts.js';
import { faultError, faultFs, type FaultCode, type FsCall } from '../../../helpers/fault-fs.js';
import { fakeClock, testRuntime, type TestRuntimeOptions } from '../../../helpers/runtime.js';

const RATING: PackageSpec = {
  name: 'ratingpro',
  version: '2.4.0',
  subdir: 'linux-64',
  timestamp: 1_700_000_001_500,
  depends: ['six'],
};
const SIX: PackageSpec = { name: 'six', version: '1.16.0', noarch: 'python', format: 'tar.bz2' };

describe('stageChannel', () => {
  it('makes a complete channel: artifacts, indexes of arch and noarch, manifest, sums', async () => {
    const { staged, dir, artifacts } = await stage([RATING, SIX]);
    expect(staged.files.map(({ path, kind, change }) => [path, kind, change])).toEqual([
      ['SHA256SUMS', 'sums', 'added'],
      ['linux-64/ratingpro-2.4.0-0.conda', 'artifact', 'added'],
      ['linux-64/repodata.json', 'index', 'added'],
      ['linux-64/repodata.json.zst', 'index', 'added'],
      ['manifest.json', 'manifest', 'added'],
      ['noarch/repodata.json', 'index', 'added'],
      ['noarch/repodata.json.zst', 'index', 'added'],
      ['noarch/six-1.16.0-py_0.tar.bz2', 'artifact', 'added'],
    ]);
    expect(Object.keys(bytesBelow(dir)).sort()).toEqual(staged.files.map(({ path }) => path));
    for (const file of staged.files) {
      const bytes = readFileSync(join(dir, file.path));
      expect(digestsOf(bytes)).toEqual({ size: file.size, sha256: file.sha256, md5: file.md5 });
      expect(statSync(join(dir, file.path)).mtimeMs).toBe(file.mtimeMs);
      expect(file.mtimeMs % 2000).toBe(0);
    }
    expect(staged.manifest).toMatchObject({
      schema: 1,
      label: 'halkbank',
      generation: 1,
      previous: null,
      specs: ['ratingpro'],
      subdirs: ['linux-64', 'noarch'],
      channels: ['https://conda.example/prometeia'],
      profiles: [{ subdir: 'linux-64', client: null, virtual_packages: [{ name: '__glibc' }, { name: '__unix' }] }],
    });
    expect(JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'))).toEqual(staged.manifest);
    expect(staged.manifest.files).toHaveLength(6);
    expect(staged.manifest.files.find(({ path }) => path.endsWith('.conda'))).toEqual({
      path: 'linux-64/ratingpro-2.4.0-0.conda',
      kind: 'artifact',
      channel: 'https://conda.example/prometeia',
      ...digestsOf(readFileSync(artifacts[0]!.storePath)),
      record: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect(staged.changes).toMatchObject({
      kept: 0,
      removed: [],
      bytesToTravel: staged.files.reduce((sum, { size }) => sum + size, 0),
    });
    expect(staged.changes.added.map(({ fn }) => fn)).toEqual(['ratingpro-2.4.0-0.conda', 'six-1.16.0-py_0.tar.bz2']);
  });

  it('writes SHA256SUMS as sha256sum does, over everything but itself', async () => {
    const { staged, dir } = await stage([RATING]);
    const lines = staged.files.filter(({ kind }) => kind !== 'sums').map(({ path, sha256 }) => `${sha256}  ${path}\n`);
    expect(readFileSync(join(dir, 'SHA256SUMS'), 'utf8')).toBe(lines.join(''));
  });

  it('gives the same bytes on other days, in other folders, for a plan in any order', async () => {
    const specs = [
      RATING,
      SIX,
      { name: 'numpy', version: '1.26.4', subdir: 'linux-64' },
      { name: 'tzdata', version: '2024a' },
    ];
    const { dir } = await stage(specs, { indexBz2: true });
    const golden = bytesBelow(dir);
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(specs, { minLength: specs.length }),
        fc.integer({ min: 0, max: 4e12 }),
        async (shuffled, now) => {
          const again = await stage(shuffled, { indexBz2: true }, { clock: fakeClock(now) });
          expect(bytesBelow(again.dir)).toEqual(golden);
          rmSync(again.dir, { recursive: true });
        },
      ),
      { numRuns: 15 },
    );
  });

  it('D7 leaves an unchanged label as it is: same generation, bytes and mtimes, nothing to travel', async () => {
    const first = await published([RATING, SIX], { indexBz2: true });
    const { staged } = await stage(
      [SIX, RATING],
      { live: liveFolder(first), indexBz2: true },
      { clock: fakeClock(2e12) },
    );
    expect(staged.files.every(({ change }) => change === 'unchanged')).toBe(true);
    expect(staged.files.map(({ mtimeMs }) => mtimeMs)).toEqual(
      staged.files.map(({ path }) => statSync(join(first, path)).mtimeMs),
    );
    expect(staged.manifest.generation).toBe(1);
    expect(staged.leaving).toEqual([]);
    expect(staged.changes).toEqual({
      added: [],
      removed: [],
      upgraded: [],
      downgraded: [],
      rerecorded: [],
      kept: 2,
      bytesToTravel: 0,
      bytesOfPackages: 0,
    });
    expect(staged.findings).toEqual([]);
  });

  it('links what the label folder has, and leaves the linked file’s time alone', async () => {
    const first = await published([RATING, SIX]);
    const before = statSync(join(first, 'linux-64/ratingpro-2.4.0-0.conda'));
    const { dir } = await stage([RATING, SIX, { name: 'numpy', version: '1' }], { live: liveFolder(first) });
    expect(statSync(join(dir, 'linux-64/ratingpro-2.4.0-0.conda')).ino).toBe(before.ino);
    expect(statSync(join(first, 'linux-64/ratingpro-2.4.0-0.conda')).mtimeMs).toBe(before.mtimeMs);
    expect(statSync(join(dir, 'noarch/numpy-1-0.conda')).nlink).toBe(1);
  });

  it.each(['EXDEV', 'EPERM'] as const)('E4 E7 copies where hard links are refused with %s', async (code) => {
    const first = await published([RATING, SIX]);
    const { fs } = faultFs(({ name }) => (name === 'link' ? code : undefined));
    const { staged, dir } = await stage([RATING, SIX], { live: liveFolder(first) }, { fs });
    expect(bytesBelow(dir)).toEqual(bytesBelow(first));
    expect(staged.files.every(({ change }) => change === 'unchanged')).toBe(true);
    expect(statSync(join(dir, 'linux-64/ratingpro-2.4.0-0.conda')).nlink).toBe(1);
    for (const { path, mtimeMs } of staged.files) expect(statSync(join(dir, path)).mtimeMs).toBe(mtimeMs);
  });

  it('moves the generation for a new artifact, and names the manifest before it', async () => {
    const first = await published([RATING, SIX]);
    const { staged } = await stage([{ ...RATING, version: '2.5.0' }, SIX], { live: liveFolder(first) });
    expect(staged.manifest).toMatchObject({
      generation: 2,
      previous: digestsOf(readFileSync(join(first, 'manifest.json'))).sha256,
    });
    expect(staged.leaving).toEqual(['linux-64/ratingpro-2.4.0-0.conda']);
    expect(staged.changes).toMatchObject({
      added: [],
      removed: [],
      kept: 1,
      upgraded: [{ name: 'ratingpro', subdir: 'linux-64', from: '2.4.0', to: '2.5.0' }],
    });
    const moved = staged.files.filter(({ change }) => change !== 'unchanged').map(({ path }) => path);
    expect(moved).toEqual([
      'SHA256SUMS',
      'linux-64/ratingpro-2.5.0-0.conda',
      'linux-64/repodata.json',
      'linux-64/repodata.json.zst',
      'manifest.json',
    ]);
  });

  const moves: [string, Partial<RepackPlan>, number][] = [
    ['a spec', { specs: [{ name: 'six', text: 'six' }] }, 2],
    ['a profile', { profiles: [{ subdir: 'linux-64', virtualPackages: [], client: undefined }] }, 2],
    [
      'a subdir',
      { solved: [{ subdir: 'win-64', engine: { kind: 'embedded', version: '1' }, priority: 'strict', artifacts: [] }] },
      2,
    ],
    ['a channel', { channels: [] }, 2],
    [
      'a spec twice, and findings',
      {
        specs: ['ratingpro', 'ratingpro'].map((text) => ({ name: text, text })),
        findings: [{ code: 'x', message: 'x', exit: false }],
      },
      1,
    ],
  ];
  it.each(moves)('moves the generation for %s', async (_, plan, generation) => {
    const first = await published([RATING, SIX]);
    const { staged } = await stage([RATING, SIX], { live: liveFolder(first), planned: plan });
    expect(staged.manifest.generation).toBe(generation);
  });

  it('F6 shows a hotfix upstream as a record that changed, in a new generation', async () => {
    const first = await published([RATING, SIX]);
    const { staged, dir } = await stage([RATING, SIX], {
      live: liveFolder(first),
      record: { depends: ['six', 'numpy <2'] },
    });
    expect(staged.manifest.generation).toBe(2);
    expect(staged.changes).toMatchObject({ kept: 0, added: [], upgraded: [] });
    expect(staged.changes.rerecorded.map(({ fn }) => fn)).toEqual([
      'ratingpro-2.4.0-0.conda',
      'six-1.16.0-py_0.tar.bz2',
    ]);
    expect(staged.files.find(({ path }) => path.endsWith('.conda'))!.change).toBe('unchanged');
    expect(readFileSync(join(dir, 'linux-64/repodata.json'), 'utf8')).toContain('numpy <2');
  });

  it('F3 has an index for every subdir asked for and for noarch, with nothing in it', async () => {
    const onlyNoarch = await stage([SIX]);
    expect(readdirSync(onlyNoarch.dir).sort()).toEqual(['SHA256SUMS', 'linux-64', 'manifest.json', 'noarch']);
    const onlyArch = await stage([RATING]);
    const noarch = JSON.parse(readFileSync(join(onlyArch.dir, 'noarch/repodata.json'), 'utf8')) as object;
    expect(noarch).toEqual({
      info: { subdir: 'noarch' },
      packages: {},
      'packages.conda': {},
      removed: [],
      repodata_version: 1,
    });
  });

  it('F4 lets everything leave that the new manifest does not name, and leaves the root alone', async () => {
    const first = await published([RATING, SIX], { indexBz2: true });
    for (const path of [
      'linux-64/current_repodata.json',
      'noarch/repodata_shards.msgpack.zst',
      'win-64/repodata.json',
      'notes.txt',
    ]) {
      mkdirSync(join(first, path, '..'), { recursive: true });
      writeFileSync(join(first, path), '{}');
    }
    const { staged } = await stage([RATING, SIX], { live: liveFolder(first) });
    expect(staged.leaving).toEqual([
      'linux-64/current_repodata.json',
      'linux-64/repodata.json.bz2',
      'noarch/repodata.json.bz2',
      'noarch/repodata_shards.msgpack.zst',
      'win-64/repodata.json',
    ]);
    expect(staged.manifest.generation).toBe(1);
  });

  it('F10 writes an index that someone else made anew, in the same generation', async () => {
    const first = await published([RATING, SIX]);
    const index = join(first, 'linux-64/repodata.json');
    const ours = readFileSync(index);
    writeFileSync(index, '{"packages":{},"repodata_version":1}');
    utimesSync(index, 1_900_000_000, 1_900_000_000);
    const { staged, dir } = await stage([RATING, SIX], { live: liveFolder(first) });
    expect(readFileSync(join(dir, 'linux-64/repodata.json'))).toEqual(ours);
    const changed = staged.files.filter(({ change }) => change !== 'unchanged');
    expect(changed).toMatchObject([{ path: 'linux-64/repodata.json', change: 'changed', mtimeMs: 1_900_000_002_000 }]);
    expect(staged.manifest).toEqual(JSON.parse(readFileSync(join(first, 'manifest.json'), 'utf8')));
  });

  it('D6 refuses other bytes under a delivered name, with both digests', async () => {
    const first = await published([RATING, SIX]);
    const rebuilt = { ...RATING, files: { 'lib/x': 'rebuilt' } };
    const outcome = stage([rebuilt, SIX], { live: liveFolder(first) });
    await expect(outcome).rejects.toMatchObject({
      code: 'E_ARTIFACT_REPLACED',
      exitCode: 5,
      where: 'linux-64/ratingpro-2.4.0-0.conda',
    });
    const [was, is] = [
      liveFolder(first).files.get('linux-64/ratingpro-2.4.0-0.conda')!.sha256,
      digestsOf((await makePackage(rebuilt)).bytes).sha256,
    ];
    await expect(outcome).rejects.toMatchObject({
      details: [`linux-64/ratingpro-2.4.0-0.conda: delivered ${was}, upstream now ${is}`],
    });
    for (const name of ['all', 'ratingpro', 'ratingpro-2.4.0-0.conda', 'linux-64/ratingpro-2.4.0-0.conda']) {
      const { staged } = await stage([rebuilt, SIX], { live: liveFolder(first), replace: [name] });
      expect(staged.findings).toMatchObject([{ code: 'artifact-replaced', exit: false }]);
      const file = staged.files.find(({ path }) => path.endsWith('.conda'))!;
      // F5: the record's time is the old one's; a copy program would not see the difference.
      expect(file).toMatchObject({ change: 'changed', sha256: is, mtimeMs: 1_700_000_002_000 });
      expect(staged.changes.rerecorded).toMatchObject([{ name: 'ratingpro' }]);
    }
    await expect(stage([rebuilt, SIX], { live: liveFolder(first), replace: ['six', 'rating'] })).rejects.toMatchObject({
      code: 'E_ARTIFACT_REPLACED',
    });
  });

  it('adopts a folder that another program made: the first generation, with what leaves', async () => {
    const dir = tempDir();
    const [rating, old] = await Promise.all([makePackage(RATING), makePackage({ ...RATING, version: '2.3.0' })]);
    mkdirSync(join(dir, 'linux-64'));
    for (const { distFilename, bytes } of [rating, old]) writeFileSync(join(dir, 'linux-64', distFilename), bytes);
    const { staged } = await stage([RATING, SIX], { live: liveFolder(dir) });
    expect(staged.manifest.generation).toBe(1);
    expect(staged.leaving).toEqual(['linux-64/ratingpro-2.3.0-0.conda']);
    expect(staged.changes).toMatchObject({
      kept: 1,
      removed: [{ fn: 'ratingpro-2.3.0-0.conda' }],
      added: [{ name: 'six' }],
    });
  });

  it.each([
    ['of one plan', ['linux-64/Ratingpro-2.4.0-0.conda'], []],
    ['of the plan and the label folder', [], ['linux-64/RATINGPRO-2.4.0-0.conda']],
  ])('H12 refuses names %s that differ in case only', async (_, more, there) => {
    const store = tempDir();
    const sample = await makePackage(RATING);
    const artifacts = [
      acquired(store, sample),
      ...more.map((path) => acquired(store, sample, { fn: path.slice('linux-64/'.length) })),
    ];
    const live = {
      ...absentFolder(tempDir()),
      files: new Map(there.map((path) => [path, { size: 1, sha256: 'x', md5: 'x', mtimeMs: 0 }])),
    };
    const outcome = stageChannel(testRuntime(), {
      plan: planOf(artifacts),
      acquired: artifacts,
      live,
      dir: tempDir(),
      indexBz2: false,
      replace: ['all'],
    });
    await expect(outcome).rejects.toMatchObject({ code: 'E_RECORD_CONFLICT' });
  });

  it('C8 notices a store file that was altered since it was taken in', async () => {
    const sample = await makePackage(RATING);
    const artifact = acquired(tempDir(), sample);
    writeFileSync(artifact.storePath, Buffer.from(sample.bytes).fill('!', 5, 6));
    const outcome = stageChannel(testRuntime(), {
      plan: planOf([artifact]),
      acquired: [artifact],
      live: absentFolder('/nowhere'),
      dir: tempDir(),
      indexBz2: false,
      replace: [],
    });
    await expect(outcome).rejects.toMatchObject({ code: 'E_ARTIFACT_DIGEST', exitCode: 4, where: artifact.storePath });
  });

  it('C13 takes a file name of 211 characters', async () => {
    const { staged, dir } = await stage([
      { name: 'n'.repeat(64), version: '2'.repeat(64), build: 'b'.repeat(64), format: 'tar.bz2' },
    ]);
    const path = staged.files.find(({ kind }) => kind === 'artifact')!.path;
    expect(path.length).toBeGreaterThan(200);
    expect(statSync(join(dir, path)).size).toBeGreaterThan(0);
  });

  it('carries an unpublished artifact without a channel', async () => {
    const { staged } = await stage([SIX], { artifact: { channel: undefined, url: undefined, origin: 'artifact' } });
    expect(staged.manifest.files.find(({ kind }) => kind === 'artifact')!.channel).toBeNull();
  });

  it('stops when it is aborted', async () => {
    const rt = testRuntime();
    const reason = new Error('Ctrl-C');
    rt.abort(reason);
    const artifacts = [acquired(tempDir(), await makePackage(RATING))];
    await expect(
      stageChannel(rt, {
        plan: planOf(artifacts),
        acquired: artifacts,
        live: absentFolder('/nowhere'),
        dir: tempDir(),
        indexBz2: false,
        replace: [],
      }),
    ).rejects.toBe(reason);
  });
});

describe('mtimes of a staged channel', () => {
  const artifactTimes: [string, unknown, number][] = [
    ['milliseconds, floored to an even second', 1_700_000_001_999, 1_700_000_000_000],
    ['seconds, as old records have', 1_400_000_003, 1_400_000_002_000],
    ['none', undefined, UNDATED_MS],
    ['0', 0, UNDATED_MS],
    ['text', 'yesterday', UNDATED_MS],
    ['before what FAT can hold', 1000, UNDATED_MS],
    ['far in the future', 9e15, UNDATED_MS],
    ['negative', -1, UNDATED_MS],
  ];
  it.each(artifactTimes)('dates an artifact whose timestamp is %s', async (_, timestamp, expected) => {
    const { staged, dir } = await stage([SIX], { record: { timestamp } });
    const { path, mtimeMs } = staged.files.find(({ kind }) => kind === 'artifact')!;
    expect(mtimeMs).toBe(expected);
    expect(statSync(join(dir, path)).mtimeMs).toBe(expected);
  });

  const indexTimes: [string, number, number, number][] = [
    ['now', 1_800_000_001_500, 1_700_000_000_000, 1_800_000_002_000],
    ['2 s after an index of the same second', 1_800_000_000_100, 1_800_000_000_000, 1_800_000_002_000],
    ['N15 after one from the future', 1_700_000_000_000, 2_200_000_000_500, 2_200_000_004_000],
    ['N15 after the last one, when the clock is in 1970', 5000, 1_700_000_000_000, 1_700_000_002_000],
  ];
  it.each(indexTimes)('F5 dates a changed index: %s', async (_, now, liveMs, expected) => {
    const first = await published([SIX]);
    const index = join(first, 'noarch/repodata.json');
    const { size } = statSync(index);
    writeFileSync(index, 'x'.repeat(size));
    utimesSync(index, liveMs / 1000, liveMs / 1000);
    const { staged, dir } = await stage([SIX], { live: liveFolder(first) }, { clock: fakeClock(now) });
    const file = staged.files.find(({ path }) => path === 'noarch/repodata.json')!;
    expect(file).toMatchObject({ change: 'changed', size, mtimeMs: expected });
    expect(file.mtimeMs).toBeGreaterThanOrEqual(liveMs + 2000);
    expect(statSync(join(dir, file.path)).mtimeMs).toBe(expected);
  });

  it('N15 dates a new index within what FAT can hold, when the clock is in 1970', async () => {
    const { staged } = await stage([SIX], {}, { clock: fakeClock(0) });
    expect(staged.files.find(({ kind }) => kind === 'index')!.mtimeMs).toBe(Date.UTC(1980, 0, 2));
  });
});

describe('staging on a failing disk', () => {
  const failures: [string, FaultCode, string][] = [
    ['open', 'ENOSPC', 'E_DISK_FULL'],
    ['handle.write', 'ENOSPC', 'E_DISK_FULL'],
    ['handle.sync', 'ENOSPC', 'E_DISK_FULL'],
    ['handle.sync', 'EIO', 'E_DISK'],
    ['handle.write', 'EDQUOT', 'E_DISK_FULL'],
    ['mkdirp', 'EROFS', 'E_DISK'],
    ['open', 'EMFILE', 'E_DISK'],
    ['syncDir', 'EIO', 'E_DISK'],
    ['openNoFollow', 'EACCES', 'E_DISK'],
    ['handle.read', 'EIO', 'E_DISK'],
  ];
  it.each(failures)('E1 E2 E3 E4 maps %s failing with %s to %s', async (call, code, expected) => {
    const first = await published([SIX]);
    const before = bytesBelow(first);
    let failed = 0;
    const { fs } = faultFs(({ name }) => (name === call ? ((failed += 1), code) : undefined));
    const outcome = stage([SIX, RATING], { live: liveFolder(first) }, { fs });
    await expect(outcome).rejects.toMatchObject({
      code: expected,
      exitCode: 5,
      what: expect.stringContaining(code) as string,
    });
    expect(bytesBelow(first)).toEqual(before);
    // A failed fsync is not tried again: the kernel forgets the pages. At most every one of 4 lanes met it once.
    expect(failed).toBeLessThanOrEqual(4);
  });

  it('E2 notices a full disk that shows only at close', async () => {
    const { fs } = testRuntime();
    const open: typeof fs.open = async (...args) => {
      const handle = await fs.open(...args);
      const close = handle.close.bind(handle);
      handle.close = async () => {
        await close();
        throw faultError('ENOSPC', { name: 'close', args: [args[0]] });
      };
      return handle;
    };
    await expect(stage([SIX], {}, { fs: { ...fs, open } })).rejects.toMatchObject({ code: 'E_DISK_FULL' });
  });

  it('E1 says at once how many bytes are needed and free', async () => {
    const base = testRuntime().fs;
    const calls: FsCall[] = [];
    const { fs } = faultFs((call) => void calls.push(call), {
      ...base,
      statfs: async (path) => Object.assign(await base.statfs(path), { bavail: 1, bsize: 512 }),
    });
    const outcome = stage([SIX], {}, { fs });
    await expect(outcome).rejects.toMatchObject({
      code: 'E_DISK_FULL',
      what: expect.stringMatching(/\d+ bytes are needed, 512 bytes are free/) as string,
    });
    expect(calls.filter(({ name }) => name === 'open')).toEqual([]);
  });

  it('does not need the label folder to be writable', async () => {
    const first = await published([SIX]);
    chmodSync(join(first, 'noarch'), 0o555);
    const { staged } = await stage([SIX], { live: liveFolder(first) });
    chmodSync(join(first, 'noarch'), 0o755);
    expect(staged.changes.bytesToTravel).toBe(0);
  });
});

interface StageTestOptions {
  live?: LiveFolder;
  indexBz2?: boolean;
  replace?: string[];
  planned?: Partial<RepackPlan>;
  record?: Record<string, unknown>;
  artifact?: Partial<Pick<AcquiredArtifact, 'channel' | 'url' | 'origin'>>;
}

async function stage(
  specs: readonly PackageSpec[],
  options: StageTestOptions = {},
  runtime: TestRuntimeOptions = {},
): Promise<{ staged: StageResult; dir: string; artifacts: AcquiredArtifact[] }> {
  const store = tempDir();
  const dir = tempDir();
  const samples = await Promise.all(specs.map(makePackage));
  const artifacts = samples.map((each) =>
    acquired(store, each, { ...options.artifact, ...(options.record === undefined ? {} : { record: options.record }) }),
  );
  const staged = await stageChannel(testRuntime(runtime), {
    plan: planOf(artifacts, options.planned),
    acquired: artifacts,
    live: options.live ?? absentFolder(join(dir, 'nowhere')),
    dir,
    indexBz2: options.indexBz2 ?? false,
    replace: options.replace ?? [],
  });
  return { staged, dir, artifacts };
}

/** A label folder as publish would leave it. */
async function published(specs: readonly PackageSpec[], options: StageTestOptions = {}): Promise<string> {
  const { dir } = await stage(specs, options);
  const label = tempDir();
  cpSync(dir, label, { recursive: true, preserveTimestamps: true });
  return label;
}
