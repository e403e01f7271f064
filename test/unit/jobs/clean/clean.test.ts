import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { cleanText } from '../../../../src/cli/reporter/clean-text.js';
import { digestsOf } from '../../../../src/codec/digests.js';
import { clean } from '../../../../src/jobs/clean/clean.js';
import { sizesOf } from '../../../../src/jobs/clean/items.js';
import { describeOwner } from '../../../../src/delivery/lock/lock-owner.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import { makeChannel } from '../../../helpers/made-channel.js';
import { testRuntime } from '../../../helpers/runtime.js';

const rt = { ...testRuntime(), clock: systemClock() };
const KB = 1000;

function workplace(): string {
  const dir = mkdtempSync(join(tmpdir(), 'repackenv-clean-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, 'cache/store/tmp'), { recursive: true });
  return dir;
}

/** A file in the store that nobody used for 100 days. */
function stored(dir: string, size: number): string {
  const bytes = Buffer.alloc(size, size % 251);
  const { sha256 } = digestsOf(bytes);
  const folder = join(dir, 'cache/store/sha256', sha256.slice(0, 2));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, sha256), bytes);
  const then = Date.now() / 1000 - 100 * 86_400;
  utimesSync(join(folder, sha256), then, then);
  return join(folder, sha256);
}

/** Of the files that a test made here: those of whole kB. Locks come and go. */
const bytesIn = (dir: string): number => {
  const seen = new Map<number, number>();
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { ino, size } = statSync(join(entry.parentPath, entry.name));
    if (size % KB === 0) seen.set(ino, size);
  }
  return [...seen.values()].reduce((sum, size) => sum + size, 0);
};

const run = (dir: string, options: { root?: string; runtime?: typeof rt; dryRun?: boolean } = {}) =>
  clean(options.runtime ?? rt, {
    root: options.root,
    cacheDir: join(dir, 'cache'),
    limits: { olderThanMs: 30 * 86_400_000, maxBytes: undefined },
    dryRun: options.dryRun ?? false,
  });

it('what is hard-linked elsewhere frees nothing, and that is said', async () => {
  const dir = workplace();
  const linked = stored(dir, 7 * KB);
  stored(dir, 5 * KB);
  mkdirSync(join(dir, 'elsewhere'));
  linkSync(linked, join(dir, 'elsewhere/seven-1.0-0.conda'));
  const before = bytesIn(dir);
  const dry = await run(dir, { dryRun: true });
  const report = await run(dir);
  expect(report.items.map(({ size }) => size).sort()).toEqual([5 * KB, 7 * KB]);
  expect([dry.freed, report.freed]).toEqual([5 * KB, before - bytesIn(dir)]);
  expect(cleanText(report)).toContain(
    '2 things, 5.0 kB removed; 7.0 kB more of them are hard-linked elsewhere, and stay on the disk\n',
  );
});

it('two things that hold all links of a file between them free it, in a dry run as in a real one', async () => {
  const dir = workplace();
  const linked = stored(dir, 7 * KB);
  const left = join(dir, 'cache/runs/dead');
  mkdirSync(left, { recursive: true });
  writeFileSync(
    join(left, 'repackenv-run.json'),
    JSON.stringify({ ...(await describeOwner(rt, 'update')), pid: 2 ** 22 + 1 }),
  );
  linkSync(linked, join(left, 'seven-1.0-0.conda'));
  const dry = await run(dir, { dryRun: true });
  const report = await run(dir);
  expect(report.items.map(({ kind }) => kind)).toEqual(['run', 'store']);
  const owner = report.items[0]!.size - 7 * KB;
  for (const { freed, linkedElsewhere } of [dry, report]) expect([freed, linkedElsewhere]).toEqual([7 * KB + owner, 0]);
  expect(cleanText(report)).toMatch(/^2 things, 7\.\d kB removed\n$/m);
});

it('the staging of a broken-off run frees what is new in it, not the published packages that it links', async () => {
  const dir = workplace();
  const root = join(dir, 'root');
  makeChannel(join(root, 'acme'), { files: { 'noarch/six-1.0-0.conda': 'x'.repeat(9 * KB) } });
  const staging = join(root, '.repackenv/acme/staging/dead');
  mkdirSync(join(staging, 'channel/noarch'), { recursive: true });
  const owner = JSON.stringify(await describeOwner(rt, 'update'));
  writeFileSync(join(staging, 'owner.json'), owner);
  linkSync(join(root, 'acme/noarch/six-1.0-0.conda'), join(staging, 'channel/noarch/six-1.0-0.conda'));
  writeFileSync(join(staging, 'channel/noarch/new-1.0-0.conda'), 'y'.repeat(4 * KB));
  // Two links of one file that both go.
  linkSync(join(staging, 'channel/noarch/new-1.0-0.conda'), join(staging, 'channel/twice'));
  const before = bytesIn(dir);
  const report = await run(dir, { root });
  expect(report.items).toMatchObject([{ kind: 'staging', size: 13 * KB + owner.length, frees: 4 * KB + owner.length }]);
  expect(report.freed).toBe(before - bytesIn(dir) + owner.length);
});

it('the size counts every file where file numbers are too long for a JavaScript number (NTFS)', async () => {
  const dir = workplace();
  for (const name of ['a', 'b', 'c', 'd']) writeFileSync(join(dir, name), name.repeat(KB));
  linkSync(join(dir, 'd'), join(dir, 'd-again'));
  // Files numbered 2 ** 53 + 0, 1, 2 come out as two numbers.
  const fs = {
    ...rt.fs,
    lstat: async (path: string) => {
      const stats = await rt.fs.lstat(path);
      if (!stats.isFile()) return stats;
      return Object.assign(stats, { ino: stats.nlink > 1 ? 2 ** 53 + 8 : 2 ** 53 + (path.endsWith('/c') ? 2 : 0) });
    },
  };
  expect(await sizesOf({ ...rt, fs }, dir)).toEqual({ size: 4 * KB, frees: 4 * KB, shared: [] });
});

it('what can’t be removed is named and left, and the rest goes', async () => {
  const dir = workplace();
  const [held, free] = [stored(dir, 3 * KB), stored(dir, 2 * KB)];
  const refuse = Object.assign(new Error('EPERM: operation not permitted'), { code: 'EPERM' });
  const fs = {
    ...rt.fs,
    unlink: (path: string) => (path === held ? Promise.reject(refuse) : rt.fs.unlink(path)),
  };
  const report = await run(dir, { runtime: { ...rt, fs } });
  expect(report.items.map(({ path }) => path)).toEqual([free]);
  expect(report.skipped).toEqual([]);
  expect(report.findings).toMatchObject([{ code: 'not-removed', exit: true }]);
  expect(report.findings[0]!.message).toContain(`${held} (EPERM)`);
  expect(report.freed).toBe(2 * KB);
});

it('what was read out of an artifact goes with it, and stays with one that stays', async () => {
  const dir = workplace();
  const files = [stored(dir, 5 * KB), stored(dir, 7 * KB)];
  utimesSync(files[1]!, Date.now() / 1000, Date.now() / 1000);
  const infos = files.map((file) => file.replace('/store/sha256/', '/store/info/'));
  for (const info of infos) {
    mkdirSync(join(info, '..'), { recursive: true });
    writeFileSync(info, '{}');
  }
  await run(dir, { dryRun: true });
  expect(infos.map((info) => existsSync(info))).toEqual([true, true]);
  await run(dir);
  expect(infos.map((info) => existsSync(info))).toEqual([false, true]);
});
