import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';

/** `src/` of the sources; in the bundle, which has its parts flat beside `main.cjs`, the folder that stands for it. */
const BASE = new URL(/\/runtime\/program-files\.[jt]s$/.test(import.meta.url) ? '../' : './', import.meta.url);

/** What a thread starts with: a module on the disk, or the text of a script. */
export type ThreadStart = URL | string;

/**
 * A module that a thread starts with, by its path below `src/`. It is JavaScript: tests, which run the sources, take it from what
 * `npm run build` made. This file is the only place that knows where such files lie; a single executable has them in itself.
 */
export function programThread(path: string): ThreadStart {
  if (isSea()) return getAsset(path, 'utf8');
  return new URL(import.meta.url.endsWith('.ts') ? `../dist/src/${path}` : path, BASE);
}

/** The text of a file that is shipped with the program, by its path below `src/`. Lines end with LF, whatever the checkout made of them. */
export function programText(path: string): string {
  const text = isSea() ? getAsset(path, 'utf8') : readFileSync(new URL(path, BASE), 'utf8');
  return text.replaceAll('\r\n', '\n');
}

/** How to start this program again: node and a file, or the single executable. */
export function startedAs(process: Pick<NodeJS.Process, 'execPath' | 'argv'>): string[] {
  return isSea() ? [process.execPath] : [process.execPath, ...process.argv.slice(1, 2)];
}
