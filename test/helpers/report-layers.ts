import { skippedLayers } from './layers.js';

/** Runs once before all test files, so that a skipped layer is one line and not one a file. */
export function setup(): void {
  for (const line of skippedLayers()) console.warn(line);
}
