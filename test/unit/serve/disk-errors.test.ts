import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeFileSystem } from '../../../src/runtime/fs.js';
import { rawRequest } from '../../helpers/raw-http.js';
import { testRuntime } from '../../helpers/runtime.js';
import { startServing, type Serving } from '../../helpers/serving.js';
import { publishTiny, type TinySet } from '../../helpers/tiny-channel.js';

const SET: TinySet = { 'linux-64/a-1-0.conda': 'the package a', 'noarch/b-2-0.tar.bz2': 'the package b' };
const INDEX = 'acme/noarch/repodata.json';

let root: string;
let acme: string;
let serving: Serving;
const disk = { code: '' };
let now: number;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'repackenv-serve-disk-'));
  ({ labelDir: acme } = await publishTiny(testRuntime(), { root, packages: SET }));
  Object.assign(disk, { code: '' });
  now = 0;
});
afterEach(async () => {
  await serving.stop();
  rmSync(root, { recursive: true, force: true });
});

/** With a disk that fails with `disk.code` where it lists folders or looks at a file, and a clock of its own. */
async function serve(folder: string): Promise<void> {
  const fs = nodeFileSystem();
  const failing = <A extends unknown[], R>(work: (...args: A) => Promise<R>): ((...args: A) => Promise<R>) => {
    return async (...args) => {
      if (disk.code === '') return work(...args);
      throw Object.assign(new Error(disk.code), { code: disk.code });
    };
  };
  const lstatNow: typeof fs.lstatNow = (path) => {
    if (disk.code === '') return fs.lstatNow(path);
    throw Object.assign(new Error(disk.code), { code: disk.code });
  };
  const looks = { lstat: failing(fs.lstat), lstatExact: failing(fs.lstatExact), lstatNow };
  const broken = { ...fs, ...looks, readdir: failing(fs.readdir), readText: failing(fs.readText) };
  const clock = { now: () => Date.now(), monotonic: () => now, sleep: async (ms: number) => void (now += ms) };
  serving = await startServing(folder, { runtime: { fs: broken, clock: clock as never } });
}

/** After the list of channels has become old. */
async function statusLater(path: string): Promise<number> {
  now += 2001;
  return (await rawRequest(serving.port, `/${path}`)).status;
}

describe.each(['EMFILE', 'EIO', 'ESTALE', 'EACCES'])('E4 a disk that says %s for a while', (code) => {
  it('hides no label of a ROOT: conda takes 404 for a channel without packages', async () => {
    await serve(root);
    disk.code = code;
    expect([503, 200]).toContain(await statusLater(INDEX));
    expect([503, 200]).toContain(await statusLater(INDEX));
    disk.code = '';
    expect(await statusLater(INDEX)).toBe(200);
  });

  it('hides no subdir of a channel without our manifest', async () => {
    rmSync(join(acme, 'manifest.json'));
    await serve(acme);
    expect(await statusLater(INDEX)).toBe(200);
    disk.code = code;
    expect([503, 200]).toContain(await statusLater(INDEX));
    expect(await statusLater('acme/noarch/b-2-0.tar.bz2')).toBe(503);
    disk.code = '';
    expect(await statusLater(INDEX)).toBe(200);
    expect(await statusLater('acme/noarch/b-2-0.tar.bz2')).toBe(200);
  });
});

it('serves a label no more when its folder has gone', async () => {
  await serve(root);
  expect(await statusLater(INDEX)).toBe(200);
  rmSync(acme, { recursive: true });
  expect(await statusLater(INDEX)).toBe(404);
});
