import { outOfMemory } from '../base/disk-errors.js';

/** The types of Node leave it to those of browsers. */
declare const WebAssembly: { Memory: new (size: { initial: number; maximum: number }) => object };

/**
 * To be called before WebAssembly is loaded: where there is no memory for it, the packages that bring it print a line of their own, or
 * none, and never settle.
 *
 * @param memories how many will be in use at a time
 * @throws RepackError E_MEMORY
 */
export function requireWasmMemory(memories = 1): void {
  try {
    Array.from({ length: memories }, () => new WebAssembly.Memory({ initial: 1, maximum: 1 }));
  } catch (error) {
    throw error instanceof Error ? outOfMemory(error) : error;
  }
}
