import { readFileSync } from 'node:fs';

/** `src/` of the sources; in the bundle, which has its parts flat beside `main.js`, the folder that stands for it. */
const BASE = new URL(/\/runtime\/program-files\.[jt]s$/.test(import.meta.url) ? '../' : './', import.meta.url);

/**
 * A file that is shipped with the program, by its path below `src/`: the only place that knows where they lie. A module that a thread
 * starts with is JavaScript: tests, which run the sources, take it from what `npm run build` made.
 */
export function programFile(path: string): URL {
  const built = path.endsWith('.js') && import.meta.url.endsWith('.ts');
  return new URL(built ? `../dist/src/${path}` : path, BASE);
}

/** The text of one that is no module. Lines end with LF, whatever the checkout made of them. */
export function programText(path: string): string {
  return readFileSync(new URL(path, BASE), 'utf8').replaceAll('\r\n', '\n');
}
