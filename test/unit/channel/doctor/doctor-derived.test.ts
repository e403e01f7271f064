import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from '@msgpack/msgpack';
import { afterAll, describe, expect, it } from 'vitest';
import { makeChannel, makePackage } from '../../../../scripts/lib/sample-upstream.js';
import type { SamplePackage } from '../../../../scripts/lib/sample-upstream.js';
import { zstdCompress } from '../../../../src/codec/zstd.js';
import { callDoctor } from '../../../helpers/doctor-call.js';
import { tempDir } from '../../delivery/proof/staged.js';

const temp = tempDir();
let count = 0;
afterAll(() => temp.remove());

/** Sharded repodata of one subdir, as conda-index (beside the packages) or rattler-index (in `shards/`) lay it out. */
async function writeShards(folder: string, packages: readonly SamplePackage[], base: '' | './shards/'): Promise<void> {
  mkdirSync(join(folder, base), { recursive: true });
  const shards: Record<string, Uint8Array> = {};
  for (const each of packages) {
    const { sha256, md5, ...record } = each.record;
    const digests = { sha256: Buffer.from(sha256!, 'hex'), md5: Buffer.from(md5!, 'hex') };
    const shard = { packages: {}, 'packages.conda': { [each.distFilename]: { ...record, ...digests } }, removed: [] };
    const bytes = await zstdCompress(encode(shard, { ignoreUndefined: true }));
    const digest = createHash('sha256').update(bytes).digest();
    shards[each.record.name] = digest;
    writeFileSync(join(folder, base, `${digest.toString('hex')}.msgpack.zst`), bytes);
  }
  const info = { subdir: 'noarch', base_url: './', shards_base_url: base };
  writeFileSync(join(folder, 'repodata_shards.msgpack.zst'), await zstdCompress(encode({ info, shards, version: 1 })));
}

async function channel(base: '' | './shards/', shardsOf?: readonly string[]): Promise<string> {
  const packages = await Promise.all(['aaa', 'bbb'].map((name) => makePackage({ name, version: '1.0' })));
  const dir = join(temp.sub(`sharded-${++count}`), 'channel');
  await makeChannel(dir, packages);
  const some = packages.filter(({ record }) => shardsOf === undefined || shardsOf.includes(record.name));
  await writeShards(join(dir, 'noarch'), some, base);
  return dir;
}

const codes = async (dir: string, repair = false) =>
  (await callDoctor(dir, { repair })).findings
    .filter(({ exit }) => exit)
    .map(({ code, message }) => `${code}: ${message}`);

describe('F4 sharded repodata', () => {
  it.each(['', './shards/'] as const)('that agrees with the index is left alone (base "%s")', async (base) => {
    const dir = await channel(base);
    expect(await codes(dir)).toEqual([]);
    expect((await callDoctor(dir, { repair: true })).repair!.removed).toEqual([]);
  });

  it.each(['', './shards/'] as const)('that is stale goes whole (base "%s")', async (base) => {
    const dir = await channel(base, ['aaa']);
    expect(await codes(dir)).toEqual([expect.stringMatching(/^derived-stale: .*it has 1 package, not 2$/)]);
    const { repair } = await callDoctor(dir, { repair: true });
    expect(repair!.removed).toHaveLength(2);
    expect(existsSync(join(dir, 'noarch/shards'))).toBe(false);
    expect(await codes(dir)).toEqual([]);
  });

  it('of which a shard is lost, or the list is cut, is told', async () => {
    const dir = await channel('./shards/');
    rmSync(join(dir, 'noarch/shards'), { recursive: true });
    expect(await codes(dir)).toEqual([expect.stringContaining('the shard of aaa is not there')]);
    writeFileSync(join(dir, 'noarch/repodata_shards.msgpack.zst'), await zstdCompress(Buffer.from([0x82, 0xa4])));
    expect(await codes(dir)).toEqual([expect.stringMatching(/^derived-broken: .*Insufficient data$/)]);
  });

  it('goes with the repodata.json that it was made of', async () => {
    const dir = await channel('');
    rmSync(join(dir, 'noarch/bbb-1.0-0.conda'));
    writeFileSync(join(dir, 'noarch/repodata.json.jlap'), 'lines');
    const { repair } = await callDoctor(dir, { repair: true });
    expect(repair!.removed.filter((path) => path.endsWith('msgpack.zst'))).toHaveLength(3);
    expect(repair!.removed).toContain('noarch/repodata.json.jlap');
    expect(await codes(dir)).toEqual([]);
  });
});

describe('N9 a list of shards that is none', () => {
  it.each([
    ['nothing', '', 'derived-broken'],
    ['a text that is cut', 'a5', 'derived-broken'],
    ['a list of two thousand million members', 'dd7fffffff', 'derived-broken'],
    ['a map of as many', 'df7fffffff', 'derived-broken'],
    ['a byte that the format does not use', 'c1', 'derived-broken'],
    ['two values', '0101', 'derived-broken'],
    ['the key __proto__', `81a9${Buffer.from('__proto__').toString('hex')}80`, 'derived-broken'],
    ['a map as a key', '818000', 'derived-broken'],
    ['100,000 lists in each other', `${'91'.repeat(100_000)}01`, 'derived-stale'],
    ['a text of no encoding', 'a1ff', 'derived-stale'],
    ['a number', '07', 'derived-stale'],
    ['nil', 'c0', 'derived-stale'],
    ['a time', 'd6ff00000000', 'derived-stale'],
    ['shards that are a list', '81a673686172647390', 'derived-stale'],
  ])('%s', async (_, hex, code) => {
    const dir = await channel('');
    writeFileSync(join(dir, 'noarch/repodata_shards.msgpack.zst'), await zstdCompress(Buffer.from(hex, 'hex')));
    expect(await codes(dir)).toEqual([expect.stringMatching(`^${code}: `)]);
  });
});
