import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../../src/runtime/fs.js';

const fs = nodeFileSystem();
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-fs-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

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
