import { describe, expect, it } from 'vitest';
import { notify, wordsOf } from '../../../../src/jobs/fleet/notify.js';
import { createRedactor } from '../../../../src/base/redact.js';
import { Secret } from '../../../../src/base/secret.js';
import type { ExecCommand, ExecResult } from '../../../../src/runtime/exec.js';
import { testRuntime } from '../../../helpers/runtime.js';

describe('wordsOf', () => {
  it.each<[string, string[]]>([
    ['mail -s done ops', ['mail', '-s', 'done', 'ops']],
    ['  tell\t"two words" \'and $(these)\' ', ['tell', 'two words', 'and $(these)']],
    ['C:\\Tools\\tell.exe --to="a b"', ['C:\\Tools\\tell.exe', '--to=a b']],
    [`tell '' "" it's`, ['tell', '', '', "it's"]],
    ['tell; rm -rf / | x && y > z', ['tell;', 'rm', '-rf', '/', '|', 'x', '&&', 'y', '>', 'z']],
    ['   ', []],
  ])('%s', (command, words) => {
    expect(wordsOf(command)).toEqual(words);
  });
});

describe('notify', () => {
  const fine: ExecResult = {
    exitCode: 0,
    signal: undefined,
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
    truncated: false,
    timedOut: false,
    aborted: false,
    startError: undefined,
  };
  const run = async (command: string, result: Partial<ExecResult> = {}) => {
    const ran: ExecCommand[] = [];
    const secrets = createRedactor();
    secrets.register(new Secret('xx-sentinel-token'));
    const rt = testRuntime({
      secrets,
      env: { PATH: '/bin', MINE: 'a', TOKEN_A: 'not yet read', B: 'https://h/t/xx-sentinel-token/c' },
      exec: {
        run: async (asked) => {
          ran.push(asked);
          return { ...fine, ...result };
        },
      },
    });
    await notify(rt, { command, report: { exitCode: 3 }, secretVariables: ['TOKEN_A'] });
    const warnings = rt.collected.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    return { ran, warnings };
  };

  it('gives the report as JSON, no variable that holds a token, and a minute', async () => {
    const { ran, warnings } = await run('tell "the team"');
    expect(warnings).toEqual([]);
    expect(ran).toMatchObject([
      { file: 'tell', args: ['the team'], env: { PATH: '/bin', MINE: 'a' }, timeoutMs: 60_000 },
    ]);
    expect(Object.keys(ran[0]!.env)).toEqual(['PATH', 'MINE']);
    expect(JSON.parse(Buffer.from(ran[0]!.input!).toString())).toEqual({ exitCode: 3 });
  });

  it.each<[string, string, Partial<ExecResult>, RegExp]>([
    ['that is not there', 'tell', { exitCode: undefined, startError: 'ENOENT' }, /could not be started, ENOENT: tell/],
    ['that fails', 'tell', { exitCode: 2, stderr: Buffer.from('a\nno route\n') }, /ended with 2 \(no route\): tell/],
    ['that is killed', 'tell', { exitCode: undefined, signal: 'SIGKILL' }, /ended with SIGKILL: tell/],
    ['that takes too long', 'tell', { exitCode: undefined, timedOut: true }, /was ended after 60 s: tell/],
    ['without a name', '  ', {}, /has no name/],
    ['with the token in it', 'tell xx-sentinel-token', {}, /was not run, for the token stands in it/],
  ])('a program %s is a warning', async (_, command, result, says) => {
    const { ran, warnings } = await run(command, result);
    expect(warnings).toEqual([expect.stringMatching(says)]);
    expect(ran).toHaveLength(command === 'tell' ? 1 : 0);
  });
});
