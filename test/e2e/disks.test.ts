import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFleet, type Fleet } from '../../scripts/lib/fleet.js';
import { startTokenServer, type TokenServer } from '../../scripts/lib/token-server.js';
import { mountDisk, type Disk } from '../helpers/disks.js';
import { runOurs, type Ran } from '../helpers/programs.js';

const SLOW = 120_000;
const BYTES = 300_000;

let dir: string;
let fleet: Fleet;
let server: TokenServer;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-disks-'));
  fleet = await makeFleet(join(dir, 'upstream'), { labels: 2, bytes: BYTES });
  server = await startTokenServer({ dir: join(dir, 'upstream'), token: 'none', ownerTokens: fleet.tokens });
});
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

function update(root: string, ...names: string[]): Promise<Ran> {
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'repackenv.yml'), fleet.yaml(server.url));
  const home = join(dir, 'home');
  return runOurs('repackenv', ['update', ...names, '--root', root, '--cache-dir', join(dir, 'cache')], {
    home,
    env: { ...fleet.environment },
  });
}

describe.each(['xfs', 'btrfs'] as const)('on %s, where files can share their bytes', (kind) => {
  let disk: Disk | undefined;
  beforeAll(() => {
    disk = mountDisk(kind, dir);
    if (disk === undefined) console.log(`${kind} skipped: this account may not mount, or the kernel does not know it`);
  });
  afterAll(() => disk?.unmount());

  it(
    'the second label costs what it has alone, and nothing new costs nothing',
    async ({ skip }) => {
      if (disk === undefined) return skip();
      const root = join(disk.dir, 'root');
      const [first, second] = fleet.labels.map(({ name }) => name) as [string, string];
      const ran = await update(root, first);
      expect(ran.exitCode, ran.stderr).toBe(0);
      const one = disk.used();
      const more = await update(root, second);
      expect(more.exitCode, more.stderr).toBe(0);
      const both = disk.used();
      // A label is 14 MB; one package for two platforms and one of its own are not shared.
      expect(both - one).toBeLessThan(6 * BYTES + 1_500_000);
      const again = await update(root, first, second);
      expect(again.exitCode, again.stderr).toBe(0);
      expect(disk.used() - both).toBeLessThan(500_000);
      const verified = await runOurs('repackenv', ['verify', join(root, second)], { home: join(dir, 'home') });
      expect(verified.exitCode, verified.stdout + verified.stderr).toBe(0);
    },
    SLOW,
  );
});

it(
  'two owners: each token goes to its own channels alone; each file is asked for once',
  async () => {
    const from = server.requests.length;
    const ran = await update(join(dir, 'plain root'), ...fleet.labels.map(({ name }) => name));
    expect(ran.exitCode, ran.stderr).toBe(0);
    const paths = server.requests.slice(from).map(({ path }) => path);
    for (const [owner, token] of Object.entries(fleet.tokens))
      for (const path of paths.filter((each) => each.includes(token))) expect(path).toContain(`/${owner}`);
    expect(new Set(paths).size).toBe(paths.length);
  },
  SLOW,
);
