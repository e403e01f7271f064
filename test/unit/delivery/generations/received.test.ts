import {
  existsSync,
  mkdtempSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noteReceived, readReceived, sitesOf, type Received } from '../../../../src/delivery/generations/received.js';
import { lockLabel } from '../../../../src/delivery/lock/lock.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { failWhere, faultFs } from '../../../helpers/fault-fs.js';
import { fakeClock, testRuntime } from '../../../helpers/runtime.js';

describe('what sites told', () => {
  let stateDir: string;
  const place = () => ({ label: 'acme', stateDir });
  const told = (site: string, generation = 1): Received => ({
    site,
    generation,
    manifestSha256: 'ab'.repeat(32),
    at: '2026-11-29T00:00:00.000Z',
    from: 'manifest.json',
  });
  const file = (): string => join(stateDir, 'received.json');
  const sites = async (): Promise<string[]> =>
    (await sitesOf(testRuntime(), stateDir)).map(({ site, generation }) => `${site} ${generation}`);
  beforeEach(() => {
    stateDir = join(realpathSync(mkdtempSync(join(tmpdir(), 'repackenv-received-'))), 'acme');
    mkdirSync(stateDir);
  });
  afterEach(() => rmSync(join(stateDir, '..'), { recursive: true, force: true }));

  it('counts by what each told last, and all of it stays', async () => {
    expect(await sites()).toEqual([]);
    for (const each of [told('izmir', 3), told('ankara', 1), told('izmir', 2)])
      await noteReceived(testRuntime(), place(), each);
    expect(await sites()).toEqual(['ankara 1', 'izmir 2']);
    expect((await readReceived(testRuntime(), stateDir)).map(({ generation }) => generation)).toEqual([3, 1, 2]);
  });

  it('of two that are noted at once loses none', async () => {
    const names = Array.from({ length: 8 }, (_each, at) => `site${at}`);
    // Who waits here must let the others work.
    const sleep = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5));
    await Promise.all(
      names.map((name) => {
        const clock = { ...fakeClock(), sleep };
        return noteReceived(testRuntime({ clock, machine: { randomId: () => `id-${name}` } }), place(), told(name));
      }),
    );
    expect(await sites()).toEqual(names.map((name) => `${name} 1`));
  });

  it('is the old or the new where a note breaks off, and the next one goes on', async () => {
    await noteReceived(testRuntime(), place(), told('ankara'));
    const fs = nodeFileSystem();
    const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    const failing = {
      ...fs,
      writeFile: async (path: string, bytes: string | Uint8Array, mode?: number) => {
        if (path.includes('received.json')) throw full;
        return fs.writeFile(path, bytes, mode);
      },
    };
    await expect(noteReceived(testRuntime({ fs: failing }), place(), told('izmir'))).rejects.toMatchObject({
      code: 'E_DISK_FULL',
    });
    expect(await sites()).toEqual(['ankara 1']);
    const dying = testRuntime({
      reach: (step) => {
        if (step === 'received:noted') throw new Error('killed');
      },
    });
    await expect(noteReceived(dying, place(), told('izmir'))).rejects.toThrow('killed');
    expect(await sites()).toEqual(['ankara 1', 'izmir 1']);
    await noteReceived(testRuntime(), place(), told('bursa'));
    expect(await sites()).toEqual(['ankara 1', 'bursa 1', 'izmir 1']);
    expect(readdirSync(stateDir).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  it('is noted while a run is at work on the label, and waits for another note, half a minute at most', async () => {
    const run = await lockLabel(testRuntime(), { stateDir, label: 'acme', waitMs: 0, command: 'update' });
    await noteReceived(testRuntime(), place(), told('ankara'));
    await run.release();
    const folder = join(stateDir, 'received');
    const other = await lockLabel(testRuntime(), { stateDir: folder, label: 'acme', waitMs: 0, command: 'received' });
    const rt = testRuntime();
    await expect(noteReceived(rt, place(), told('izmir'))).rejects.toMatchObject({ code: 'E_LOCKED' });
    expect(rt.clock.monotonic()).toBe(30_000);
    await other.release();
    expect(await sites()).toEqual(['ankara 1']);
  });

  it('by a disk that fails is not taken for nothing, and is not written over', async () => {
    await noteReceived(testRuntime(), place(), told('ankara'));
    const broken = faultFs(failWhere(({ name, args }) => name === 'readText' && args[0] === file(), 'EIO')).fs;
    await expect(readReceived(testRuntime({ fs: broken }), stateDir)).rejects.toMatchObject({ code: 'EIO' });
    await expect(noteReceived(testRuntime({ fs: broken }), place(), told('izmir'))).rejects.toMatchObject({
      code: 'E_DISK',
      what: expect.stringContaining('note what the site has') as string,
    });
    expect(await sites()).toEqual(['ankara 1']);
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ schema: 1, received: [told('ankara')] });
  });

  it.each(['site', 'generation', 'manifestSha256', 'at', 'from'] as const)(
    'that lacks its %s, or says it in another way, is damaged',
    async (key) => {
      for (const value of [undefined, null, ['x'], key === 'generation' ? '1' : 1]) {
        const received = [told('ankara'), { ...told('izmir'), [key]: value }];
        writeFileSync(file(), JSON.stringify({ schema: 1, received }));
        await expect(sites()).rejects.toMatchObject({ code: 'E_GENERATION' });
      }
      for (const other of ['izmir', null]) {
        writeFileSync(file(), JSON.stringify({ schema: 1, received: [told('ankara'), other] }));
        await expect(sites()).rejects.toMatchObject({ code: 'E_GENERATION', where: file() });
      }
    },
  );

  it.each(['', '{', '[]', '{"schema":1}', '{"schema":1,"received":[{"site":"x"}]}', '\0\0\0'])(
    'refuses damaged notes (%j), and does not write over them',
    async (text) => {
      writeFileSync(join(stateDir, 'received.json'), text);
      for (const work of [sites(), noteReceived(testRuntime(), place(), told('ankara'))])
        await expect(work).rejects.toMatchObject({ code: 'E_GENERATION', where: join(stateDir, 'received.json') });
      expect(existsSync(join(stateDir, 'received.json.new'))).toBe(false);
    },
  );
});
