import type { Channel } from '../../conda/channel/channel.js';
import type { TransferContext } from '../transfer.js';
import type { WireRules } from '../wire-url.js';
import type { FileSystem } from '../../runtime/fs.js';
import type { RepodataCache } from './cache.js';

export interface RepodataFetchContext extends TransferContext {
  cache: RepodataCache;
  /** For indexes that are read where they lie. */
  fs: FileSystem;
  /** The declared ones: shards may lie in any of them. */
  channels: readonly Channel[];
  rules: WireRules;
  signal: AbortSignal;
  /** Nothing is taken from the cache, here or on the way. */
  fresh?: boolean;
}
