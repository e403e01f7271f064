import { createHash } from 'node:crypto';
import { encode } from '@msgpack/msgpack';
import { zstdCompress } from '../../src/codec/zstd.js';

type Repodata = Record<'packages' | 'packages.conda', Record<string, Record<string, unknown>>>;

/**
 * A `repodata.json` in shards (CEP 16): file names below the subdir -> bytes, the listing among them. Digests are bytes in there.
 * `base`: `info.shards_base_url`.
 */
export async function shardsOf(
  repodata: Partial<Repodata>,
  { subdir, base = '' }: { subdir: string; base?: string },
): Promise<Map<string, Uint8Array>> {
  const byName = new Map<string, Repodata>();
  for (const key of ['packages', 'packages.conda'] as const) {
    for (const [fn, record] of Object.entries(repodata[key] ?? {})) {
      const name = fn.split('-').slice(0, -2).join('-');
      const shard = byName.get(name) ?? { packages: {}, 'packages.conda': {} };
      byName.set(name, shard);
      shard[key][fn] = withBytes(record);
    }
  }
  const files = new Map<string, Uint8Array>();
  const shards: Record<string, Uint8Array> = {};
  for (const [name, shard] of byName) {
    const packed = await zstdCompress(encode({ ...shard, removed: [] }), 1);
    const digest = createHash('sha256').update(packed).digest();
    files.set(`${digest.toString('hex')}.msgpack.zst`, packed);
    shards[name] = digest;
  }
  const listing = { version: 1, info: { subdir, base_url: '', shards_base_url: base }, shards };
  files.set('repodata_shards.msgpack.zst', await zstdCompress(encode(listing), 1));
  return files;
}

function withBytes(record: Record<string, unknown>): Record<string, unknown> {
  const bytes = (key: string) => (record[key] === undefined ? {} : { [key]: Buffer.from(String(record[key]), 'hex') });
  return { ...record, ...bytes('md5'), ...bytes('sha256') };
}
