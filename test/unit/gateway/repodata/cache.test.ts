import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import { openRepodataCache, type CachedRepodata } from '../../../../src/gateway/repodata/cache.js';
import { Secret } from '../../../../src/base/secret.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { testRuntime } from '../../../helpers/runtime.js';

let dir: string;
const rt = testRuntime();
const URL = 'https://conda.anaconda.org/prometeia/noarch';
const entry = (text: string): CachedRepodata => ({
  bytes: Buffer.from(text),
  file: 'repodata.json.zst',
  etag: '"1"',
  lastModified: undefined,
});
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'repackenv-cache-')), 'repodata');
});
afterEach(() => rmSync(join(dir, '..'), { recursive: true, force: true }));

const names = (end: string): string[] => readdirSync(dir).filter((name) => name.endsWith(end));

describe('the repodata cache', () => {
  it('gives back what was written, by identity URL', async () => {
    const cache = await openRepodataCache(rt, dir, []);
    await cache.write(URL, entry('{}'));
    const { bytes, ...rest } = (await cache.read(URL))!;
    expect([Buffer.from(bytes).toString(), rest]).toEqual([
      '{}',
      { file: 'repodata.json.zst', etag: '"1"', lastModified: undefined, sha256: sha256Of(Buffer.from('{}')) },
    ]);
    expect(await cache.read(`${URL}2`)).toBeUndefined();
    if (process.platform !== 'win32')
      expect(
        [dir, ...readdirSync(dir).map((name) => join(dir, name))].map((path) => statSync(path).mode & 0o077),
      ).toEqual([0, 0, 0]);
  });

  it.each<[string, () => void]>([
    [
      'a damaged body',
      () =>
        writeFileSync(
          join(
            dir,
            names('.json').find((name) => !name.includes('entry'))!,
          ),
          '{"x":1}',
        ),
    ],
    [
      'no body',
      () =>
        rmSync(
          join(
            dir,
            names('.json').find((name) => !name.includes('entry'))!,
          ),
        ),
    ],
    ['a damaged entry', () => writeFileSync(join(dir, names('.entry.json')[0]!), '{"schema":1,')],
    [
      'an entry of a later version',
      () =>
        writeFileSync(
          join(dir, names('.entry.json')[0]!),
          readFileSync(join(dir, names('.entry.json')[0]!), 'utf8').replace('"schema":1', '"schema":2'),
        ),
    ],
    [
      'an entry that leads elsewhere',
      () =>
        writeFileSync(
          join(dir, names('.entry.json')[0]!),
          readFileSync(join(dir, names('.entry.json')[0]!), 'utf8').replace(
            /"sha256":"[0-9a-f]+"/,
            '"sha256":"../../x"',
          ),
        ),
    ],
  ])('%s counts as not there', async (_name, spoil) => {
    const cache = await openRepodataCache(rt, dir, []);
    await cache.write(URL, entry('{}'));
    spoil();
    expect(await cache.read(URL)).toBeUndefined();
  });

  it('keeps one body a URL', async () => {
    const cache = await openRepodataCache(rt, dir, []);
    await cache.write(URL, entry('{"a":1}'));
    await cache.write(URL, entry('{"b":1}'));
    expect(readdirSync(dir)).toHaveLength(2);
    expect(Buffer.from((await cache.read(URL))!.bytes).toString()).toBe('{"b":1}');
  });

  it.each([
    ['in the body', { ...entry('{"x":"to+ken"}') }],
    ['percent-encoded in the body', { ...entry('{"x":"to%2Bken"}') }],
    ['in the ETag', { ...entry('{}'), etag: '"to+ken"' }],
  ])('J8 is not written with the token %s', async (_name, held) => {
    const cache = await openRepodataCache(rt, dir, [new Secret('to+ken')]);
    await cache.write(URL, held);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('sweeps what a killed run left half written, when it is old', async () => {
    await openRepodataCache(rt, dir, []);
    for (const name of ['old.part', 'new.part']) writeFileSync(join(dir, name), 'x');
    const now = rt.clock.now() / 1000;
    utimesSync(join(dir, 'old.part'), now - 7 * 3600, now - 7 * 3600);
    utimesSync(join(dir, 'new.part'), now - 60, now - 60);
    await openRepodataCache(rt, dir, []);
    expect(readdirSync(dir)).toEqual(['new.part']);
  });

  it('a disk that refuses costs time, not the run', async () => {
    const full = testRuntime({
      fs: {
        ...nodeFileSystem(),
        writeFile: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
      },
    });
    const cache = await openRepodataCache(full, dir, []);
    await cache.write(URL, entry('{}'));
    expect(await cache.read(URL)).toBeUndefined();
    expect(full.collected).toContainEqual(
      expect.objectContaining({ type: 'debug', message: expect.stringContaining('full') }),
    );
    expect(readdirSync(dir)).toEqual([]);
  });
});
