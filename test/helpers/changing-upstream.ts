import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeChannel } from '../../scripts/lib/sample-upstream.js';
import { samplePackage } from './label-folders.js';
import type { Workplace } from './programs.js';

/** Generations that `change` knows how to make. */
export const LAST_CHANGE = 6;

export interface ChangingUpstream {
  /** A folder that stands for the server: `--base-url`. */
  dir: string;
  /** From now on the channel has what makes generation `number`, and nothing of before. */
  change(number: number): Promise<void>;
  /** What every command of these tests says of it. */
  options: string[];
  update(...more: string[]): ReturnType<Workplace['run']>;
}

/**
 * A channel in a folder, where each time something else changes: an upgrade (2), a corrected record (3), other bytes under one name and a
 * package more (4), a package less (5), the other format (6). Nothing of before stays there.
 */
export function changingUpstream(work: Workplace, labels: readonly string[] = ['halkbank']): ChangingUpstream {
  const [label] = labels;
  const dir = join(work.dir, 'server');
  const options = ['--base-url', dir, '--owner', 'acme', '--cache-dir', work.cache];
  const update: ChangingUpstream['update'] = (...more) =>
    work.run(
      'repackenv',
      `update --engine embedded --subdir linux-64 --replace all --label ${label}`
        .split(' ')
        .concat('--root', work.root, options, more, 'app'),
    );
  const change = async (number: number): Promise<void> => {
    const linux = { subdir: 'linux-64' };
    const more = number === 4 ? ['tool'] : [];
    const app = await samplePackage('app', `${Math.max(1, number === 3 ? 2 : number)}.0`, {
      ...linux,
      depends: ['lib', ...more],
      ...(number === 6 ? { format: 'tar.bz2' as const } : {}),
    });
    const lib = await samplePackage('lib', '1.0', {
      noarch: 'generic',
      ...(number < 4 ? {} : { files: { 'share/lib': 'built anew' } }),
    });
    const packages = [app, lib, ...(number === 4 ? [await samplePackage('tool', '1.0', linux)] : [])];
    const patches = number === 3 ? { [lib.distFilename]: { license: 'MIT' } } : {};
    rmSync(dir, { recursive: true, force: true });
    for (const [channel, has] of [
      ['acme', packages],
      ...labels.map((each) => [`acme/label/${each}`, []] as const),
    ] as const) {
      mkdirSync(join(dir, channel), { recursive: true });
      await makeChannel(join(dir, channel), has, { subdirs: ['linux-64'], patches });
    }
  };
  return { dir, change, options, update };
}
