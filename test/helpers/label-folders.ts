import { join } from 'node:path';
import { makePackage, type PackageSpec, type SamplePackage } from '../../scripts/lib/sample-upstream.js';
import { stageChannel, type StageOptions } from '../../src/delivery/stage/stage-channel.js';
import type { SideFile } from '../../src/channel/staged.js';
import { inspectLabelFolder } from '../../src/delivery/place/inspect.js';
import { lockLabel } from '../../src/delivery/lock/lock.js';
import { publish } from '../../src/delivery/publish.js';
import { recoverLabel } from '../../src/delivery/switch/recover.js';
import { openRoot } from '../../src/delivery/place/root.js';
import { createStaging } from '../../src/delivery/stage/staging.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { acquired, planOf } from './artifacts.js';

export interface PublishSamples {
  root: string;
  label?: string;
  packages: readonly SamplePackage[];
  /** Laid over the record of a file, by file name: a hotfix. */
  hotfixes?: Record<string, Record<string, unknown>>;
  side?: readonly SideFile[];
  sign?: StageOptions['sign'];
  bz2?: boolean;
}

/** A vendor's label folder, made by the real stages out of sample packages. Gives its path. */
export async function publishSamples(rt: Runtime, options: PublishSamples): Promise<string> {
  const { root, label = 'acme', packages, hotfixes = {}, side = [], sign, bz2 = false } = options;
  const place = await openRoot(rt, root, label);
  const lock = await lockLabel(rt, { stateDir: place.stateDir, label, waitMs: 0, command: 'test' });
  try {
    await recoverLabel(rt, { place });
    const live = await inspectLabelFolder(rt, { place, replace: ['all'] });
    const staging = await createStaging(rt, { stateDir: place.stateDir, command: 'test' });
    const store = join(root, '.repackenv', 'test-store');
    const files = packages.map((sample) => acquired(store, sample, { record: hotfixes[sample.distFilename] ?? {} }));
    const staged = await stageChannel(rt, {
      plan: planOf(files, { label, specs: [] }),
      acquired: files,
      live,
      dir: staging.channelDir,
      indexBz2: bz2,
      replace: ['all'],
      side,
      sign,
    });
    await publish(rt, {
      place,
      lock,
      staging,
      staged,
      live,
      keep: 3,
      engine: 'none',
      tool: 'test',
      startedAt: new Date(rt.clock.now()).toISOString(),
    });
    return place.labelDir;
  } finally {
    await lock.release();
  }
}

/** A small package that nothing depends on; `text` makes builds of the same name differ. */
export function samplePackage(name: string, version: string, spec: Partial<PackageSpec> = {}): Promise<SamplePackage> {
  return makePackage({ name, version, build: '0', files: { [`share/${name}`]: `${name} ${version}` }, ...spec });
}
