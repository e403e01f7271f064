import { setFlagsFromString } from 'node:v8';

/**
 * V8 11 to 13: 1,800,000 by itself. Counted a function, in bytes of it that ran. The solver and zstd of a common run are done before a second,
 * optimised compilation pays, and that was a third of all its processor time; a long run optimises what is hot a few milliseconds later.
 */
const WASM_TIERING_BUDGET = 20_000_000;

/** A V8 that does not know a flag says so on standard error: not taken for granted of a Node that is not out yet. */
const NEWEST_TRIED = 24;

/**
 * Lets WebAssembly run longer before it is optimised. For `mirror`, which holds the records of whole channels, it also keeps the space for young
 * objects at what loading the program has made of it, 8 to 16 MB: by itself Node 24 lets it grow to 130 MB, and what a mirror needs must not
 * hang on the Node (`--max-semi-space-size` is read at the start only). Not for other commands: a solver's thread would begin with 1 MB.
 *
 * To be called before the first WebAssembly is compiled; holds for the whole process, threads too. Gives whether it did.
 *
 * @param nodeVersion `20.20.2`
 */
export function tuneV8(nodeVersion: string, command: string | undefined): boolean {
  if (Number.parseInt(nodeVersion, 10) > NEWEST_TRIED) return false;
  setFlagsFromString(`--wasm-tiering-budget=${WASM_TIERING_BUDGET}`);
  if (command === 'mirror') setFlagsFromString('--semi-space-growth-factor=1');
  return true;
}
