import { mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { cp, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import { largestFirst, recordedKeep, recordKeep } from '../../../../src/delivery/generations/keep-generation.js';
import {
  giveBytes,
  isPoolShared,
  keptBytes,
  poolDir,
  pooledFiles,
  poolPath,
  sharePool,
} from '../../../../src/delivery/generations/pool.js';
import { pruneAfter, prunePool } from '../../../../src/delivery/generations/prune.js';
import { lockHolder } from '../../../../src/delivery/lock/lock-peek.js';
import { lockLabel } from '../../../../src/delivery/lock/lock.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { failWhere, faultFs, type FaultCode, type FsCall } from '../../../helpers/fault-fs.js';
import { fakeClock, testRuntime, type TestRuntime, type TestRuntimeOptions } from '../../../helpers/runtime.js';
import { exists, publishTiny } from '../../../helpers/tiny-channel.js';

/**
 * Design D15: what stays complete is said by `keep`, the live generation first; prune has the pool alone, and takes nothing where somebody gives,
 * takes, or can't be judged.
 */

let root: string;
let rt: TestRuntime;
let ids = 0;
const runtime = (options: TestRuntimeOptions = {}): TestRuntime =>
  testRuntime({ clock: rt.clock, machine: { randomId: () => `prune-${++ids}` }, ...options });
const version = (n: number) => ({ 'noarch/n-1-0.conda': `n ${n}` });
const shas = (...versions: number[]): string[] => versions.map((n) => sha256Of(`n ${n}`)).sort();
const pooled = async (): Promise<string[]> => (await pooledFiles(rt, root)).map(({ sha256 }) => sha256).sort();
const place = () => ({ root, labelDir: join(root, 'acme'), stateDir: join(root, '.repackenv/acme') });
const users = (): string => join(poolDir(root), 'users');
const sharing = () => ({ job: 'update', stagingDir: join(place().stateDir, 'staging/sharing') });
const publishAll = async (versions: readonly number[], keep: number): Promise<void> => {
  for (const n of versions) await publishTiny(rt, { root, packages: version(n), replace: 'all', keep });
};
const put = (path: string, text: string): string => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
};

beforeEach(() => {
  root = tempDir();
  rt = testRuntime();
});

describe('D15 which generations stay complete', () => {
  it.each<[string, number[], number | undefined, number[]]>([
    ['the live one, though it is older, then the newest', [1, 2, 3, 4], 2, [2, 4, 3, 1]],
    ['the live one, in whatever order they come', [4, 3, 2, 1], 2, [2, 4, 3, 1]],
    ['the newest, where none is live', [2, 10, 1], undefined, [10, 2, 1]],
    ['the newest, where the live one is not kept', [1, 2], 3, [2, 1]],
  ])('%s', (_which, numbers, live, order) => {
    expect(largestFirst(numbers, live)).toEqual(order);
  });

  it('as many as was said; where nobody said, all', async () => {
    await publishAll([1, 2, 3, 4], 3);
    await recordKeep(rt, place().stateDir, 2);
    expect((await prunePool(rt, root, { dryRun: true })).gone.map(({ sha256 }) => sha256).sort()).toEqual(shas(1, 2));
    for (const text of ['', '[]', '{"keep":"1"}', undefined]) {
      const file = join(place().stateDir, 'keep.json');
      if (text === undefined) rmSync(file);
      else writeFileSync(file, text);
      expect(await recordedKeep(rt, place().stateDir)).toBeUndefined();
      expect((await prunePool(rt, root, { dryRun: true })).gone).toEqual([]);
    }
  });

  it('the live one first, where a folder was brought back from a backup', async () => {
    await publishAll([1], 4);
    await cp(join(root, 'acme'), join(root, 'backup'), { recursive: true, preserveTimestamps: true });
    await publishAll([2, 3, 4], 4);
    rmSync(join(root, 'acme'), { recursive: true });
    await rename(join(root, 'backup'), join(root, 'acme'));
    await recordKeep(rt, place().stateDir, 1);
    expect((await prunePool(rt, root, { dryRun: true })).gone.map(({ sha256 }) => sha256).sort()).toEqual(shas(2, 3));
    await pruneAfter(rt, place(), 1);
    expect(await pooled()).toEqual(shas(1));
  });

  it('how many is written down once, and not where it is as before: of a mirror nothing', async () => {
    const { fs, calls } = faultFs(() => undefined);
    const own = runtime({ fs });
    const written = () => calls.splice(0).filter(({ name }) => name === 'rename').length;
    await recordKeep(own, root, 0);
    expect([written(), await recordedKeep(rt, root)]).toEqual([0, undefined]);
    for (const [keep, writes] of [
      [3, 1],
      [3, 0],
      [0, 1],
      [0, 0],
    ] as const) {
      await recordKeep(own, root, keep);
      expect([written(), await recordedKeep(rt, root)]).toEqual([writes, keep]);
    }
  });
});

describe('D15 a prune', () => {
  it('of a ROOT without a pool makes none, and says so', async () => {
    expect(await prunePool(rt, root, { dryRun: false })).toEqual({ gone: [], stays: { files: 0, bytes: 0 } });
    expect(readdirSync(root)).toEqual([]);
  });

  it('takes bytes of an index as well: a generation has its own', async () => {
    await publishAll([1, 2], 3);
    const zst = readdirSync(join(root, 'acme/noarch'), { withFileTypes: true }).find(({ name }) =>
      name.endsWith('.zst'),
    )!;
    const bytes = await rt.fs.readFile(join(root, 'acme/noarch', zst.name));
    const sha256 = sha256Of(bytes);
    mkdirSync(dirname(poolPath(root, sha256)), { recursive: true });
    writeFileSync(poolPath(root, sha256), bytes);
    const { gone, stays } = await prunePool(rt, root, { dryRun: false });
    expect(gone).toEqual([{ path: poolPath(root, sha256), sha256, size: bytes.length }]);
    expect(stays).toEqual({ files: 1, bytes: 3 });
  });

  it('waits for another without a word, and tries no longer than it was told', async () => {
    await publishAll([1, 2], 1);
    await publishAll([3, 4], 2);
    const lock = await lockLabel(runtime(), { stateDir: poolDir(root), label: 'x', waitMs: 0, command: 'prune' });
    const own = runtime({ clock: fakeClock() });
    expect((await prunePool(own, root, { dryRun: false, waitMs: 1000 })).skipped).toBe('another run prunes it');
    expect(own.clock.monotonic()).toBe(1000);
    expect(own.collected).toEqual([]);
    expect((await prunePool(own, root, { dryRun: true })).skipped).toBeUndefined();
    await lock.release();
  });

  it('that can not lock the pool is no prune that was skipped', async () => {
    await publishAll([1, 2], 2);
    mkdirSync(join(root, 'elsewhere'));
    symlinkSync(join(root, 'elsewhere'), join(poolDir(root), 'lock'));
    await expect(prunePool(rt, root, { dryRun: false })).rejects.toMatchObject({
      code: 'E_LOCK',
      what: expect.stringContaining('kept bytes') as string,
    });
  });

  it.each<[string, (own: TestRuntime) => Promise<void> | void, RegExp]>([
    ['is interrupted', (own) => own.abort(new Error('Ctrl-C')), /Ctrl-C/],
    ['loses its lock', () => mkdirSync(join(poolDir(root), 'lock', '99')), /taken over/],
  ])('that %s takes no more', async (_how, strike, says) => {
    await publishAll([1, 2, 3, 4], 4);
    await recordKeep(rt, place().stateDir, 1);
    const own: TestRuntime = runtime({ reach: (step) => (step === 'prune:taken' ? strike(own) : undefined) });
    await expect(prunePool(own, root, { dryRun: false })).rejects.toThrow(says);
    expect(await pooled()).toHaveLength(2);
  });

  it('is called so in the lock that others see', async () => {
    await publishAll([1, 2], 2);
    await recordKeep(rt, place().stateDir, 1);
    let holder: string | undefined;
    const look = async (): Promise<void> => void (holder = (await lockHolder(rt, poolDir(root)))?.command);
    await prunePool(runtime({ reach: look }), root, { dryRun: false });
    expect(holder).toBe('prune');
  });

  it('that was interrupted gives the pool back', async () => {
    await publishAll([1, 2, 3], 3);
    await recordKeep(rt, place().stateDir, 1);
    const own: TestRuntime = runtime({ reach: () => own.abort(new Error('Ctrl-C')) });
    await expect(prunePool(own, root, { dryRun: false })).rejects.toThrow('Ctrl-C');
    expect((await prunePool(runtime(), root, { dryRun: false })).gone).toHaveLength(1);
  });
});

describe('D15 after a publication', () => {
  it('says to who asks for everything how many files went, or why none', async () => {
    await publishAll([1, 2, 3], 3);
    const use = await sharePool(runtime(), root, sharing());
    await pruneAfter(rt, place(), 1);
    await use.release();
    await recordKeep(rt, place().stateDir, 1);
    await pruneAfter(rt, place(), 1);
    expect(rt.collected.flatMap((event) => (event.type === 'debug' ? [event.message] : []))).toEqual([
      'bytes of earlier generations: a run gives to it or takes from it',
      'bytes of earlier generations: 2 files went',
    ]);
  });

  it('passes over a generation of which nothing can be told', async () => {
    await publishAll([1, 2, 3], 3);
    await recordKeep(rt, place().stateDir, 1);
    writeFileSync(join(place().stateDir, 'generations/2/manifest.json'), '');
    await pruneAfter(rt, place(), 1);
    expect(await pooled()).toEqual([]);
  });

  it('does not even look where all stay complete', async () => {
    await publishAll([1, 2], 2);
    put(poolPath(root, sha256Of('nobody')), 'nobody');
    await pruneAfter(rt, place(), 2);
    expect(await pooled()).toEqual([...shas(1), sha256Of('nobody')].sort());
  });

  it('leaves a pool alone that has nothing of what fell out', async () => {
    await publishAll([1, 2, 3], 3);
    for (const each of await pooledFiles(rt, root)) rmSync(each.path);
    put(poolPath(root, sha256Of('nobody')), 'nobody');
    const own = runtime();
    await pruneAfter(own, place(), 1);
    expect(await pooled()).toEqual([sha256Of('nobody')]);
    expect([own.collected, await exists(join(poolDir(root), 'lock'))]).toEqual([[], false]);
  });

  it('is a matter of room: what fails is no failure of the run, but an interruption is', async () => {
    await publishAll([1, 2, 3], 3);
    await recordKeep(rt, place().stateDir, 1);
    const own: TestRuntime = runtime({ fs: faultFs(failWhere(({ name }) => name === 'readdir', 'EIO')).fs });
    await pruneAfter(own, place(), 1);
    expect(own.collected).toEqual([{ type: 'debug', message: expect.stringContaining('EIO') as string }]);
    own.abort(new Error('Ctrl-C'));
    await expect(pruneAfter(own, place(), 1)).rejects.toThrow('Ctrl-C');
    expect(await pooled()).toEqual(shas(1, 2));
  });
});

describe('D15 who shares the pool', () => {
  const names = (): string[] => readdirSync(users());
  const old = (path: string, ageMs: number): void => {
    const at = (rt.clock.now() - ageMs) / 1000;
    utimesSync(path, at, at);
  };

  it('says so as long as it does, by a file that is whole', async () => {
    const use = await sharePool(rt, root, sharing());
    expect(JSON.parse(await rt.fs.readText(join(users(), names()[0]!)))).toMatchObject({
      command: 'update',
      pid: process.pid,
    });
    expect(readdirSync(sharing().stagingDir)).toEqual([]);
    expect(await isPoolShared(rt, root)).toBe(true);
    await use.release();
    expect([names(), await isPoolShared(rt, root)]).toEqual([[], false]);
    await use.release();
  });

  it('of a ROOT where nobody ever did: nobody', async () => {
    expect(await isPoolShared(rt, root)).toBe(false);
  });

  it('on another host can not be asked, and counts', async () => {
    await sharePool(runtime({ machine: { hostname: 'far-away', pid: 2 ** 22 + 1 } }), root, sharing());
    expect(await isPoolShared(rt, root)).toBe(true);
    expect(names()).toHaveLength(1);
  });

  it('on a machine of this name that was booted since counts for a minute: it may be another machine', async () => {
    const bootedAs = (boot: string): TestRuntime => {
      const fs = nodeFileSystem();
      const told: Record<string, string> = { '/proc/sys/kernel/random/boot_id': boot, '/etc/machine-id': 'abc' };
      const readText = async (path: string): Promise<string> => told[path] ?? fs.readText(path);
      return runtime({ fs: { ...fs, readText }, machine: { platform: 'linux' } });
    };
    await sharePool(bootedAs('one'), root, sharing());
    expect(await isPoolShared(bootedAs('two'), root)).toBe(true);
    rt.clock.advance(61_000);
    expect(await isPoolShared(bootedAs('two'), root)).toBe(false);
    expect(names()).toEqual([]);
  });

  it.each(['', '{"pid":'])(
    'by a file that says %j counts for a minute, in which it may be written; then it goes',
    async (text) => {
      const file = put(join(users(), 'torn.json'), text);
      old(file, 59_000);
      expect(await isPoolShared(rt, root)).toBe(true);
      old(file, 60_000);
      expect(await isPoolShared(rt, root)).toBe(false);
      expect(names()).toEqual([]);
    },
  );

  it('and whose file is gone between two looks has ended; a disk that fails tells nothing', async () => {
    const file = put(join(users(), 'ended.json'), '');
    const { fs } = faultFs((call) => (call.name === 'lstat' && call.args[0] === file ? 'ENOENT' : undefined));
    expect(await isPoolShared(runtime({ fs }), root)).toBe(false);
    for (const call of ['lstat', 'readdir']) {
      const broken = faultFs(failWhere(({ name }) => name === call, 'EIO')).fs;
      await expect(isPoolShared(runtime({ fs: broken }), root)).rejects.toMatchObject({ code: 'EIO' });
    }
  });

  it('waits for a prune, ten minutes at most, and holds it up meanwhile by no file', async () => {
    await publishAll([1, 2], 2);
    const lock = await lockLabel(runtime(), { stateDir: poolDir(root), label: 'x', waitMs: 0, command: 'prune' });
    const fake = fakeClock();
    const seen: string[][] = [];
    const sleep = async (): Promise<void> => {
      seen.push(names());
      fake.advance(30_000);
    };
    await expect(sharePool(runtime({ clock: { ...fake, sleep } }), root, sharing())).rejects.toMatchObject({
      code: 'E_LOCKED',
      what: expect.stringContaining(`(prune, pid ${process.pid} on build-host)`) as string,
      where: poolDir(root),
    });
    expect(fake.monotonic()).toBe(600_000);
    expect(new Set(seen.flat())).toEqual(new Set());
    expect(names()).toEqual([]);
    await lock.release();
  });

  it('is interrupted while it waits', async () => {
    await publishAll([1, 2], 2);
    const lock = await lockLabel(runtime(), { stateDir: poolDir(root), label: 'x', waitMs: 0, command: 'prune' });
    const own = runtime();
    own.abort(new Error('Ctrl-C'));
    await expect(sharePool(own, root, sharing())).rejects.toThrow('Ctrl-C');
    await lock.release();
    expect(names()).toEqual([]);
  });
});

describe('D15 the pool', () => {
  const sha256 = sha256Of('bytes');
  const given = () => ({ path: put(join(root, 'file'), 'bytes'), sha256, aside: join(root, 'aside/to-pool') });
  const giveTo = (code: FaultCode, hits: (call: FsCall) => boolean): Promise<string> =>
    giveBytes(runtime({ fs: faultFs(failWhere(hits, code)).fs }), root, given());
  const links = ({ name }: FsCall): boolean => name === 'link';
  const moves = ({ name, args }: FsCall): boolean =>
    name === 'link' || (name === 'rename' && args[0] === join(root, 'file'));

  it('has only files that are called by a digest, below its first two digits', async () => {
    const other = sha256Of('other');
    put(poolPath(root, sha256), 'bytes');
    put(join(poolDir(root), 'zz', other), 'x');
    put(join(poolDir(root), sha256.slice(0, 2) + '0', sha256), 'x');
    put(join(poolDir(root), '0' + sha256.slice(0, 2), sha256), 'x');
    put(join(poolDir(root), sha256.slice(0, 2), `${sha256}.new`), 'x');
    put(join(poolDir(root), sha256.slice(0, 2), `x${sha256}`), 'x');
    put(join(poolDir(root), sha256.slice(0, 3), sha256), 'x');
    put(join(poolDir(root), sha256.slice(0, 2), `${sha256.slice(0, 2)}${sha256}`), 'x');
    put(join(poolDir(root), other.slice(0, 2) === 'aa' ? 'bb' : 'aa', other), 'x');
    mkdirSync(poolPath(root, other), { recursive: true });
    expect(await pooledFiles(rt, root)).toEqual([{ path: poolPath(root, sha256), sha256, size: 5 }]);
  });

  it('from which a file goes between two looks lacks it', async () => {
    put(poolPath(root, sha256), 'bytes');
    const { fs } = faultFs(failWhere(({ name }) => name === 'lstat', 'ENOENT'));
    expect(await pooledFiles(runtime({ fs }), root)).toEqual([]);
  });

  it('that has them already is left as it is: nothing is written', async () => {
    put(poolPath(root, sha256), 'bytes');
    const { ino } = await rt.fs.lstat(poolPath(root, sha256));
    const { fs, calls } = faultFs(() => undefined);
    expect(await giveBytes(runtime({ fs }), root, given())).toBe(dirname(poolPath(root, sha256)));
    expect((await rt.fs.lstat(poolPath(root, sha256))).ino).toBe(ino);
    expect(calls.map(({ name }) => name)).not.toContain('unlink');
  });

  it('that a disk does not show is not taken for empty', async () => {
    put(poolPath(root, sha256), 'bytes');
    for (const call of ['readdir', 'lstat']) {
      const { fs } = faultFs(failWhere(({ name }) => name === call, 'EIO'));
      await expect(pooledFiles(runtime({ fs }), root)).rejects.toMatchObject({ code: 'EIO' });
    }
  });

  // link(2): no links on this file system, over two volumes, for this account, or too many of one file.
  it.each(['EXDEV', 'EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'EMLINK'])(
    'takes by a move what has no link there (%s)',
    async (code) => {
      const no = async (): Promise<void> => Promise.reject(Object.assign(new Error(code), { code }));
      const own = runtime({ fs: { ...nodeFileSystem(), link: no } });
      expect(await giveBytes(own, root, given())).toBe(dirname(poolPath(root, sha256)));
      expect(await keptBytes(rt, root, sha256)).toBe(poolPath(root, sha256));
      expect(await exists(join(root, 'file'))).toBe(false);
    },
  );

  it.each(['EXDEV', 'EPERM', 'EACCES'] as const)(
    'and copies what can not be moved (%s), over what a run left aside',
    async (code) => {
      put(given().aside, 'half');
      await giveTo(code, moves);
      expect(await keptBytes(rt, root, sha256)).toBe(poolPath(root, sha256));
      expect([await exists(join(root, 'file')), await exists(given().aside)]).toEqual([true, false]);
    },
  );

  it.each<[string, (call: FsCall) => FaultCode | undefined]>([
    ['while it makes a link', (call) => (links(call) ? 'EIO' : undefined)],
    ['for it is full', (call) => (links(call) ? 'ENOSPC' : undefined)],
    ['while it moves the file', (call) => (links(call) ? 'EXDEV' : moves(call) ? 'EIO' : undefined)],
    ['while it keeps a copy', (call) => (moves(call) ? 'EXDEV' : call.name === 'syncFile' ? 'EIO' : undefined)],
  ])('lets a disk be known that fails %s, and has no half file then', async (_when, fault) => {
    const failing = giveBytes(runtime({ fs: faultFs(fault).fs }), root, given());
    await expect(failing).rejects.toMatchObject({ code: expect.stringMatching('EIO|ENOSPC') as string });
    expect(await exists(poolPath(root, sha256))).toBe(false);
  });

  it('into which another run puts the same bytes meanwhile has them', async () => {
    expect(await giveTo('EEXIST', links)).toBe(dirname(poolPath(root, sha256)));
    expect(await exists(join(root, 'file'))).toBe(true);
  });
});
