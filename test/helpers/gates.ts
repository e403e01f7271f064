import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { expect } from 'vitest';
import type { ErrorCode, RepackError } from '../../src/base/errors.js';
import type { Gated, JobRuntimeOptions } from './gated-jobs.js';
import { testRuntime } from './runtime.js';
import { snapshot } from './tiny-channel.js';

/** Runs `meddle` when the job, having looked at the label folder, makes its staging folder. */
export function onStaging(meddle: () => void): JobRuntimeOptions {
  const { fs } = testRuntime();
  const mkdir: typeof fs.mkdir = async (path, mode) => {
    await fs.mkdir(path, mode);
    if (path.includes(`${sep}staging${sep}`) && !path.endsWith(`${sep}channel`)) meddle();
  };
  return { fs: { ...fs, mkdir } };
}

/** Runs `meddle` with the folder of the staged channel when that is complete, before anything is proven. */
export function onStaged({ stateDir }: Gated, meddle: (channelDir: string) => void): JobRuntimeOptions {
  return {
    reach: (step) => {
      if (!step.endsWith(':staged')) return;
      const [run] = readdirSync(join(stateDir, 'staging'));
      meddle(join(stateDir, 'staging', run!, 'channel'));
    },
  };
}

/** Index files of a folder, `linux-64/repodata.json` first. */
export function indexIn(dir: string): string {
  return ['linux-64', 'noarch'].map((subdir) => join(dir, subdir, 'repodata.json')).find((path) => existsSync(path))!;
}

/** Other bytes of the same size. */
export function overwrite(path: string): void {
  const bytes = Buffer.from(readFileSync(path));
  rmSync(path);
  writeFileSync(path, bytes.fill('x'));
}

/** Another program writes the same bytes again. */
export function touch(path: string): void {
  utimesSync(path, 1_000_000_000, 1_000_000_000);
}

/**
 * The job is refused with this code, and the label folder is byte for byte, time for time, as it was; there is no receipt of a
 * publication, and no staging is left. `touched`: what the test changed the time of.
 */
export async function expectRefused(
  job: Gated,
  code: ErrorCode,
  { touched, ...options }: JobRuntimeOptions & { touched?: string } = {},
): Promise<RepackError> {
  const state = async () => {
    const files = await snapshot(job.labelDir);
    if (touched !== undefined) files[touched] = (files[touched] ?? '').split(' ')[0]!;
    return { files, receipts: await snapshot(join(job.stateDir, 'receipts')) };
  };
  const before = await state();
  const ended: unknown = await job.run(options).then(
    (report) => ({ code: 'not refused', report }),
    (error: unknown) => error,
  );
  expect(ended).toMatchObject({ code });
  expect(await state()).toEqual(before);
  const staging = join(job.stateDir, 'staging');
  expect(existsSync(staging) ? readdirSync(staging) : []).toEqual([]);
  return ended as RepackError;
}
