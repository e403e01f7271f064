import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import { poolPath } from '../../../../src/delivery/generations/pool.js';
import type { Operation, Phase } from '../../../../src/delivery/switch/operations.js';
import { runSwitch, type SwitchContext, type SwitchProgress } from '../../../../src/delivery/switch/switch.js';
import { failWhere, faultFs, type FaultCode, type FsCall } from '../../../helpers/fault-fs.js';
import { folderOfTest } from '../../../helpers/made-channel.js';
import { testRuntime, type TestRuntime } from '../../../helpers/runtime.js';

/**
 * Design D6: each phase is on disk before the next begins; an artifact never goes over an existing name; what another program holds is tried for
 * a minute (H1).
 */

const MTIME = 1_700_000_000_000;

const put = (phase: Phase, path: string, text = path): Operation => ({
  kind: 'put',
  phase,
  path,
  from: `channel/${path}`,
  size: text.length,
  sha256: sha256Of(Buffer.from(text)),
  mtimeMs: MTIME,
});
const remove = (phase: Phase, path: string): Operation => ({ kind: 'remove', phase, path });

interface Given {
  /** Path to text, in the label folder. */
  live?: Record<string, string>;
  /** What is put has its path as text, if it is not here. */
  staged?: Record<string, string>;
  fault?: (call: FsCall) => FaultCode | undefined;
  context?: (places: { root: string; labelDir: string; stagingDir: string; rt: TestRuntime }) => Partial<SwitchContext>;
  platform?: NodeJS.Platform;
  meddle?: (labelDir: string) => void;
}

async function switched(operations: readonly Operation[], given: Given = {}) {
  const root = folderOfTest();
  const [labelDir, stagingDir] = [join(root, 'acme'), join(root, 'staging')];
  const write = (dir: string, files: Record<string, string>): void => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
    }
  };
  write(labelDir, given.live ?? { 'stranger.txt': 'of somebody' });
  const puts = operations.filter(({ kind }) => kind === 'put');
  write(join(stagingDir, 'channel'), { ...Object.fromEntries(puts.map(({ path }) => [path, path])), ...given.staged });
  given.meddle?.(labelDir);
  const { fs, calls } = faultFs(given.fault ?? (() => undefined));
  const rt = testRuntime({ fs, machine: { platform: given.platform ?? 'linux' } });
  const progress: SwitchProgress = { syncFailed: false, leaving: false, stuck: [] };
  const context = { labelDir, stagingDir, ...given.context?.({ root, labelDir, stagingDir, rt }) };
  const error: unknown = await runSwitch(rt, context, operations, progress).catch((caught: unknown) => caught);
  const told = calls
    .filter(({ name }) => CHANGES.has(name))
    .map(({ name, args }) => `${name} ${relative(root, String(name === 'rename' ? args[1] : args[0]))}`);
  const waited = rt.clock.sleeps.reduce((sum, ms) => sum + ms, 0);
  const files = Object.fromEntries(
    readdirSync(labelDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [relative(labelDir, path), readFileSync(path, 'utf8')]),
  );
  return { root, labelDir, stagingDir, rt, progress, error, calls, told, waited, files };
}

const CHANGES = new Set(['mkdir', 'rename', 'unlink', 'rmdir', 'syncDir', 'copyNew', 'chmod', 'link']);

/** As another program holds a file, as long as the clock of the test says. */
const heldFor =
  (name: 'rename' | 'unlink', paths: Record<string, number>) =>
  (call: FsCall): FaultCode | undefined => {
    const path = String(call.args[name === 'rename' ? 1 : 0]);
    const key = Object.keys(paths).find((each) => path.endsWith(each));
    if (call.name !== name || key === undefined || paths[key]! <= 0) return undefined;
    paths[key]! -= 1;
    return 'EBUSY';
  };
/** So many tries take 40 seconds and a little. */
const FORTY_SECONDS = 410;

describe('a switch', () => {
  const OPERATIONS = [
    remove('leaving-out', 'noarch/old-1-0.conda'),
    put('sums-in', 'SHA256SUMS'),
    put('artifact-in', 'noarch/a-1-0.conda'),
    put('artifact-in', 'linux-64/b-1-0.conda'),
    put('index-in', 'noarch/repodata.json'),
    put('index-in', 'noarch/repodata.json.zst'),
  ];
  const live = { 'noarch/old-1-0.conda': 'old', 'noarch/repodata.json': 'old' };

  it('goes phase by phase, each on disk before the next', async () => {
    const { told, rt, files, progress, error } = await switched(OPERATIONS, { live });
    expect(error).toBeUndefined();
    expect(told).toEqual([
      'mkdir acme/noarch',
      'rename acme/noarch/a-1-0.conda',
      'mkdir acme/linux-64',
      'rename acme/linux-64/b-1-0.conda',
      'syncDir acme/noarch',
      'syncDir acme',
      'syncDir acme/linux-64',
      'mkdir acme/noarch',
      'rename acme/noarch/repodata.json',
      'rename acme/noarch/repodata.json.zst',
      'syncDir acme/noarch',
      'mkdir acme',
      'rename acme/SHA256SUMS',
      'syncDir acme',
      'unlink acme/noarch/old-1-0.conda',
      'rmdir acme/noarch',
      'syncDir acme/noarch',
    ]);
    expect(rt.reached).toEqual([
      'publish:artifact-in',
      'publish:artifact-in',
      'publish:index-in',
      'publish:index-in',
      'publish:sums-in',
      'publish:leaving-out',
    ]);
    const paths = OPERATIONS.slice(1).map(({ path }) => [path, path]);
    expect(files).toEqual(Object.fromEntries(paths));
    expect(progress).toEqual({ syncFailed: false, leaving: true, stuck: [] });
  });

  it('syncs no folder where that is of no use any more', async () => {
    const { told, files } = await switched(OPERATIONS, { live, context: () => ({ durable: false }) });
    expect(told.filter((each) => each.startsWith('syncDir'))).toEqual([]);
    expect(Object.keys(files)).toHaveLength(5);
  });

  it('has a way back as long as nothing has begun to leave, and says when a sync failed', async () => {
    const early = await switched(OPERATIONS.slice(2), {
      live,
      fault: failWhere(({ name }) => name === 'rename', 'EIO'),
    });
    expect([early.error, early.progress]).toMatchObject([{ code: 'EIO' }, { syncFailed: false, leaving: false }]);
    const torn = await switched(OPERATIONS, { live, fault: failWhere(({ name }) => name === 'syncDir', 'EIO') });
    expect([torn.error, torn.progress]).toMatchObject([{ code: 'EIO' }, { syncFailed: true, leaving: false }]);
    expect(torn.rt.reached).not.toContain('publish:index-in');
    const late = await switched(OPERATIONS, { live, fault: failWhere(({ name }) => name === 'unlink', 'EIO') });
    expect([late.error, late.progress]).toMatchObject([{ code: 'EIO' }, { leaving: true, stuck: [] }]);
  });

  it('gives bytes that are to be kept, each phase before its first change', async () => {
    const sha256 = sha256Of(Buffer.from('old'));
    const gives = [{ ...remove('leaving-out', 'noarch/old-1-0.conda'), gives: sha256 }];
    const kept = await switched(gives, {
      live,
      context: ({ root, ...places }) => ({ giving: { root, stateDir: join(root, '.repackenv/acme'), ...places } }),
    });
    expect(readFileSync(poolPath(kept.root, sha256), 'utf8')).toBe('old');
    expect(kept.told.filter((each) => each.startsWith('link') || each.startsWith('unlink acme'))).toEqual([
      'link acme/noarch/old-1-0.conda',
      'unlink acme/noarch/old-1-0.conda',
    ]);
    const back = await switched(gives, { live });
    expect(existsSync(poolPath(back.root, sha256))).toBe(false);
    expect(Object.keys(back.files)).toEqual(['noarch/repodata.json']);
  });
});

describe('a put', () => {
  const PATH = 'noarch/a-1-0.conda';

  it('of a new artifact whose bytes are there already touches nothing, and goes over no other', async () => {
    const artifact = [put('artifact-in', PATH, 'new')];
    const equal = await switched(artifact, { live: { [PATH]: 'new' }, staged: { [PATH]: 'new' } });
    expect([equal.error, equal.told]).toEqual([undefined, ['syncDir acme/noarch']]);
    expect(existsSync(join(equal.stagingDir, 'channel', PATH))).toBe(true);
    const other = await switched(artifact, { live: { [PATH]: 'of others' }, staged: { [PATH]: 'new' } });
    expect(other.error).toMatchObject({
      code: 'E_PUBLISH',
      where: join(other.labelDir, PATH),
      details: [`expected sha256 ${sha256Of(Buffer.from('new'))}, found ${sha256Of(Buffer.from('of others'))}`],
    });
    expect([other.told, other.files]).toEqual([[], { [PATH]: 'of others' }]);
  });

  it('of any other file goes over what is there', async () => {
    for (const phase of ['replaced-in', 'index-in', 'manifest-in'] as const) {
      const { files, progress } = await switched([put(phase, PATH)], { live: { [PATH]: 'old' } });
      expect([files, progress.leaving]).toEqual([{ [PATH]: PATH }, false]);
    }
  });

  it('makes the folders that are missing, the label folder too, and syncs each of them in its parent', async () => {
    const { told } = await switched([put('index-in', 'one/two/x'), put('index-in', 'one/two/y')], {
      meddle: (labelDir) => rmSync(labelDir, { recursive: true }),
    });
    expect(told).toEqual([
      'mkdir acme/one/two',
      'mkdir acme/one',
      'mkdir acme',
      'mkdir acme/one',
      'mkdir acme/one/two',
      'rename acme/one/two/x',
      'rename acme/one/two/y',
      'syncDir ',
      'syncDir acme',
      'syncDir acme/one',
      'syncDir acme/one/two',
    ]);
    const full = await switched([put('index-in', 'one/x')], {
      fault: failWhere(({ name }) => name === 'mkdir', 'ENOSPC'),
    });
    expect(full.error).toMatchObject({ code: 'ENOSPC' });
  });

  it('into a subdir of another volume is a copy beside it, whole and synced before it gets its name', async () => {
    const aside = 'noarch/.repackenv-a-1-0.conda';
    const { calls, root, stagingDir, labelDir, files, error } = await switched([put('index-in', PATH)], {
      // A run that broke off has left its half there.
      live: { [PATH]: 'old', [aside]: 'half' },
      fault: ({ name, args }) => (name === 'rename' && String(args[0]).includes('staging') ? 'EXDEV' : undefined),
    });
    const wanted = new Set(['rename', 'remove', 'copyNew', 'utimes', 'syncFile', 'unlink']);
    expect([error, files]).toEqual([undefined, { [PATH]: PATH }]);
    expect(
      calls
        .filter(({ name }) => wanted.has(name))
        .map(({ name, args }) => [name, args.map((arg) => (typeof arg === 'string' ? relative(root, arg) : arg))]),
    ).toEqual([
      ['rename', [`staging/channel/${PATH}`, `acme/${PATH}`]],
      ['remove', [`acme/${aside}`]],
      ['copyNew', [`staging/channel/${PATH}`, `acme/${aside}`]],
      ['utimes', [`acme/${aside}`, MTIME, MTIME]],
      ['syncFile', [`acme/${aside}`]],
      ['rename', [`acme/${aside}`, `acme/${PATH}`]],
      ['unlink', [`staging/channel/${PATH}`]],
    ]);
    expect(statSync(join(labelDir, PATH)).mtimeMs).toBe(MTIME);
    expect(existsSync(join(stagingDir, 'channel', PATH))).toBe(false);
  });
});

describe('a removal', () => {
  it.each(['stale-index-out', 'leaving-out'] as const)('of what is gone already is none (%s)', async (phase) => {
    const { error, told, progress } = await switched([remove(phase, 'noarch/x-1-0.conda')]);
    expect([error, progress.stuck]).toEqual([undefined, []]);
    expect(told).toEqual(['unlink acme/noarch/x-1-0.conda', 'rmdir acme/noarch', 'syncDir acme']);
  });

  it('takes the folders with it that it empties, never the label folder, nor one with something in it', async () => {
    const paths = ['one/two/three/x', 'one/two/y', 'one/z', 'noarch/a-1-0.conda', 'noarch/deep/b-1-0.conda'];
    const live = Object.fromEntries([...paths, 'noarch/of-others'].map((path) => [path, path]));
    const { error, told, files, labelDir } = await switched(
      [...paths.map((path) => remove('leaving-out', path)), put('leaving-out', 'full/x')],
      { live },
    );
    expect([error, files]).toEqual([undefined, { 'noarch/of-others': 'noarch/of-others', 'full/x': 'full/x' }]);
    expect(told.filter((each) => /^(rmdir|syncDir)/.test(each))).toEqual([
      'rmdir acme/one/two/three',
      'rmdir acme/one/two',
      'rmdir acme/one',
      'rmdir acme/noarch',
      'rmdir acme/noarch/deep',
      'rmdir acme/noarch',
      'syncDir acme/noarch',
      'syncDir acme',
      'syncDir acme/full',
    ]);
    expect(readdirSync(labelDir).sort()).toEqual(['full', 'noarch']);
    const whole = await switched([remove('stale-index-out', 'index.html')], { live: { 'index.html': '' } });
    expect([whole.told, whole.files]).toEqual([['unlink acme/index.html', 'syncDir acme'], {}]);
  });

  it('ends with the folder that the disk does not let go', async () => {
    const { error, told } = await switched([remove('leaving-out', 'one/two/x')], {
      live: { 'one/two/x': '' },
      fault: failWhere(({ name }) => name === 'rmdir', 'EACCES'),
    });
    expect([error, told]).toEqual([undefined, ['unlink acme/one/two/x', 'rmdir acme/one/two', 'syncDir acme/one/two']]);
  });
});

describe('H1 what another program holds', () => {
  it.each<[what: string, name: 'rename' | 'unlink', operations: Operation[]]>([
    ['a file that is put over', 'rename', [put('index-in', 'noarch/x'), put('index-in', 'noarch/y')]],
    ['an index that goes', 'unlink', [remove('old-index-out', 'noarch/x'), remove('old-index-out', 'noarch/y')]],
  ])('%s: each has a minute of its own, and nothing else is begun before', async (_what, name, operations) => {
    const live = { 'noarch/x': 'x', 'noarch/y': 'y' };
    const fault = heldFor(name, { 'noarch/x': FORTY_SECONDS, 'noarch/y': FORTY_SECONDS });
    const { error, waited, rt, labelDir } = await switched(operations, { live, fault });
    expect(error).toBeUndefined();
    expect(waited).toBeGreaterThan(80_000);
    const reason = (path: string) => `another program holds ${join(labelDir, path)}; trying for a minute`;
    expect(rt.collected).toEqual([
      { type: 'waiting', reason: reason('noarch/x') },
      { type: 'waiting', reason: reason('noarch/y') },
    ]);
    const late = await switched(operations, { live, fault: heldFor(name, { 'noarch/x': 2 * FORTY_SECONDS }) });
    expect([late.error, late.files]).toMatchObject([{ code: 'EBUSY' }, live]);
    expect(late.waited).toBeGreaterThanOrEqual(60_000);
    expect(late.waited).toBeLessThan(60_200);
  });

  it('packages that leave: all have one minute together, and those that are held stay', async () => {
    const operations = ['x', 'y', 'z'].map((name) => remove('leaving-out', `noarch/${name}`));
    const live = { 'noarch/x': 'x', 'noarch/y': 'y', 'noarch/z': 'z' };
    const { error, waited, files, progress, calls } = await switched(operations, {
      live,
      fault: heldFor('unlink', { 'noarch/x': FORTY_SECONDS, 'noarch/y': FORTY_SECONDS, 'noarch/z': 1 }),
    });
    expect([error, progress.stuck, Object.keys(files)]).toEqual([
      undefined,
      ['noarch/y', 'noarch/z'],
      ['noarch/y', 'noarch/z'],
    ]);
    expect(waited).toBeGreaterThanOrEqual(60_000);
    expect(waited).toBeLessThan(60_200);
    expect(calls.filter(({ name, args }) => name === 'unlink' && String(args[0]).endsWith('noarch/z'))).toHaveLength(1);
  });

  it('is not waited for once the run is asked to end; packages that leave are, for the folder is the new one', async () => {
    const live = { 'noarch/x': 'x' };
    const context: Given['context'] = ({ rt }) => {
      rt.abort(new Error('Ctrl-C'));
      return { signal: rt.signal };
    };
    const held = (operation: Operation, name: 'rename' | 'unlink') =>
      switched([operation], { live, context, fault: heldFor(name, { 'noarch/x': 5 }) });
    expect((await held(put('index-in', 'noarch/x'), 'rename')).error).toMatchObject({ message: 'Ctrl-C' });
    expect((await held(remove('old-index-out', 'noarch/x'), 'unlink')).error).toMatchObject({ message: 'Ctrl-C' });
    const { error, files } = await held(remove('leaving-out', 'noarch/x'), 'unlink');
    expect([error, files]).toEqual([undefined, {}]);
  });
});

describe('E6 a file that is marked read-only', () => {
  const live = { 'noarch/x': 'x', 'noarch/y': 'y' };
  const operations = [put('index-in', 'noarch/x'), put('index-in', 'noarch/new'), remove('leaving-out', 'noarch/y')];
  const closed = (...paths: string[]) => ({
    live,
    meddle: (labelDir: string) => {
      for (const path of paths) chmodSync(join(labelDir, path), 0o444);
    },
  });
  const chmods = ({ calls, labelDir }: Awaited<ReturnType<typeof switched>>) =>
    calls.filter(({ name }) => name === 'chmod').map(({ args }) => [relative(labelDir, String(args[0])), args[1]]);

  it.each<[platform: NodeJS.Platform, closed: string[], opened: string[]]>([
    ['win32', ['noarch/x', 'noarch/y'], ['noarch/x', 'noarch/y']],
    ['win32', ['noarch/y'], ['noarch/y']],
    ['linux', ['noarch/x', 'noarch/y'], []],
  ])('on %s, of %j: made writable before it goes: %j', async (platform, paths, opened) => {
    const done = await switched(operations, { platform, ...closed(...paths) });
    expect([done.error, Object.keys(done.files).sort()]).toEqual([undefined, ['noarch/new', 'noarch/x']]);
    expect(chmods(done)).toEqual(opened.map((path) => [path, 0o666]));
  });

  it('and that stays so is an error of the disk', async () => {
    const fault = failWhere(({ name }) => name === 'chmod', 'EIO');
    const { error } = await switched(operations, { platform: 'win32', ...closed('noarch/x'), fault });
    expect(error).toMatchObject({ code: 'EIO' });
  });
});
