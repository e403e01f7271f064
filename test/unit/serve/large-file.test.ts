import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeFileSystem } from '../../../src/runtime/fs.js';
import { parseAnswer, rawRequest, type RawAnswer } from '../../helpers/raw-http.js';
import { startServing, type Serving } from '../../helpers/serving.js';
import { tinyRepodata } from '../../helpers/tiny-channel.js';

/** More than the network between the two ends holds while nobody reads. */
const SIZE = 24 << 20;
const PATH = 'noarch/big-1-0.conda';

const text = 'abcdefghijklmnopqrstuvwxyz 0123456789 '.repeat(SIZE / 32).slice(0, SIZE);
const index = JSON.stringify(tinyRepodata('noarch', { [PATH]: text }));

let dir: string;
let file: string;
let serving: Serving;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-serve-large-'));
  file = join(dir, PATH);
  mkdirSync(join(dir, 'noarch'));
  writeFileSync(file, text);
  writeFileSync(join(dir, 'noarch', 'repodata.json'), index);
  serving = await startServing(dir);
});
afterEach(async () => {
  await serving.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Asks for the file and reads nothing; `rest` reads what there is. */
async function begun(): Promise<{ socket: Socket; rest(): Promise<RawAnswer> }> {
  const socket = connect({ port: serving.port, host: '127.0.0.1' });
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part)).on('error', () => {});
  socket.write(`GET /${PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  return {
    socket,
    rest: () =>
      new Promise((resolve) => {
        socket.on('close', () => resolve(parseAnswer(Buffer.concat(parts).toString('latin1')))).resume();
      }),
  };
}

it('sends a large file whole, and parts of it', async () => {
  const all = readFileSync(file);
  expect((await rawRequest(serving.port, `/${PATH}`)).body.equals(all)).toBe(true);
  for (const [range, from, to] of [
    ['bytes=1048570-3145740', 1_048_570, 3_145_741],
    [`bytes=-70000`, all.length - 70_000, all.length],
    ['bytes=0-0', 0, 1],
  ] as const) {
    const answer = await rawRequest(serving.port, `/${PATH}`, { headers: { Range: range } });
    expect(answer.status).toBe(206);
    expect(answer.body.equals(all.subarray(from, to)), range).toBe(true);
  }
});

it('N4 breaks off where the file is written into while it is sent: no reader takes the mix for the whole', async () => {
  const reading = await begun();
  const handle = openSync(file, 'r+');
  writeSync(handle, 'OTHER BYTES', SIZE - 1000);
  closeSync(handle);
  const { status, headers, body } = await reading.rest();
  expect(status).toBe(200);
  expect(body.length).toBeLessThan(Number(headers['content-length']));
  expect((await rawRequest(serving.port, `/${PATH}`)).status).toBe(503);
});

it('breaks off where the file is cut', async () => {
  const reading = await begun();
  writeFileSync(file, 'short');
  const { headers, body } = await reading.rest();
  expect(body.length).toBeLessThan(Number(headers['content-length']));
});

it.each(['removed', 'replaced'])(
  'sends the file that was asked for to its end though it is %s meanwhile',
  async (what) => {
    const old = readFileSync(file);
    const reading = await begun();
    if (what === 'removed') unlinkSync(file);
    else {
      writeFileSync(`${file}.new`, 'other bytes');
      renameSync(`${file}.new`, file);
    }
    expect((await reading.rest()).body.equals(old)).toBe(true);
    expect((await rawRequest(serving.port, `/${PATH}`)).status).toBe(what === 'removed' ? 404 : 503);
  },
);

it('is not taken in by equal size and time, where it remembers the file', async () => {
  await serving.stop();
  const now = (): number => Date.now() + 10_000;
  const clock = { now, monotonic: () => performance.now(), sleep: async () => {} };
  serving = await startServing(dir, { runtime: { clock: clock as never } });
  const time = new Date('2026-01-01T00:00:00Z');
  utimesSync(file, time, time);
  expect((await rawRequest(serving.port, `/${PATH}`, { method: 'HEAD' })).status).toBe(200);
  const changed = readFileSync(file);
  changed[5]! ^= 1;
  writeFileSync(file, changed);
  utimesSync(file, time, time);
  expect((await rawRequest(serving.port, `/${PATH}`, { method: 'HEAD' })).status).toBe(503);
});

it.each(['EMFILE', 'EIO', 'ESTALE', 'EACCES'])('E4 answers 503 to %s, and 200 when it has passed', async (code) => {
  await serving.stop();
  const state = { broken: true };
  const fs = nodeFileSystem();
  const openNoFollow: typeof fs.openNoFollow = async (path) => {
    if (state.broken && path.endsWith('.conda')) throw Object.assign(new Error(code), { code });
    return fs.openNoFollow(path);
  };
  serving = await startServing(dir, { runtime: { fs: { ...fs, openNoFollow } } });
  expect((await rawRequest(serving.port, `/${PATH}`)).status).toBe(503);
  state.broken = false;
  expect((await rawRequest(serving.port, `/${PATH}`, { method: 'HEAD' })).status).toBe(200);
});

it('reads a file once for many readers who come together', async () => {
  await serving.stop();
  let read = 0;
  const fs = nodeFileSystem();
  const openNoFollow: typeof fs.openNoFollow = async (path) => {
    const handle = await fs.openNoFollow(path);
    const original = handle.read.bind(handle) as (...args: unknown[]) => Promise<{ bytesRead: number }>;
    Object.assign(handle, {
      read: async (...args: unknown[]) => {
        const result = await original(...args);
        if (path.endsWith('.conda')) read += result.bytesRead;
        return result;
      },
    });
    return handle;
  };
  serving = await startServing(dir, { runtime: { fs: { ...fs, openNoFollow } } });
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => rawRequest(serving.port, `/${PATH}`, { method: 'HEAD' })),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
  expect(read).toBeLessThan(2 * SIZE);
});
