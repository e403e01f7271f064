import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../../src/runtime/fs.js';
import { faultFs } from '../../helpers/fault-fs.js';

const fs = nodeFileSystem();
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-fs-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe.runIf(process.platform === 'linux')('E1 an error of a full device says which file it is', () => {
  const full = '/dev/full';
  const bytes = Buffer.from('x');
  const opened = async (work: (handle: FileHandle) => Promise<void>): Promise<void> => {
    const handle = await fs.open(full, 'r+');
    await work(handle).finally(() => handle.close());
  };
  it.each<[string, () => Promise<unknown>]>([
    ['writeFile', () => fs.writeFile(full, bytes)],
    ['handle.write', () => opened((handle) => fs.writeAll(handle, bytes))],
    ['handle.appendFile', () => opened((handle) => handle.appendFile(bytes))],
  ])('%s', (_call, work) => expect(work()).rejects.toMatchObject({ code: 'ENOSPC', path: full }));
});

describe('mkdirp', () => {
  it('makes what is missing on the way, with the mode, and takes what is there', async () => {
    const path = join(dir, 'a/b/c');
    await fs.mkdirp(path, 0o700);
    await fs.mkdirp(path);
    await fs.mkdirp(dir);
    await fs.mkdirp('/');
    for (const each of ['a', 'a/b', 'a/b/c']) expect(statSync(join(dir, each)).mode & 0o777).toBe(0o700);
  });

  it('does not mind others that make the same folders at the same time', async () => {
    const folders = Array.from({ length: 40 }, (_, i) => join(dir, 'x/y/z', String(i % 4), 'end'));
    await Promise.all(folders.map((folder) => fs.mkdirp(folder)));
    for (const folder of folders) expect(statSync(folder).isDirectory()).toBe(true);
  });

  it('E4 fails where a file is in the way', async () => {
    writeFileSync(join(dir, 'file'), '');
    await expect(fs.mkdirp(join(dir, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(fs.mkdirp(join(dir, 'file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it.runIf(process.platform === 'linux')(
    'A14 ends where a folder takes no other and says that it is not there (as the root of an automounter does)',
    async () => {
      await expect(fs.mkdirp('/proc/repackenv')).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(fs.mkdirp('/proc/repackenv/below')).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );
});

describe('writeWhole', () => {
  const name = (): string => join(dir, 'file');

  it('puts the bytes, synced, in place of what was there', async () => {
    writeFileSync(name(), 'old');
    const { fs, calls } = faultFs(() => undefined);
    await fs.writeWhole(name(), 'new');
    expect(readFileSync(name(), 'utf8')).toBe('new');
    expect(calls.map((call) => call.name)).toEqual(['writeFile', 'syncFile', 'rename']);
    expect(readdirSync(dir)).toEqual(['file']);
  });

  it('takes another name for the time being, no sync, and a mode that no umask changes', async () => {
    const { fs, calls } = faultFs(() => undefined);
    await fs.writeWhole(name(), 'x', { aside: join(dir, 'part'), mode: 0o777, exactMode: true, durable: false });
    expect(calls.map(({ name, args }) => [name, args[0]])).toEqual([
      ['writeFile', join(dir, 'part')],
      ['chmod', join(dir, 'part')],
      ['rename', join(dir, 'part')],
    ]);
    expect(statSync(name()).mode & 0o777).toBe(0o777);
  });

  it.each(['writeFile', 'chmod', 'syncFile', 'rename'])(
    'E1 leaves the old bytes and nothing beside them where %s fails',
    async (step) => {
      writeFileSync(name(), 'old');
      const { fs } = faultFs((call) => (call.name === step ? 'ENOSPC' : undefined));
      await expect(fs.writeWhole(name(), 'new', { exactMode: true })).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(readFileSync(name(), 'utf8')).toBe('old');
      expect(readdirSync(dir)).toEqual(['file']);
    },
  );
});

it('writeAll goes on where the disk took a part, from the position that it was given', async () => {
  const written: [string, number | null][] = [];
  const handle = {
    write: async (bytes: Uint8Array, from: number, length: number, at: number | null) => {
      const bytesWritten = Math.min(length, 3);
      written.push([Buffer.from(bytes.subarray(from, from + bytesWritten)).toString(), at]);
      return { bytesWritten, buffer: bytes };
    },
  } as unknown as FileHandle;
  await fs.writeAll(handle, Buffer.from('abcdefgh'));
  await fs.writeAll(handle, Buffer.from('ijkl'), 8);
  expect(written.map(([text]) => text)).toEqual(['abc', 'def', 'gh', 'ijk', 'l']);
  expect(written.map(([, at]) => at)).toEqual([null, null, null, 8, 11]);
});

it('settle gives the mode and the time of a file of a channel, and syncs it', async () => {
  const path = join(dir, 'file');
  writeFileSync(path, 'x', { mode: 0o600 });
  const { fs, calls } = faultFs(() => undefined);
  await fs.settle(path, 1_700_000_000_000);
  expect(statSync(path)).toMatchObject({ mtimeMs: 1_700_000_000_000 });
  expect(statSync(path).mode & 0o777).toBe(0o644);
  expect(calls.map((call) => call.name)).toEqual(['chmod', 'utimes', 'syncFile']);
});
