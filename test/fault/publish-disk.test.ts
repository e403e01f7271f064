import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRepackError } from '../../src/base/errors.js';
import { checkFreeSpace } from '../../src/delivery/stage/staging.js';
import { nodeFileSystem } from '../../src/runtime/fs.js';
import { expectGenerations } from '../helpers/generations.js';
import { failWhere, faultFs, isWrite, type FaultCode, type FsCall } from '../helpers/fault-fs.js';
import { testRuntime } from '../helpers/runtime.js';
import { breaches, digests, exists, publishTiny, snapshot, type TinySet } from '../helpers/tiny-channel.js';

const FIRST: TinySet = {
  'linux-64/a-1-0.conda': 'a one',
  'linux-64/b-1-0.tar.bz2': 'b one',
  'noarch/n-1-0.conda': 'n one',
};
const SECOND: TinySet = { 'linux-64/a-1-0.conda': 'a rebuilt', 'noarch/n-2-0.conda': 'n two' };

let work: string;
let prepared: string;
let calls: FsCall[];
let old: Record<string, string>;
let fresh: Record<string, string>;

beforeAll(async () => {
  // Where there is a disk in memory, some thousand fsyncs cost nothing.
  work = await mkdtemp(join((await exists('/dev/shm')) ? '/dev/shm' : tmpdir(), 'repackenv-disk-'));
  prepared = join(work, 'prepared');
  await publishTiny(testRuntime(), { root: prepared, packages: FIRST });
  old = await digests(join(prepared, 'acme'));
  const root = await fork();
  const counted = faultFs(() => undefined);
  await publishTiny(runtime(counted.fs), { root, packages: SECOND, replace: 'all' });
  calls = counted.calls;
  fresh = await digests(join(root, 'acme'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

const is =
  (...names: string[]) =>
  (call: FsCall): boolean =>
    names.includes(call.name);
const moves = is('rename', 'unlink', 'rmdir', 'remove');

/** Which calls are made to fail with a code; `forEver`: the same call each time it is made, for EROFS every write from then on. */
const CAMPAIGNS: [code: FaultCode, hits: (call: FsCall) => boolean, forEver: boolean][] = [
  ['EXDEV', is('rename'), false],
  ['ENOSPC', is('writeFile', 'writeNew', 'mkdir', 'mkdirp', 'rename', 'copyNew', 'syncFile', 'syncDir'), false],
  ['EIO', (call) => isWrite(call) || call.index % 2 === 0, false],
  [
    'EACCES',
    is(
      'open',
      'openNoFollow',
      'readFile',
      'readText',
      'readdir',
      'writeFile',
      'writeNew',
      'mkdir',
      'rename',
      'copyNew',
    ),
    false,
  ],
  ['EROFS', (call) => isWrite(call) && call.index % 2 === 0, true],
  ['EBUSY', moves, false],
  ['EBUSY', moves, true],
];

describe('E1 E2 E3 E4 E9 every call on the disk fails in turn', () => {
  it.each(CAMPAIGNS)(
    '%s (%#): the folder is old or new, and the next plain run succeeds',
    async (code, hits, forEver) => {
      const indices = distinct(calls.filter(hits)).map((call) => call.index);
      expect(indices.length).toBeGreaterThan(5);
      for (const index of indices) {
        const call = calls[index]!;
        const where = `${code} at call ${index}, ${call.name} ${call.args.filter((arg) => typeof arg === 'string').join(' -> ')}`;
        const root = await fork();
        const labelDir = join(root, 'acme');
        let struck: FsCall | undefined;
        const faulty = faultFs((now) => {
          if (struck === undefined && now.index === index) struck = now;
          const again =
            forEver &&
            struck !== undefined &&
            (code === 'EROFS' ? isWrite(now) : now.name === struck.name && now.args[0] === struck.args[0]);
          return now === struck || again ? code : undefined;
        });

        const error = await publishTiny(runtime(faulty.fs), { root, packages: SECOND, replace: 'all' }).then(
          () => undefined,
          (caught: unknown) => caught,
        );

        expect(error === undefined || isRepackError(error), `${where}: ${String(error)}`).toBe(true);
        expect(await breaches(labelDir), where).toEqual([]);
        const journal = await exists(join(root, '.repackenv', 'acme', 'journal.json'));
        if (error === undefined) expect(await digests(labelDir), where).toMatchObject(fresh);
        else if (!journal) expect([old, fresh], where).toContainEqual(await digests(labelDir));
        expectNoSecondSync(faulty.calls, struck!, where);
        await expectGenerations(root, where);

        await publishTiny(runtime(), { root, packages: SECOND, replace: 'all' });
        expect(await digests(labelDir), where).toEqual(fresh);
        expect(await readdir(join(root, '.repackenv', 'acme', 'staging')), where).toEqual([]);
        expect(await expectGenerations(root, where), where).toEqual(['1', '2']);
        await rm(root, { recursive: true });
      }
    },
    240_000,
  );
});

describe('single faults', () => {
  it('E1 a full disk while the switch is prepared: what is needed and what is free, live folder untouched, nothing left', async () => {
    const root = await fork();
    const before = await snapshot(join(root, 'acme'));
    const faulty = faultFs(
      failWhere((call) => call.name === 'syncFile' && String(call.args[0]).includes('/staging/'), 'ENOSPC'),
    );
    const error = await publishTiny(runtime(faulty.fs), { root, packages: SECOND, replace: 'all' }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code: 'E_DISK_FULL', exitCode: 5, what: expect.stringMatching(/needed.*free/) });
    expect(await snapshot(join(root, 'acme'))).toEqual(before);
    expect(await readdir(join(root, '.repackenv', 'acme', 'staging'))).toEqual([]);
  });

  it('E1 E5 the pre-flight says bytes and inodes apart', async () => {
    const volume = (answer: object) => runtime({ ...nodeFileSystem(), statfs: async () => answer as never });
    const sound = { bavail: 1000, bsize: 4096, files: 100, ffree: 50 };
    await expect(checkFreeSpace(volume(sound), work, 5_000_000)).rejects.toMatchObject({
      code: 'E_DISK_FULL',
      what: 'the volume is too full: 9.2 MB needed, 4.1 MB free',
    });
    await expect(checkFreeSpace(volume({ ...sound, ffree: 0 }), work, 1)).rejects.toMatchObject({
      code: 'E_DISK_FULL',
      what: expect.stringContaining('inodes'),
    });
    await checkFreeSpace(volume({ ...sound, bavail: 10_000, files: 0, ffree: 0 }), work, 5_000_000);
    await checkFreeSpace(
      runtime({ ...nodeFileSystem(), statfs: async () => Promise.reject(new Error('not here')) }),
      work,
      1e15,
    );
  });

  it('E4 a subdir on a volume of its own is served by copy, fsync and rename', async () => {
    const root = await fork();
    const foreign = (path: unknown): boolean => String(path).includes('/acme/noarch/');
    const faulty = faultFs(
      failWhere((call) => call.name === 'rename' && foreign(call.args[1]) && !foreign(call.args[0]), 'EXDEV'),
    );
    await publishTiny(runtime(faulty.fs), { root, packages: SECOND, replace: 'all' });
    expect(await digests(join(root, 'acme'))).toEqual(fresh);
    const aside = (call: FsCall): boolean => String(call.args[0]).includes('.repackenv-repodata.json');
    const order = faulty.calls
      .filter(
        (call) => aside(call) || (call.name === 'copyNew' && String(call.args[1]).includes('.repackenv-repodata')),
      )
      .map((call) => call.name);
    expect(order.slice(0, 5)).toEqual(['remove', 'copyNew', 'utimes', 'syncFile', 'rename']);
  });

  it('E9 the share goes away in the middle of the switch: the next run finishes', async () => {
    const root = await fork();
    let gone = false;
    const faulty = faultFs((call) => {
      gone ||= call.name === 'rename' && String(call.args[1]).endsWith('/acme/linux-64/repodata.json.zst');
      return gone ? 'ESTALE' : undefined;
    });
    const error = await publishTiny(runtime(faulty.fs), { root, packages: SECOND, replace: 'all' }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code: 'E_DISK', details: [expect.stringContaining('next run finishes or undoes')] });
    expect(await breaches(join(root, 'acme'))).toEqual([]);
    const { recovery } = await publishTiny(runtime(), { root, packages: SECOND, replace: 'all' });
    expect(recovery.outcome).toBe('finished');
    expect(await digests(join(root, 'acme'))).toEqual(fresh);
  });

  it.each([
    ['gone', (path: string) => rm(path)],
    ['filled with NUL', (path: string) => writeFile(path, Buffer.alloc(300))],
  ])('E8 a staged file that is %s after a power loss: the switch is undone', async (_name, damage) => {
    const root = await stopAt('publish:reduced-index-in');
    const staging = join(root, '.repackenv', 'acme', 'staging');
    const [run] = await readdir(staging);
    await damage(join(staging, run!, 'channel', 'noarch', 'repodata.json'));
    const rt = runtime();
    const { recovery, live } = await publishTiny(rt, { root, packages: SECOND, replace: 'all' });
    expect(recovery.outcome).toBe('undone');
    expect(Object.fromEntries([...live.files].map(([path, file]) => [path, file.sha256.slice(0, 16)]))).toEqual(old);
    expect(await digests(join(root, 'acme'))).toEqual(fresh);
  });

  it('E8 after the bytes of a name were replaced it is undone as well, with no index untrue in between', async () => {
    const root = await stopAt('publish:replaced-in');
    const staging = join(root, '.repackenv', 'acme', 'staging');
    const [run] = await readdir(staging);
    await rm(join(staging, run!, 'channel', 'noarch', 'repodata.json'));
    const problems: string[] = [];
    const rt = testRuntime({ reach: async () => void problems.push(...(await breaches(join(root, 'acme')))) });
    const { recovery } = await publishTiny(rt, { root, packages: FIRST, replace: 'all' });
    expect(recovery.outcome).toBe('undone');
    expect(problems).toEqual([]);
    expect(rt.reached.slice(0, 3)).toEqual([
      'publish:reduced-index-in',
      'publish:reduced-index-in',
      'publish:replaced-in',
    ]);
    expect(await digests(join(root, 'acme'))).toEqual(old);
  });

  it('E_RECOVERY only where neither way is open, and it says what to remove', async () => {
    const root = await stopAt('publish:replaced-in');
    await rm(join(root, '.repackenv', 'acme', 'staging'), { recursive: true });
    const error = await publishTiny(runtime(), { root, packages: SECOND, replace: 'all' }).catch(
      (caught: unknown) => caught,
    );
    const journal = join(root, '.repackenv', 'acme', 'journal.json');
    expect(error).toMatchObject({ code: 'E_RECOVERY', exitCode: 5, where: journal });
    expect(await breaches(join(root, 'acme'))).toEqual([]);
    await rm(journal);
    await publishTiny(runtime(), { root, packages: SECOND, replace: 'all' });
    expect(await digests(join(root, 'acme'))).toEqual({ ...fresh, 'manifest.json': expect.any(String) });
  });

  it('E8 a journal that the disk lost is discarded', async () => {
    const root = await stopAt('publish:journal-written');
    await writeFile(join(root, '.repackenv', 'acme', 'journal.json'), Buffer.alloc(500));
    const { recovery } = await publishTiny(runtime(), { root, packages: SECOND, replace: 'all' });
    expect(recovery.outcome).toBe('discarded');
    expect(await digests(join(root, 'acme'))).toEqual(fresh);
  });

  it('a journal of a newer version is left to that version', async () => {
    const root = await stopAt('publish:journal-written');
    const path = join(root, '.repackenv', 'acme', 'journal.json');
    const body = JSON.stringify({ ...JSON.parse((await readFile(path, 'utf8')).split('\n')[1]!), schema: 3 });
    await writeFile(path, `${createHash('sha256').update(body).digest('hex')}\n${body}\n`);
    await expect(publishTiny(runtime(), { root, packages: SECOND, replace: 'all' })).rejects.toMatchObject({
      code: 'E_RECOVERY',
      what: expect.stringContaining('newer'),
    });
    expect(await exists(path)).toBe(true);
  });

  it('I7 sweeps only staging folders that carry our mark', async () => {
    const root = await stopAt('publish:prepared');
    const staging = join(root, '.repackenv', 'acme', 'staging');
    await mkdir(join(staging, '123-abc'));
    await writeFile(join(staging, '123-abc', 'thesis.doc'), 'x');
    await mkdir(join(staging, '124-empty'));
    const rt = runtime();
    const { recovery } = await publishTiny(rt, { root, packages: SECOND, replace: 'all' });
    expect(recovery.swept).toHaveLength(2);
    expect(await readdir(staging)).toEqual(['123-abc']);
    expect(rt.collected).toContainEqual(
      expect.objectContaining({ type: 'note', message: expect.stringContaining('123-abc') }),
    );
  });
});

/** One of each: the same call on the same path fails no differently the second time, unless it writes. */
function distinct(all: readonly FsCall[]): FsCall[] {
  const seen = new Set<string>();
  return all.filter((call) => {
    const key = isWrite(call)
      ? String(call.index)
      : `${call.name} ${call.args.filter((arg) => typeof arg === 'string').join(' ')}`;
    const known = seen.has(key);
    seen.add(key);
    return !known;
  });
}

/** A run that ends at a step as a kill would end it: no clean-up finds its files. */
async function stopAt(step: string): Promise<string> {
  const root = await fork();
  let stopped = false;
  const faulty = faultFs(() => (stopped ? 'EIO' : undefined));
  const rt = testRuntime({
    fs: faulty.fs,
    machine: { pid: 2 ** 22 },
    reach: (now) => {
      if (now !== step) return;
      stopped = true;
      throw new Error('stopped');
    },
  });
  await expect(publishTiny(rt, { root, packages: SECOND, replace: 'all' })).rejects.toThrow('stopped');
  return root;
}

let forks = 0;
async function fork(): Promise<string> {
  const root = join(work, `run-${++forks}`);
  await cp(prepared, root, { recursive: true, preserveTimestamps: true });
  return root;
}

/** Each run is one of its own process, and gone when it has failed: it may not have been able to give its lock back. */
let runs = 0;
function runtime(fs = nodeFileSystem()) {
  return testRuntime({ fs, machine: { pid: 2 ** 22 + ++runs, randomId: () => `r${runs}` } });
}

/** E3: a file or folder whose fsync failed is not synced again in the same run. */
function expectNoSecondSync(made: readonly FsCall[], struck: FsCall, where: string): void {
  if (!/sync/i.test(struck.name)) return;
  const again = made.filter(
    (call) => call.index > struck.index && call.name === struck.name && call.args[0] === struck.args[0],
  );
  expect(again, where).toEqual([]);
}
