import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import type { Normaliser } from './normalise.js';

/** What a listing tells of one file or link. */
type Seen = { mode: string; size: number; time: string; sha256: string; mtimeNs: bigint; text: string | undefined };

/** Normalised path with `/` -> what is there. */
export type Tree = ReadonlyMap<string, Seen>;

export type TreeOptions = {
  dir: string;
  normaliser: Normaliser;
  /** Files from here on were written by a call, and just when varies. */
  since: number;
  /** Paths that are not looked at: inputs, and what somebody else's program keeps. */
  skip: RegExp;
};

/** Files that are copied into the recording stay below this size. */
const SMALL = 150_000;

/** Every file and link below a folder. The digest of a text is that of the normalised one. */
export function readTree(options: TreeOptions): Tree {
  const { dir, normaliser, since, skip } = options;
  const entries = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((path) => path.split(sep).join('/'));
  const files = entries.flatMap((path): [string, Seen][] => {
    if (skip.test(path)) return [];
    const stats = lstatSync(join(dir, path), { bigint: true });
    if (stats.isDirectory()) return [];
    const raw = stats.isSymbolicLink()
      ? Buffer.from(`-> ${readlinkSync(join(dir, path))}`)
      : readFileSync(join(dir, path));
    const text = textOf(raw, normaliser);
    const bytes = text === undefined ? raw : Buffer.from(text);
    const time = Number(stats.mtimeMs) >= since ? 'now' : new Date(Number(stats.mtimeMs)).toISOString();
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const mode = stats.mode.toString(8);
    return [[normaliser.text(path), { mode, size: bytes.length, time, sha256, mtimeNs: stats.mtimeNs, text }]];
  });
  return new Map(files.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One line a file that a call added, changed, only touched, or removed; what it left alone is counted. */
export function listChanges(before: Tree, after: Tree): string {
  const lines = [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((path): string[] => {
    const [old, now] = [before.get(path), after.get(path)];
    if (now === undefined) return [`removed  ${path}`];
    const how = `${now.mode} ${now.time.padEnd(24)} ${String(now.size).padStart(7)} ${now.sha256}  ${path}`;
    if (old === undefined) return [`added    ${how}`];
    if (old.sha256 !== now.sha256 || old.mode !== now.mode) return [`changed  ${how}`];
    return old.mtimeNs === now.mtimeNs ? [] : [`touched  ${how}`];
  });
  const left = [...after].filter(([path, { mtimeNs }]) => before.get(path)?.mtimeNs === mtimeNs).length;
  return `${[...lines, `as before: ${left}`].join('\n')}\n`;
}

/** Copies the small texts that a call added or changed; JSON of one line is laid out over many. */
export function copyTexts(before: Tree, after: Tree, out: string): void {
  for (const [path, { text, sha256 }] of after) {
    if (text === undefined || text.length > SMALL || before.get(path)?.sha256 === sha256) continue;
    if (path.startsWith('cache/')) continue;
    mkdirSync(dirname(join(out, path)), { recursive: true });
    writeFileSync(join(out, path), laidOut(path, text));
  }
}

function textOf(raw: Buffer, normaliser: Normaliser): string | undefined {
  if (raw.includes(0)) return undefined;
  const text = raw.toString('utf8');
  return Buffer.from(text).equals(raw) ? normaliser.text(text) : undefined;
}

function laidOut(path: string, text: string): string {
  if (!path.endsWith('.json') || text.trimEnd().includes('\n')) return text;
  try {
    return `${JSON.stringify(JSON.parse(text), undefined, 1)}\n`;
  } catch {
    return text;
  }
}
