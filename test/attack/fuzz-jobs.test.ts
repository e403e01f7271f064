import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it, vi, type TestContext } from 'vitest';
import { explainSystemError } from '../../src/base/disk-errors.js';
import { isRepackError } from '../../src/base/errors.js';
import { holdsForAny } from '../helpers/attack.js';
import { JOB_NAMES, JOBS, type Gated, type JobName } from '../helpers/gated-jobs.js';
import { mutated, mutations } from '../helpers/mutations.js';
import { sharedThread } from '../helpers/shared-thread.js';
import { breaches, digests } from '../helpers/tiny-channel.js';

vi.hoisted(() => {
  if (process.platform === 'linux') process.env['TMPDIR'] = '/dev/shm';
});

const workers = sharedThread();
afterAll(() => workers.end());

/** Those that read a folder, channel or medium of others. */
const SPOILED = new Set<JobName>([
  'update',
  'capture',
  'mirror',
  'clean -f',
  'merge a delta',
  'merge a channel',
  'import',
]);

function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile())
    .sort();
}

/** One file of a folder, any of its bytes changed anyhow. */
const damage = fc.record({ which: fc.nat(), changes: mutations });
type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never;

function spoil(dir: string, { which, changes }: Damage): string {
  const files = filesIn(dir);
  const file = files[which % files.length]!;
  writeFileSync(file, mutated(readFileSync(file), changes));
  return file;
}

/** As often as the size of the attack says, each time with other damage. */
const underDamage = (context: TestContext, name: string, holds: (given: Damage) => Promise<void>): Promise<void> =>
  holdsForAny(
    context,
    { name: `damage, ${name}`.replaceAll(' ', '-'), cases: damage, sizes: { smoke: 4, ci: 60, long: 2000 } },
    holds,
  );

/** Ends well or is refused by a code; the label folder is what it was or whole and new, and nothing lies outside. */
async function holds(job: Gated, where: () => string): Promise<void> {
  const old = JSON.stringify(await digests(job.labelDir));
  const error: unknown = await job.run({ workers }).then(
    () => undefined,
    (caught: unknown) => explainSystemError(caught),
  );
  if (error !== undefined && (!isRepackError(error) || error.exitCode === 70))
    throw new Error(`${where()}: ${error instanceof Error ? error.stack : String(error)}`);
  if (JSON.stringify(await digests(job.labelDir)) !== old) expect(await breaches(job.labelDir), where()).toEqual([]);
  else expect(error ?? 'unchanged', where()).toBeDefined();
  expect(readdirSync(job.dir).filter((name) => !KNOWN.has(name))).toEqual([]);
}
const KNOWN = new Set(['root', 'cache', 'upstream', 'envs', 'deltas', 'channel', 'medium', 'signed']);

it.for(JOB_NAMES.filter((name) => SPOILED.has(name)))(
  'N9 G1 %s, a file of what it reads changed anyhow: refused, or the folder is whole',
  { timeout: 3_600_000 },
  async (name, context) => {
    await underDamage(context, name, async (given) => {
      let file = '';
      await holds(await JOBS[name]({ spoil: (dir: string) => (file = spoil(dir, given)) } as never), () => file);
    });
  },
);

it.for(['update', 'import', 'doctor, ours', 'doctor, foreign'] as const)(
  'D6 M12 %s, a file of the label folder or beside it changed anyhow: refused, or the folder is whole',
  { timeout: 3_600_000 },
  async (name, context) => {
    await underDamage(context, `twice, ${name}`, async (given) => {
      const job = await JOBS[name]();
      await job.run({ workers }).catch(() => undefined);
      const file = spoil(join(job.root), given);
      const old = JSON.stringify(await digests(job.labelDir));
      const error: unknown = await job.run({ workers }).catch((caught: unknown) => explainSystemError(caught));
      if (error instanceof Error && (!isRepackError(error) || error.exitCode === 70))
        throw new Error(`${file}: ${error.stack}`);
      if (JSON.stringify(await digests(job.labelDir)) !== old) expect(await breaches(job.labelDir), file).toEqual([]);
    });
  },
);
