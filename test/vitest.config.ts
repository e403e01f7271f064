import { defineConfig } from 'vitest/config';
import { firstTestsOnly } from './helpers/slow-files.js';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    // scripts/lib/mutate.ts names the tests of a group.
    include: process.env['REPACKENV_MUTATION_TESTS']?.split(' ') ?? ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/report-layers.ts', 'test/helpers/temporary-folders.ts'],
    setupFiles: ['test/helpers/own-temporary-folder.ts'],
    ...(firstTestsOnly() ? { runner: 'test/helpers/first-tests.ts' } : {}),
    tags: [{ name: 'long', description: 'more than 10 seconds: not in a plain npm test' }],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    // A process for each file takes as long as all tests of the units. A file leaves no trace: no hook and no folder of one file in a module of helpers.
    isolate: false,
    // One more than the two cores that we plan for: some tests wait for processes and time-outs.
    maxWorkers: 3,
  },
});
