import { existsSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { expect, it } from 'vitest';
import type { RepackEvent } from '../../../src/base/events.js';
import { faultFs } from '../../helpers/fault-fs.js';
import { JOB_NAMES, JOBS } from '../../helpers/gated-jobs.js';

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
