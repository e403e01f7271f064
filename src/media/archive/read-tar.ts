import { BLOCK } from './write-tar.js';

const MAX_PAX_BYTES = 64 * 1024;
/** Folders say nothing in our format; an archive has a handful at most. */
const MAX_FOLDERS = 1000;
/** tar pads an archive to 20 blocks. */
const MAX_PADDING = 20 * BLOCK;

/** A regular file of the archive. Its content must be taken, or left, before the next one is asked for. */
export interface TarMember {
  path: string;
  size: number;
  /** Where the content begins in the (unpacked) archive, in bytes. */
  offset: number;
  /** The content in pieces; a piece is overwritten by the next one. */
  content: AsyncIterable<Uint8Array>;
}

/** What is wrong with an archive, as a clause: turned into a typed error by who knows the file's name. */
export class TarFault extends Error {}

/**
 * The regular files of a tar archive in their order: ustar, with pax records for a long path or a large size and for nothing else.
 * That is all that our format has; whatever else tar can hold (links, devices, sparse files, GNU's long names, what follows the end)
 * is refused (bad-inputs G2), since two programs may read it in two ways. Nothing is taken as a path here.
 *
 * @throws TarFault; what `source` throws.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember> {
  const input = byteReader(source);
  let folders = 0;
  let extended: PaxRecords = {};
  try {
    for (;;) {
      const block = await input.take(BLOCK);
      if (block.every((byte) => byte === 0)) break;
      const header = parseHeader(block, input.position - BLOCK);
      const path = extended.path ?? header.path;
      const size = extended.size ?? header.size;
      switch (header.type) {
        case 'x':
          if (extended.path !== undefined || extended.size !== undefined)
            throw new TarFault('two pax headers in a row');
          extended = await readPax(input, header.size);
          continue;
        case '5':
          if (size !== 0) throw new TarFault(`the folder ${shownName(path)} has content`);
          if (++folders > MAX_FOLDERS) throw new TarFault(`more than ${MAX_FOLDERS} folders`);
          break;
        case '0':
          yield* member(input, path, size);
          break;
        default:
          throw new TarFault(`${shownName(path)} is ${kindOf(header.type)}; only regular files are allowed`);
      }
      extended = {};
    }
    if (extended.path !== undefined || extended.size !== undefined) throw new TarFault('a pax header without its file');
    await readEnd(input);
  } finally {
    await input.close();
  }
}

type Input = ReturnType<typeof byteReader>;

async function* member(input: Input, path: string, size: number): AsyncGenerator<TarMember> {
  const body = input.pieces(size);
  yield { path, size, offset: input.position, content: body };
  // What was not taken is passed over.
  for await (const _rest of body);
  const padding = (BLOCK - (size % BLOCK)) % BLOCK;
  if (!(await input.take(padding)).every((byte) => byte === 0)) {
    throw new TarFault(`something is hidden behind the content of ${shownName(path)}`);
  }
}

async function readEnd(input: Input): Promise<void> {
  if (!(await input.take(BLOCK)).every((byte) => byte === 0)) throw new TarFault('something follows its end');
  let padding = 0;
  for await (const piece of input.pieces(Number.POSITIVE_INFINITY)) {
    padding += piece.length;
    if (padding > MAX_PADDING || !piece.every((byte) => byte === 0)) throw new TarFault('something follows its end');
  }
}

interface Header {
  path: string;
  size: number;
  type: string;
}

function parseHeader(block: Uint8Array, at: number): Header {
  const stated = octal(block.subarray(148, 156), 'checksum', at);
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK; at += 1) if (at < 148 || at >= 156) sum += block[at]!;
  if (stated !== sum) throw new TarFault(`a damaged header at byte ${at}`);
  if (text(block.subarray(257, 262)) !== 'ustar') throw new TarFault(`a header at byte ${at} that is not ustar`);
  const prefix = text(block.subarray(345, 500));
  const name = text(block.subarray(0, 100));
  const type = text(block.subarray(156, 157));
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    size: octal(block.subarray(124, 136), 'size', at),
    type: type === '' ? '0' : type,
  };
}

/** Octal digits; the form for sizes of 8 GiB and more (base 256) is not in our format, which has pax for it. */
function octal(field: Uint8Array, what: string, at: number): number {
  const digits = /^ *([0-7]+)[ \0]*$/.exec(latin1(field))?.[1];
  if (digits === undefined) throw new TarFault(`a header without a ${what} at byte ${at}`);
  return Number.parseInt(digits, 8);
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return latin1(end === -1 ? field : field.subarray(0, end));
}

/** Our names are ASCII: what is not comes out as something that is in no manifest. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

interface PaxRecords {
  path?: string;
  size?: number;
}

/** `<length> <key>=<value>\n`, again and again (POSIX.1-2001). */
async function readPax(input: Input, size: number): Promise<PaxRecords> {
  if (size > MAX_PAX_BYTES) throw new TarFault(`a pax header of ${size} bytes`);
  const bytes = await input.take(size);
  await input.take((BLOCK - (size % BLOCK)) % BLOCK);
  const records: PaxRecords = {};
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(0x20, at);
    const length = blank === -1 ? Number.NaN : Number(latin1(bytes.subarray(at, blank)));
    const record = Number.isSafeInteger(length) && length > 0 ? latin1(bytes.subarray(blank + 1, at + length)) : '';
    const equals = record.indexOf('=');
    if (equals === -1 || !record.endsWith('\n') || at + length > bytes.length)
      throw new TarFault('a damaged pax header');
    const key = record.slice(0, equals);
    const value = record.slice(equals + 1, -1);
    if (key === 'path' && records.path === undefined) records.path = value;
    else if (key === 'size' && records.size === undefined && /^\d{1,15}$/.test(value)) records.size = Number(value);
    else if (key !== 'mtime') throw new TarFault(`a pax header with ${shownName(key)}`);
    at += length;
  }
  return records;
}

/** Bytes of a stream, taken in any amounts. */
function byteReader(source: AsyncIterable<Uint8Array>) {
  const iterator = source[Symbol.asyncIterator]();
  let current: Uint8Array = new Uint8Array(0);
  let position = 0;

  /** At most `most` bytes; undefined where the source ends. */
  async function next(most: number): Promise<Uint8Array | undefined> {
    while (current.length === 0) {
      const { done, value } = await iterator.next();
      if (done === true) return undefined;
      current = value;
    }
    const piece = current.subarray(0, Math.min(most, current.length));
    current = current.subarray(piece.length);
    position += piece.length;
    return piece;
  }

  /** Not a generator: one that is left in the middle would be over, and the rest is to be passed over afterwards. */
  function pieces(length: number): AsyncIterableIterator<Uint8Array> {
    let left = length;
    const taking: AsyncIterableIterator<Uint8Array> = {
      [Symbol.asyncIterator]: () => taking,
      async next() {
        const piece = left > 0 ? await next(left) : undefined;
        if (piece === undefined) {
          if (left > 0 && length !== Number.POSITIVE_INFINITY) throw new TarFault('it ends too early (truncated)');
          return { done: true, value: undefined };
        }
        left -= piece.length;
        return { done: false, value: piece };
      },
    };
    return taking;
  }

  return {
    get position() {
      return position;
    },
    pieces,
    async take(length: number): Promise<Uint8Array> {
      const taken = new Uint8Array(length);
      let at = 0;
      for await (const piece of pieces(length)) {
        taken.set(piece, at);
        at += piece.length;
      }
      return taken;
    },
    close: async () => void (await iterator.return?.()),
  };
}

function kindOf(type: string): string {
  const kinds: Record<string, string> = {
    '1': 'a hard link',
    '2': 'a symbolic link',
    '3': 'a device',
    '4': 'a device',
    '6': 'a pipe',
    g: 'a header for all that follows',
    L: 'a long name in GNU form',
    K: 'a long link in GNU form',
    S: 'a sparse file',
  };
  return kinds[type] ?? `of an unknown type (${JSON.stringify(type)})`;
}

function shownName(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);
}
