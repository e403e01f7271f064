/** Canonical Huffman codes of 1 to 20 bits, ready for decoding. */
export interface Huffman {
  /** By the next 10 bits: `symbol << 5 | bits` of a code of at most 10 bits, else 0. */
  fast: Uint16Array;
  /** Longer codes, by size: a code below `limit[size]` is one of that size; `symbols[code - base[size]]` is its symbol. */
  limit: Int32Array;
  base: Int32Array;
  symbols: Uint16Array;
}

const MAX_BITS = 20;
const FAST_BITS = 10;

/** `lengths` in bits, by symbol. Undefined where more codes are given than their lengths have room for. */
export function buildHuffman(lengths: Uint8Array): Huffman | undefined {
  const fast = new Uint16Array(1 << FAST_BITS);
  const limit = new Int32Array(MAX_BITS + 2);
  const base = new Int32Array(MAX_BITS + 2);
  const symbols = new Uint16Array(lengths.length);
  let code = 0;
  let placed = 0;
  for (let size = 1; size <= MAX_BITS; size++) {
    base[size] = code - placed;
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== size) continue;
      if (code >= 1 << size) return undefined;
      if (size <= FAST_BITS) {
        const first = code << (FAST_BITS - size);
        fast.fill((symbol << 5) | size, first, first + (1 << (FAST_BITS - size)));
      }
      symbols[placed++] = symbol;
      code++;
    }
    limit[size] = code;
    code <<= 1;
  }
  return { fast, limit, base, symbols };
}
