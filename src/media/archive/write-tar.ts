/** A header, and what contents are filled up to, in bytes. */
export const BLOCK = 512;

/** Names up to here stand in a header as they are. */
const MAX_NAME = 100;
const MAX_PREFIX = 155;
/** What eleven octal digits hold. */
const MAX_SIZE = 8 ** 11 - 1;

/** A regular file: name in ASCII (what is not would be in no manifest), size in bytes. */
export interface TarEntry {
  name: string;
  size: number;
  mtimeMs: number;
}

/**
 * What stands before the content of a regular file in a tar: its header (ustar, POSIX.1-1988), with pax records before it for a name or a size that does not
 * fit (POSIX.1-2001). Holds name, size and mtime and nothing of this machine; the same bytes as modern-tar's. `read-tar.ts` reads it.
 */
export function tarHeader(entry: TarEntry): Uint8Array {
  const { name, size } = entry;
  const split = name.length > MAX_NAME ? splitName(name) : { prefix: '', name };
  const records = [
    ...(split === undefined ? [paxRecord('path', name)] : []),
    ...(size > MAX_SIZE ? [paxRecord('size', String(size))] : []),
  ];
  const header = block(entry, split ?? { prefix: '', name: name.slice(0, MAX_NAME) }, '0');
  if (records.length === 0) return header;
  const pax = Buffer.from(records.join(''), 'latin1');
  const lead = { name: `PaxHeader/${name}`.slice(0, MAX_NAME), size: pax.length, mtimeMs: entry.mtimeMs };
  return Buffer.concat([block(lead, { prefix: '', name: lead.name }, 'x'), pax, tarPadding(pax.length), header]);
}

/** What fills the last block of a content. */
export function tarPadding(size: number): Uint8Array {
  return ZEROES.subarray(0, -size & (BLOCK - 1));
}

/** What stands behind the last file. */
export const TAR_END = new Uint8Array(2 * BLOCK);

const ZEROES = new Uint8Array(BLOCK);

/** At the last slash that leaves both halves short enough. */
function splitName(name: string): { prefix: string; name: string } | undefined {
  for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) {
    if (at <= MAX_PREFIX && name.length - at - 1 <= MAX_NAME)
      return { prefix: name.slice(0, at), name: name.slice(at + 1) };
  }
  return undefined;
}

/** `<length> <key>=<value>\n`, its length counted in. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const length = rest.length + String(rest.length).length;
  return `${rest.length + String(length).length}${rest}`;
}

function block({ size, mtimeMs }: TarEntry, { prefix, name }: { prefix: string; name: string }, type: string): Buffer {
  const header = Buffer.alloc(BLOCK);
  const field = (at: number, text: string): void => void header.write(text, at, 'latin1');
  field(0, name);
  field(100, '0000644');
  field(108, '0000000');
  field(116, '0000000');
  // One that has no room stands in a pax record too.
  field(124, size.toString(8).padStart(11, '0').slice(0, 11));
  field(
    136,
    Math.floor(mtimeMs / 1000)
      .toString(8)
      .padStart(11, '0'),
  );
  field(148, '        ');
  field(156, type);
  field(257, 'ustar\u000000');
  field(345, prefix);
  let sum = 0;
  for (let at = 0; at < BLOCK; at += 1) sum += header[at]!;
  field(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return header;
}
