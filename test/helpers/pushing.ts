import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { push, type PushReport, type PushRequest } from '../../src/jobs/push.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { testRuntime, type TestRuntime } from './runtime.js';
import { publishTiny, type TinySet } from './tiny-channel.js';

/** Between these two: a new name, one with other bytes, one that goes, a platform that goes, one that comes; names with `+` and `!`. */
export const FIRST: TinySet = {
  'linux-64/a-1-0.conda': 'a 1',
  'linux-64/b-1-0.conda': 'b 1',
  'linux-64/same-1!2+x-0.conda': 'same',
  'noarch/n-1-0.tar.bz2': 'n 1',
  'noarch/replaced-1-0.conda': 'as it was built first',
  'win-64/w-1-0.conda': 'w 1',
};
export const SECOND: TinySet = {
  'linux-64/a-2-0.conda': 'a 2',
  'linux-64/b-1-0.conda': 'b 1',
  'linux-64/same-1!2+x-0.conda': 'same',
  'noarch/n-1-0.tar.bz2': 'n 1',
  'noarch/n-2+x-0.conda': 'n 2',
  'noarch/replaced-1-0.conda': 'rebuilt',
  'osx-64/o-1-0.conda': 'o 1',
};

export interface PushLab {
  dir: string;
  root: string;
  labelDir: string;
  /** Publishes the next generation of label `acme`. */
  publish(packages: TinySet, options?: { bz2?: boolean }): Promise<void>;
  close(): Promise<void>;
}

export async function openPushLab(): Promise<PushLab> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'repackenv-push-')));
  const root = join(dir, 'root');
  const rt = testRuntime();
  let count = 0;
  return {
    dir,
    root,
    labelDir: join(root, 'acme'),
    async publish(packages, { bz2 = false } = {}) {
      rt.clock.advance(10_000);
      const machine = { ...rt.machine, randomId: () => `lab-${++count}` };
      await publishTiny({ ...rt, machine }, { root, packages, bz2, replace: 'all' });
    },
    close: () => rm(dir, { recursive: true, force: true }),
  };
}

/** A push in this process; `onStep` is called when something has changed at the target. */
export function pushHere(
  lab: Pick<PushLab, 'labelDir'>,
  target: string,
  options: Partial<PushRequest> & { rt?: Partial<Runtime>; onStep?: (step: string) => Promise<void> | void } = {},
): Promise<PushReport> {
  const { rt: more, onStep, ...request } = options;
  const rt: TestRuntime = testRuntime({ reach: (step) => onStep?.(step) });
  return push(
    { ...rt, ...more, signal: rt.signal },
    {
      dir: lab.labelDir,
      target,
      adopt: false,
      allowRollback: false,
      dryRun: false,
      siteFiles: true,
      site: undefined,
      endpoint: undefined,
      allowHttp: [],
      proxy: undefined,
      noProxy: [],
      caFiles: [],
      waitLockMs: 0,
      takeOverLock: false,
      ...request,
    },
    () => undefined,
  );
}
