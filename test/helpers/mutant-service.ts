// oxlint-disable unicorn/require-post-message-target-origin -- a channel between threads has none
import { BroadcastChannel } from 'node:worker_threads';
import { startTests } from '@vitest/runner';
import { inject, TestRunner, type RunnerTask, type RunnerTestFile } from 'vitest';

/** What scripts/kept-runner.mjs asks: are these tests (of a file; none named: all) told anything by this mutant? */
interface Question {
  mutant: string;
  activation: 'static' | 'runtime';
  hitLimit: number | undefined;
  files: { path: string; names: string[] | undefined }[];
}

type Answer =
  | { outcome: 'noticed'; path: string; name: string; message: string; tests: number }
  | { outcome: 'survived'; tests: number }
  /** The same test fails without the mutant too, by what is left of a mutant before. */
  | { outcome: 'spoilt' };

/**
 * The runner of a thread that is kept for many mutants: it runs a file as any, then files again and again as it is asked. Test files are read anew
 * each time, and so is all that they import: what a module keeps (parsed texts) would hide a mutant, or outlive it.
 */
export default class MutantService extends TestRunner {
  override async onAfterRunFiles(): Promise<void> {
    super.onAfterRunFiles();
    const channel = new BroadcastChannel(inject('mutants' as never));
    const heard = (): Promise<Question | 'stop'> =>
      new Promise((done) => (channel.onmessage = ({ data }: { data: Question | 'stop' }) => done(data)));
    let next = heard();
    channel.postMessage('ready');
    for (let question = await next; question !== 'stop'; question = await next) {
      next = heard();
      channel.postMessage(await this.answer(question));
    }
    channel.close();
  }

  private async answer({ files, ...mutant }: Question): Promise<Answer> {
    let all = 0;
    for (const { path, names } of files) {
      const tests = await this.runAgain(path, names, mutant);
      all += tests.length;
      const failed = tests.find(({ error }) => error !== undefined);
      if (failed === undefined) continue;
      const again = await this.runAgain(path, failed.name === '' ? names : [failed.name], undefined);
      if (again.length === 0 || again.some(({ error }) => error !== undefined)) return { outcome: 'spoilt' };
      return { outcome: 'noticed', path, name: failed.name, message: failed.error!, tests: tests.length };
    }
    return { outcome: 'survived', tests: all };
  }

  /** The tests that ran, up to the first that failed. */
  private async runAgain(
    path: string,
    names: readonly string[] | undefined,
    mutant: Omit<Question, 'files'> | undefined,
  ): Promise<{ name: string; error: string | undefined }[]> {
    const { workerState: state } = this as unknown as { workerState: WorkerState };
    Object.assign(state.providedContext, {
      activeMutant: mutant?.mutant,
      mutantActivation: mutant?.activation ?? 'static',
      hitLimit: mutant?.hitLimit,
    });
    (globalThis as unknown as Record<string, { activeMutant?: undefined }>)[
      inject('globalNamespace' as never)
    ]!.activeMutant = undefined;
    state.filepath = path;
    for (const [id, module] of state.evaluatedModules.idToModuleMap)
      if (!id.includes('/node_modules/'))
        Object.assign(module, { evaluated: false, promise: undefined, exports: undefined });
    const escaped = names?.map((name) => name.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
    this.config.testNamePattern = escaped && new RegExp(`^\\s*(?:${escaped.join('|')})$`);
    const ran: { name: string; error: string | undefined }[] = [];
    const nothing = (): void => undefined;
    const inner = Object.assign(Object.create(this) as MutantService, {
      onCollected: nothing,
      onTaskUpdate: nothing,
      onTestAnnotate: nothing,
      onCleanupWorkerContext: nothing,
      onAfterRunFiles: nothing,
      onAfterRunTask: (test: RunnerTask) => {
        const error = errorOf(test);
        ran.push({ name: nameOf(test), error });
        // Not `cancel`, which holds for the whole thread.
        if (error !== undefined) Object.assign(inner, { cancelRun: true });
      },
    });
    const [file] = (await startTests([path], inner as never)) as unknown as RunnerTestFile[];
    const whole = file && errorOf(file);
    if (whole !== undefined && ran.every(({ error }) => error === undefined)) ran.push({ name: '', error: whole });
    return ran;
  }
}

interface WorkerState {
  filepath: string;
  providedContext: Record<string, unknown>;
  evaluatedModules: { idToModuleMap: ReadonlyMap<string, object> };
}

function errorOf(task: RunnerTask): string | undefined {
  return task.result?.state === 'fail' ? (task.result.errors?.[0]?.message ?? 'it failed') : undefined;
}

/** As Stryker names a test. */
function nameOf(task: RunnerTask): string {
  const names = [task.name];
  for (let suite = task.suite; suite !== undefined; suite = suite.suite) names.unshift(suite.name);
  return names.join(' ').trim();
}
