// @module-tag long
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { watchPeakMemory } from '../../scripts/lib/peak-memory.js';
import { standardLayout, writeIndex, writeLayout } from '../../scripts/lib/sample-upstream.js';
import { snapshot } from '../../scripts/lib/snapshot.js';
import type { MirrorReport } from '../../src/jobs/mirror/mirror.js';
import { inodesBelow, openMirrorPlace, recordsOf, type MirrorPlace } from '../helpers/mirrors.js';
import { startOurs, type Ran } from '../helpers/programs.js';
import { startUpstream, type TestUpstream } from '../helpers/upstream.js';

const SLOW = 600_000;
const MOST_MEMORY = 300_000_000;

/** Real indexes of two channels; not part of this repository. */
const DATA = join(PROJECT_ROOT, '..', 'shared', 'data', 'repodata');
const there = ['r-linux-64.json', 'pytorch-linux-64.json'].every((name) => existsSync(join(DATA, name)));
if (!there) console.log(`tests on real indexes skipped: ${DATA} is not there`);

type WireRecord = Record<string, unknown> & {
  name: string;
  license_family?: string;
  license?: string | null;
  depends: string[];
};
type Repodata = Record<string, unknown> & Record<'packages' | 'packages.conda', Record<string, WireRecord>>;

describe.skipIf(!there)('a mirror of real indexes, their artifacts made up', () => {
  let place: MirrorPlace;
  let upstream: TestUpstream;
  let r: Repodata;

  beforeAll(async () => {
    place = await openMirrorPlace();
    const dir = join(place.dir, 'real');
    r = await makeUp(join(dir, 'gen1/pkgs/main/linux-64'), 'r-linux-64.json');
    await makeUp(join(dir, 'gen1/prometeia/linux-64'), 'pytorch-linux-64.json');
    writeLayout(dir, standardLayout('real-index', [1]));
    upstream = await startUpstream({ dir });
  }, SLOW);
  afterAll(async () => {
    await upstream?.close();
    await place.close();
  });

  it(
    'r-linux-64 with a licence list: one pass, below 300 MB, exactly what an own count says',
    async () => {
      place.write(
        `channels: [${upstream.url}/pkgs/main]\nplatforms: [linux-64]\nlicense_blacklist: [GPL3, AGPL]\nwhitelist: [r-base]`,
      );
      const started = place.start(['--json']);
      const peak = watchPeakMemory(started.pid);
      const ran = await started.ended;
      const most = peak();
      expect(ran.exitCode, ran.stderr).toBe(0);
      const report = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as MirrorReport;

      const all = { ...r.packages, ...r['packages.conda'] };
      expect(Object.keys(all)).toHaveLength(4211);
      const expected = Object.keys(all).filter((fn) => all[fn]!.name === 'r-base' || !isListed(all[fn]!));
      expect(expected.length).toBeGreaterThan(1000);
      expect(expected.length).toBeLessThan(3500);
      expect(place.artifacts()).toEqual(expected.map((fn) => `linux-64/${fn}`).sort());
      expect(report.fetched.artifacts).toBe(expected.length);
      expect(report.excluded).toEqual({ license_blacklist: 4211 - expected.length });
      const mirrored = recordsOf(join(place.mirrorDir, 'linux-64'));
      for (const fn of expected) expect(mirrored[fn]).toEqual(all[fn]);
      // Each index is asked for once, each artifact once.
      const asked = upstream.requests.map(({ path }) => path);
      expect(new Set(asked).size).toBe(asked.length);
      if (most !== undefined) {
        console.log(`first run: ${Math.round(most / 1e6)} MB at most`);
        expect(most).toBeLessThan(MOST_MEMORY);
      }
    },
    SLOW,
  );

  it(
    'why, tree, find and licenses answer for it',
    async () => {
      const ask = (...args: string[]): Promise<Ran> => place.run('repackenv', [...args, place.mirrorDir]);
      for (const [args, says] of [
        [['why', 'r-base'], 'r-mvtnorm'],
        [['tree', '--of', 'r-base', '--depth', '2'], 'r-base'],
        [['tree', '--invert', 'r-base', '--depth', '1'], 'r-mvtnorm'],
        [['find', 'r-base'], 'r-base'],
        [['licenses'], 'MIT'],
      ] as const) {
        const ran = await ask(...args);
        expect(ran.exitCode, ran.stderr).toBe(0);
        expect(ran.stdout).toContain(says);
      }
    },
    SLOW,
  );

  it(
    'an unchanged second run downloads 0 artifacts and writes 0 bytes',
    async () => {
      const before = inodesBelow(place.mirrorDir);
      const requests = upstream.requests.length;
      const started = place.start(['--json']);
      const peak = watchPeakMemory(started.pid);
      const ran = await started.ended;
      const most = peak();
      expect(ran.exitCode, ran.stderr).toBe(0);
      const report = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as MirrorReport;
      expect(report.fetched).toEqual({ artifacts: 0, bytes: 0, resumed: 0 });
      expect(report.published).toMatchObject({ unchanged: true, bytesWritten: 0, generation: 1 });
      const asked = upstream.requests.slice(requests).map(({ path }) => path);
      expect(asked.filter((path) => /\.(conda|tar\.bz2)$/.test(path))).toEqual([]);
      expect(inodesBelow(place.mirrorDir)).toEqual(before);
      if (most !== undefined) {
        console.log(`second run: ${Math.round(most / 1e6)} MB at most`);
        expect(most).toBeLessThan(MOST_MEMORY);
      }
    },
    SLOW,
  );

  it(
    'pytorch, the newest of each python, with what it needs of itself: below 300 MB',
    async () => {
      place.write(
        `channels: [${upstream.url}/prometeia]\nplatforms: [linux-64]\ninclude: [pytorch]\nlatest: {count: 1, per: name-python}\nwith_dependencies: all\nmirror_dir: ${place.dir}/mirrors/torch`,
      );
      const started = place.start(['--json']);
      const peak = watchPeakMemory(started.pid);
      const ran = await started.ended;
      const most = peak();
      expect([0, 1], ran.stderr).toContain(ran.exitCode);
      const report = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as MirrorReport;
      const records = Object.values(recordsOf(join(place.dir, 'mirrors/torch/linux-64'))) as WireRecord[];
      expect(records.length).toBe(report.artifacts);
      expect(records.map(({ name }) => name)).toContain('pytorch');
      // What pytorch needs and its channel does not have (python, blas…) is told.
      expect(report.findings.map(({ code }) => code)).toContain('open-dependencies');
      if (most !== undefined) expect(most).toBeLessThan(MOST_MEMORY);
    },
    SLOW,
  );

  it(
    'the mirror of r-linux-64 goes to a site in parts, and its next generation as a delta; verified, served, compared, mended, cleaned',
    async () => {
      const run = async (expected: number, ...args: string[]): Promise<string> => {
        const ran = await place.run('repackenv', args);
        expect(ran.exitCode, `${args.join(' ')}\n${ran.stdout}${ran.stderr}`).toBe(expected);
        return ran.stdout;
      };
      const [out, delta, site] = ['media', 'delta', 'site'].map((name) => join(place.dir, name)) as [
        string,
        string,
        string,
      ];
      const atSite = join(site, 'main');
      const file = `channels: [${upstream.url}/pkgs/main]\nplatforms: [linux-64]\nlicense_blacklist: [GPL3, AGPL]\n`;
      place.write(file);
      await place.report();

      await run(0, 'export', place.mirrorDir, '--to', out, '--part-size', '2000KB');
      expect(readdirSync(out).filter((name) => name.endsWith('.tar')).length).toBeGreaterThan(1);
      await run(0, 'import', out, '--root', site, '--receipt', join(place.dir, 'receipt.json'));
      expect(contentOf(atSite)).toEqual(contentOf(place.mirrorDir));
      const script = spawnSync('sh', [join(site, 'main.verify.sh')], { encoding: 'utf8' });
      expect([script.status, script.stdout]).toEqual([0, expect.stringContaining('main: fine')]);

      // The next generation: a filter that lets more in.
      place.write(file.replace('[GPL3, AGPL]', '[GPL3]'));
      const more = await place.report();
      expect(more.published?.generation).toBeGreaterThan(1);
      expect(await run(1, 'diff', atSite, place.mirrorDir)).toContain('added');
      await run(0, 'delta', place.mirrorDir, '--since', join(place.dir, 'receipt.json'), '--to', delta);
      await run(0, 'import', delta, '--root', site);
      expect(contentOf(atSite)).toEqual(contentOf(place.mirrorDir));
      await run(0, 'diff', atSite, place.mirrorDir);

      const server = startOurs('repackenv', ['serve', atSite, '--port', '0'], { home: place.home });
      await server.says('http://');
      const url = /http:\/\/[^\s"]+/.exec(server.printed())![0];
      const index = (await (await fetch(`${url}/linux-64/repodata.json`)).json()) as Repodata;
      expect(Object.keys(index.packages).sort()).toEqual(Object.keys(recordsOf(join(atSite, 'linux-64'))).sort());
      const [fn] = Object.keys(index.packages);
      expect(await (await fetch(`${url}/linux-64/${fn}`)).text()).toBe(`made up: ${fn}\n`);
      server.child.kill('SIGTERM');
      expect((await server.ended).exitCode).toBe(0);

      // Made-up bytes are no packages: doctor says so of each, and of the index that somebody cut off.
      const cut = join(atSite, 'linux-64/repodata.json');
      writeFileSync(cut, readFileSync(cut).subarray(0, 1000));
      const said = await run(1, 'doctor', atSite, '--json');
      const { findings } = JSON.parse(said.trimEnd().split('\n').at(-1)!) as { findings: { subject?: string }[] };
      expect(findings.map(({ subject }) => subject)).toContain('linux-64/repodata.json');

      place.write(file.replace('[GPL3, AGPL]', '[GPL3, AGPL, GPL2]'));
      const before = place.artifacts();
      const kept = await place.report();
      expect(kept.published).toMatchObject({ unchanged: true });
      const listed = await place.clean(['--dry-run', '--json']);
      expect(listed.exitCode, listed.stderr).toBe(0);
      expect(place.artifacts()).toEqual(before);
      expect((await place.clean()).exitCode).toBe(0);
      const left = place.artifacts();
      expect(left.length).toBeLessThan(before.length);
      const all = { ...r.packages, ...r['packages.conda'] };
      const families = left.map((path) => all[path.slice('linux-64/'.length)]!.license_family?.toUpperCase());
      expect(families).not.toContain('GPL2');
    },
    SLOW,
  );
});

/** Every file by path and digest. */
function contentOf(dir: string): [string, string][] {
  return [...snapshot(dir)].map(([path, { sha256 }]) => [path, sha256]);
}

/** Families as named; else the licence texts of this index that say or allow version 3 of the GPL, by eye. */
function isListed({ license_family: family, license = '' }: WireRecord): boolean {
  // A list that forbids sees both of a record's tellings.
  const declared = family !== undefined && ['GPL3', 'AGPL'].includes(family.toUpperCase());
  return declared || /(?<!L)GPL(?:-3| \(>= [23]\))|GPLv2\+|AGPL/.test(license ?? '');
}

/** A channel folder of a real index: artifacts of some bytes each, records rewritten to their size and digests. */
async function makeUp(folder: string, name: string): Promise<Repodata> {
  mkdirSync(folder, { recursive: true });
  const repodata = JSON.parse(readFileSync(join(DATA, name), 'utf8')) as Repodata;
  for (const key of ['packages', 'packages.conda'] as const) {
    for (const [fn, record] of Object.entries(repodata[key] ?? {})) {
      const bytes = Buffer.from(`made up: ${fn}\n`);
      writeFileSync(join(folder, fn), bytes);
      record['size'] = bytes.length;
      record['sha256'] = createHash('sha256').update(bytes).digest('hex');
      record['md5'] = createHash('md5').update(bytes).digest('hex');
    }
  }
  await writeIndex(folder, repodata, ['json', 'zst']);
  return repodata;
}
