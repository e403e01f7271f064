import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeChannel, makePackage } from '../../scripts/lib/sample-upstream.js';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import {
  expectClean,
  expectNothingLeft,
  expectRefusal,
  openGuardedWorkplace,
  type GuardedWorkplace,
} from '../helpers/refusals.js';
import type { Ran } from '../helpers/programs.js';

const SLOW = 180_000;

let work: GuardedWorkplace;

beforeAll(async () => {
  work = await openGuardedWorkplace();
}, SLOW);
afterAll(() => work.close());

function done(ran: Ran): Ran {
  expect(ran.exitCode, ran.stderr).toBe(0);
  expectClean(ran);
  return ran;
}

async function verifies(dir: string): Promise<void> {
  const ran = await work.verify(dir);
  expect(ran.exitCode, ran.stdout + ran.stderr).toBe(0);
}

describe('ROOT', () => {
  /** Makes a place and gives the ROOT to try; all below `<work>/bad`. */
  const PLACES: [row: string, title: string, says: string, make: (dir: string) => string][] = [
    ['A14', 'a file', 'is a file', (dir) => (writeFileSync(join(dir, 'file'), 'text'), join(dir, 'file'))],
    [
      'A14',
      'below a file',
      'below a file',
      (dir) => (writeFileSync(join(dir, 'file'), 'text'), join(dir, 'file', 'root')),
    ],
    ['A14', 'the root of the file system', 'root of a file system', () => '/'],
    ['A14', 'the home folder', 'home folder', () => work.home],
    ['A14', 'where nothing can be made', "can't be written", () => '/proc/repackenv'],
    ['A14', 'a package cache', 'package cache', (dir) => packageCache(join(dir, 'pkgs'))],
    ['A14', 'below a package cache', 'package cache', (dir) => join(packageCache(join(dir, 'pkgs')), 'root')],
    ['A14', 'a conda environment', 'conda environment', (dir) => (mkdirSync(join(dir, 'conda-meta')), dir)],
    [
      'A14',
      'in a conda environment',
      'conda environment',
      (dir) => (mkdirSync(join(dir, 'conda-meta')), join(dir, 'share', 'repo')),
    ],
    ['A14', 'the place of staging', 'state folder', () => join(work.root, '.repackenv', 'halkbank', 'staging')],
    ['A14', 'a label folder itself', 'itself a label folder', () => work.labelDir],
    ['A14', 'a subdir of a channel', 'subdir of a channel', () => join(work.labelDir, 'noarch')],
    [
      'A15',
      'a link to nothing',
      'points to nothing',
      (dir) => (symlinkSync(join(dir, 'gone'), join(dir, 'link')), join(dir, 'link')),
    ],
  ];

  it.each(PLACES)(
    '%s refuses %s',
    async (_row, _title, says, make) => {
      const dir = mkdtempSync(join(work.dir, 'bad-'));
      const root = make(dir);
      const before = snapshot(dir);
      await work.refusesAtOnce({ root }, { code: 'E_ROOT', says: [says] });
      expect(changesBetween(before, snapshot(dir))).toEqual([]);
    },
    SLOW,
  );

  it(
    'A14 refuses an empty one',
    async () => {
      await work.refusesAtOnce({ root: '' }, { code: 'E_ROOT', nowhere: true });
    },
    SLOW,
  );

  it(
    'A14 makes one that is not there, and says so',
    async () => {
      const root = join(work.dir, 'new', 'root');
      const { stderr } = done(await work.update({ root }));
      expect(stderr).toContain(`created ROOT ${root}`);
    },
    SLOW,
  );

  it(
    'A15 resolves a link once and says where it leads',
    async () => {
      const link = join(work.dir, 'link-to-root');
      symlinkSync(work.root, link);
      const { stderr, stdout } = done(await work.update({ root: link }));
      expect(stderr).toContain(`ROOT ${link} is ${work.root}`);
      expect(stdout).toContain('nothing new');
    },
    SLOW,
  );

  it(
    'A15 refuses a label folder that is a link',
    async () => {
      const root = join(work.dir, 'linked');
      mkdirSync(root);
      symlinkSync(work.labelDir, join(root, 'halkbank'));
      await work.refusesAtOnce({ root }, { code: 'E_ROOT', says: ['symbolic link', join(root, 'halkbank')] });
    },
    SLOW,
  );

  it(
    'A16 may lie on another volume than the caches',
    async ({ skip }) => {
      const other = '/dev/shm';
      if (!existsSync(other) || statSync(other).dev === statSync(tmpdir()).dev) skip('no second volume here');
      const root = mkdtempSync(join(other, 'repackenv-e2e-'));
      try {
        done(await work.update({ root }));
        const differences = changesBetween(work.published(), snapshot(join(root, 'halkbank')));
        expect(differences.filter((line) => !line.startsWith('touched'))).toEqual([]);
      } finally {
        rmSync(root, { recursive: true });
      }
    },
    SLOW,
  );

  it('leaves a sound folder', () => work.expectSound(), SLOW);
});

function packageCache(dir: string): string {
  mkdirSync(join(dir, 'cache'), { recursive: true });
  writeFileSync(join(dir, 'urls.txt'), '');
  return dir;
}

describe('a label folder that others made', () => {
  async function foreignFolder(root: string): Promise<string> {
    const dir = join(root, 'halkbank');
    await makeChannel(dir, [await makePackage({ name: 'zombie', version: '1.0', format: 'tar.bz2' })], {
      subdirs: ['linux-64'],
    });
    writeFileSync(join(dir, 'notes.txt'), 'of the old script');
    return dir;
  }

  it(
    'E6 is refused with --adopt, then adopted',
    async () => {
      const root = join(work.dir, 'foreign');
      const dir = await foreignFolder(root);
      const before = snapshot(dir);
      const refused = await work.update({ root });
      expectRefusal(refused, { code: 'E_NOT_OURS', says: [dir, '--adopt', 'zombie-1.0-0.tar.bz2'] });
      expect(changesBetween(before, snapshot(dir))).toEqual([]);

      const { stderr, stdout } = done(await work.update({ root, args: ['--adopt'] }));
      expect(stderr).toMatch(/warning: adopting .*zombie-1\.0-0\.tar\.bz2/);
      expect(stdout).toContain('notes.txt');
      expect([...snapshot(dir).keys()]).toEqual([...work.published().keys(), 'notes.txt'].sort());
      await verifies(dir);
      expect(done(await work.update({ root })).stdout).toContain('nothing new');
    },
    SLOW,
  );

  it(
    'E6 of another label, copied: refused, also with --adopt',
    async () => {
      const root = join(work.dir, 'copied');
      cpSync(work.labelDir, join(root, 'isbank'), { recursive: true });
      const before = snapshot(join(root, 'isbank'));
      for (const args of [[], ['--adopt']]) {
        expectRefusal(await work.update({ root, label: 'isbank', args }), { code: 'E_NOT_OURS', says: ['halkbank'] });
      }
      expect(changesBetween(before, snapshot(join(root, 'isbank')))).toEqual([]);
    },
    SLOW,
  );
});

describe('a published folder that somebody changed', () => {
  /** A copy of ROOT to be damaged. */
  function copyOfRoot(name: string): { root: string; dir: string } {
    const root = join(work.dir, name);
    cpSync(work.root, root, { recursive: true, preserveTimestamps: true });
    return { root, dir: join(root, 'halkbank') };
  }

  it(
    'F10 re-indexed by another tool: a warning, and the index is as it was',
    async () => {
      const { root, dir } = copyOfRoot('re-indexed');
      const path = join(dir, 'noarch/repodata.json');
      const index = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, unknown> };
      writeFileSync(path, JSON.stringify({ ...index, removed: [], repodata_version: 1 }, undefined, 2));
      rmSync(join(dir, 'noarch/repodata.json.zst'));
      writeFileSync(join(dir, 'noarch/current_repodata.json'), '{}');
      writeFileSync(join(dir, 'noarch/index.html'), '<html>');

      const { stderr, stdout } = done(await work.update({ root }));
      expect(stderr + stdout).toMatch(/index-rewritten: .*changed by somebody else/);
      expect(stderr + stdout).toMatch(/index-rewritten: .*missing/);
      const published = work.published();
      const now = snapshot(dir);
      expect([...now.keys()]).toEqual([...published.keys()]);
      for (const [file, { sha256 }] of now) expect(published.get(file)?.sha256, file).toBe(sha256);
      // A copier that goes by size and time must send it again.
      expect(now.get('noarch/repodata.json')!.mtimeMs).toBeGreaterThan(published.get('noarch/repodata.json')!.mtimeMs);
      await verifies(dir);
      expect(done(await work.update({ root })).stdout).toContain('nothing new');
    },
    SLOW,
  );

  it(
    'F10 an index of an unknown version stops; without it the run goes on',
    async () => {
      const { root, dir } = copyOfRoot('of-the-future');
      const path = join(dir, 'linux-64/repodata.json');
      writeFileSync(path, '{"repodata_version": 3}');
      const before = snapshot(dir);
      expectRefusal(await work.update({ root }), { code: 'E_REPODATA_VERSION', says: [path, '3'] });
      expect(changesBetween(before, snapshot(dir))).toEqual([]);
      rmSync(path);
      done(await work.update({ root }));
      await verifies(dir);
    },
    SLOW,
  );

  it(
    'F10 an artifact with other bytes stops; --replace puts back what was published',
    async () => {
      const { root, dir } = copyOfRoot('tampered');
      const fn = 'pytho-1.9-py_0.conda';
      appendFileSync(join(dir, 'noarch', fn), 'x');
      const before = snapshot(dir);
      expectRefusal(await work.update({ root }), { code: 'E_ARTIFACT_CHANGED', says: [`noarch/${fn}`, '--replace'] });
      expect(changesBetween(before, snapshot(dir))).toEqual([]);
      const verified = await work.verify(dir);
      expect(verified.exitCode).toBe(1);
      expect(verified.stdout).toContain(fn);

      done(await work.update({ root, args: ['--replace', fn] }));
      expect(snapshot(dir).get(`noarch/${fn}`)?.sha256).toBe(work.published().get(`noarch/${fn}`)?.sha256);
      await verifies(dir);
      expect(done(await work.update({ root })).stdout).toContain('nothing new');
    },
    SLOW,
  );

  it(
    'E6 a lost artifact comes back, a stranger in a subdir leaves, one beside them stays',
    async () => {
      const { root, dir } = copyOfRoot('gaps');
      rmSync(join(dir, 'noarch/six-1.16.0-py_0.tar.bz2'));
      writeFileSync(join(dir, 'noarch/stray.txt'), 'stray');
      writeFileSync(join(dir, 'readme.txt'), 'of the site');
      const { stderr, stdout } = done(await work.update({ root }));
      expect(stderr + stdout).toMatch(/artifact-missing: /);
      expect(stdout).toContain('readme.txt');
      expect([...snapshot(dir).keys()]).toEqual([...work.published().keys(), 'readme.txt'].sort());
      await verifies(dir);
    },
    SLOW,
  );

  it(
    'E8 an index of 0 bytes and a manifest of NULs, as a power loss leaves them: rebuilt',
    async () => {
      const { root, dir } = copyOfRoot('power-loss');
      writeFileSync(join(dir, 'noarch/repodata.json'), '');
      writeFileSync(join(dir, 'manifest.json'), Buffer.alloc(2_000));
      done(await work.update({ root }));
      const published = work.published();
      for (const [file, { sha256 }] of snapshot(dir)) expect(published.get(file)?.sha256, file).toBe(sha256);
      expectNothingLeft({ ...work, root });
    },
    SLOW,
  );

  it(
    'a label folder that was taken away is made anew',
    async () => {
      const { root, dir } = copyOfRoot('gone');
      renameSync(dir, `${dir}-away`);
      done(await work.update({ root }));
      await verifies(dir);
    },
    SLOW,
  );
});
