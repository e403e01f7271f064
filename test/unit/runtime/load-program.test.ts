import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../scripts/lib/layers.js';

/** The loader as `npm run build` made it, with a program of two files. */
const LOADER = join(PROJECT_ROOT, 'dist', 'src', 'load.cjs');
let dir: string;
let code: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-load-'));
  code = join(dir, 'code');
  mkdirSync(join(dir, 'src'));
  writeFileSync(
    join(dir, 'src', 'main.cjs'),
    `exports.main = (exit) => { process.exitCode = exit; console.log(require('./part-1.cjs').say()); };`,
  );
  writePart('one');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Of the same length and time whatever it says, as no build writes it: V8 can tell no difference. */
function writePart(word: string): void {
  const path = join(dir, 'src', 'part-1.cjs');
  writeFileSync(path, `const { sep } = require('node:path'); exports.say = () => '${word}' + sep.length;`);
  utimesSync(path, 1, 1);
}

function run(command: readonly string[] = ['plan'], { program = 'repackenv', exit = 0, env = {} } = {}) {
  const script = `require(${JSON.stringify(LOADER)}).loadProgram(${JSON.stringify(join(dir, 'src'))}, '${program}', process).main(${exit})`;
  // As `node FILE COMMAND`: argv has a program and a file before it.
  const file = join(dir, 'run.cjs');
  writeFileSync(file, script);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...command], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  });
  expect({ status, stderr }).toEqual({ status: exit, stderr: '' });
  return stdout.trim();
}

const kept = (): string[] => (readdirSync(dir).includes('code') ? readdirSync(code) : []);

describe('what V8 has compiled', () => {
  it('is kept for each command and taken the next time', () => {
    expect(run()).toBe('one1');
    expect(run(['verify'])).toBe('one1');
    expect(kept().map((name) => name.split('-')[0])).toEqual(['plan', 'verify']);
    writePart('two');
    expect(run()).toBe('one1');
    expect(run(['doctor'])).toBe('two1');
  });

  it('asks the loader for what is imported, a package or a module', () => {
    writeFileSync(
      join(dir, 'src', 'part-1.cjs'),
      `exports.say = () => require.import('node:path').then(({ sep }) => sep);`,
    );
    writeFileSync(
      join(dir, 'src', 'main.cjs'),
      `exports.main = () => require('./part-1.cjs').say().then(console.log);`,
    );
    for (const _ of ['first', 'again']) expect(run()).toBe(sep);
  });

  it('is let be where a file has another size or time', () => {
    run();
    writePart('three');
    expect(run()).toBe('three1');
    writePart('four!');
    utimesSync(join(dir, 'src', 'part-1.cjs'), 2, 2);
    expect(run()).toBe('four!1');
  });

  it.each([
    ['a byte of the compiled code', (bytes: Buffer) => bytes.with(bytes.length - 40, bytes.at(-40)! ^ 16)],
    ['a byte of the digest', (bytes: Buffer) => bytes.with(3, bytes[3]! ^ 1)],
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ['empty', () => Buffer.alloc(0)],
    ['of somebody else', () => Buffer.from('hello\n')],
  ])('damaged (%s): is made anew', (_, damage) => {
    run();
    const file = join(code, kept()[0]!);
    const whole = readFileSync(file);
    writeFileSync(file, damage(whole));
    expect(run()).toBe('one1');
    expect(readFileSync(file).subarray(64, 80)).toEqual(whole.subarray(64, 80));
  });

  it.each([
    ['a run that failed', ['plan'], () => ({ exit: 5 })],
    ['--debug, which asks for source maps', ['plan', '--debug'], () => ({})],
    ['a measured run', ['plan'], () => ({ env: { NODE_V8_COVERAGE: join(dir, 'coverage') } })],
    ['a first argument that names no file', ['../../plan'], () => ({})],
  ])('is not kept of %s', (_, command, options) => {
    expect(run(command, options())).toBe('one1');
    expect(kept()).toEqual([]);
  });

  it('is by program where that is the command, and apart for other flags of V8', () => {
    run(['halkbank'], { program: 'update-offline-repo' });
    run(['acme'], { program: 'update-offline-repo', env: { NODE_OPTIONS: '--stack-trace-limit=5' } });
    expect(kept().map((name) => name.slice(0, 19))).toEqual(['update-offline-repo', 'update-offline-repo']);
  });

  it('is left out where its folder cannot be made', () => {
    writeFileSync(code, '');
    expect(run()).toBe('one1');
    expect(statSync(code).size).toBe(0);
  });

  it('makes room where files of other Nodes have gathered', () => {
    mkdirSync(code);
    for (let at = 0; at < 100; at += 1) writeFileSync(join(code, `old-${at}`), '');
    run();
    expect(kept()).toHaveLength(1);
  });

  it.skipIf(process.platform === 'win32')('nobody else may write it, whatever the umask', () => {
    const before = process.umask(0);
    try {
      run();
    } finally {
      process.umask(before);
    }
    expect([code, join(code, kept()[0]!)].map((path) => statSync(path).mode & 0o022)).toEqual([0, 0]);
  });

  it('gives a file that is not there as an error with its path', () => {
    rmSync(join(dir, 'src', 'part-1.cjs'));
    const script = `require(${JSON.stringify(LOADER)}).loadProgram(${JSON.stringify(join(dir, 'src'))}, 'repackenv', process).main(0)`;
    const { stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect(stderr).toContain(`Cannot find module '${join(dir, 'src', 'part-1.cjs')}'`);
  });
});
