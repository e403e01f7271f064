// oxlint-disable unicorn/require-post-message-target-origin -- a channel between threads has none
// Plug-in of Stryker for scripts/lib/mutate.ts: its runner for vitest begins a thread for each mutant, of which most of the time goes by. Here
// one thread is kept (test/helpers/mutant-service.ts). What it notices, and passes again without the mutant, is noticed. First asked are the tests
// that reached the place when none was changed, then all: where a module keeps answers, only the first test that asks for one reaches it.
import { randomUUID } from 'node:crypto';
import { relative, resolve } from 'node:path';
import { BroadcastChannel } from 'node:worker_threads';
import { strykerPlugins as vitestPlugins } from '@stryker-mutator/vitest-runner';
import { createVitest } from 'vitest/node';

class KeptRunner {
  constructor(slow, options) {
    this.slow = slow;
    this.configFile = options.vitest.configFile;
  }

  capabilities = () => this.slow.capabilities();
  init = () => this.slow.init();
  dryRun = (options) => this.slow.dryRun(options);

  async mutantRun(options) {
    let told = await this.ask(options);
    if (told.outcome === 'survived' && options.testFilter) told = await this.ask({ ...options, testFilter: undefined });
    if (told.outcome === 'spoilt') await this.stop();
    if (told.outcome === 'survived') return { status: 'survived', nrOfTests: told.tests };
    if (told.outcome !== 'noticed') return this.slow.mutantRun(options);
    const { path, name, message, tests } = told;
    const id = `${relative(process.cwd(), path).replaceAll('\\', '/')}#${name}`;
    return { status: 'killed', killedBy: [id], failureMessage: message, nrOfTests: tests };
  }

  async dispose() {
    await this.stop();
    await this.vitest?.close();
    await this.slow.dispose();
  }

  async ask({ activeMutant, mutantActivation, hitLimit, testFilter }) {
    this.vitest ??= await this.open();
    this.thread ??= await this.begin();
    const byFile = new Map(testFilter === undefined ? this.files.map((file) => [file, undefined]) : []);
    for (const id of testFilter ?? []) {
      const at = id.indexOf('#');
      const file = resolve(id.slice(0, at));
      byFile.set(file, [...(byFile.get(file) ?? []), id.slice(at + 1)]);
    }
    const files = [...byFile].map(([path, names]) => ({ path, names }));
    return this.thread.ask({ mutant: activeMutant.id, activation: mutantActivation, hitLimit, files });
  }

  async open() {
    const vitest = await createVitest('test', {
      config: this.configFile,
      pool: 'threads',
      maxWorkers: 1,
      isolate: false,
      watch: false,
      reporters: [],
      onConsoleLog: () => false,
      runner: 'test/helpers/mutant-service.ts',
    });
    for (const { config } of vitest.projects) config.setupFiles = [this.slow.localSetupFile, ...config.setupFiles];
    vitest.provide('globalNamespace', this.slow.globalNamespace);
    vitest.provide('isGreaterThanVitest4Point1', true);
    vitest.provide('mode', 'mutant');
    this.files = (await vitest.globTestSpecifications()).map(({ moduleId }) => moduleId);
    return vitest;
  }

  async begin() {
    const name = `repackenv-mutants-${randomUUID()}`;
    const channel = new BroadcastChannel(name);
    const heard = () => new Promise((done) => (channel.onmessage = ({ data }) => done(data)));
    const ready = heard();
    this.vitest.provide('mutants', name);
    this.vitest.state.filesMap.clear();
    const ended = this.vitest.start([this.files[0]]);
    await ready;
    return {
      ask: (question) => {
        const answer = heard();
        channel.postMessage(question);
        return answer;
      },
      stop: async () => {
        channel.postMessage('stop');
        await ended;
        channel.close();
      },
    };
  }

  async stop() {
    await this.thread?.stop();
    this.thread = undefined;
  }
}

function keptRunner(injector) {
  return new KeptRunner(vitestPlugins[0].factory(injector), injector.resolve('options'));
}
keptRunner.inject = ['$injector'];

export const strykerPlugins = [{ kind: 'TestRunner', name: 'kept-vitest', factory: keptRunner }];
