import { existsSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { expect, it } from 'vitest';
import type { RepackEvent } from '../../../src/base/events.js';
import { faultFs } from '../../helpers/fault-fs.js';
import { JOB_NAMES, JOBS, type JobRuntimeOptions } from '../../helpers/gated-jobs.js';
import { snapshot } from '../../helpers/tiny-channel.js';

it.each(JOB_NAMES)(
  'H2 %s: no folder of the live channel is renamed, where a reader may have a file open',
  async (name) => {
    const job = await JOBS[name]();
    const { fs, calls } = faultFs(() => undefined);
    await job.run({ fs });
    const renamed = calls.filter((call) => call.name === 'rename').flatMap(({ args }) => args.map(String));
    const live = renamed.filter((path) => path === job.labelDir || path.startsWith(`${job.labelDir}${sep}`));
    expect(live.length).toBeGreaterThan(0);
    const folders = [job.labelDir, ...readdirSync(job.labelDir).map((entry) => join(job.labelDir, entry))];
    for (const path of live) {
      expect(folders.filter((folder) => !folder.includes('.json') && !folder.endsWith('SUMS'))).not.toContain(path);
    }
  },
);

it.each(JOB_NAMES)('%s comes to the same on a disk without hard links, and keeps the same', async (name) => {
  const end = async (options: JobRuntimeOptions): Promise<[string[], string[]]> => {
    const job = await JOBS[name]();
    await job.run(options);
    // The manifest names the channel, which lies elsewhere each time.
    const inSubdirs = Object.entries(await snapshot(job.labelDir)).filter(([path]) => path.includes('/'));
    const files = inSubdirs.map(([path, marks]) => `${path} ${marks.split(' ')[0]}`);
    const pool = join(job.root, '.repackenv', '.kept');
    const kept = existsSync(pool) ? readdirSync(pool, { recursive: true, encoding: 'utf8' }) : [];
    return [files.sort(), kept.filter((path) => /[0-9a-f]{64}$/.test(path)).sort()];
  };
  const { fs, calls } = faultFs((call) => (call.name === 'link' ? 'EPERM' : undefined));
  const without = await end({ fs });
  expect(without).toEqual(await end({}));
  if (name === 'update' || name === 'rollback') {
    expect(calls.some((call) => call.name === 'link')).toBe(true);
    expect(without[1]).not.toEqual([]);
  }
});

it.each(['update', 'capture'] as const)(
  'H9 %s: a library that is still held in the run folder is a note, and the next run sweeps it',
  async (name) => {
    const job = await JOBS[name]();
    const runs = join(job.cacheDir, 'runs');
    const { fs } = faultFs(({ name: call, args }) =>
      call === 'remove' && String(args[0]).startsWith(runs) ? 'EBUSY' : undefined,
    );
    const events: RepackEvent[] = [];
    // No process has this number: as after the end of that run.
    await job.run({ fs, machine: { pid: 4_194_305 }, onEvent: (event) => void events.push(event) });
    expect(existsSync(join(job.labelDir, 'linux-64', 'app-2.0-0.conda'))).toBe(true);
    const [left] = readdirSync(runs);
    const note = `left for the next run to clear away: ${join(runs, left!)} (EBUSY)`;
    expect(events).toContainEqual({ type: 'note', message: note });
    await job.run();
    expect(readdirSync(runs)).toEqual([]);
  },
);
