import type { RunnerTask, RunnerTestFile } from 'vitest';
import { TestRunner } from 'vitest';
import { isSlow } from './slow-files.js';

/** The runner of a plain `npm test`: no test that is tagged `long`, and of each slow file the first of the others, with the hooks that it needs. */
export default class FirstTests extends TestRunner {
  onCollected(files: RunnerTestFile[]): void {
    for (const file of files) keep(file, { left: isSlow(file.filepath) ? 1 : Infinity });
  }
}

/** Marks the other tests as skipped, and suites of such only, so that their hooks don't run. */
function keep(task: RunnerTask, of: { left: number }): void {
  if (task.mode === 'skip' || task.mode === 'todo') return;
  if (task.type === 'test') {
    if (of.left === 0 || task.tags?.includes('long') === true) task.mode = 'skip';
    else of.left -= 1;
    return;
  }
  for (const each of task.tasks) keep(each, of);
  if (task.tasks.every((each) => each.mode !== 'run' && each.mode !== 'queued')) task.mode = 'skip';
}
