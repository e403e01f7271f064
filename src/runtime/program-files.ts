import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { programGone } from '../base/disk-errors.js';

/** `src/` of the sources; in the bundle, which has its parts flat beside `main.cjs`, the folder that stands for it. */
const BASE = new URL(/\/runtime\/program-files\.[jt]s$/.test(import.meta.url) ? '../' : './', import.meta.url);

/** It names the other files by their digests, so two builds differ in it; nothing where the sources run. */
const STARTED_AS = mainText();

/** What a thread starts with: a module on the disk, or the text of a script. */
export type ThreadStart = URL | string;

/**
 * A module that a thread starts with, by its path below `src/`. It is JavaScript: tests, which run the sources, take it from what
 * `npm run build` made. This file is the only place that knows where such files lie; a single executable has them in itself.
 *
 * @throws RepackError E_DISK where the program was replaced or removed while it ran: a thread of another one speaks otherwise
 */
export function programThread(path: string): ThreadStart {
  if (isSea()) return getAsset(path, 'utf8');
  return ownFile(import.meta.url.endsWith('.ts') ? `../dist/src/${path}` : path);
}

/** The text of a file that is shipped with the program, by its path below `src/`. Lines end with LF, whatever the checkout made of them. Throws as `programThread`. */
export function programText(path: string): string {
  const text = isSea() ? getAsset(path, 'utf8') : readFileSync(ownFile(path), 'utf8');
  return text.replaceAll('\r\n', '\n');
}

/** How to start this program again: node and a file, or the single executable. */
export function startedAs(process: Pick<NodeJS.Process, 'execPath' | 'argv'>): string[] {
  return isSea() ? [process.execPath] : [process.execPath, ...process.argv.slice(1, 2)];
}

function ownFile(path: string): URL {
  const file = new URL(path, BASE);
  if (mainText() !== STARTED_AS) throw programGone(fileURLToPath(file));
  return file;
}

function mainText(): string | undefined {
  try {
    return isSea() ? undefined : readFileSync(new URL('main.cjs', BASE), 'utf8');
  } catch {
    return undefined;
  }
}
