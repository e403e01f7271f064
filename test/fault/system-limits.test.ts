import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';
import { TOKEN } from '../helpers/upstream.js';

/** What the system does not give: open files, memory for WebAssembly, threads. */
let work: Workplace;
beforeAll(async () => {
  work = await openWorkplace();
});
afterAll(() => work.close());

const withImport = (script: string): Promise<Ran> =>
  work.update({
    args: ['--recheck'],
    env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(script)}` },
  });

function expectSaid({ exitCode, stderr }: Pick<Ran, 'exitCode' | 'stderr'>, exit: number, code: string): void {
  expect(exitCode, stderr).toBe(exit);
  expect(stderr).toMatch(/^error: \S.*\n(?: {2}where: \S.*\n)?(?: {4}.*\n)* {2}what to do: \S.*\n {2}\[\w+\]\n/m);
  expect(stderr).toContain(`[${code}]`);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stderr).not.toContain(TOKEN);
}

describe.runIf(process.platform === 'linux')('limits of the shell', () => {
  const limited = (limit: string, args: readonly string[]) => {
    const program = join(PROJECT_ROOT, 'bin', 'repackenv.js');
    const env = { PATH: process.env['PATH'], HOME: work.home };
    const ran = spawnSync('sh', ['-c', `${limit} && exec "$@"`, 'sh', process.execPath, program, ...args], {
      env,
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { exitCode: ran.status, stderr: ran.stderr };
  };

  // Node 24 opens one module after the other, and has enough.
  it.each([30, 40, 80])('%i open files: said before anything is begun', (files) => {
    const ran = limited(`ulimit -n ${files}`, ['engines']);
    if (ran.exitCode === 0) return;
    expectSaid(ran, 5, 'E_DISK');
    expect(ran.stderr).toContain('ulimit -n 4096');
    expect(ran.stderr).toMatch(/where: \/.*\.js$/m);
  });

  // From Node 22 on WebAssembly does with what there is.
  it.each([8_000_000, 12_000_000])('%i kB of address space: WebAssembly works, or it is said', async (kilobytes) => {
    expect((await work.update()).exitCode).toBe(0);
    const ran = limited(`ulimit -v ${kilobytes}`, ['verify', work.labelDir]);
    if (ran.exitCode === 0) return;
    expectSaid(ran, 5, 'E_MEMORY');
    expect(ran.stderr).toContain('ulimit -v');
  });
});

describe('what nobody waits for', () => {
  const onceReady = (act: string): string =>
    `const ready=setInterval(()=>{if(process.listenerCount('uncaughtException')>0){clearInterval(ready);${act}}},1)`;

  it('a package of ours gets no memory on its own', async () => {
    const error = `new RangeError('WebAssembly.instantiate(): Out of memory: no place')`;
    expectSaid(await withImport(onceReady(`Promise.reject(${error})`)), 5, 'E_MEMORY');
  });

  it('anything else is a bug, told without the token', async () => {
    const ran = await withImport(onceReady(`throw new TypeError('at /t/'+process.env.CONDA_TOKEN+'/x')`));
    expectSaid(ran, 70, 'E_BUG');
  });

  it('what will never come is a bug too, not exit 13', async () => {
    const ran = await withImport('WebAssembly.instantiate=()=>new Promise(()=>{})');
    expectSaid(ran, 70, 'E_BUG');
  });
});

it('no WebAssembly to be had: said, and no thread is begun', async () => {
  const refuse = `function(){throw new RangeError('WebAssembly.Memory(): could not allocate memory')}`;
  expectSaid(await withImport(`WebAssembly.Memory=${refuse}`), 5, 'E_MEMORY');
});
