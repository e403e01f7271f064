import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SamplePackage } from '../../scripts/lib/sample-upstream.js';
import type { ImportReport } from '../../src/jobs/import/apply-sets.js';
import { importMedia, type ImportRequest } from '../../src/jobs/import/import.js';
import type { TestRuntime } from './runtime.js';
import { fakeClock, testRuntime } from './runtime.js';
import { publishSamples, samplePackage } from './label-folders.js';

/** Three generations of a vendor's label `acme`, each in a folder of its own, and the packages they are made of. */
export interface Generations {
  /** `g1/acme`, `g2/acme`, `g3/acme`: index 0 is generation 1. */
  dirs: string[];
}

/** Generation 2 changes one artifact of six, 3 adds one and takes one away. */
export async function makeGenerations(dir: string): Promise<Generations> {
  const linux = { subdir: 'linux-64' };
  const a1 = await samplePackage('a', '1.0', linux);
  const a2 = await samplePackage('a', '2.0', linux);
  const b1 = await samplePackage('b', '1.0', { ...linux, format: 'tar.bz2' });
  const c1 = await samplePackage('c', '1.0', { ...linux, depends: ['a'] });
  const w1 = await samplePackage('w', '1.0', { subdir: 'win-64' });
  const n1 = await samplePackage('n', '1.0', { noarch: 'generic' });
  const n2 = await samplePackage('n', '2.0', { noarch: 'generic', timestamp: 0 });
  const m1 = await samplePackage('m', '1.0', { noarch: 'generic' });
  const all: SamplePackage[][] = [
    [a1, b1, c1, w1, n1, m1],
    [a2, b1, c1, w1, n1, m1],
    [a2, b1, c1, w1, n1, n2],
  ];
  const root = join(dir, 'vendor');
  const clock = fakeClock();
  const dirs: string[] = [];
  for (const [index, packages] of all.entries()) {
    clock.advance(86_400_000);
    const rt = testRuntime({ clock, machine: { randomId: () => `v${index}` } });
    const live = await publishSamples(rt, { root, packages });
    const kept = join(dir, `g${index + 1}`, 'acme');
    mkdirSync(join(dir, `g${index + 1}`), { recursive: true });
    cpSync(live, kept, { recursive: true, preserveTimestamps: true });
    dirs.push(kept);
  }
  return { dirs };
}

/** A runtime of a site: its own clock, later than the vendor's. */
export function siteRuntime(options: Parameters<typeof testRuntime>[0] = {}): TestRuntime {
  let ids = 0;
  return testRuntime({
    clock: fakeClock(Date.UTC(2027, 5, 1)),
    ...options,
    machine: { randomId: () => `site-${(ids += 1)}`, hostname: 'site-host', ...options.machine },
  });
}

export function importRequest(
  media: string | readonly string[],
  root: string,
  more: Partial<ImportRequest> = {},
): ImportRequest {
  return {
    media: typeof media === 'string' ? [media] : media,
    root,
    dryRun: false,
    requireSignature: false,
    allowRollback: false,
    adopt: false,
    siteFiles: false,
    waitLockMs: 0,
    takeOverLock: false,
    ...more,
  };
}

export function importAt(
  root: string,
  media: string | readonly string[],
  more: Partial<ImportRequest> = {},
): Promise<ImportReport> {
  return importMedia(siteRuntime(), importRequest(media, root, more));
}
