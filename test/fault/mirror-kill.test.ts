import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePackage, type SamplePackage, writeIndex } from '../../scripts/lib/sample-upstream.js';
import { changesBetween, type Snapshot } from '../../scripts/lib/snapshot.js';
import { verify } from '../../src/jobs/verify.js';
import { PUBLISH_STEPS } from '../../src/delivery/publish.js';
import { lockLabel } from '../../src/delivery/lock/lock.js';
import { systemClock } from '../../src/runtime/clock.js';
import { OF_KEEPING } from '../helpers/kill-points.js';
import { openMirrorPlace, readIndex, type MirrorPlace } from '../helpers/mirrors.js';
import { expectNothingLeft, expectRefusal } from '../helpers/refusals.js';
import { replaceArtifact } from '../helpers/replace-artifact.js';
import { testRuntime } from '../helpers/runtime.js';
import { breaches } from '../helpers/tiny-channel.js';
import { startSampleUpstream, type TestUpstream } from '../helpers/upstream.js';

const SLOW = 900_000;
const FILE = 'channels: [pkgs/main]\nplatforms: [linux-64]\nshrink_limit: 50%\ndelta: true\ndelta_dir: DELTAS';

/** The steps of `mirror` beside those of publishing; in the order in which they come. */
const EARLY = [
  'update:locked',
  'update:inspected',
  'mirror:planned',
  'mirror:acquired',
  'channel:staged',
  'mirror:staged',
  'mirror:proven',
];
const LATE = ['mirror:published', 'mirror:handed-over', 'mirror:remembered', 'mirror:delta-written'];
const STEPS = [...EARLY, ...PUBLISH_STEPS.filter((step) => !OF_KEEPING.includes(step)), ...LATE];

describe('I3 a mirror run killed', { tags: ['long'] }, () => {
  let upstream: TestUpstream;
  beforeAll(async () => {
    upstream = await startSampleUpstream();
    await changeChannel(join(upstream.dir, 'gen2/pkgs/main/noarch'));
  }, SLOW);
  afterAll(() => upstream.close());

  const ARGS = ['--replace', 'all'];

  it(
    'at each step of a first run: the next one ends as if nothing had been, and fetches nothing twice',
    async () => {
      upstream.setGeneration(1);
      const whole = await undisturbed(upstream, undefined);
      const unreached: string[] = [];
      for (const step of STEPS)
        if (!(await killAt(step, { upstream, before: undefined, ...whole }))) unreached.push(step);
      expect(unreached).toEqual(ofUpdates());
    },
    SLOW,
  );

  it(
    'at each step of a run that adds, replaces, re-records and removes',
    async () => {
      upstream.setGeneration(1);
      const before = await openMirrorPlace({ upstream });
      write(before);
      await before.report(['--index', 'bz2']);
      upstream.setGeneration(2);
      const whole = await undisturbed(upstream, before);
      const unreached: string[] = [];
      for (const step of STEPS) if (!(await killAt(step, { upstream, before, ...whole }))) unreached.push(step);
      expect(unreached).toEqual([]);
      await before.close();
    },
    SLOW,
  );

  interface Task {
    upstream: TestUpstream;
    before: MirrorPlace | undefined;
    /** Path -> sha256 in the mirror, and names of deltas, after a run that nothing disturbed. */
    after: Record<string, string>;
    deltas: string[];
    downloads: string[];
  }

  async function undisturbed(
    from: TestUpstream,
    before: MirrorPlace | undefined,
  ): Promise<Omit<Task, 'upstream' | 'before'>> {
    const place = await placeLike(from, before);
    place.downloads();
    await place.report(ARGS);
    const result = { after: digestsOf(place.mirrored()), deltas: deltasOf(place), downloads: place.downloads().sort() };
    await place.close();
    return result;
  }

  async function killAt(step: string, { upstream: from, before, after, deltas, downloads }: Task): Promise<boolean> {
    const place = await placeLike(from, before);
    try {
      const old = place.mirrored();
      place.downloads();
      const killed = await place.mirror(ARGS, { REPACKENV_TEST_KILL_AT: step });
      if (killed.signal !== 'SIGKILL') {
        expect(killed.exitCode, killed.stderr).toBe(0);
        return false;
      }
      expect(await breaches(place.mirrorDir), step).toEqual([]);
      if (STEPS.indexOf(step) <= STEPS.indexOf('publish:journal-written'))
        expect(changesBetween(old, place.mirrored()), step).toEqual([]);

      const next = await place.mirror(ARGS);
      expect(next.exitCode, `${step}: ${next.stderr}`).toBe(0);
      expect(digestsOf(place.mirrored()), step).toEqual(after);
      expect(deltasOf(place), step).toEqual(deltas);
      // Both runs together asked for what one would have.
      expect(place.downloads().sort(), step).toEqual(downloads);
      const { findings } = await verify({ ...testRuntime(), clock: systemClock() }, { dir: place.mirrorDir });
      expect(
        findings.filter(({ exit }) => exit),
        step,
      ).toEqual([]);
      expect(readdirSync(place.stateDir), step).not.toContain('incoming');
      expectNothingLeft({ root: join(place.dir, 'mirrors'), cache: place.cache, tmp: place.tmp });
      return true;
    } finally {
      await place.close();
    }
  }

  async function placeLike(from: TestUpstream, before: MirrorPlace | undefined): Promise<MirrorPlace> {
    const place = await openMirrorPlace({ upstream: from });
    if (before !== undefined)
      cpSync(join(before.dir, 'mirrors'), join(place.dir, 'mirrors'), { recursive: true, preserveTimestamps: true });
    if (before !== undefined && existsSync(join(before.dir, 'deltas')))
      cpSync(join(before.dir, 'deltas'), join(place.dir, 'deltas'), { recursive: true });
    write(place);
    return place;
  }

  function write(place: MirrorPlace): void {
    place.write(FILE.replace('DELTAS', join(place.dir, 'deltas')));
  }

  function deltasOf(place: MirrorPlace): string[] {
    return readdirSync(join(place.dir, 'deltas')).sort();
  }
});

/** Generation 2: one more, one less, one hotfixed, one replaced under its old name. */
async function changeChannel(noarch: string): Promise<void> {
  const rebuilt = await makePackage({
    name: 'pytz',
    version: '2024.1',
    build: 'py_0',
    noarch: 'generic',
    files: { 'share/pytz': 'rebuilt' },
  });
  await replaceArtifact(noarch, 'pytz-2024.1-py_0.conda', rebuilt.bytes);
  const fresh = await makePackage({
    name: 'fresh',
    version: '1.0',
    noarch: 'generic',
    files: { 'share/fresh': 'new' },
  });
  const index = readIndex(noarch);
  writeFileSync(join(noarch, fresh.distFilename), fresh.bytes);
  index['packages.conda'][fresh.distFilename] = { ...fresh.record };
  index['packages.conda']['setuptools-72.1.0-py_0.conda']!['depends'] = ['python >=3.6'];
  delete index.packages['six-1.16.0-py_0.tar.bz2'];
  await writeIndex(noarch, index, ['json', 'zst', 'bz2']);
}

/** What a first run has no need of. */
function ofUpdates(): string[] {
  return ['reduced-index-in', 'old-index-out', 'replaced-in', 'stale-index-out', 'leaving-out'].map(
    (phase) => `publish:${phase}`,
  );
}

function digestsOf(files: Snapshot): Record<string, string> {
  return Object.fromEntries([...files].map(([path, { sha256 }]) => [path, sha256]));
}

/** In the order in which `clean -f` reaches them; the other phases are not its own. */
const CLEAN_STEPS = [
  'update:locked',
  'update:inspected',
  'channel:staged',
  'clean:staged',
  'clean:proven',
  'publish:prepared',
  'publish:journal-written',
  'publish:index-in',
  'publish:leaving-out',
  'publish:switched',
  'publish:recorded',
  'publish:done',
  'clean:published',
  'clean:handed-over',
];

it(
  'I3 a clean of a mirror killed at each step: the folder serves, and the next one ends the same',
  { tags: ['long'], timeout: SLOW },
  async () => {
    const upstream = await startSampleUpstream();
    const before = await openMirrorPlace({ upstream });
    const fileOf = ({ dir }: MirrorPlace, more = ''): string => FILE.replace('DELTAS', join(dir, 'deltas')) + more;
    before.write(fileOf(before));
    await before.report();
    const narrowed = async (): Promise<MirrorPlace> => {
      const place = await openMirrorPlace({ upstream });
      for (const folder of ['mirrors', 'deltas'])
        cpSync(join(before.dir, folder), join(place.dir, folder), { recursive: true, preserveTimestamps: true });
      place.write(fileOf(place, '\nblacklist: [pytz]'));
      return place;
    };
    const outcome = (place: MirrorPlace) => ({
      files: digestsOf(place.mirrored()),
      deltas: readdirSync(join(place.dir, 'deltas')).sort(),
    });
    const whole = await narrowed();
    expect((await whole.clean()).exitCode).toBe(0);
    const after = outcome(whole);
    expect(after.deltas).toHaveLength(2);
    for (const step of CLEAN_STEPS) {
      const place = await narrowed();
      const killed = await place.clean([], { REPACKENV_TEST_KILL_AT: step });
      expect(killed.signal, `${step}: ${killed.stdout}${killed.stderr}`).toBe('SIGKILL');
      expect(await breaches(place.mirrorDir), step).toEqual([]);
      const next = await place.clean();
      expect(next.exitCode, `${step}: ${next.stderr}`).toBe(0);
      // A clean that finds nothing to remove writes no delta: the next run of `mirror` does.
      await place.report();
      expect(outcome(place), step).toEqual(after);
      await place.close();
    }
    await whole.close();
    await before.close();
    await upstream.close();
  },
);

describe('a first run killed in the middle of fetching', () => {
  let packages: SamplePackage[];
  beforeAll(async () => {
    packages = await Promise.all(
      Array.from({ length: 12 }, (_, number) =>
        makePackage({ name: `pkg${number}`, version: '1.0', noarch: 'generic', files: { 'share/pkg': `${number}` } }),
      ),
    );
  });

  it('is resumed: what was fetched is not asked for again', async () => {
    const served = await startHaltingServer(packages, 5);
    const place = await openMirrorPlace();
    try {
      place.write(`channels: [${served.url}/chan]\nplatforms: [linux-64]`);
      const running = place.start();
      // Five are answered whole; the others wait for ever.
      while (fetchedIn(place) < 5) await new Promise((resolve) => setTimeout(resolve, 20));
      running.child.kill('SIGKILL');
      expect((await running.ended).signal).toBe('SIGKILL');
      expect(existsSync(place.mirrorDir)).toBe(false);

      const first = served.answered.slice();
      expect(first).toHaveLength(5);
      served.goOn();
      const report = await place.report();
      expect(report.fetched).toMatchObject({ artifacts: packages.length - 5, resumed: 5 });
      expect(served.answered.toSorted()).toEqual(packages.map(({ distFilename }) => distFilename).sort());
      expect((await place.verify(place.mirrorDir)).exitCode).toBe(0);
      expect(readdirSync(place.stateDir)).not.toContain('incoming');
    } finally {
      await place.close();
      await served.close();
    }
  });

  it('Ctrl-C ends it with 130 and leaves what was fetched for the next run', async () => {
    const served = await startHaltingServer(packages, 5);
    const place = await openMirrorPlace();
    try {
      place.write(`channels: [${served.url}/chan]\nplatforms: [linux-64]`);
      const running = place.start();
      while (fetchedIn(place) < 5) await new Promise((resolve) => setTimeout(resolve, 20));
      running.child.kill('SIGINT');
      const ended = await running.ended;
      expect(ended.exitCode, ended.stderr).toBe(130);
      served.goOn();
      expect((await place.report()).fetched).toMatchObject({ resumed: 5 });
    } finally {
      await place.close();
      await served.close();
    }
  });

  function fetchedIn(place: MirrorPlace): number {
    const folder = join(place.stateDir, 'incoming', 'sha256');
    if (!existsSync(folder)) return 0;
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /[0-9a-f]{64}$/.test(path))
      .length;
  }
});

it('I1 while another run holds the mirror: 6 at once, nothing asked, nothing done', async () => {
  const place = await openMirrorPlace();
  const rt = { ...testRuntime(), clock: systemClock() };
  await rt.fs.mkdirp(place.stateDir);
  const lock = await lockLabel(rt, { stateDir: place.stateDir, label: 'main', waitMs: 0, command: 'mirror' });
  try {
    place.write('channels: [pkgs/main]\nplatforms: [linux-64]');
    expectRefusal(await place.mirror(['--wait-lock', '0']), { code: 'E_LOCKED', says: ['mirror'] });
    expect(place.upstream.requests).toEqual([]);
    expect(existsSync(place.mirrorDir)).toBe(false);
  } finally {
    await lock.release();
  }
  await place.report();
  await place.close();
});

/** A channel `/chan` on loopback that answers so many artifacts whole and leaves every further request waiting, until `goOn`. */
async function startHaltingServer(packages: readonly SamplePackage[], most: number) {
  const records = Object.fromEntries(packages.map(({ distFilename, record }) => [distFilename, record]));
  const index = JSON.stringify({
    info: { subdir: 'noarch' },
    packages: {},
    'packages.conda': records,
    repodata_version: 1,
  });
  const answered: string[] = [];
  let halted = true;
  const server: Server = createServer((request, response) => {
    const path = request.url ?? '';
    const pkg = packages.find(({ distFilename }) => path === `/chan/noarch/${distFilename}`);
    if (path === '/chan/noarch/repodata.json') response.end(index);
    else if (pkg === undefined) response.writeHead(404).end();
    else if (!halted || answered.length < most) {
      answered.push(pkg.distFilename);
      response.writeHead(200, { 'content-length': pkg.bytes.length }).end(pkg.bytes);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answered,
    goOn: () => void (halted = false),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
