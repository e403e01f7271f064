import { join } from 'node:path';
import { digestsOfFile } from '../../codec/digests.js';
import { sumsBytes } from '../../channel/manifest/make-manifest.js';
import { SUMS_NAME } from '../../channel/manifest/manifest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { parseSums } from './read-sums.js';

type SumsRuntime = Pick<Runtime, 'fs' | 'signal' | 'events'>;

/**
 * `SHA256SUMS` over all files of a medium but itself: `own` by the digests known here, others by the line they have already, so that damage to
 * them stays to be seen, and by their bytes where they have none. What desktops drop everywhere is left out.
 */
export async function mediumSums(
  rt: SumsRuntime,
  out: string,
  own: ReadonlyMap<string, string>,
): Promise<{ bytes: Uint8Array; names: string[] }> {
  const listed = await listedBefore(rt, out);
  const names = await filesIn(rt, out);
  const files: { path: string; sha256: string }[] = [];
  for (const name of names) {
    const sha256 = own.get(name) ?? listed.get(name) ?? (await hash(rt, join(out, name)));
    files.push({ path: name, sha256 });
  }
  const gone = [...listed.keys()].filter((name) => !names.includes(name));
  if (gone.length > 0) {
    const message = `no longer on the medium, and taken out of its ${SUMS_NAME}: ${gone.join(', ')}`;
    rt.events.emit({
      type: 'finding',
      finding: { code: 'medium-file-gone', message, subject: out, exit: false, warn: true },
    });
  }
  return { bytes: sumsBytes(files), names };
}

/** Regular files at the root of a medium that count, sorted. */
export async function filesIn(rt: Pick<Runtime, 'fs'>, out: string): Promise<string[]> {
  const entries = await rt.fs.readdir(out);
  return entries
    .filter((entry) => entry.isFile() && entry.name !== SUMS_NAME && !DROPPING.test(entry.name))
    .map(({ name }) => name)
    .sort();
}

/** Hidden files, and what Windows leaves in folders by itself. */
const DROPPING = /^(?:\..*|thumbs\.db|desktop\.ini)$/i;

async function listedBefore(rt: SumsRuntime, out: string): Promise<Map<string, string>> {
  const text = await rt.fs.readText(join(out, SUMS_NAME)).catch(() => '');
  const sums = parseSums(text, 64);
  if ('lines' in sums) return new Map(sums.lines.map(({ name, digest }) => [name, digest]));
  const message = `${SUMS_NAME} on the medium was unreadable (line ${sums.badLine}) and is made anew from what lies there`;
  rt.events.emit({
    type: 'finding',
    finding: { code: 'medium-sums-rebuilt', message, subject: out, exit: false, warn: true },
  });
  return new Map();
}

async function hash(rt: SumsRuntime, path: string): Promise<string> {
  const handle = await rt.fs.openNoFollow(path);
  try {
    return (await digestsOfFile(handle, { onPiece: () => rt.signal.throwIfAborted() })).sha256;
  } finally {
    await handle.close();
  }
}
