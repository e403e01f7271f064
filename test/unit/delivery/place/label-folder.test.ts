import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RepackError } from '../../../../src/base/errors.js';
import { withLabelFolder } from '../../../../src/delivery/place/label-folder.js';
import type { Runtime } from '../../../../src/runtime/runtime.js';
import { failWhere, faultFs } from '../../../helpers/fault-fs.js';
import { testRuntime } from '../../../helpers/runtime.js';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'repackenv-first-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const options = { label: 'acme', job: 'update', waitLockMs: 0, takeOverLock: false, adopt: false, replace: [] };
const run = (rt: Runtime, work: () => Promise<void>): Promise<void> =>
  withLabelFolder(rt, { ...options, root: join(base, 'a', 'root') }, work);
const fails = async (): Promise<never> => Promise.reject(new RepackError('E_DISK_FULL', { what: 'full' }));

describe('what a first run made', () => {
  it('goes where it fails, and stays where it does not', async () => {
    await expect(run(testRuntime(), fails)).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    expect(await readdir(base)).toEqual([]);
    await run(testRuntime(), async () => undefined);
    expect(await readdir(join(base, 'a/root/.repackenv/acme'))).toEqual(['lock']);
    await expect(run(testRuntime(), fails)).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    expect(await readdir(join(base, 'a/root/.repackenv/acme/lock/2'))).toEqual(['released.json']);
  });

  it('goes where the disk is full at any of its writes', async () => {
    for (let at = 0; ; at += 1) {
      let writes = 0;
      const disk = faultFs(
        failWhere(({ name }) => ['mkdir', 'mkdirp', 'writeNew'].includes(name) && writes++ === at, 'ENOSPC'),
      );
      const failed = await run(testRuntime({ fs: disk.fs }), async () => undefined).then(
        () => false,
        () => true,
      );
      if (!failed) return expect(at).toBeGreaterThan(3);
      expect(await readdir(base), `write ${at}`).toEqual([]);
    }
  });

  it.each(['.repackenv/acme/journal.json', '.repackenv/other', 'acme', 'README'])(
    'stays with %s in it',
    async (name) => {
      const path = join(base, 'a/root', name);
      const work = async (): Promise<never> => {
        await mkdir(join(path, '..'), { recursive: true });
        await writeFile(path, '');
        return fails();
      };
      await expect(run(testRuntime(), work)).rejects.toMatchObject({ code: 'E_DISK_FULL' });
      const left = await readdir(join(base, 'a'), { recursive: true });
      expect(left).toContain(join('root', name));
      expect(left.includes(join('root', '.repackenv', 'acme', 'lock'))).toBe(name.includes('journal'));
    },
  );

  it('stays where another run has taken the lock over', async () => {
    const work = async (): Promise<never> => {
      await mkdir(join(base, 'a/root/.repackenv/acme/lock/7'));
      return fails();
    };
    await expect(run(testRuntime(), work)).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    expect((await readdir(join(base, 'a/root/.repackenv/acme/lock'))).sort()).toEqual(['1', '7']);
  });
});
