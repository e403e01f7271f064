import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { execaExec } from '../../../src/runtime/exec.js';
import type { ExecCommand, ExecResult } from '../../../src/runtime/exec.js';
import { outputTail } from '../../../src/runtime/output-tail.js';
import { tempDir } from '../../helpers/artifacts.js';

function run(script: string, more: Partial<ExecCommand> = {}): Promise<ExecResult> {
  return execaExec().run({
    file: process.execPath,
    args: ['--input-type=module', '-e', script],
    env: { PATH: '/usr/bin:/bin' },
    cwd: process.cwd(),
    timeoutMs: 20_000,
    ...more,
  });
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('execaExec', () => {
  it('gives the child exactly the environment it was told, and no input', async () => {
    const result = await run(
      `
      import { readFileSync } from 'node:fs';
      console.log(JSON.stringify({ env: process.env, input: readFileSync(0, 'utf8') }));
    `,
      { env: { ONLY: 'this' } },
    );
    expect(JSON.parse(text(result.stdout))).toEqual({ env: { ONLY: 'this' }, input: '' });
    expect(result).toMatchObject({ exitCode: 0, signal: undefined, timedOut: false, aborted: false, truncated: false });
  });

  it('passes arguments as they are: no shell', async () => {
    const result = await execaExec().run({
      file: process.execPath,
      args: [
        '-p',
        'JSON.stringify(process.argv.slice(1))',
        '--',
        'sympy!=1.1',
        'numpy>=1.2,<2',
        '$HOME `x` "q"',
        '1!2.0',
      ],
      env: {},
      cwd: '/',
      timeoutMs: 20_000,
    });
    expect(JSON.parse(text(result.stdout))).toEqual(['sympy!=1.1', 'numpy>=1.2,<2', '$HOME `x` "q"', '1!2.0']);
  });

  it('tells what could not be started', async () => {
    expect(await run('', { file: '/nowhere/conda' })).toMatchObject({ startError: 'ENOENT', exitCode: undefined });
    expect(await run('', { file: import.meta.filename })).toMatchObject({ startError: 'EACCES', exitCode: undefined });
  });

  it('B5 tells a signal and an exit code apart', async () => {
    expect(await run(`process.exit(137)`)).toMatchObject({ exitCode: 137, signal: undefined });
    expect(
      await run(`process.kill(process.pid, 'SIGKILL'); await new Promise(() => setInterval(() => {}, 1000))`),
    ).toMatchObject({
      exitCode: undefined,
      signal: 'SIGKILL',
    });
  });

  it('keeps the end of long output', async () => {
    const result = await run(`process.stdout.write('a'.repeat(100000) + 'END')`, { maxOutputBytes: 1000 });
    expect(result.truncated).toBe(true);
    expect(text(result.stdout)).toBe(`${'a'.repeat(997)}END`);
  });

  it('B6 ends the whole tree on timeout, also a grandchild that ignores SIGTERM', async () => {
    const dir = tempDir();
    const result = await run(grandchild(dir), { timeoutMs: 1_500 });
    expect(result).toMatchObject({ timedOut: true, aborted: false });
    await expectGone(dir);
  });

  it('ends the whole tree where nothing is printed for so long, and lets be who prints', async () => {
    const dir = tempDir();
    expect(await run(grandchild(dir), { silentMs: 1_500 })).toMatchObject({ timedOut: true, aborted: false });
    await expectGone(dir);
    const talking = `for (let n = 0; n < 14; n++) { console.log(n); await new Promise((go) => setTimeout(go, 500)); }`;
    expect(await run(talking, { silentMs: 6_000 })).toMatchObject({ timedOut: false, exitCode: 0 });
  }, 60_000);

  it('ends the whole tree on abort', async () => {
    const dir = tempDir();
    const abortion = new AbortController();
    const running = run(grandchild(dir), { signal: abortion.signal });
    while (!existsSync(join(dir, 'pid')) || readFileSync(join(dir, 'pid'), 'utf8') === '') await delay(20);
    abortion.abort();
    expect(await running).toMatchObject({ aborted: true, timedOut: false });
    await expectGone(dir);
  });

  it('starts nothing when aborted already', async () => {
    const dir = tempDir();
    const result = await run(
      `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(join(dir, 'ran'))}, '')`,
      {
        signal: AbortSignal.abort(),
      },
    );
    expect(result.aborted).toBe(true);
    expect(existsSync(join(dir, 'ran'))).toBe(false);
  });

  it('leaves no background process of a program that has ended', async () => {
    const dir = tempDir();
    const result = await run(`
      import { spawn } from 'node:child_process';
      import { writeFileSync } from 'node:fs';
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
      writeFileSync(${JSON.stringify(join(dir, 'pid'))}, String(child.pid));
      child.unref();
      process.exit(0);
    `);
    expect(result.exitCode).toBe(0);
    await expectGone(dir);
  });

  it('hands on output as it comes', async () => {
    const chunks: string[] = [];
    await run(`console.log('out'); console.error('err')`, {
      onStdout: (chunk) => chunks.push(text(chunk).trim()),
      onStderr: (chunk) => chunks.push(text(chunk).trim()),
    });
    expect(chunks.sort()).toEqual(['err', 'out']);
  });
});

describe('outputTail', () => {
  it('drops whole and part chunks from the front', () => {
    const tail = outputTail(5);
    for (const piece of ['abc', 'de', 'f', '']) tail.push(Buffer.from(piece));
    expect(text(tail.bytes())).toBe('bcdef');
    expect(tail.truncated()).toBe(true);
  });
});

/** A script whose child ignores SIGTERM and notes its pid. */
function grandchild(dir: string): string {
  const child = join(dir, 'stubborn.mjs');
  writeFileSync(
    child,
    `import { writeFileSync } from 'node:fs';
     process.on('SIGTERM', () => {});
     writeFileSync(${JSON.stringify(join(dir, 'pid'))}, String(process.pid));
     setInterval(() => {}, 1000);`,
  );
  return `import { spawn } from 'node:child_process';
    spawn(process.execPath, [${JSON.stringify(child)}], { stdio: 'inherit' });
    setInterval(() => {}, 1000);`;
}

/** The kernel needs a moment to take a killed process away. */
async function expectGone(dir: string): Promise<void> {
  const pid = Number(readFileSync(join(dir, 'pid'), 'utf8'));
  expect(pid).toBeGreaterThan(1);
  for (let tries = 0; tries < 100 && isRunning(pid); tries += 1) await delay(20);
  expect(isRunning(pid)).toBe(false);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // An orphan that nobody waits for stays as a zombie in containers without an init.
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}
