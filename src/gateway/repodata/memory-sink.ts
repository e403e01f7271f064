import type { TransferSink } from '../transfer.js';

/** Keeps what is fetched in memory: where its size is told beforehand in one piece, else the pieces are joined at the end. */
export function memorySink(): TransferSink & { expect(size: number): void; bytes(): Uint8Array } {
  let whole = Buffer.alloc(0);
  let chunks: Uint8Array[] = [];
  let size = 0;
  return {
    get size() {
      return size;
    },
    expect(told) {
      if (size === 0 && told <= MOST_TRUSTED) whole = Buffer.allocUnsafe(told);
    },
    async write(chunk) {
      if (chunks.length === 0 && size + chunk.length <= whole.length) whole.set(chunk, size);
      else {
        if (chunks.length === 0 && size > 0) chunks.push(whole.subarray(0, size));
        chunks.push(chunk);
      }
      size += chunk.length;
    },
    async restart() {
      chunks = [];
      size = 0;
    },
    bytes() {
      if (chunks.length === 0) return whole.subarray(0, size);
      return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    },
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

/** So much is set aside because somebody says that it will come; memory that is never written to costs nothing. */
const MOST_TRUSTED = 1_500_000_000;
