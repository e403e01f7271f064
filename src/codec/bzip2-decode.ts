import { fault, faultAt, openInput, readBits, refuseOverrun, type BitInput } from './bzip2-bits.js';
import { bzip2Crc, foldBlockCrc } from './bzip2-crc.js';
import { buildHuffman, type Huffman } from './bzip2-huffman.js';
import { concat, inTurns, tooLarge, type DecodeLimits } from './limits.js';

/** More than any block takes: 900,001 symbols of at most 20 bits, its selectors and its tables. */
const BLOCK_LOOKAHEAD = 2_600_000;
const OUT_CHUNK = 1 << 18;
const SYMBOLS_PER_GROUP = 50;

/**
 * Unpacks bzip2, one block (at most 900 kB before its last run-length step) at a time: nothing is read or decoded beyond what the
 * consumer asks for, save a lookahead of 2.6 MB. A block is yielded only after its checksum was found right. Concatenated
 * streams (pbzip2, `cat a.bz2 b.bz2`) are one.
 *
 * @throws RepackError E_DECOMPRESS naming the damage and the byte; or when more than `maxBytes` would come out.
 */
export async function* bzip2DecompressStream(
  source: AsyncIterable<Uint8Array>,
  { maxBytes }: DecodeLimits,
): AsyncGenerator<Uint8Array> {
  const input = openInput(source);
  let total = 0;
  let work = new Int32Array(0);
  try {
    for (let streams = 0; (await input.fill(14)) > 0 || streams === 0; streams++) {
      const blockLimit = readStreamHeader(input.bits, streams);
      if (work.length !== blockLimit) work = new Int32Array(blockLimit);
      let streamCrc = 0;
      for (;;) {
        await input.fill(BLOCK_LOOKAHEAD);
        const blockCrc = readBlockStart(input.bits, streamCrc);
        if (blockCrc === undefined) break;
        streamCrc = foldBlockCrc(streamCrc, blockCrc);
        const chunks = decodeBlock(input.bits, work, blockCrc, maxBytes - total);
        if (chunks === undefined) throw tooLarge('bzip2', maxBytes);
        for (const chunk of chunks) {
          total += chunk.length;
          yield chunk;
        }
      }
    }
  } finally {
    await input.close();
  }
}

/** The whole of a bzip2 file in memory. Lets the event loop run between blocks. Throws as bzip2DecompressStream. */
export async function bzip2Decompress(bytes: Uint8Array, limits: DecodeLimits): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bzip2DecompressStream(inTurns(bytes), limits)) chunks.push(chunk);
  return concat(chunks);
}

/** The largest block of the stream, in bytes. */
function readStreamHeader(input: BitInput, streamsBefore: number): number {
  if (input.end === input.next) throw fault(input, 'it is empty');
  const magic = readBits(input, 24);
  const level = magic === 0x425a68 ? readBits(input, 8) - 48 : 0;
  if (level < 1 || level > 9) {
    throw fault(
      input,
      streamsBefore === 0 ? 'it does not start as bzip2 does' : 'something else follows the end of the stream',
    );
  }
  return level * 100_000;
}

/** The next block's checksum; undefined at the end of the stream, whose own checksum is then compared. */
function readBlockStart(input: BitInput, streamCrc: number): number | undefined {
  const high = readBits(input, 24);
  const low = readBits(input, 24);
  const crc = (readBits(input, 16) << 16) | readBits(input, 16);
  if (high === 0x314159 && low === 0x265359) return crc;
  if (high !== 0x177245 || low !== 0x385090)
    throw fault(input, 'neither a block nor the end of the stream is where one must be');
  if (crc !== streamCrc) throw fault(input, 'the checksum of the whole stream is wrong');
  // Streams start at a whole byte: give back the whole ones that were taken ahead.
  input.next -= input.held >>> 3;
  input.held = 0;
  return undefined;
}

/** One block's bytes, their checksum found to be `crc`; undefined when they are more than `maxBytes`. */
function decodeBlock(input: BitInput, work: Int32Array, crc: number, maxBytes: number): Uint8Array[] | undefined {
  if (readBits(input, 1) === 1) throw fault(input, 'a "randomised" block, which only bzip2 before 0.9.5 wrote');
  const origin = readBits(input, 24);
  const alphabet = readAlphabet(input);
  const symbolCount = alphabet.length + 2;
  const tableCount = readBits(input, 3);
  const selectorCount = readBits(input, 15);
  if (tableCount < 2 || tableCount > 6 || selectorCount < 1)
    throw fault(input, 'a block has an impossible number of tables');
  const selectors = readSelectors(input, selectorCount, tableCount);
  const tables = Array.from({ length: tableCount }, () => readTable(input, symbolCount));
  const length = decodeSymbols(input, { work, alphabet, selectors, tables });
  if (origin >= length) throw fault(input, 'a block starts outside itself');
  sortBack(work, length);
  const out = unrun(work, { length, origin, maxBytes });
  if (out !== undefined && out.crc !== crc) throw fault(input, 'the checksum of a block is wrong');
  return out?.chunks;
}

/** The byte values that occur, ascending: a 16-bit map of 16-bit maps. */
function readAlphabet(input: BitInput): Uint8Array {
  const rows = readBits(input, 16);
  const used: number[] = [];
  for (let row = 0; row < 16; row++) {
    const columns = (rows >>> (15 - row)) & 1 ? readBits(input, 16) : 0;
    for (let column = 0; column < 16; column++) if ((columns >>> (15 - column)) & 1) used.push(row * 16 + column);
  }
  if (used.length === 0) throw fault(input, 'a block uses no byte value');
  return Uint8Array.from(used);
}

/** Which table codes each group of 50 symbols: move-to-front indexes in unary. */
function readSelectors(input: BitInput, count: number, tableCount: number): Uint8Array {
  const order = Array.from({ length: tableCount }, (_, table) => table);
  const selectors = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    let index = 0;
    while (readBits(input, 1) === 1)
      if (++index >= tableCount) throw fault(input, 'a block names a table that it has not');
    const [table = 0] = order.splice(index, 1);
    order.unshift(table);
    selectors[i] = table;
  }
  return selectors;
}

function readTable(input: BitInput, symbolCount: number): Huffman {
  const lengths = new Uint8Array(symbolCount);
  let length = readBits(input, 5);
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    for (;;) {
      if (length < 1 || length > 20) throw fault(input, 'a Huffman code has an impossible length');
      if (readBits(input, 1) === 0) break;
      length += readBits(input, 1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  const table = buildHuffman(lengths);
  if (table === undefined) throw fault(input, 'a Huffman table is over-full');
  return table;
}

interface SymbolCoding {
  work: Int32Array;
  alphabet: Uint8Array;
  selectors: Uint8Array;
  tables: readonly Huffman[];
}

/** Huffman, zero runs and move-to-front undone: the last column of the sorted block into `work`; its length. */
function decodeSymbols(input: BitInput, { work, alphabet, selectors, tables }: SymbolCoding): number {
  const endOfBlock = alphabet.length + 1;
  const recent = alphabet.slice();
  const { bytes, end } = input;
  let { next, hold, held } = input;
  let length = 0;
  let run = 0;
  let runBit = 1;
  for (let group = 0; group < selectors.length; group++) {
    const { fast, limit, base, symbols } = tables[selectors[group]!]!;
    for (let i = 0; i < SYMBOLS_PER_GROUP; i++) {
      // At least 20 bits, the longest code. Past the end zeros are taken in, and noticed below.
      while (held < 24) {
        hold = (hold << 8) | (next < end ? bytes[next]! : 0);
        next++;
        held += 8;
      }
      let symbol = fast[(hold >>> (held - 10)) & 1023]!;
      if (symbol !== 0) {
        held -= symbol & 31;
        symbol >>>= 5;
      } else {
        let size = 11;
        let code = (hold >>> (held - 11)) & 2047;
        while (size <= 20 && code >= limit[size]!) {
          size++;
          code = (hold >>> (held - size)) & ((1 << size) - 1);
        }
        if (size > 20) throw faultAt(input, next, 'a code that is in no table');
        held -= size;
        symbol = symbols[code - base[size]!]!;
      }
      if (symbol <= 1) {
        run += runBit << symbol;
        runBit <<= 1;
        if (run > work.length) throw faultAt(input, next, 'a block is longer than its stream allows');
        continue;
      }
      if (run > 0) {
        if (length + run > work.length) throw faultAt(input, next, 'a block is longer than its stream allows');
        work.fill(recent[0]!, length, length + run);
        length += run;
        run = 0;
        runBit = 1;
      }
      if (symbol === endOfBlock) {
        input.next = next;
        input.hold = hold;
        input.held = held;
        refuseOverrun(input);
        return length;
      }
      if (length >= work.length) throw faultAt(input, next, 'a block is longer than its stream allows');
      const value = recent[symbol - 1]!;
      if (symbol < 17) for (let at = symbol - 1; at > 0; at--) recent[at] = recent[at - 1]!;
      else recent.copyWithin(1, 0, symbol - 1);
      recent[0] = value;
      work[length++] = value;
    }
    if (next > end + 4) break;
  }
  input.next = next;
  input.hold = hold;
  input.held = held;
  refuseOverrun(input);
  throw fault(input, 'a block has no end');
}

/** Burrows-Wheeler undone: the link to the following byte goes above each byte. */
function sortBack(work: Int32Array, length: number): void {
  const places = new Int32Array(257);
  for (let i = 0; i < length; i++) places[work[i]! + 1]!++;
  for (let value = 0; value < 256; value++) places[value + 1]! += places[value]!;
  for (let i = 0; i < length; i++) {
    const place = places[work[i]! & 255]!++;
    work[place]! |= i << 8;
  }
}

interface SortedBack {
  length: number;
  origin: number;
  maxBytes: number;
}

/**
 * Follows the links and undoes the first run-length step: after four equal bytes comes a count of further ones. Undefined
 * when more than `maxBytes` come out (a block of 900 kB can hold 46 MB).
 */
function unrun(
  work: Int32Array,
  { length, origin, maxBytes }: SortedBack,
): { chunks: Uint8Array[]; crc: number } | undefined {
  const chunks: Uint8Array[] = [];
  let out = new Uint8Array(OUT_CHUNK);
  let used = 0;
  let done = 0;
  let crc = -1;
  let link = work[origin]! >>> 8;
  let before = -1;
  let equal = 0;
  for (let i = 0; i < length; i++) {
    const entry = work[link]!;
    link = entry >>> 8;
    const value = entry & 255;
    let times = 1;
    if (equal === 4) {
      times = value;
      equal = 0;
    } else if (value === before) {
      equal++;
    } else {
      before = value;
      equal = 1;
    }
    for (; times > 0; times--) {
      if (used === OUT_CHUNK) {
        crc = bzip2Crc(crc, out, used);
        chunks.push(out);
        done += used;
        if (done > maxBytes) return undefined;
        out = new Uint8Array(OUT_CHUNK);
        used = 0;
      }
      out[used++] = before;
    }
  }
  if (done + used > maxBytes) return undefined;
  if (used > 0) chunks.push(out.subarray(0, used));
  return { chunks, crc: ~bzip2Crc(crc, out, used) };
}
