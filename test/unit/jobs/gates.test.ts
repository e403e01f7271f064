import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256Of } from '../../../src/codec/digests.js';
import { writeHold, type Hold } from '../../../src/delivery/generations/hold.js';
import { lockLabel } from '../../../src/delivery/lock/lock.js';
import { JOB_NAMES, JOBS, jobRuntime, type JobName } from '../../helpers/gated-jobs.js';
import { expectRefused, indexIn, onStaged, onStaging, overwrite, touch } from '../../helpers/gates.js';
import { snapshot } from '../../helpers/tiny-channel.js';

// Each gate of each job, seen to refuse: what is tested here is that the job asks, not how the answer is found.

const without = (...names: JobName[]): JobName[] => JOB_NAMES.filter((name) => !names.includes(name));

it.each(JOB_NAMES)('%s goes through where nothing is wrong', async (name) => {
  const job = await JOBS[name]();
  const before = await snapshot(job.labelDir);
  await job.run();
  expect(await snapshot(job.labelDir)).not.toEqual(before);
});

it.each(JOB_NAMES)('%s: another run has the label', async (name) => {
  const job = await JOBS[name]();
  mkdirSync(job.stateDir, { recursive: true });
  const other = jobRuntime();
  const lock = await lockLabel(other, { stateDir: job.stateDir, label: 'acme', waitMs: 0, command: 'other' });
  await expectRefused(job, 'E_LOCKED');
  await lock.release();
});

it.each(JOB_NAMES)('%s: what a broken-off run left is seen to before anything is looked at', async (name) => {
  const job = await JOBS[name]();
  const journal = join(job.stateDir, 'journal.json');
  const body = JSON.stringify({ schema: 3 });
  mkdirSync(job.stateDir, { recursive: true });
  writeFileSync(journal, `${sha256Of(body)}\n${body}\n`);
  await expectRefused(job, 'E_RECOVERY');
});

describe('a folder that is not ours', () => {
  it.each(JOB_NAMES)('%s: made by a newer version', async (name) => {
    const job = await JOBS[name]();
    writeFileSync(join(job.labelDir, 'manifest.json'), JSON.stringify({ schema: 99, label: 'acme' }));
    await expectRefused(job, 'E_NOT_OURS');
  });

  it.each(without('doctor, ours', 'doctor, foreign', 'clean -f', 'merge a delta'))(
    '%s: made by others',
    async (name) => {
      const job = await JOBS[name]({ fresh: true });
      mkdirSync(join(job.labelDir, 'noarch'), { recursive: true });
      writeFileSync(join(job.labelDir, 'noarch', 'repodata.json'), '{"packages":{},"packages.conda":{}}');
      await expectRefused(job, 'E_NOT_OURS');
    },
  );
});

it.each(JOB_NAMES)('%s: another program changes the folder meanwhile', async (name) => {
  const job = await JOBS[name]();
  const touched = 'noarch/repodata.json';
  await expectRefused(job, 'E_PUBLISH', { ...onStaging(() => touch(join(job.labelDir, touched))), touched });
});

it.each(JOB_NAMES)('%s: the proof finds a staged index that is not what was staged', async (name) => {
  const job = await JOBS[name]();
  await expectRefused(
    job,
    'E_PROOF',
    onStaged(job, (dir) => overwrite(indexIn(dir))),
  );
});

describe('a label that is held', () => {
  const hold: Hold = { schema: 1, generation: 1, since: '2026-11-29T08:00:00.000Z', why: 'audit' };
  const held = async (name: JobName) => {
    const job = await JOBS[name]();
    mkdirSync(job.stateDir, { recursive: true });
    await writeHold(jobRuntime(), job.stateDir, hold);
    return job;
  };

  it.each(['capture', 'clean -f', 'merge a delta', 'merge a channel', 'import'] as const)(
    '%s brings what somebody has chosen, and is refused',
    async (name) => expectRefused(await held(name), 'E_HELD').then(() => undefined),
  );

  it.each(['update', 'mirror'] as const)('%s follows its channels, says so and changes nothing', async (name) => {
    const job = await held(name);
    const before = await snapshot(job.dir);
    expect(await job.run()).toMatchObject({ held: hold });
    const after = Object.keys(await snapshot(job.dir)).filter((path) => !path.includes('/lock/'));
    expect(after).toEqual(Object.keys(before));
  });

  it.each(['doctor, ours'] as const)('%s mends it', async (name) => {
    const job = await held(name);
    expect(await job.run()).toMatchObject({ ok: true });
  });
});
