import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import { recordKeep } from '../../../../src/delivery/generations/keep-generation.js';
import { keptBytes, poolDir, pooledFiles, poolPath, sharePool } from '../../../../src/delivery/generations/pool.js';
import { prunePool, pruneAfter } from '../../../../src/delivery/generations/prune.js';
import { labelsOfRoot } from '../../../../src/delivery/place/root.js';
import { failWhere, faultFs, type FaultCode } from '../../../helpers/fault-fs.js';
import { expectGenerations } from '../../../helpers/generations.js';
import { testRuntime, type TestRuntime } from '../../../helpers/runtime.js';
import { breaches, exists, publishTiny, type TinyResult, type TinySet } from '../../../helpers/tiny-channel.js';

const FIRST: TinySet = {
  'linux-64/a-1-0.conda': 'a one',
  'linux-64/b-1-0.conda': 'b one',
  'noarch/n-1-0.conda': 'n one',
};
/** `a` has other bytes under its name, `n` leaves. */
const SECOND: TinySet = { 'linux-64/a-1-0.conda': 'a rebuilt', 'linux-64/b-1-0.conda': 'b one' };
const LEAVE = ['a one', 'n one'].map(sha256Of).sort();

let root: string;
let rt: TestRuntime;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'repackenv-pool-'));
  rt = testRuntime();
});
afterEach(() => rm(root, { recursive: true, force: true }));

const publish = (
  packages: TinySet,
  more: Partial<Parameters<typeof publishTiny>[1]> = {},
  on = rt,
): Promise<TinyResult> => publishTiny(on, { root, packages, replace: 'all', ...more });
const pooled = async (): Promise<string[]> => (await pooledFiles(rt, root)).map(({ sha256 }) => sha256).sort();

async function expectKept(): Promise<void> {
  expect(await pooled()).toEqual(LEAVE);
  for (const sha256 of LEAVE) expect(await keptBytes(rt, root, sha256)).toBe(poolPath(root, sha256));
  expect(await breaches(join(root, 'acme'))).toEqual([]);
  expect(await exists(join(root, 'acme/noarch/n-1-0.conda'))).toBe(false);
  expect(await readFile(join(root, 'acme/linux-64/a-1-0.conda'), 'utf8')).toBe('a rebuilt');
  expect(await expectGenerations(root, 'after')).toEqual(['1', '2']);
  expect(await readdir(join(poolDir(root), 'users'))).toEqual([]);
  expect(await readdir(join(root, '.repackenv/acme/staging'))).toEqual([]);
}

const sharing = () => ({ job: 'update', stagingDir: join(root, '.repackenv/acme/staging/sharing') });

describe('D15 bytes that leave or are replaced go to the pool', () => {
  it('by a link: the same inode, no byte written twice', async () => {
    await publish(FIRST);
    const { ino } = await stat(join(root, 'acme/noarch/n-1-0.conda'));
    await publish(SECOND);
    await expectKept();
    expect((await stat(poolPath(root, sha256Of('n one')))).ino).toBe(ino);
  });

  it.each<[string, FaultCode, FaultCode | undefined]>([
    ['by a rename', 'EPERM', undefined],
    ['by a rename', 'ENOSYS', undefined],
    ['by a copy, of a subdir that is a mount of its own', 'EXDEV', 'EXDEV'],
    ['by a copy, of what another program holds', 'EPERM', 'EBUSY'],
  ])('%s where a link is answered by %s', async (_how, onLink, onRename) => {
    await publish(FIRST);
    const toPool = (path: unknown): boolean => String(path).includes('/.kept/');
    const { fs } = faultFs((call) => {
      if (call.name === 'link' && toPool(call.args[1])) return onLink;
      if (call.name === 'rename' && toPool(call.args[1]) && !String(call.args[0]).includes('/staging/'))
        return onRename;
      return undefined;
    });
    await publish(SECOND, {}, testRuntime({ fs, clock: rt.clock }));
    await expectKept();
  });

  it.each<[string, (path: string, target: string) => Promise<void>]>([
    ['has them already', (_path, target) => writeFile(target, 'n one')],
    ['has them already, as a link to the very file', (path, target) => link(path, target)],
    ['has damaged ones of that name', (_path, target) => writeFile(target, 'n tw')],
  ])('where the pool %s', async (_name, prepare) => {
    await publish(FIRST);
    const target = poolPath(root, sha256Of('n one'));
    await mkdir(dirname(target), { recursive: true });
    await prepare(join(root, 'acme/noarch/n-1-0.conda'), target);
    await publish(SECOND);
    await expectKept();
  });

  it('of a file that has hard links elsewhere: it leaves all the same, and what is altered there is found out', async () => {
    await publish(FIRST);
    await link(join(root, 'acme/noarch/n-1-0.conda'), join(root, 'elsewhere'));
    await publish(SECOND);
    await expectKept();
    await writeFile(join(root, 'elsewhere'), 'altered in place');
    expect(await keptBytes(rt, root, sha256Of('n one'))).toBeUndefined();
  });

  it('but not what somebody altered: it is said', async () => {
    await publish(FIRST);
    await writeFile(join(root, 'acme/noarch/n-1-0.conda'), 'altered');
    await publish(SECOND);
    expect(await pooled()).toEqual([sha256Of('a one')]);
    const subject = join(root, 'acme/noarch/n-1-0.conda');
    expect(rt.collected).toContainEqual(
      expect.objectContaining({ finding: expect.objectContaining({ code: 'bytes-not-kept', subject }) }),
    );
  });

  it.each([0, 1])('and nothing where %i generations stay complete', async (keep) => {
    await publish(FIRST, { keep });
    await publish(SECOND, { keep });
    expect(await exists(poolDir(root))).toBe(false);
  });

  it('a label may be called kept; the pool is no label', async () => {
    await publish(FIRST, { label: 'kept' });
    await publish(SECOND, { label: 'kept' });
    expect(await pooled()).toEqual(LEAVE);
    expect(await labelsOfRoot(rt, root)).toEqual(['kept']);
    expect((await prunePool(rt, root, { dryRun: false })).gone).toEqual([]);
  });

  it('of a full disk: the switch goes back, and the next run keeps them', async () => {
    await publish(FIRST);
    const { fs } = faultFs(
      failWhere((call) => call.name === 'link' && String(call.args[1]).includes('/.kept/'), 'ENOSPC'),
    );
    await expect(publish(SECOND, {}, testRuntime({ fs, clock: rt.clock }))).rejects.toMatchObject({
      code: 'E_DISK_FULL',
    });
    expect(await breaches(join(root, 'acme'))).toEqual([]);
    await publish(SECOND);
    await expectKept();
  });
});

describe('D15 what is pruned', () => {
  const version = (n: number): TinySet => ({ 'noarch/n-1-0.conda': `n ${n}` });
  const digests = (...versions: number[]): string[] => versions.map((n) => sha256Of(`n ${n}`)).sort();

  it('bytes that no complete generation needs, never a manifest, an index or a receipt', async () => {
    for (const n of [1, 2, 3, 4, 5]) await publish(version(n));
    const dry = await prunePool(rt, root, { dryRun: true });
    expect(dry.gone.map(({ sha256 }) => sha256).sort()).toEqual(digests(1, 2));
    expect(dry.stays).toEqual({ files: 2, bytes: 6 });
    expect(await pooled()).toEqual(digests(1, 2, 3, 4));
    const { gone } = await prunePool(rt, root, { dryRun: false });
    expect(gone).toEqual(dry.gone);
    expect(rt.reached).toContain('prune:taken');
    expect(await pooled()).toEqual(digests(3, 4));
    expect((await readdir(join(root, '.repackenv/acme/generations'))).sort()).toEqual(['1', '2', '3', '4', '5']);
    expect(await exists(join(root, '.repackenv/acme/generations/1/noarch/repodata.json.zst'))).toBe(true);
  });

  it('not what another label needs, nor what a label needs that has lost its folder', async () => {
    for (const n of [1, 2]) await publish(version(n), { label: 'other', keep: 2 });
    for (const n of [1, 2, 3, 4]) await publish(version(n), { keep: 2 });
    await rm(join(root, 'other'), { recursive: true });
    await prunePool(rt, root, { dryRun: false });
    expect(await pooled()).toEqual(digests(1, 2, 3));
  });

  it.each([
    ['a run shares the pool', 'a run gives to it', async () => (await sharePool(rt, root, sharing())).release],
    [
      'a manifest that counts can’t be read',
      'can’t be read'.replace('’', "'"),
      async () => {
        const file = join(root, '.repackenv/acme/generations/3/manifest.json');
        const bytes = await readFile(file);
        await writeFile(file, '');
        return () => writeFile(file, bytes);
      },
    ],
    [
      'another prune is at work',
      'another run prunes it',
      async () => {
        const { lockLabel } = await import('../../../../src/delivery/lock/lock.js');
        const lock = await lockLabel(rt, { stateDir: poolDir(root), label: 'x', waitMs: 0, command: 'prune' });
        return () => lock.release();
      },
    ],
  ])('nothing while %s', async (_when, why, prepare) => {
    for (const n of [1, 2, 3, 4, 5]) await publish(version(n));
    const undo = await prepare();
    expect(await prunePool(rt, root, { dryRun: false })).toMatchObject({
      gone: [],
      skipped: expect.stringContaining(why),
    });
    expect(await pooled()).toEqual(digests(1, 2, 3, 4));
    await undo();
    expect((await prunePool(rt, root, { dryRun: false })).gone).toHaveLength(2);
  });

  it('a run that was killed while it shared the pool holds nobody up', async () => {
    for (const n of [1, 2, 3, 4, 5]) await publish(version(n));
    const dead = testRuntime({ machine: { pid: 2 ** 22 + 1 } });
    await sharePool(dead, root, sharing());
    await writeFile(join(poolDir(root), 'users', 'torn.json'), '');
    expect((await prunePool(rt, root, { dryRun: false })).skipped).toBeDefined();
    await unlink(join(poolDir(root), 'users', 'torn.json'));
    expect((await prunePool(rt, root, { dryRun: false })).gone).toHaveLength(2);
    expect(await readdir(join(poolDir(root), 'users'))).toEqual([]);
  });

  it('a run that comes while a prune is at work waits for it', async () => {
    for (const n of [1, 2, 3, 4, 5]) await publish(version(n));
    const order: string[] = [];
    let second: Promise<unknown> | undefined;
    const pruning = testRuntime({
      reach: (step) => {
        if (step !== 'prune:taken' || second !== undefined) return;
        second = sharePool(testRuntime({ machine: { randomId: () => 'second' } }), root, sharing()).then(() =>
          order.push('shared'),
        );
      },
    });
    await prunePool(pruning, root, { dryRun: false });
    order.push('pruned');
    await second;
    expect(order).toEqual(['pruned', 'shared']);
  });

  it('after a publication only where a generation that fell out has bytes there', async () => {
    for (const n of [1, 2, 3]) await publish(version(n));
    const place = { root, labelDir: join(root, 'acme'), stateDir: join(root, '.repackenv/acme') };
    await pruneAfter(rt, place, 3);
    expect(await pooled()).toEqual(digests(1, 2));
    await publish(version(4));
    await pruneAfter(rt, place, 3);
    expect(await pooled()).toEqual(digests(2, 3));
    await recordKeep(rt, place.stateDir, 1);
    await pruneAfter(rt, place, 1);
    expect(await pooled()).toEqual([]);
  });
});
