import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { digestsOf } from '../../../../src/codec/digests.js';
import { shareBytes } from '../../../../src/delivery/stage/share-bytes.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { mountDisk, type DiskKind } from '../../../helpers/disks.js';
import { testRuntime } from '../../../helpers/runtime.js';

const PATH = 'noarch/six-1.16.0-py_0.conda';
const BYTES = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 2_654_435_761) >>> 24));
const { size, sha256 } = digestsOf(BYTES);
const OTHER = Buffer.from(BYTES).fill(7, 40, 60);
const MTIME = 1_700_000_000_000;

/** A disk that clones, as far as its names go. */
function cloning(cloned: string[]) {
  const cloneNew = async (from: string, to: string): Promise<void> => {
    cloned.push(from);
    copyFileSync(from, to);
  };
  return testRuntime({ fs: { ...nodeFileSystem(), cloneNew } });
}

function setUp(root = join(tempDir(), 'root')) {
  const dir = join(root, '.repackenv', 'isbank', 'staging');
  const target = join(dir, PATH);
  mkdirSync(dirname(target), { recursive: true });
  const lay = (path: string, bytes: Buffer): string => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes, { mode: 0o444 });
    return path;
  };
  const storePath = lay(join(root, '..', 'store', sha256), BYTES);
  return { root, dir, target, lay, source: { path: PATH, storePath, size, sha256 } };
}

describe('bytes that staged files share', () => {
  it.each([
    ['another label’s file', BYTES, 'twin'],
    ['the store’s, where the other label’s is damaged', OTHER, 'store'],
    ['the store’s, where the other label’s is cut', BYTES.subarray(0, 1000), 'store'],
  ])('are those of %s', async (_what, laid, from) => {
    const { root, dir, target, lay, source } = setUp();
    const twin = lay(join(root, 'halkbank', PATH), laid);
    const cloned: string[] = [];
    expect(await shareBytes(cloning(cloned), { root, dir })(source, { path: target, mtimeMs: MTIME })).toBe(true);
    expect(cloned.at(-1)).toBe(from === 'twin' ? twin : source.storePath);
    expect(readFileSync(target).equals(BYTES)).toBe(true);
    expect(statSync(target)).toMatchObject({ mtimeMs: MTIME, nlink: 1 });
    expect(statSync(target).mode & 0o777).toBe(0o644);
    expect(readFileSync(twin).equals(laid)).toBe(true);
    expect(readdirSync(dir)).toEqual(['noarch']);
  });

  it('are none where all that is there is damaged, or the file system can’t: nothing is left behind', async () => {
    const { root, dir, target, source } = setUp();
    writeFileSync(join(root, '..', 'other'), OTHER);
    const damaged = { ...source, storePath: join(root, '..', 'other') };
    expect(await shareBytes(cloning([]), { root, dir })(damaged, { path: target, mtimeMs: MTIME })).toBe(false);
    const cloneNew = async (): Promise<void> => Promise.reject(new Error('ENOTSUP'));
    const rt = testRuntime({ fs: { ...nodeFileSystem(), cloneNew } });
    expect(await shareBytes(rt, { root, dir })(source, { path: target, mtimeMs: MTIME })).toBe(false);
    expect(existsSync(target)).toBe(false);
    expect(readdirSync(dir)).toEqual(['noarch']);
  });

  it.each<DiskKind>(['xfs', 'btrfs'])('cost nothing on %s, and each file is one of its own', (kind) => onDisk(kind));
});

async function onDisk(kind: DiskKind): Promise<void> {
  const work = mkdtempSync(join(tempDir(), 'disk-'));
  const disk = mountDisk(kind, work);
  if (disk === undefined) return;
  onTestFinished(() => {
    disk.unmount();
    rmSync(work, { recursive: true });
  });
  const { root, dir, target, lay, source } = setUp(join(disk.dir, 'root'));
  const twin = lay(join(root, 'halkbank', PATH), BYTES);
  const before = disk.used();
  expect(await shareBytes(testRuntime(), { root, dir })(source, { path: target, mtimeMs: MTIME })).toBe(true);
  expect(disk.used() - before).toBeLessThan(size / 10);
  expect(statSync(target).ino).not.toBe(statSync(twin).ino);
  expect(readFileSync(target).equals(BYTES)).toBe(true);
}
