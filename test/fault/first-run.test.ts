import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { snapshot } from '../../scripts/lib/snapshot.js';
import { openWorkplace, type Ran, type UpdateOptions, type Workplace } from '../helpers/programs.js';

/** Each is a failure of a first run, with a part of what it says. */
const FAILURES: readonly [string, string, UpdateOptions][] = [
  ['a wrong token', 'E_TOKEN_REFUSED', { env: { CONDA_TOKEN: 'wrong-token' } }],
  ['an unknown package', 'E_PACKAGE_NOT_FOUND', { packages: ['no-such-package'] }],
  ['no upstream', 'E_UPSTREAM', { args: ['--base-url', 'http://127.0.0.1:1'] }],
  ...['update:locked', 'update:inspected', 'update:solved', 'update:acquired', 'channel:staged', 'update:proven'].map(
    (step): [string, string, UpdateOptions] => [
      `a fault at ${step}`,
      `${step}: a fault`,
      { env: { REPACKENV_TEST_THROW_AT: step } },
    ],
  ),
];

describe('a first run that fails', () => {
  let work: Workplace;
  let silent: Server;
  beforeAll(async () => {
    work = await openWorkplace();
    silent = createServer(() => undefined);
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    silent.closeAllConnections();
    silent.close();
    await work.close();
  });
  const silentUrl = (): string => `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;

  async function interrupted(signal: NodeJS.Signals, root: string): Promise<Ran> {
    const running = work.start({ root, args: ['--base-url', silentUrl()] });
    expect(await running.says('solve: ')).toBe(true);
    running.child.kill(signal);
    return running.ended;
  }

  it.each(FAILURES)('%s: ROOT, made by it three folders deep, goes with it', async (_name, says, options) => {
    const ran = await work.update({ ...options, root: join(work.dir, 'new', 'a', 'b') });
    expect(ran.exitCode).not.toBe(0);
    expect(ran.stderr).toContain(says);
    expect(existsSync(join(work.dir, 'new'))).toBe(false);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s: ROOT goes with it', async (signal) => {
    const ran = await interrupted(signal, join(work.dir, 'new', 'a'));
    expect(ran.stderr).toContain('E_INTERRUPTED');
    expect(existsSync(join(work.dir, 'new'))).toBe(false);
  });

  it('leaves what was there before: an empty ROOT, other files, another label', async () => {
    const root = join(work.dir, 'there');
    mkdirSync(root);
    await work.update({ root, packages: ['no-such-package'] });
    expect(readdirSync(root)).toEqual([]);
    writeFileSync(join(root, 'mine.txt'), 'x');
    mkdirSync(join(root, '.repackenv', 'other'), { recursive: true });
    const before = snapshot(root);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) await interrupted(signal, root);
    await work.update({ root, packages: ['no-such-package'] });
    expect([...snapshot(root).keys()]).toEqual([...before.keys()]);
    expect(readdirSync(join(root, '.repackenv'))).toEqual(['other']);
  });

  it('leaves what another run made meanwhile, also one that waits for its lock', async () => {
    const root = join(work.dir, 'shared', 'root');
    const failing = work.start({ root, args: ['--base-url', silentUrl()] });
    expect(await failing.says('solve: ')).toBe(true);
    const other = await work.update({ label: 'acme', root });
    const waiting = work.start({ root, args: ['--wait-lock', '300'] });
    expect(await waiting.says('is locked by')).toBe(true);
    failing.child.kill('SIGTERM');
    await failing.ended;
    const waited = await waiting.ended;
    expect(waited.exitCode, waited.stderr).toBe(0);
    expect(other.exitCode, other.stderr).toBe(7);
    expect((await work.verify(join(root, 'halkbank'))).exitCode).toBe(0);
    expect(readdirSync(join(root, '.repackenv'))).toEqual(['halkbank']);
  });
});
