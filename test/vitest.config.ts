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
    tags: [{ name: 'long', description: 'more than 10 seconds: never the one test that stands for its file' }],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
  },
});
