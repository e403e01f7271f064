import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { bzip2Decompress } from '../../src/codec/bzip2.js';
import { zstdDecompress } from '../../src/codec/zstd.js';

/** Every way in which a token may have been written down: as it is, percent-encoded, in base64 wherever it begins in the text, in hex. */
export function spellingsOf(token: string): string[] {
  const bytes = Buffer.from(token);
  const everyByte = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const percent = encodeURIComponent(token);
  const base64 = [0, 1, 2].flatMap((lead) => {
    const text = Buffer.concat([Buffer.alloc(lead), bytes]).toString('base64');
    // Without the characters that also depend on what stands before and behind.
    const core = text.replace(/=+$/, '').slice(lead === 0 ? 0 : lead + 1, -1);
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
  });
  return [
    ...new Set([
      token,
      percent,
      percent.toLowerCase(),
      everyByte,
      everyByte.toUpperCase(),
      bytes.toString('hex'),
      ...base64,
    ]),
  ];
}

export function holds(content: Uint8Array | string, spellings: readonly string[]): boolean {
  const haystack =
    typeof content === 'string'
      ? Buffer.from(content)
      : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return spellings.some((spelling) => haystack.includes(spelling));
}

/** Files, folders and links below a folder whose name, target or content holds a spelling; compressed indexes are unpacked. */
export async function tracesBelow(dir: string, spellings: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const content = entry.isFile() ? readFileSync(path) : Buffer.from(entry.isSymbolicLink() ? readlinkSync(path) : '');
    const unpacked = await unpack(entry.name, content);
    if (holds(entry.name, spellings) || holds(content, spellings) || holds(unpacked, spellings)) found.push(path);
  }
  return found;
}

async function unpack(name: string, content: Uint8Array): Promise<Uint8Array> {
  const limits = { maxBytes: 100_000_000 };
  if (content.length === 0) return content;
  if (name.endsWith('.json.zst')) return zstdDecompress(content, limits);
  return name.endsWith('.json.bz2') ? bzip2Decompress(content, limits) : content;
}
