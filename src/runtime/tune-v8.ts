import { setFlagsFromString } from 'node:v8';

/** MiB. Node 24 would by itself let young objects take 130 MB before it looks at them, and what a job needs must not hang on the Node. */
const SEMI_SPACE = 8;

/**
 * V8 11 to 13: 1,800,000 by itself. Counted a function, in bytes of it that ran. The solver and zstd of a common run are done before a second,
 * optimised compilation pays, and that was a third of all its processor time; a long run optimises what is hot a few milliseconds later.
 */
const WASM_TIERING_BUDGET = 20_000_000;

/** A V8 that does not know a flag says so on standard error: not taken for granted of a Node that is not out yet. */
const NEWEST_TRIED = 24;

/**
 * Bounds V8's young generation, and lets WebAssembly run longer before it is optimised. To be called before the first module of that is
 * compiled; holds for the whole process, threads too. Gives whether it did.
 *
 * @param nodeVersion `20.20.2`
 */
export function tuneV8(nodeVersion: string): boolean {
  if (Number.parseInt(nodeVersion, 10) > NEWEST_TRIED) return false;
  setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE}`);
  setFlagsFromString(`--wasm-tiering-budget=${WASM_TIERING_BUDGET}`);
  return true;
}
