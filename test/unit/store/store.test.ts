import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../src/store/store.js';
import { digestsOf } from '../../../src/codec/digests.js';
import type { ArtifactStore, ExpectedDigest } from '../../../src/conda/plan/artifact-store.js';
import { tempDir } from '../../helpers/artifacts.js';
import { fakeClock, testRuntime } from '../../helpers/runtime.js';

const BYTES = Buffer.from('the bytes of an artifact'.repeat(1000));
const DIGESTS = digestsOf(BYTES);

describe('openStore', () => {
  it('keeps a written file by its sha256, read-only, in a folder for its owner alone', async () => {
    const dir = join(tempDir(), 'cache', 'store');
    const store = await openStore(testRuntime(), dir);
    const file = await put(store, BYTES, DIGESTS);
    expect(file).toEqual({ path: join(dir, 'sha256', DIGESTS.sha256.slice(0, 2), DIGESTS.sha256), ...DIGESTS });
    expect(readFileSync(file.path)).toEqual(BYTES);
    expect(statSync(file.path).mode & 0o777).toBe(0o444);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
  });

  it('closes a folder that others could look into', async () => {
    const dir = tempDir();
    chmodSync(dir, 0o755);
    await openStore(testRuntime(), dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
  });

  const lookups: [string, ExpectedDigest, boolean][] = [
    ['sha256', { sha256: DIGESTS.sha256 }, true],
    ['md5', { md5: DIGESTS.md5 }, true],
    ['all three', DIGESTS, true],
    ['another sha256', { sha256: '0'.repeat(64) }, false],
    ['another md5', { md5: '0'.repeat(32) }, false],
    ['the right sha256 and a wrong md5', { sha256: DIGESTS.sha256, md5: '0'.repeat(32) }, false],
    ['the right md5 and a wrong size', { md5: DIGESTS.md5, size: 3 }, false],
    ['a path for a digest', { sha256: '../../../etc/passwd' }, false],
    ['nothing', {}, false],
  ];
  it.each(lookups)('finds by %s', async (_, expected, there) => {
    const dir = tempDir();
    await put(await openStore(testRuntime(), dir), BYTES, DIGESTS);
    const later = await openStore(testRuntime(), dir);
    expect((await later.find(expected)) !== undefined).toBe(there);
  });

  it('C2 C3 refuses bytes that are not the stated ones and leaves nothing', async () => {
    const dir = tempDir();
    const store = await openStore(testRuntime(), dir);
    for (const wrong of [{ sha256: '0'.repeat(64) }, { ...DIGESTS, md5: '0'.repeat(32) }, { size: 1 }]) {
      await expect(put(store, BYTES, wrong)).rejects.toMatchObject({ code: 'E_ARTIFACT_DIGEST', exitCode: 4 });
    }
    expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
    expect(await store.find({ sha256: DIGESTS.sha256 })).toBeUndefined();
  });

  it('removes a file that was damaged since, and takes it in again', async () => {
    const dir = tempDir();
    const { path } = await put(await openStore(testRuntime(), dir), BYTES, DIGESTS);
    chmodSync(path, 0o644);
    writeFileSync(path, Buffer.from(BYTES).fill(1, 7, 8));
    const rt = testRuntime();
    const store = await openStore(rt, dir);
    expect(await store.find({ sha256: DIGESTS.sha256 })).toBeUndefined();
    expect(await store.find({ md5: DIGESTS.md5 })).toBeUndefined();
    expect(rt.collected).toContainEqual(expect.objectContaining({ type: 'warning' }));
    await put(store, BYTES, DIGESTS);
    expect(await store.find({ sha256: DIGESTS.sha256 })).toMatchObject(DIGESTS);
  });

  it('does not follow a link that someone put into it', async () => {
    const dir = tempDir();
    const store = await openStore(testRuntime(), dir);
    const elsewhere = join(tempDir(), 'elsewhere');
    writeFileSync(elsewhere, BYTES);
    mkdirSync(join(dir, 'sha256', DIGESTS.sha256.slice(0, 2)), { recursive: true });
    symlinkSync(elsewhere, join(dir, 'sha256', DIGESTS.sha256.slice(0, 2), DIGESTS.sha256));
    expect(await store.find({ sha256: DIGESTS.sha256 })).toBeUndefined();
    expect(readFileSync(elsewhere)).toEqual(BYTES);
  });

  it('starts again at 0 when a transfer does', async () => {
    const store = await openStore(testRuntime(), tempDir());
    const writer = await store.writer();
    await writer.write(Buffer.from('half of something else'));
    await writer.restart();
    expect(writer.size).toBe(0);
    await writer.write(BYTES);
    const file = await writer.finish(DIGESTS, 'a.conda');
    expect(readFileSync(file.path)).toEqual(BYTES);
  });

  it('lets two runs write the same bytes at once', async () => {
    const dir = tempDir();
    const machines = ['one', 'two'].map((id) => testRuntime({ machine: { randomId: () => id } }));
    const stores = await Promise.all(machines.map((rt) => openStore(rt, dir)));
    const files = await Promise.all([...stores, ...stores].map((store) => put(store, BYTES, DIGESTS)));
    expect(new Set(files.map(({ path }) => path)).size).toBe(1);
    expect(readFileSync(files[0]!.path)).toEqual(BYTES);
    expect(readdirSync(join(dir, 'tmp'))).toEqual([]);
  });

  it('I7 sweeps what a dead run left, and not what a living one writes', async () => {
    const dir = tempDir();
    const clock = fakeClock();
    const store = await openStore(testRuntime({ clock }), dir);
    const living = await store.writer();
    for (const name of ['1-dead-1.part', 'not-ours.txt']) writeFileSync(join(dir, 'tmp', name), 'x');
    const [seconds, old] = [clock.now() / 1000, clock.now() / 1000 - 7 * 3600];
    for (const name of readdirSync(join(dir, 'tmp'))) utimesSync(join(dir, 'tmp', name), seconds, seconds);
    for (const name of ['1-dead-1.part', 'not-ours.txt']) utimesSync(join(dir, 'tmp', name), old, old);
    await openStore(testRuntime({ clock, machine: { randomId: () => 'other' } }), dir);
    expect(readdirSync(join(dir, 'tmp'))).toHaveLength(2);
    expect(readdirSync(join(dir, 'tmp'))).not.toContain('1-dead-1.part');
    await living.write(BYTES);
    expect(await living.finish(DIGESTS, 'a.conda')).toMatchObject(DIGESTS);
  });
});

async function put(store: ArtifactStore, bytes: Uint8Array, expected: ExpectedDigest) {
  const writer = await store.writer();
  await writer.write(bytes.subarray(0, 10));
  await writer.write(bytes.subarray(10));
  return writer.finish(expected, 'sample-1.0-0.conda');
}
