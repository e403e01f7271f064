import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';

/** Path with `/` -> what a copier and a reader see of the file; sorted by path. */
export type Snapshot = ReadonlyMap<string, { size: number; mtimeMs: number; sha256: string }>;

/** Every regular file below a folder; empty where there is no folder. */
export function snapshot(dir: string): Snapshot {
  const files = filesBelow(dir).map((path) => {
    const { size, mtimeMs } = statSync(join(dir, path));
    const sha256 = createHash('sha256')
      .update(readFileSync(join(dir, path)))
      .digest('hex');
    return [path.split(sep).join('/'), { size, mtimeMs, sha256 }] as const;
  });
  return new Map(files.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** One line a file that came, went, changed, or was only touched (same bytes, other time). */
export function changesBetween(before: Snapshot, after: Snapshot): string[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    const [old, now] = [before.get(path), after.get(path)];
    if (old === undefined) return [`added    ${path}`];
    if (now === undefined) return [`removed  ${path}`];
    if (old.sha256 !== now.sha256) return [`changed  ${path}`];
    return old.mtimeMs === now.mtimeMs ? [] : [`touched  ${path}`];
  });
}

/** Paths below a folder whose name or raw bytes hold the text. */
export function filesThatContain(dir: string, text: string): string[] {
  return filesBelow(dir).filter((path) => path.includes(text) || readFileSync(join(dir, path)).includes(text));
}

function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  const entries = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  return entries.filter((path) => statSync(join(dir, path), { throwIfNoEntry: false })?.isFile());
}
