/** Keeps the last `cap` bytes of what is pushed. */
export function outputTail(cap: number): { push(chunk: Uint8Array): void; bytes(): Uint8Array; truncated(): boolean } {
  const chunks: Uint8Array[] = [];
  let held = 0;
  let dropped = false;
  return {
    push(chunk) {
      chunks.push(chunk);
      held += chunk.byteLength;
      while (held > cap) {
        dropped = true;
        const first = chunks[0]!;
        const excess = held - cap;
        if (first.byteLength <= excess) {
          chunks.shift();
          held -= first.byteLength;
        } else {
          chunks[0] = first.subarray(excess);
          held -= excess;
        }
      }
    },
    bytes: () => Buffer.concat(chunks),
    truncated: () => dropped,
  };
}
