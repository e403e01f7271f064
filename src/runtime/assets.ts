import { readFileSync } from 'node:fs';

/**
 * The text of a file that is shipped with the program and is no module, by its path below src/: the only place that knows where they
 * lie. `npm run build` copies them to dist/. Lines end with LF, whatever the checkout made of them.
 */
export function assetText(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8').replaceAll('\r\n', '\n');
}
