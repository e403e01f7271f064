import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeChannel, makePackage } from '../../scripts/lib/sample-upstream.js';
import { snapshot } from '../../scripts/lib/snapshot.js';
import { runOurs, type Ran } from '../helpers/programs.js';
import { breaches } from '../helpers/tiny-channel.js';

const SLOW = 300_000;

/** Every step that a repair of a folder of others comes by, in order. */
const STEPS = [
  'update:locked',
  'doctor:staged',
  'doctor:proven',
  'publish:prepared',
  'publish:journal-written',
  'publish:index-in',
  'publish:stale-index-out',
  'publish:leaving-out',
  'publish:switched',
  'publish:journal-removed',
  'doctor:published',
  'doctor:handed-over',
];

let dir: string;
let after: Record<string, string>;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-doctor-kill-'));
  const channel = join(dir, 'broken', 'channel');
  await makeChannel(
    channel,
    [
      await makePackage({ name: 'six', version: '1.16.0', format: 'tar.bz2' }),
      await makePackage({ name: 'gone', version: '1.0' }),
      await makePackage({ name: 'cut', version: '1.0', depends: ['six'] }),
      await makePackage({ name: 'numpy', version: '1.26.4', subdir: 'linux-64' }),
    ],
    { subdirs: ['linux-64'] },
  );
  writeFileSync(join(channel, 'noarch/current_repodata.json'), readFileSync(join(channel, 'noarch/repodata.json')));
  rmSync(join(channel, 'noarch/gone-1.0-0.conda'));
  writeFileSync(
    join(channel, 'noarch/cut-1.0-0.conda'),
    readFileSync(join(channel, 'noarch/cut-1.0-0.conda')).subarray(0, 300),
  );
  writeFileSync(join(channel, 'linux-64/repodata.json.zst'), '');
  writeFileSync(join(channel, 'linux-64/numpy-1.26.4-0.conda.partial'), 'half');
  const whole = copy('whole');
  const ran = await repair(whole);
  expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
  after = digestsOf(whole);
}, SLOW);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function copy(name: string): string {
  cpSync(join(dir, 'broken'), join(dir, name), { recursive: true, preserveTimestamps: true });
  return join(dir, name, 'channel');
}

function repair(channel: string, env: Record<string, string> = {}): Promise<Ran> {
  return runOurs('repackenv', ['doctor', channel, '--repair', '--prune'], { home: join(dir, 'home'), env });
}

function digestsOf(channel: string): Record<string, string> {
  return Object.fromEntries([...snapshot(channel)].map(([path, { sha256 }]) => [path, sha256]));
}

/** As `breaches`, but for the empty `.zst` that is one of the faults. */
async function breachesOf(channel: string): Promise<string[]> {
  const look = `${channel}-look`;
  cpSync(channel, look, { recursive: true });
  if (statSync(join(look, 'linux-64/repodata.json.zst')).size === 0) rmSync(join(look, 'linux-64/repodata.json.zst'));
  return breaches(look);
}

/** Of the old folder: an index that names a file that is not there, and one that is cut off. Nothing else may be wrong at any time. */
const OLD_FAULTS = /names (gone-1\.0-0\.conda|cut-1\.0-0\.conda)/;

describe('I3 doctor --repair killed', () => {
  it.each(STEPS)(
    'at %s: the folder serves, and the next repair ends the same',
    async (step) => {
      const channel = copy(`at-${step.replaceAll(':', '-')}`);
      const killed = await repair(channel, { REPACKENV_TEST_KILL_AT: step });
      expect(killed.signal, killed.stdout + killed.stderr).toBe('SIGKILL');
      const wrong = (await breachesOf(channel)).filter((text) => !OLD_FAULTS.test(text));
      expect(wrong, step).toEqual([]);
      const seen = await runOurs('repackenv', ['doctor', channel], { home: join(dir, 'home') });
      const half = [
        'publish:journal-written',
        'publish:index-in',
        'publish:stale-index-out',
        'publish:leaving-out',
        'publish:switched',
      ];
      expect(seen.stdout.includes('run-interrupted'), seen.stdout).toBe(half.includes(step));

      const next = await repair(channel);
      expect(next.exitCode, next.stdout + next.stderr).toBe(0);
      expect(digestsOf(channel)).toEqual(after);
    },
    SLOW,
  );
});
