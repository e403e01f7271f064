import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { snapshot } from '../../scripts/lib/snapshot.js';
import { runOurs } from '../helpers/programs.js';

const dir = mkdtempSync(join(tmpdir(), 'repackenv-early-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Sends the process the signal as soon as it listens for it: that is, while the modules load. Once: a second one ends it without a word. */
function sentToItself(signal: string): string {
  const source = `let sent = false; process.on('newListener', (name) => { if (name !== '${signal}' || sent) return; sent = true; queueMicrotask(() => process.kill(process.pid, name)); })`;
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
  ] as const)('%s: says so, ends with %i, and nothing was written', async (signal, exitCode) => {
    for (const [program, ...args] of [
      ['repackenv', 'serve', dir, '--port', '0'],
      ['update-offline-repo', 'halkbank', 'none', join(dir, 'root'), 'ratingpro'],
    ] as const) {
      const env = { NODE_OPTIONS: sentToItself(signal) };
      const ran = await runOurs(program, args, { home: join(dir, 'home'), env });
      expect(ran).toMatchObject({ exitCode, signal: null, stdout: '' });
      // Node 24 loads all modules in one go and hears of the signal when the job's handlers are there already.
      expect(ran.stderr).toMatch(
        new RegExp(`^error: Interrupted by ${signal}( before anything was begun: nothing was written)?\n`),
      );
      expect(ran.stderr).toMatch(/^ {2}\[E_INTERRUPTED\]\n$/m);
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
