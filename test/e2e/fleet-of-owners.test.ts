import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFleet, type Fleet } from '../../scripts/lib/fleet.js';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import { startTokenServer, type TokenServer } from '../../scripts/lib/token-server.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { runOurs, type Ran } from '../helpers/programs.js';

const SLOW = 240_000;

describe('eight labels of two owners, for two platforms and three clients', () => {
  const dir = mkdtempSync(join(tmpdir(), 'repackenv-fleet-'));
  const [root, upstreamDir] = [join(dir, 'root'), join(dir, 'upstream')];
  let fleet: Fleet;
  let upstream: TokenServer;
  beforeAll(async () => {
    fleet = await makeFleet(upstreamDir, { labels: 8 });
    upstream = await startTokenServer({ dir: upstreamDir, token: 'none-opens', ownerTokens: fleet.tokens });
    mkdirSync(root);
    writeFileSync(join(root, 'repackenv.yml'), fleet.yaml(upstream.url));
  }, SLOW);
  afterAll(async () => {
    await upstream.close();
    rmSync(dir, { recursive: true });
  });

  const all = (cache: string): Promise<Ran> =>
    runOurs('repackenv', ['update', '--all', '--cache-dir', join(dir, cache)], {
      home: join(dir, 'home'),
      cwd: root,
      env: fleet.environment,
    });
  const downloads = (): string[] =>
    upstream.requests
      .splice(0)
      .filter(({ method, path }) => method === 'GET' && path.endsWith('.tar.bz2'))
      .map(({ path }) => path.replace(/^\/t\/[^/]*/, ''));
  const artifactsOf = (label: string): Manifest['files'] =>
    (JSON.parse(readFileSync(join(root, label, 'manifest.json'), 'utf8')) as Manifest).files.filter(
      ({ kind }) => kind === 'artifact',
    );

  it(
    'come over the network once for each distinct artifact, whichever labels share it',
    async () => {
      const ran = await all('cache');
      expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
      const files = fleet.labels.flatMap(({ name }) => artifactsOf(name));
      const distinct = new Map(files.map(({ sha256, size }) => [sha256, size]));
      const loaded = downloads();
      expect(new Set(loaded).size).toBe(loaded.length);
      expect(loaded).toHaveLength(distinct.size);
      expect(files.length).toBeGreaterThan(distinct.size * 4);
      const [first, second] = fleet.labels.map(({ name }) => new Set(artifactsOf(name).map(({ sha256 }) => sha256)));
      expect([...first!].filter((sha256) => second!.has(sha256)).length / first!.size).toBeGreaterThanOrEqual(0.9);
    },
    SLOW,
  );

  it(
    'again, with an empty cache: nothing comes over the network but indexes, nothing is written in a label folder',
    async () => {
      const folders = fleet.labels.map(({ name }) => join(root, name));
      const before = folders.map(snapshot);
      const inodes = folders.map((folder) => statSync(join(folder, 'manifest.json')).ino);
      const ran = await all('another-cache');
      expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
      expect(downloads()).toEqual([]);
      for (const [at, folder] of folders.entries()) expect(changesBetween(before[at]!, snapshot(folder))).toEqual([]);
      expect(folders.map((folder) => statSync(join(folder, 'manifest.json')).ino)).toEqual(inodes);
    },
    SLOW,
  );

  it(
    'each holds what its owner’s token opens, no other’s',
    async () => {
      for (const { name } of fleet.labels) {
        const own = artifactsOf(name).filter(({ path }) => path.includes('/own-'));
        expect(own.map(({ path }) => path)).toEqual([
          `linux-64/own-${name}-1.0-0.tar.bz2`,
          `win-64/own-${name}-1.0-0.tar.bz2`,
        ]);
      }
      const swapped = { PROMETEIA_TOKEN: fleet.tokens['acme']!, ACME_TOKEN: fleet.tokens['acme']! };
      const ran = await runOurs('repackenv', ['update', '--all', '--cache-dir', join(dir, 'cache')], {
        home: join(dir, 'home'),
        cwd: root,
        env: swapped,
      });
      expect(ran.exitCode, ran.stderr).toBe(7);
      expect(ran.stdout + ran.stderr).toContain('E_TOKEN_REFUSED');
    },
    SLOW,
  );
});
