import { skippedLayers } from './layers.js';
import { firstTestsOnly, slowFiles } from './slow-files.js';

/** Runs once before all test files, so that what is left out is one line and not one a file. */
export function setup(): void {
  for (const line of skippedLayers()) console.warn(line);
  if (firstTestsOnly()) console.warn(`of ${slowFiles().length} slow files one test each; all: npm test -- --all`);
}
