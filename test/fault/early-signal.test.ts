import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { snapshot } from '../../scripts/lib/snapshot.js';
import { runOurs } from '../helpers/programs.js';

const dir = mkdtempSync(join(tmpdir(), 'repackenv-early-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Sends the process the signal as soon as it listens for it: that is, while the modules load. */
function sentToItself(signal: string): string {
  const source = `process.on('newListener', (name) => { if (name === '${signal}') queueMicrotask(() => process.kill(process.pid, '${signal}')); })`;
  return `--import=data:text/javascript,${encodeURIComponent(source)}`;
}

/** Sends it when the first handlers are taken off: a signal that came while modules were evaluated waits until then. */
function sentAtHandOver(signal: string): string {
  const source = `const { off } = process; process.off = (name, listener) => { if (name === '${signal}') process.kill(process.pid, name); return off.call(process, name, listener); }`;
  return `--import=data:text/javascript,${encodeURIComponent(source)}`;
}

describe('a signal while the program loads', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 143],
  ] as const)('%s: says that nothing was begun, and ends with %i', async (signal, exitCode) => {
    for (const program of ['repackenv', 'update-offline-repo'] as const) {
      const home = join(dir, 'home');
      const args = program === 'repackenv' ? ['engines'] : ['halkbank', 'none', join(dir, 'root'), 'ratingpro'];
      const ran = await runOurs(program, args, { home, env: { NODE_OPTIONS: sentToItself(signal) } });
      expect(ran).toMatchObject({ exitCode, signal: null, stdout: '' });
      expect(ran.stderr).toBe(
        `error: Interrupted by ${signal} before anything was begun: nothing was written\n  [E_INTERRUPTED]\n`,
      );
      expect([...snapshot(dir)]).toEqual([]);
    }
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s between its own handlers and those of the job ends the job', async (signal, exitCode) => {
    const home = join(dir, 'home');
    const args = ['serve', dir, '--port', '0'];
    const ran = await runOurs('repackenv', args, { home, env: { NODE_OPTIONS: sentAtHandOver(signal) } });
    expect([exitCode, 0]).toContain(ran.exitCode);
    expect(ran.signal).toBeNull();
  });
});
