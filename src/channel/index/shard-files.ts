import { decode, encode } from '@msgpack/msgpack';
import { nameInFilename } from '../../conda/channel/names.js';
import { SHARDS } from './derived-files.js';
import { sha256Of } from '../../codec/digests.js';
import { zstdCompress, FAST_ZSTD_LEVEL } from '../../codec/zstd.js';

type Repodata = Record<'packages' | 'packages.conda', Record<string, Record<string, unknown>>> & {
  info?: { subdir?: string; base_url?: string };
};

/**
 * A `repodata.json` in shards (CEP 16): file names below the subdir -> bytes, the listing among them. Digests are bytes in there.
 * `base`: `info.shards_base_url`.
 */
export async function shardFiles(
  repodata: Partial<Repodata>,
  { subdir, base = '' }: { subdir: string; base?: string },
): Promise<Map<string, Uint8Array>> {
  const byName = new Map<string, Repodata>();
  for (const key of ['packages', 'packages.conda'] as const) {
    for (const [fn, record] of Object.entries(repodata[key] ?? {})) {
      const name = nameInFilename(fn) ?? fn;
      const shard = byName.get(name) ?? { packages: {}, 'packages.conda': {} };
      byName.set(name, shard);
      shard[key][fn] = withBytes(record);
    }
  }
  const files = new Map<string, Uint8Array>();
  const shards: Record<string, Uint8Array> = {};
  for (const [name, shard] of byName) {
    const packed = await zstdCompress(encode({ ...shard, removed: [] }), FAST_ZSTD_LEVEL);
    const sha256 = sha256Of(packed);
    files.set(`${sha256}.msgpack.zst`, packed);
    shards[name] = Buffer.from(sha256, 'hex');
  }
  const info = { subdir, base_url: repodata.info?.base_url ?? '', shards_base_url: base };
  const listing = { version: 1, info, shards };
  files.set(SHARDS, await zstdCompress(encode(listing), FAST_ZSTD_LEVEL));
  return files;
}

function withBytes(record: Record<string, unknown>): Record<string, unknown> {
  const bytes = (key: string) => (record[key] === undefined ? {} : { [key]: Buffer.from(String(record[key]), 'hex') });
  return { ...record, ...bytes('md5'), ...bytes('sha256') };
}

/** A listing or a shard, unpacked. A list can't have more members than there are bytes. Throws RangeError or DecodeError where it is no MessagePack. */
export function decodeShards(bytes: Uint8Array): unknown {
  return decode(bytes, { maxArrayLength: bytes.length, maxMapLength: bytes.length });
}
