import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeChannel, makePackage } from '../../../../scripts/lib/sample-upstream.js';
import type { SamplePackage } from '../../../../scripts/lib/sample-upstream.js';
import { zstdCompress } from '../../../../src/codec/zstd.js';
import { decodeMsgpack } from '../../../../src/channel/doctor/msgpack.js';
import { callDoctor } from '../../../helpers/doctor-call.js';
import { tempDir } from '../../delivery/proof/staged.js';

const temp = tempDir();
let count = 0;
afterAll(() => temp.remove());

/** As the writers of shards use the format: short maps and texts, 32-byte digests as bytes. */
function msgpack(value: unknown): Buffer {
  if (value instanceof Uint8Array) return Buffer.concat([Buffer.from([0xc4, value.length]), value]);
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return bytes.length < 32
      ? Buffer.concat([Buffer.from([0xa0 | bytes.length]), bytes])
      : Buffer.concat([Buffer.from([0xd9, bytes.length]), bytes]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9, 0xcf);
    bytes.writeBigUInt64BE(BigInt(value), 1);
    return bytes;
  }
  if (Array.isArray(value)) return Buffer.concat([Buffer.from([0x90 | value.length]), ...value.map(msgpack)]);
  const entries = Object.entries(value as object).filter(([, each]) => each !== undefined);
  return Buffer.concat([
    Buffer.from([0xde, 0, entries.length]),
    ...entries.flatMap(([key, each]) => [msgpack(key), msgpack(each)]),
  ]);
}

/** Sharded repodata of one subdir, as conda-index (beside the packages) or rattler-index (in `shards/`) lay it out. */
async function writeShards(folder: string, packages: readonly SamplePackage[], base: '' | './shards/'): Promise<void> {
  mkdirSync(join(folder, base), { recursive: true });
  const shards: Record<string, Uint8Array> = {};
  for (const each of packages) {
    const { sha256, md5, ...record } = each.record;
    const digests = { sha256: Buffer.from(sha256!, 'hex'), md5: Buffer.from(md5!, 'hex') };
    const shard = { packages: {}, 'packages.conda': { [each.distFilename]: { ...record, ...digests } }, removed: [] };
    const bytes = await zstdCompress(msgpack(shard));
    const digest = createHash('sha256').update(bytes).digest();
    shards[each.record.name] = digest;
    writeFileSync(join(folder, base, `${digest.toString('hex')}.msgpack.zst`), bytes);
  }
  const info = { subdir: 'noarch', base_url: './', shards_base_url: base };
  writeFileSync(join(folder, 'repodata_shards.msgpack.zst'), await zstdCompress(msgpack({ info, shards, version: 1 })));
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
    expect(await codes(dir)).toEqual([expect.stringMatching(/^derived-stale: .*it has 1 packages, not 2$/)]);
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
    expect(await codes(dir)).toEqual([expect.stringMatching(/^derived-broken: .*it ends within a map$/)]);
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

describe('MessagePack', () => {
  it.each([
    ['07', 7],
    ['e0', -32],
    ['c0', null],
    ['c3', true],
    ['cd0100', 256],
    ['d1ff00', -256],
    ['cb3ff8000000000000', 1.5],
    ['9201a161', [1, 'a']],
  ])('%s', (hex, expected) => {
    expect(decodeMsgpack(Buffer.from(hex, 'hex'))).toEqual(expected);
  });

  it.each(['', 'a5', 'dd7fffffff', 'df7fffffff', 'c1', '0101', `${'91'.repeat(100)}01`, 'a1ff'])(
    'N9 refuses "%s"',
    (hex) => {
      expect(() => decodeMsgpack(Buffer.from(hex, 'hex'))).toThrow();
    },
  );
});
