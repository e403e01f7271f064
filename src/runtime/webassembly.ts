import { setFlagsFromString } from 'node:v8';

/** V8 11 to 13: 1,800,000 by itself. Counted a function, in bytes of it that ran. */
const TIERING_BUDGET = 20_000_000;

/** A V8 that does not know the flag says so on standard error: not taken for granted of a Node that is not out yet. */
const NEWEST_TRIED = 24;

/**
 * Lets a WebAssembly function run longer in its first form before it is compiled once more, optimised. The solver and zstd of a common run are
 * done before that pays, and it was a third of all its processor time; a long one optimises what is hot a few milliseconds later. To be called
 * before the first module is compiled; holds for the whole process, threads too. Gives whether it did.
 *
 * @param nodeVersion `20.20.2`
 */
export function optimiseWasmLater(nodeVersion: string): boolean {
  if (Number.parseInt(nodeVersion, 10) > NEWEST_TRIED) return false;
  setFlagsFromString(`--wasm-tiering-budget=${TIERING_BUDGET}`);
  return true;
}
