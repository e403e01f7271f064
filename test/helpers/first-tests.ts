import type { RunnerTask, RunnerTestFile } from 'vitest';
import { TestRunner } from 'vitest';
import { isSlow } from './slow-files.js';

/** The runner of a plain `npm test`: of each slow file the first test that is not tagged `long`, with the hooks that it needs. */
export default class FirstTests extends TestRunner {
  onCollected(files: RunnerTestFile[]): void {
    for (const file of files.filter((each) => isSlow(each.filepath))) keepFirst(file, { found: false });
  }
}

/** Marks the other tests as skipped, and suites of such only, so that their hooks don't run. */
function keepFirst(task: RunnerTask, seen: { found: boolean }): void {
  if (task.mode === 'skip' || task.mode === 'todo') return;
  if (task.type === 'test') {
    if (seen.found || task.tags?.includes('long') === true) task.mode = 'skip';
    else seen.found = true;
    return;
  }
  for (const each of task.tasks) keepFirst(each, seen);
  if (task.tasks.every((each) => each.mode !== 'run' && each.mode !== 'queued')) task.mode = 'skip';
}
