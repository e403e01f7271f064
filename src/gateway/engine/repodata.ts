import { bzip2Compress } from '../../codec/bzip2.js';
import { sha256Of } from '../../codec/digests.js';
import { FAST_ZSTD_LEVEL, zstdCompress } from '../../codec/zstd.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { canonicalJson } from '../../base/json.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { Servable } from '../http-answer.js';
import type { IndexFile } from '../repodata/cache.js';
import type { ChannelIndexes } from '../repodata/source.js';

/** What of a viewed index an engine may choose from. */
export type EngineView = (index: RepodataIndex, channel: Channel, subdir: Subdir) => RepodataIndex;

/** The index files that an engine is answered, made of the viewed indexes when first asked for. */
export interface EngineRepodata {
  /** Rejects as the book does; a subdir that the channel does not have is an empty index. */
  file(channel: Channel, subdir: Subdir, file: IndexFile): Promise<Servable>;
}

export function engineRepodata(book: ChannelIndexes, shows: EngineView = (index) => index): EngineRepodata {
  const plain = kept(async (channel: Channel, subdir: Subdir) => {
    const index = await book.viewed(channel, subdir);
    return documentOf(index && shows(index, channel, subdir), subdir);
  });
  const packed = {
    'repodata.json': plain,
    'repodata.json.zst': kept(async (channel, subdir) => zstdCompress(await plain(channel, subdir), FAST_ZSTD_LEVEL)),
    'repodata.json.bz2': kept(async (channel, subdir) => bzip2Compress(await plain(channel, subdir))),
  };
  return {
    async file(channel, subdir, file) {
      const bytes = await packed[file](channel, subdir);
      return {
        size: bytes.length,
        tag: sha256Of(bytes).slice(0, 40),
        contentType: file === 'repodata.json' ? 'application/json' : 'application/octet-stream',
        read: (start, end) => bytes.subarray(start, end),
      };
    },
  };
}

/** Without `base_url`: an engine asks the artifacts beside the index, and the gateway knows where they lie. */
function documentOf(index: RepodataIndex | undefined, subdir: Subdir): Uint8Array {
  if (index === undefined) return Buffer.from(canonicalJson(emptyRepodata(subdir)));
  const bytes = index.toBytes();
  if (index.baseUrl === undefined) return bytes;
  const document = JSON.parse(Buffer.from(bytes).toString('utf8')) as { info?: Record<string, unknown> };
  delete document.info?.['base_url'];
  return Buffer.from(JSON.stringify(document));
}

function emptyRepodata(subdir: Subdir): object {
  return { info: { subdir }, packages: {}, 'packages.conda': {}, removed: [], repodata_version: 1 };
}

type Make = (channel: Channel, subdir: Subdir) => Promise<Uint8Array>;

function kept(make: Make): Make {
  const made = new Map<string, Promise<Uint8Array>>();
  return (channel, subdir) => {
    const key = `${channel.url}/${subdir}`;
    const promise = made.get(key) ?? make(channel, subdir);
    if (!made.has(key)) {
      made.set(key, promise);
      promise.catch(() => made.delete(key));
    }
    return promise;
  };
}
