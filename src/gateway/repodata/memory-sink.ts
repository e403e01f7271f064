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

/** The same sink; `tell` hears of its size some fifty times a file. Small files are not worth a word. */
export function tellEach(sink: TransferSink, tell: (bytes: number) => void): TransferSink {
  let told = 0;
  return {
    get size() {
      return sink.size;
    },
    async write(chunk) {
      await sink.write(chunk);
      if (sink.size - told < Math.max(TELL_BYTES, sink.size / 30)) return;
      told = sink.size;
      tell(told);
    },
    async restart() {
      told = 0;
      await sink.restart();
    },
  };
}

const TELL_BYTES = 64_000;
