import { SIGNATURE_NAME, SUMS_NAME } from '../channel/manifest/manifest.js';

const BY_ENDING: readonly (readonly [ending: string, type: string])[] = [
  ['.json', 'application/json'],
  ['.json.zst', 'application/zstd'],
  ['.json.bz2', 'application/x-bzip2'],
  ['.html', 'text/html; charset=utf-8'],
  ['.md', 'text/plain; charset=utf-8'],
  ['.csv', 'text/csv; charset=utf-8'],
  ['.v0.sigs', 'application/json'],
  [SUMS_NAME, 'text/plain; charset=utf-8'],
  [SIGNATURE_NAME, 'text/plain; charset=utf-8'],
];

/** By name, as conda asks: `.zst` is a file of its own, never a Content-Encoding, which a client would undo. */
export function mediaTypeOf(path: string): string {
  return BY_ENDING.find(([ending]) => path.endsWith(ending))?.[1] ?? 'application/octet-stream';
}
