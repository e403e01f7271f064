import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import type { CleanReport } from '../../src/jobs/clean/clean.js';
import { withEngineCache } from '../../src/jobs/run/engine-cache.js';
import { makeRunFolder } from '../../src/jobs/run/run-folder.js';
import { systemClock } from '../../src/runtime/clock.js';
import { expectRefusal } from '../helpers/refusals.js';
import { openWorkplace, startOurs, type Workplace } from '../helpers/programs.js';
import { testRuntime } from '../helpers/runtime.js';

const SLOW = 180_000;
const DAY_S = 24 * 60 * 60;
const rt = { ...testRuntime({ machine: { hostname: hostname() } }), clock: systemClock() };

let work: Workplace;

beforeAll(async () => {
  work = await openWorkplace();
  const ran = await work.update();
  expect(ran.exitCode, ran.stderr).toBe(0);
}, SLOW);
afterAll(() => work.close());

/** Copies of ROOT and cache, to be cleaned. */
function copies(): { root: string; cache: string; dir: string } {
  const dir = mkdtempSync(join(work.dir, 'clean-'));
  for (const name of ['root', 'cache'] as const)
    cpSync(work[name], join(dir, name), { recursive: true, preserveTimestamps: true });
  return { dir, root: join(dir, 'root'), cache: join(dir, 'cache') };
}

async function clean(args: readonly string[]): Promise<CleanReport> {
  const ran = await work.run('repackenv', ['clean', '--json', ...args]);
  expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
  return JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as CleanReport;
}

function stored(cache: string): string[] {
  const store = join(cache, 'store', 'sha256');
  return readdirSync(store).flatMap((head) => readdirSync(join(store, head)).map((name) => join(store, head, name)));
}

/** Sets when a file was last used, in days before now; the time of writing too. */
function unused(path: string, days: number): void {
  const then = Date.now() / 1000 - days * DAY_S;
  utimesSync(path, then, then);
}

const goes = ({ items }: CleanReport): string[] =>
  items
    .filter(({ removes }) => removes)
    .map(({ path }) => path)
    .sort();

describe('the store', () => {
  it(
    'removes what was not used for so long, and its md5 name; --dry-run only lists it',
    async () => {
      const { cache } = copies();
      const files = stored(cache);
      const [old, ...rest] = files;
      const age = (): void => files.forEach((file) => unused(file, file === old ? 40 : 20));
      age();
      const before = snapshot(cache);
      // To read is to use, on most file systems.
      age();
      const dry = await clean(['--cache-dir', cache, '--dry-run']);
      expect(goes(dry)).toEqual([old]);
      expect(dry.freed).toBe(statSync(old!).size);
      expect(changesBetween(before, snapshot(cache)).filter((line) => !line.startsWith('touched'))).toEqual([]);
      age();

      const md5s = readdirSync(join(cache, 'store', 'md5'), { recursive: true }).length;
      expect(goes(await clean(['--cache-dir', cache]))).toEqual([old]);
      expect(stored(cache)).toEqual(rest);
      expect(readdirSync(join(cache, 'store', 'md5'), { recursive: true }).length).toBeLessThan(md5s);
      expect(goes(await clean(['--cache-dir', cache]))).toEqual([]);
      expect(goes(await clean(['--cache-dir', cache, '--older-than', '10d'])).length).toBe(rest.length);
    },
    SLOW,
  );

  it(
    '--max-size removes the least recently used until the rest fits',
    async () => {
      const { cache } = copies();
      rmSync(join(cache, 'repodata'), { recursive: true });
      const files = stored(cache);
      files.forEach((file, at) => unused(file, 100 - at));
      const total = files.reduce((sum, file) => sum + statSync(file).size, 0);
      const [first, second] = files.map((file) => statSync(file).size);
      const report = await clean(['--cache-dir', cache, '--max-size', String(total - first! - 1)]);
      expect(goes(report)).toEqual(files.slice(0, 2).sort());
      expect(report.freed).toBe(first! + second!);
    },
    SLOW,
  );

  it(
    'a run marks what it uses, once a day, and keeps the time of writing',
    async () => {
      const { cache, root } = copies();
      for (const file of stored(cache)) unused(file, 40);
      rmSync(join(root, 'halkbank'), { recursive: true });
      const ran = await work.update({ root, args: ['--cache-dir', cache] });
      expect(ran.exitCode, ran.stderr).toBe(0);
      for (const file of stored(cache)) {
        const { atimeMs, mtimeMs } = statSync(file);
        expect(Date.now() - atimeMs, file).toBeLessThan(DAY_S * 1000);
        expect(Date.now() - mtimeMs, file).toBeGreaterThan(39 * DAY_S * 1000);
      }
      expect(goes(await clean(['--cache-dir', cache]))).toEqual([]);
    },
    SLOW,
  );

  it(
    'removes what broken-off transfers and runs left, and only marked run folders',
    async () => {
      const { cache } = copies();
      const part = join(cache, 'store', 'tmp', '1-2-3.part');
      const fresh = join(cache, 'store', 'tmp', '4-5-6.part');
      for (const file of [part, fresh]) writeFileSync(file, 'half');
      unused(part, 1);
      const dead = await makeRunFolder({ ...rt, machine: { ...rt.machine, pid: 2 ** 22 + 1 } }, cache, 'update');
      mkdirSync(join(cache, 'runs', 'not-ours'));
      writeFileSync(join(cache, 'runs', 'not-ours', 'thesis.txt'), 'text');
      const report = await clean(['--cache-dir', cache]);
      expect(goes(report)).toEqual([dead, part].sort());
      expect(existsSync(fresh)).toBe(true);
      expect(readdirSync(join(cache, 'runs'))).toEqual(['not-ours']);
    },
    SLOW,
  );

  it(
    'touches no file with a name that it never gave',
    async () => {
      const { cache } = copies();
      const foreign = ['notes.txt', 'store/readme', 'store/sha256/ab/notes', 'store/sha256/zz/x', 'repodata/mine.json'];
      for (const name of foreign) {
        mkdirSync(join(cache, name, '..'), { recursive: true });
        writeFileSync(join(cache, name), 'mine');
        unused(join(cache, name), 400);
      }
      for (const file of stored(cache)) unused(file, 400);
      await clean(['--cache-dir', cache, '--older-than', '0d']);
      for (const name of foreign) expect(readFileSync(join(cache, name), 'utf8'), name).toBe('mine');
    },
    SLOW,
  );

  it('refuses a folder that is no cache of ours', async () => {
    const dir = mkdtempSync(join(work.dir, 'documents-'));
    mkdirSync(join(dir, 'store'));
    writeFileSync(join(dir, 'store', 'thesis.txt'), 'text');
    const ran = await work.run('repackenv', ['clean', '--cache-dir', dir, '--older-than', '0d']);
    expectRefusal(ran, { code: 'E_ROOT', says: [dir, 'not made by this program'] });
    expect(readFileSync(join(dir, 'store', 'thesis.txt'), 'utf8')).toBe('text');
  });
});

describe('I2 runs at the same time', () => {
  it(
    'a job at work: nothing of the cache goes, and the job ends well',
    async () => {
      const { cache, root } = copies();
      rmSync(join(root, 'halkbank'), { recursive: true });
      // The upstream holds the job: its run folder is there and nothing acquired yet.
      const running = await makeRunFolder(rt, cache, 'update');
      for (const file of stored(cache)) unused(file, 400);
      const count = stored(cache).length;
      const report = await clean(['--cache-dir', cache]);
      expect(goes(report)).toEqual([]);
      expect(report.skipped.join()).toMatch(/update, pid \d+ on .* is at work/);
      expect(stored(cache)).toHaveLength(count);
      rmSync(running, { recursive: true });
      expect(goes(await clean(['--cache-dir', cache]))).not.toEqual([]);
    },
    SLOW,
  );

  it(
    'jobs and cleans all at once: every job publishes a sound folder',
    async () => {
      const { cache, root } = copies();
      const results = [0, 1, 2].map(async (round) => {
        const label = join(root, `r${round}`);
        for (const file of stored(cache)) if (existsSync(file)) unused(file, 400);
        const cleaning = Array.from({ length: 2 }, () =>
          startOurs('repackenv', ['clean', '--cache-dir', cache, '--older-than', '0d'], { home: work.home }),
        );
        const job = await work.update({ root: label, args: ['--cache-dir', cache] });
        expect(job.exitCode, job.stdout + job.stderr).toBe(0);
        for (const each of cleaning) expect((await each.ended).exitCode).toBe(0);
        expect((await work.verify(join(label, 'halkbank'))).exitCode).toBe(0);
      });
      await Promise.all(results);
    },
    SLOW,
  );

  it(
    'an engine that is in use keeps its packages; later they go by age, whole',
    async () => {
      const { cache } = copies();
      const pkgs = join(cache, 'engine-pkgs', 'conda-26.7');
      await withEngineCache(rt, pkgs, async () => {
        for (const [name, days] of [
          ['old-1.0-0', 50],
          ['new-1.0-0', 2],
        ] as const) {
          mkdirSync(join(pkgs, name, 'info'), { recursive: true });
          for (const file of [`${name}.conda`, `${name}/info/index.json`, `${name}/info/repodata_record.json`]) {
            writeFileSync(join(pkgs, file), 'x');
            unused(join(pkgs, file), days);
          }
        }
        writeFileSync(join(pkgs, 'urls.txt'), '');
        const report = await clean(['--cache-dir', cache]);
        expect(report.skipped.join()).toMatch(/an engine uses it/);
        expect(existsSync(join(pkgs, 'old-1.0-0.conda'))).toBe(true);
      });
      const report = await clean(['--cache-dir', cache]);
      expect(goes(report)).toEqual([join(pkgs, 'old-1.0-0')]);
      expect(readdirSync(pkgs).sort()).toEqual(['new-1.0-0', 'new-1.0-0.conda', 'urls.txt']);
    },
    SLOW,
  );
});

describe('--root', () => {
  it(
    'removes what neither manifest nor index names, under the label’s lock; lists labels that are gone',
    async () => {
      const { cache, root } = copies();
      const label = join(root, 'halkbank');
      const before = snapshot(label);
      writeFileSync(join(label, 'noarch', 'old-1.0-0.conda'), 'zombie');
      writeFileSync(join(label, 'linux-64', 'x.partial'), 'half');
      writeFileSync(join(label, 'readme.txt'), 'of the site');
      const staging = join(root, '.repackenv', 'halkbank', 'staging', 'dead');
      mkdirSync(staging, { recursive: true });
      const owner = JSON.parse(
        readFileSync(join(await makeRunFolder(rt, join(root, '..', 'x'), 'update'), 'repackenv-run.json'), 'utf8'),
      ) as object;
      writeFileSync(join(staging, 'owner.json'), JSON.stringify({ ...owner, pid: 2 ** 22 + 1 }));
      mkdirSync(join(root, '.repackenv', 'gone', 'receipts'), { recursive: true });
      writeFileSync(join(root, 'gone.verify.sh'), 'exit');

      const expected = [join(label, 'linux-64/x.partial'), join(label, 'noarch/old-1.0-0.conda'), staging];
      const dry = await clean(['--root', root, '--cache-dir', cache, '--dry-run']);
      expect(goes(dry)).toEqual(expected.toSorted());
      expect(existsSync(expected[0]!)).toBe(true);

      const report = await clean(['--root', root, '--cache-dir', cache]);
      expect(goes(report)).toEqual(expected.toSorted());
      const listed = report.items.filter(({ removes }) => !removes).map(({ path }) => path);
      expect(listed.sort()).toEqual([join(root, '.repackenv', 'gone'), join(root, 'gone.verify.sh')].sort());
      expect(existsSync(join(root, 'gone.verify.sh'))).toBe(true);
      expect(changesBetween(before, snapshot(label))).toEqual(['added    readme.txt']);
      expect((await work.verify(label)).exitCode).toBe(0);
    },
    SLOW,
  );

  it(
    'keeps what an index names that somebody wrote since, and everything where the index can’t be read',
    async () => {
      const { cache, root } = copies();
      const label = join(root, 'halkbank');
      const index = join(label, 'noarch/repodata.json');
      const value = JSON.parse(readFileSync(index, 'utf8')) as Record<string, Record<string, unknown>>;
      value['packages.conda']!['late-1.0-0.conda'] = {};
      chmodSync(index, 0o644);
      writeFileSync(index, JSON.stringify(value));
      writeFileSync(join(label, 'noarch/late-1.0-0.conda'), 'named');
      appendFileSync(join(label, 'linux-64/repodata.json'), 'broken');
      writeFileSync(join(label, 'linux-64/zombie-1.0-0.conda'), 'not judged');
      expect(goes(await clean(['--root', root, '--cache-dir', cache]))).toEqual([]);
    },
    SLOW,
  );

  it('refuses a folder that is no ROOT of ours', async () => {
    const dir = mkdtempSync(join(work.dir, 'documents-'));
    expectRefusal(await work.run('repackenv', ['clean', '--root', dir, '--cache-dir', work.cache]), {
      code: 'E_ROOT',
      says: [dir, '.repackenv'],
    });
  });
});

describe('-f FILE', () => {
  it(
    'removes what the mirror file no longer matches, lists it first with --dry-run, and leaves a sound mirror',
    async () => {
      const dir = mkdtempSync(join(work.dir, 'mirror-'));
      const file = join(dir, 'mirror.yml');
      const channel = join(work.upstream.dir, 'gen1', 'pkgs', 'main');
      const text = `channels: ['${pathToFileURL(channel).href}']\nplatforms: [linux-64]\nmirror_dir: ${join(dir, 'root', 'main')}\n`;
      writeFileSync(file, text);
      const args = ['-f', file, '--cache-dir', join(dir, 'cache')];
      const mirrored = await work.run('repackenv', ['mirror', ...args]);
      expect(mirrored.exitCode, mirrored.stdout + mirrored.stderr).toBe(0);
      const mirror = join(dir, 'root', 'main');
      const numpys = [...snapshot(mirror).keys()].filter((path) => path.includes('/numpy-'));
      expect(numpys.length).toBeGreaterThan(0);

      writeFileSync(file, `${text}blacklist: [numpy]\n`);
      const before = snapshot(mirror);
      const dry = await work.run('repackenv', ['clean', ...args, '--dry-run']);
      expect(dry.exitCode, dry.stdout + dry.stderr).toBe(0);
      for (const path of numpys) expect(dry.stdout).toContain(path);
      expect(changesBetween(before, snapshot(mirror))).toEqual([]);

      const cleaned = await work.run('repackenv', ['clean', ...args]);
      expect(cleaned.exitCode, cleaned.stdout + cleaned.stderr).toBe(0);
      expect([...snapshot(mirror).keys()].filter((path) => path.includes('/numpy-'))).toEqual([]);
      expect((await work.verify(mirror)).exitCode).toBe(0);
      // Its cache holds nothing, for the channel was a folder.
      expect(goes(await clean(['--cache-dir', join(dir, 'cache'), '--root', join(dir, 'root')]))).toEqual([]);
    },
    SLOW,
  );
});

it.each([
  [['--older-than', 'soon'], '--older-than soon'],
  [['--max-size', 'much'], '--max-size much'],
  [['-f', 'mirror.yml', '--max-size', '1GB'], 'no meaning with a mirror file'],
])('refuses %j', async (args, says) => {
  expectRefusal(await work.run('repackenv', ['clean', ...args]), { code: 'E_USAGE', says: [says] });
});
