import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changesBetween } from '../../scripts/lib/snapshot.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { expectClean, expectNothingLeft } from '../helpers/refusals.js';
import { TOKEN } from '../helpers/upstream.js';

/** An error that nobody foresaw, with the token in its text, thrown out of the middle of a real run. */
describe('a bug of ours ends with 70', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openWorkplace();
    expect((await work.update()).exitCode).toBe(0);
    work.upstream.setGeneration(2);
  });
  afterAll(() => work.close());

  const failing = (step: string, args: readonly string[] = []) => {
    const text = `reading ${work.upstream.url}/t/${TOKEN}/prometeia`;
    return work.update({ args, env: { REPACKENV_TEST_THROW_AT: step, REPACKENV_TEST_THROW_TEXT: text } });
  };

  it.each(['update:solved', 'update:proven'])(
    '%s: what, what to do, where the log is; no token, no stack',
    async (step) => {
      const before = work.published();
      const logs = join(work.dir, step.replace(':', '-'));
      const ran = await failing(step, ['--log-dir', logs]);
      expect(ran.exitCode, ran.stderr).toBe(70);
      expect(ran.stdout).toBe('');
      const [, message = ''] = ran.stderr.split(/^error: /m);
      expect(message).toMatch(
        /^This is a bug of repackenv: \S+: reading \S+\n {2}what to do: Run the same command again with --debug/,
      );
      const written = readdirSync(logs, { recursive: true, encoding: 'utf8' });
      const log = written.find((name) => name.endsWith('.log')) ?? '';
      expect(message).toContain(`\n  log: ${join(logs, log)}\n  [E_BUG]\n`);
      expect(readFileSync(join(logs, log), 'utf8')).toContain('error: This is a bug of repackenv');
      expect(readFileSync(join(logs, log), 'utf8')).not.toContain(TOKEN);
      expectClean(ran);
      expect(changesBetween(before, work.published())).toEqual([]);
      expectNothingLeft(work);
    },
  );

  it('--debug shows where, --json says it as data; neither shows the token', async () => {
    const debug = await failing('update:solved', ['--debug']);
    expect(debug.exitCode).toBe(70);
    expect(debug.stderr).toMatch(/^ +at .*src\/jobs\/.*make-plan\.ts:\d+/m);
    const json = await failing('update:solved', ['--json']);
    expect(JSON.parse(json.stdout.trimEnd().split('\n').at(-1)!)).toMatchObject({
      type: 'error',
      code: 'E_BUG',
      exitCode: 70,
      hint: expect.stringContaining('--debug') as string,
    });
    for (const ran of [debug, json]) expect(ran.stdout + ran.stderr).not.toContain(TOKEN);
  });

  it('in the middle of the switch: the folder can be used, and the next run ends it', async () => {
    const ran = await failing('publish:switched');
    expect(ran.exitCode, ran.stderr).toBe(70);
    expectClean(ran);
    const next = await work.update();
    expect(next.exitCode, next.stderr).toBe(0);
    expect((await work.verify()).exitCode).toBe(0);
    expectNothingLeft(work);
  });
});
