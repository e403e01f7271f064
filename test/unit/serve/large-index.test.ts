import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { nodeFileSystem } from '../../../src/runtime/fs.js';
import { rawRequest } from '../../helpers/raw-http.js';
import { startServing } from '../../helpers/serving.js';
import { tinyRepodata } from '../../helpers/tiny-channel.js';

it('reads an index once for many readers who come together, as a client does for its packages, and anew when it changed', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'repackenv-serve-index-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, 'noarch'));
  const paths = Array.from({ length: 2000 }, (_, n) => `noarch/p${n}-1-0.conda`);
  const index = join(dir, 'noarch', 'repodata.json');
  writeFileSync(index, JSON.stringify(tinyRepodata('noarch', Object.fromEntries(paths.map((path) => [path, path])))));
  for (const path of paths.slice(0, 20)) writeFileSync(join(dir, path), path);
  let [read, opened] = [0, 0];
  const fs = nodeFileSystem();
  const openNoFollow: typeof fs.openNoFollow = async (path) => {
    const handle = await fs.openNoFollow(path);
    if (path === index) opened += 1;
    const original = handle.read.bind(handle) as (...args: unknown[]) => Promise<{ bytesRead: number }>;
    Object.assign(handle, {
      read: async (...args: unknown[]) => {
        const result = await original(...args);
        if (path === index) read += result.bytesRead;
        return result;
      },
    });
    return handle;
  };
  // Written long ago: of a file that is seconds old nothing is remembered.
  const clock = { now: () => Date.now() + 60_000, monotonic: () => performance.now(), sleep: async () => {} };
  const serving = await startServing(dir, { runtime: { fs: { ...fs, openNoFollow }, clock: clock as never } });
  onTestFinished(async () => void (await serving.stop()));
  const answers = await Promise.all(paths.slice(0, 20).map((path) => rawRequest(serving.port, `/${path}`)));
  expect(answers.map(({ status, body }) => `${status} ${body.toString()}`)).toEqual(
    paths.slice(0, 20).map((path) => `200 ${path}`),
  );
  // Once for its digest, once for what it says.
  expect(read / statSync(index).size).toBe(2);

  const before = opened;
  expect((await rawRequest(serving.port, `/${paths[0]}`)).status).toBe(200);
  expect(opened, 'while it is the same it is not even opened').toBe(before);

  // In place, with the same size and the time set back: the change time tells.
  const { atime, mtime } = statSync(index);
  writeFileSync(index, readFileSync(index, 'utf8').replaceAll('p0-1-0.conda', 'q0-1-0.conda'));
  utimesSync(index, atime, mtime);
  expect((await rawRequest(serving.port, `/${paths[0]}`)).status).toBe(404);
  expect((await rawRequest(serving.port, `/${paths[1]}`)).status).toBe(200);
});
