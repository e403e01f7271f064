import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { recoverLabel } from '../../../../src/delivery/switch/recover.js';
import { PHASES } from '../../../../src/delivery/switch/operations.js';
import { nodeFileSystem, type FileSystem } from '../../../../src/runtime/fs.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { faultFs } from '../../../helpers/fault-fs.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { breaches, digests, exists, publishTiny } from '../../../helpers/tiny-channel.js';

/** Design D6: the way back is a switch as any: at every instant every index names only what is there, with its digest. */

const FIRST = { 'linux-64/a-1-0.conda': 'a one', 'linux-64/b-1-0.conda': 'b one', 'noarch/n-1-0.conda': 'n one' };
/** One package more, one less, one with other bytes under its name, one in another platform. */
const SECOND = {
  'linux-64/b-1-0.conda': 'b other',
  'linux-64/c-1-0.conda': 'c',
  'noarch/n-1-0.conda': 'n one',
  'win-64/w-1-0.conda': 'w',
};

let root: string;
beforeEach(() => {
  root = tempDir();
});

const placeIn = (at: string) => ({ label: 'acme', labelDir: join(at, 'acme'), stateDir: join(at, '.repackenv/acme') });

interface Moment {
  place: ReturnType<typeof placeIn>;
  before: Record<string, string>;
}

/** ROOT as a kill leaves it at this step, without what was staged: there is no way but back. */
async function killedAt(
  step: string,
  meddle: (labelDir: string) => Promise<void> = async () => undefined,
): Promise<Moment> {
  const rt = testRuntime();
  const { labelDir } = await publishTiny(rt, { root, packages: FIRST, bz2: true });
  await meddle(labelDir);
  const before = await digests(labelDir);
  const copy = tempDir();
  let copied = false;
  const second = testRuntime({
    clock: rt.clock,
    machine: { randomId: () => 'second' },
    reach: async (at) => {
      if (at !== step || copied) return;
      copied = true;
      await cp(root, copy, { recursive: true, preserveTimestamps: true });
    },
  });
  await publishTiny(second, { root, packages: SECOND, replace: 'all', bz2: true });
  const place = placeIn(copy);
  for (const run of await readdir(join(place.stateDir, 'staging')))
    await rm(join(place.stateDir, 'staging', run, 'channel'), { recursive: true });
  return { place, before };
}

/** A disk after each of whose changes the folder is looked at. */
function watched(labelDir: string, found: string[]): FileSystem {
  const fs = nodeFileSystem();
  const watch =
    <A extends unknown[]>(call: (...args: A) => Promise<void>) =>
    async (...args: A): Promise<void> => {
      await call(...args);
      found.push(...(await breaches(labelDir)));
    };
  return { ...fs, rename: watch(fs.rename), unlink: watch(fs.unlink), rmdir: watch(fs.rmdir) };
}

describe('the way back', () => {
  it.each(['artifact-in', 'reduced-index-in', 'replaced-in', 'index-in', 'manifest-in', 'sums-in'])(
    'from publish:%s is true at every instant, in the order of a switch, and leaves nothing',
    async (phase) => {
      const { place, before } = await killedAt(`publish:${phase}`);
      // All is in place then: what was put last is gone again.
      if (phase === 'sums-in') await rm(join(place.labelDir, 'SHA256SUMS'));
      const found: string[] = [];
      const rt = testRuntime({ fs: watched(place.labelDir, found) });
      expect((await recoverLabel(rt, { place })).outcome).toBe('undone');
      expect(found).toEqual([]);
      expect(await digests(place.labelDir)).toEqual(before);
      const phases = rt.reached.map((step) => (PHASES as readonly string[]).indexOf(step.replace('publish:', '')));
      expect(phases).toEqual(phases.toSorted((a, b) => a - b));
      expect(await readdir(join(place.stateDir, 'staging'))).toEqual([]);
      expect(await exists(join(place.stateDir, 'journal.json'))).toBe(false);
    },
  );

  it('puts the manifest back behind the indexes, and the sums behind it', async () => {
    const { place } = await killedAt('publish:sums-in');
    await rm(join(place.labelDir, 'SHA256SUMS'));
    const { fs, calls } = faultFs(() => undefined);
    await recoverLabel(testRuntime({ fs }), { place });
    const put = calls.filter(({ name }) => name === 'rename').map(({ args }) => String(args[1]));
    const inFolder = put
      .filter((path) => path.startsWith(place.labelDir))
      .map((path) => path.slice(place.labelDir.length + 1));
    expect(inFolder.slice(-2)).toEqual(['manifest.json', 'SHA256SUMS']);
  });

  it('also to an index that somebody had broken: it named nothing that could be kept true', async () => {
    const { place, before } = await killedAt('publish:manifest-in', (labelDir) =>
      writeFile(join(labelDir, 'linux-64/repodata.json'), JSON.stringify({ packages: {} }).slice(0, 5)),
    );
    expect((await recoverLabel(testRuntime(), { place })).outcome).toBe('undone');
    expect(await digests(place.labelDir)).toEqual(before);
  });
});
