import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inParallel } from '../../src/base/parallel.js';
import { PUSH_PHASES } from '../../src/push/plan.js';
import { startBuckets, startHost } from '../helpers/far-servers.js';
import { stepsOfSources } from '../helpers/kill-points.js';
import { describeWithLayers } from '../helpers/layers.js';
import { runOurs, type Ran } from '../helpers/programs.js';
import { FIRST, openPushLab, pushHere, SECOND, type PushLab } from '../helpers/pushing.js';
import { readAsClient } from '../helpers/read-as-client.js';
import { breaches, digests, indexesOf } from '../helpers/tiny-channel.js';

const STEPS = ['push:begun', ...PUSH_PHASES.map((phase) => `push:${phase}`), 'push:noted'];
/** Only where a file can't be renamed over another. */
const OF_BUCKETS = ['noarch-out', 'noarch-packed', 'indexes-out', 'indexes-packed'].map((phase) => `push:${phase}`);
/** Nothing of that kind changes here. */
const NEVER = ['push:beside'];

const nameOf = (kind: string, first: boolean, step: string): string =>
  `${kind}-${first ? 'first' : 'second'}-${step.slice('push:'.length)}`;

let lab: PushLab;
/** ROOT with the first generation only. */
let before: string;
beforeAll(async () => {
  lab = await openPushLab();
  before = join(lab.dir, 'before');
  await lab.publish(FIRST, { bz2: true });
  cpSync(lab.root, before, { recursive: true, preserveTimestamps: true });
  await lab.publish(SECOND);
});
afterAll(() => lab.close());

it('each step of a push stands in this table', () => {
  expect(stepsOfSources().filter((step) => step.startsWith('push:'))).toEqual([...STEPS].sort());
});

interface Place {
  target: string;
  folder: string;
  env?: Record<string, string>;
}

/**
 * Over a target that has the first generation, or nothing: killed at each step; no index there names what is not there, and the same command
 * afterwards ends well. Gives the steps that were not reached.
 */
async function killedAtEach(
  steps: readonly string[],
  placeOf: (name: string) => Place,
  { kind, first = false }: { kind: string; first?: boolean },
): Promise<string[]> {
  const unreached = await inParallel(steps, 2, async (step) => {
    const name = nameOf(kind, first, step);
    const { target, folder, env = {} } = placeOf(name);
    const root = join(lab.dir, name, 'root');
    mkdirSync(join(lab.dir, name));
    const push = (extra: Record<string, string> = {}): Promise<Ran> =>
      runOurs('repackenv', ['push', join(root, 'acme'), target], {
        home: join(lab.dir, name),
        env: { ...env, ...extra },
      });
    const lay = (from: string): void => cpSync(from, root, { recursive: true, preserveTimestamps: true });
    if (!first) {
      lay(before);
      const ran = await push();
      expect(ran.exitCode, ran.stderr).toBe(0);
    }
    rmSync(join(root, 'acme'), { recursive: true, force: true });
    lay(lab.root);
    const killed = await push({ REPACKENV_TEST_KILL_AT: step });
    if (killed.signal !== 'SIGKILL') {
      expect(killed.exitCode, `${step}: ${killed.stderr}`).toBe(0);
      return [step];
    }
    // The server may still be at work on what was under way.
    await delay(50);
    expect(await breaches(join(folder, 'acme')), step).toEqual([]);
    const again = await push();
    expect(again.exitCode, `${step}: ${again.stderr}`).toBe(0);
    expect(await digests(join(folder, 'acme')), step).toEqual(await digests(join(root, 'acme')));
    const names = ['acme', 'acme.INSTALL.md', 'acme.verify.ps1', 'acme.verify.sh'];
    expect(
      readdirSync(folder)
        .filter((each) => !each.startsWith('.sgwtmp'))
        .sort(),
      step,
    ).toEqual(names);
    expect(readdirSync(join(root, '.repackenv/acme/push')), step).toEqual(['lock']);
    return [];
  });
  return unreached.flat();
}

it('I3 to a folder', async () => {
  const place = (name: string): Place => ({ target: join(lab.dir, name, 'site'), folder: join(lab.dir, name, 'site') });
  expect(await killedAtEach(STEPS, place, { kind: 'folder' })).toEqual([...OF_BUCKETS, ...NEVER]);
  const some = ['push:begun', 'push:artifacts', 'push:indexes', 'push:manifest'];
  expect(await killedAtEach(some, place, { kind: 'folder', first: true })).toEqual([]);
}, 240_000);

describeWithLayers(['rsync', 'sshd', 'ssh-keygen'], 'I3 to a host', () => {
  it('killed at each step', async () => {
    const far = await startHost(lab.dir);
    try {
      const place = (name: string): Place => {
        const folder = join(lab.dir, name, 'host');
        return { target: `${far.host}:${folder}`, folder, env: { RSYNC_RSH: far.rsh } };
      };
      const steps = ['artifacts', 'reduced', 'gone'].map((step) => `push:${step}`);
      expect(await killedAtEach(steps, place, { kind: 'host' })).toEqual([]);
    } finally {
      await far.close();
    }
  }, 300_000);
});

describeWithLayers(['versitygw'], 'I3 to a bucket', () => {
  it('killed at each step', async () => {
    const some = ['push:artifacts', 'push:noarch-packed'];
    const names = [...STEPS.map((step) => nameOf('s3', false, step)), ...some.map((step) => nameOf('s3', true, step))];
    const far = await startBuckets(lab.dir, names);
    try {
      const place = (name: string): Place => ({
        target: `s3://${name}`,
        folder: far.folder(name),
        env: { ...far.env },
      });
      expect(await killedAtEach(STEPS, place, { kind: 's3' })).toEqual(NEVER);
      expect(await killedAtEach(some, place, { kind: 's3', first: true })).toEqual([]);
    } finally {
      await far.close();
    }
  }, 300_000);
});

it('a reader at the far side during 100 pushes meets no name without its file', async () => {
  const target = join(lab.dir, 'readers');
  const dir = join(target, 'acme');
  const state = { pushing: true };
  const reading = (async () => {
    let looks = 0;
    while (state.pushing) {
      for (const index of await indexesOf(dir).catch(() => [])) {
        await readAsClient(dir, index);
        looks++;
      }
      await delay(1);
    }
    return looks;
  })();
  // There and back between two generations: each push replaces a name, brings some and takes some away.
  for (let n = 0; n < PUSHES; n++) {
    const labelDir = n % 2 === 0 ? `${lab.labelDir}@1` : lab.labelDir;
    await pushHere({ labelDir }, target, { allowRollback: true, siteFiles: false });
  }
  state.pushing = false;
  expect(await reading).toBeGreaterThan(50);
}, 240_000);

const PUSHES = 100;
