/**
 * CRC-32 as bzip2 uses it: polynomial 0x04c11db7, most significant bit first (zlib's is the mirror image, so `zlib.crc32` does not
 * serve). Four bytes a step.
 */
export function bzip2Crc(crc: number, bytes: Uint8Array, end: number): number {
  let value = crc;
  let at = 0;
  for (const last = end - 3; at < last; at += 4) {
    value ^= (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    value = T3[value >>> 24]! ^ T2[(value >>> 16) & 255]! ^ T1[(value >>> 8) & 255]! ^ T0[value & 255]!;
  }
  for (; at < end; at++) value = (value << 8) ^ T0[(value >>> 24) ^ bytes[at]!]!;
  return value;
}

/** What a stream's trailer holds: the checksums of its blocks, folded in order. */
export function foldBlockCrc(streamCrc: number, blockCrc: number): number {
  return ((streamCrc << 1) | (streamCrc >>> 31)) ^ blockCrc;
}

const T0 = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ (value < 0 ? 0x04c11db7 : 0);
  return value;
});
const T1 = shifted(T0);
const T2 = shifted(T1);
const T3 = shifted(T2);

function shifted(table: Int32Array): Int32Array {
  return table.map((value) => (value << 8) ^ T0[value >>> 24]!);
}
