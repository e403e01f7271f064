import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeChannel } from '../../../scripts/lib/sample-upstream.js';
import type { RepackEvent } from '../../../src/base/events.js';
import type { ImportReport } from '../../../src/jobs/import/apply-sets.js';
import { gatePackages, JOBS } from '../../helpers/gated-jobs.js';

it.each([true, false])('M7: merge --adopt, dry run %s: announces what happens, and no more', async (dryRun) => {
  const job = await JOBS['merge a channel']({ fresh: true, request: { adopt: true, dryRun } });
  mkdirSync(job.root, { recursive: true });
  const own = (await gatePackages()).one;
  await makeChannel(job.labelDir, own, { subdirs: ['linux-64'] });
  writeFileSync(join(job.labelDir, 'linux-64', 'index.html'), 'a page');
  const told: string[] = [];
  const onEvent = (event: RepackEvent): void => void (event.type === 'warning' && told.push(event.message));
  const report = (await job.run({ onEvent })) as ImportReport;
  expect(told).toEqual([
    `adopting ${job.labelDir}: its packages stay and its indexes are written anew; of what else lies in its subdirs will leave: linux-64/index.html`,
  ]);
  expect(report.changes.removed).toEqual([]);
  expect(report.leaving.filter((path) => !path.includes('repodata'))).toEqual(['linux-64/index.html']);
  for (const { subdir, distFilename } of own) expect(existsSync(join(job.labelDir, subdir, distFilename))).toBe(true);
  expect(existsSync(join(job.labelDir, 'linux-64', 'index.html'))).toBe(dryRun);
});

it('M7: without --adopt the hint says what it would do', async () => {
  const job = await JOBS['merge a channel']({ fresh: true });
  rmSync(job.labelDir, { recursive: true, force: true });
  await makeChannel(job.labelDir, (await gatePackages()).one, { subdirs: ['linux-64'] });
  await expect(job.run()).rejects.toMatchObject({
    code: 'E_NOT_OURS',
    hint: expect.stringContaining('its packages stay, its indexes are written anew') as string,
  });
});
