import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DoctorReport } from '../../../src/jobs/doctor/doctor.js';
import { gatePackages, JOBS } from '../../helpers/gated-jobs.js';
import { callDoctor } from '../../helpers/doctor-call.js';
import { snapshot } from '../../../scripts/lib/snapshot.js';

const kinds: [name: string, damage: (bytes: Buffer) => Buffer][] = [
  ['0 bytes', () => Buffer.alloc(0)],
  ['cut off', (bytes) => bytes.subarray(0, bytes.length / 2)],
  ['an HTML page', () => Buffer.from('<!doctype html><title>Sign in</title>')],
  ['another package’s bytes', () => other],
  ['the right size, other bytes', (bytes) => Buffer.alloc(bytes.length, 7)],
];
let other: Buffer;

it.each(kinds)('M12: a package of %s is never taken for what was delivered', async (_, damage) => {
  const { one, two } = await gatePackages();
  other = Buffer.from(two[1]!.bytes);
  // The same generation again, from the channel that it came from.
  const job = await JOBS.update({ fresh: true });
  await job.run();
  const lib = join(job.labelDir, 'noarch', one[0]!.distFilename);
  const whole = readFileSync(lib);
  writeFileSync(lib, damage(whole));
  await expect(job.run()).rejects.toMatchObject({ code: 'E_ARTIFACT_CHANGED' });
  const before = snapshot(job.labelDir);
  await expect(callDoctor(job.labelDir, { repair: true })).rejects.toMatchObject({
    code: 'E_PROOF',
    details: expect.arrayContaining([expect.stringContaining('noarch/lib-1.0-0.conda: ')]) as string[],
    hint: expect.stringContaining('--repair --prune') as string,
  });
  expect(snapshot(job.labelDir)).toEqual(before);
  const asked = (await callDoctor(job.labelDir, { repair: true, prune: true })) as DoctorReport;
  expect(asked.findings.map(({ code }) => code)).toEqual(['unsolvable']);
  // It was left there by somebody's hand, and has never been published.
  writeFileSync(lib, damage(whole));
  await job.run();
  expect(readFileSync(lib).equals(whole)).toBe(true);
  expect((await callDoctor(job.labelDir)).findings).toEqual([]);
});

it('M12: without specs, or where nothing needs what is lost, a repair goes on as before', async () => {
  const job = await JOBS['doctor, ours']();
  writeFileSync(join(job.labelDir, 'noarch', 'lib-1.0-0.conda'), '');
  const report = (await job.run()) as DoctorReport;
  expect(report.repair).toMatchObject({ leftOut: [{ path: 'noarch/lib-1.0-0.conda' }], generation: 2 });
});
