import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Files whose tests spawn programs, break disks or ask other people's programs. Their folder says it: nothing to keep up to date. */
const SLOW = /[\\/]test[\\/](?:(?:e2e|fault|oracle)[\\/]|contract[\\/].*-real\.)/u;

export function isSlow(file: string): boolean {
  return SLOW.test(file);
}

export function slowFiles(): string[] {
  const test = fileURLToPath(new URL('..', import.meta.url));
  return readdirSync(test, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(test, name))
    .filter(isSlow);
}

/** A plain `npm test` (scripts/bootstrap.mjs): of each slow file one test. */
export function firstTestsOnly(): boolean {
  return process.env['REPACKENV_FIRST_TESTS'] !== undefined;
}
