import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { storeWithLive } from '../../../src/commands/known-bytes.js';
import type { LiveFolder } from '../../../src/model/staged.js';
import type { ArtifactStore, ExpectedDigest, StoredFile } from '../../../src/model/store.js';

const SHA256 = 'a'.repeat(64);
const MD5 = 'b'.repeat(32);
const DIR = join('/srv', 'repos', 'halkbank');
const FILE = { size: 12, sha256: SHA256, md5: MD5, mtimeMs: 0 };
const IN_STORE: StoredFile = { path: '/store/file', size: 12, sha256: SHA256, md5: MD5 };

describe('storeWithLive', () => {
  it.each<[string, ExpectedDigest, string]>([
    ['by sha256', { sha256: SHA256 }, join(DIR, 'noarch', 'a-1-0.conda')],
    ['with md5 and size', { sha256: SHA256, md5: MD5, size: 12 }, join(DIR, 'noarch', 'a-1-0.conda')],
    ['not with another md5', { sha256: SHA256, md5: 'c'.repeat(32) }, IN_STORE.path],
    ['not with another size', { sha256: SHA256, size: 13 }, IN_STORE.path],
    ['not by md5 alone', { md5: MD5 }, IN_STORE.path],
    ['not what it does not have', { sha256: 'd'.repeat(64) }, IN_STORE.path],
  ])('gives what the label folder has: %s', async (_case, expected, path) => {
    const { store, asked } = countingStore();
    const found = await storeWithLive(store, live({ 'noarch/a-1-0.conda': FILE })).find(expected);
    expect(found).toEqual({ path, size: 12, sha256: SHA256, md5: MD5 });
    expect(asked).toEqual(path === IN_STORE.path ? [expected] : []);
  });

  it('passes over what lies at the root of the folder', async () => {
    const { store, asked } = countingStore();
    await storeWithLive(store, live({ 'manifest.json': FILE })).find({ sha256: SHA256 });
    expect(asked).toHaveLength(1);
  });
});

function live(files: Record<string, typeof FILE>): LiveFolder {
  return {
    dir: DIR,
    state: 'ours',
    manifest: undefined,
    manifestSha256: undefined,
    files: new Map(Object.entries(files)),
    strangers: [],
  };
}

function countingStore(): { store: ArtifactStore; asked: ExpectedDigest[] } {
  const asked: ExpectedDigest[] = [];
  const store: ArtifactStore = {
    find: async (expected) => {
      asked.push(expected);
      return IN_STORE;
    },
    writer: async () => Promise.reject(new Error('nothing is written here')),
  };
  return { store, asked };
}
