import type { TransferSink } from '../transfer.js';

/** Keeps what is fetched in memory. */
export function memorySink(): TransferSink & { bytes(): Uint8Array } {
  let chunks: Uint8Array[] = [];
  let size = 0;
  return {
    get size() {
      return size;
    },
    async write(chunk) {
      chunks.push(chunk);
      size += chunk.length;
    },
    async restart() {
      chunks = [];
      size = 0;
    },
    bytes: () => (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)),
  };
}
