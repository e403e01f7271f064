import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { JobReport } from '../../src/jobs/job-report.js';
import { layerPath } from './layers.js';
import { openWorkplace, type Ran, type Workplace } from './programs.js';
import { startUpstream } from './upstream.js';

/** What a label has beside its packages and indexes, by path. */
export const PAPERS = ['CHANGES.md', 'index.html', 'licenses.csv', 'sbom.cdx.json'].map((name) => `papers/${name}`);

/** A workplace whose upstream is one of the real ones (`npm run upstream`), generation 1 unless said. For `describeWithLayers`. */
export async function openRealWorkplace(
  kind: 'mixed' | 'bz2',
  options: { generation?: number } = {},
): Promise<Workplace> {
  const upstream = await startUpstream({ dir: layerPath(`upstream-${kind}`), ...options });
  const work = await openWorkplace({ upstream });
  return {
    ...work,
    close: async () => {
      await work.close();
      await upstream.close();
    },
  };
}

/** Options of a run that solves with the real conda 4.3.16. */
export function withConda43(): string[] {
  return ['--engine', 'conda', '--engine-path', layerPath('conda43')];
}

/** What installs at the site reads only `.tar.bz2` and `repodata.json.bz2`. */
export const FOR_CONDA43 = ['--client', 'conda 4.3'];

/** Every line of a `--json` run. Fails where one is no JSON object with a type. */
export function eventsOf(ran: Ran): { type: string; [key: string]: unknown }[] {
  return ran.stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const event = JSON.parse(line) as { type: string };
      expect(event, line).toMatchObject({ type: expect.any(String) as string });
      return event;
    });
}

/** The report that ends a `--json` run. */
export function reportOf(ran: Ran): JobReport {
  const last = eventsOf(ran).at(-1)!;
  expect(last.type, ran.stderr).toBe('report');
  return last as unknown as JobReport;
}

/** `name version`, sorted: what a report delivers. */
export function delivered(report: JobReport): string[] {
  return report.artifacts.map(({ name, version }) => `${name} ${version}`).sort();
}

export type Records = Record<string, Record<string, unknown>>;

/** Both maps of a `repodata.json`, by file name. */
export function recordsIn(folder: string, subdir: string): Records {
  const repodata = JSON.parse(readFileSync(join(folder, subdir, 'repodata.json'), 'utf8')) as Record<string, Records>;
  return { ...repodata['packages'], ...repodata['packages.conda'] };
}

/** The folder of the upstream that a channel URL shows with the token. */
export function folderOfChannel({ upstream }: Workplace, channel: string, generation = 1): string {
  const path = channel.slice(upstream.url.length + 1);
  const { tokenFolder, publicFolder } = upstream.layout.channels.find((each) => each.path === path)!;
  return join(upstream.dir, `gen${generation}`, (tokenFolder ?? publicFolder)!);
}
