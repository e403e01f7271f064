import { emitFindings } from '../../base/emit-findings.js';
import { join } from 'node:path';
import { hashFiles } from '../../channel/read/read-folder.js';
import { sumsBytes } from '../../channel/manifest/make-manifest.js';
import { SUMS_NAME } from '../../channel/manifest/manifest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { parseSums } from './read-sums.js';

type SumsRuntime = Pick<Runtime, 'fs' | 'signal' | 'machine' | 'events'>;

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
  const known = (name: string): string | undefined => own.get(name) ?? listed.get(name);
  const hashed = await hashFiles(rt, { dir: out, paths: names.filter((name) => known(name) === undefined) });
  const files = names.map((path) => ({ path, sha256: known(path) ?? hashed.get(path)!.sha256 }));
  const gone = [...listed.keys()].filter((name) => !names.includes(name));
  if (gone.length > 0) {
    const message = `no longer on the medium, and taken out of its ${SUMS_NAME}: ${gone.join(', ')}`;
    emitFindings(rt, [{ code: 'medium-file-gone', message, subject: out, exit: false, warn: true }]);
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
  emitFindings(rt, [{ code: 'medium-sums-rebuilt', message, subject: out, exit: false, warn: true }]);
  return new Map();
}
