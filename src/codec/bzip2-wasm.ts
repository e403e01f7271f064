// oxlint-disable no-restricted-globals -- it takes process listeners away that the package should not have added
import type BZip2 from 'bzip2-wasm';
import { requireWasmMemory } from './wasm-memory.js';

let loading: Promise<BZip2> | undefined;

/** Loaded once, when first asked for. */
export async function loadBzip2Encoder(): Promise<BZip2> {
  if (loading === undefined) requireWasmMemory();
  loading ??= initialize();
  return loading;
}

/**
 * bzip2-wasm's start-up leaves `require` and `__dirname` behind as globals, and two process listeners that would turn any
 * rejection into a throw from inside this library: all four are taken away again.
 */
async function initialize(): Promise<BZip2> {
  const globals = ['require', '__dirname'].map((name) => ({
    name,
    before: Object.getOwnPropertyDescriptor(globalThis, name),
  }));
  const events = ['uncaughtException', 'unhandledRejection'].map((event) => ({
    event,
    before: process.rawListeners(event),
  }));
  const { default: Encoder } = await import('bzip2-wasm');
  const encoder = new Encoder();
  try {
    await encoder.init();
  } finally {
    for (const { name, before } of globals) {
      Reflect.deleteProperty(globalThis, name);
      if (before !== undefined) Object.defineProperty(globalThis, name, before);
    }
    for (const { event, before } of events) {
      for (const listener of process.rawListeners(event)) {
        if (!before.includes(listener)) process.removeListener(event, listener as (...args: unknown[]) => void);
      }
    }
  }
  return encoder;
}
