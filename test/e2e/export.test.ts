import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unpackTar } from 'modern-tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { runProgram } from '../../scripts/lib/run-program.js';
import { changesBetween, filesThatContain, snapshot } from '../../scripts/lib/snapshot.js';
import type { ExportReport } from '../../src/jobs/export.js';
import type { SetFile } from '../../src/media/set/headers.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { findLayer } from '../../scripts/lib/layers.js';
import { describeWithLayers } from '../helpers/layers.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';
import { PAPERS, eventsOf, openRealWorkplace } from '../helpers/real-upstream.js';
import { expectClean, expectRefusal } from '../helpers/refusals.js';
import { TOKEN } from '../helpers/upstream.js';

const SLOW = 300_000;

/** With their dependencies 24 artifacts for two platforms; and again 24, one of them another. */
const PACKAGES = ['ratingpro', 'pytho', 'alib', 'ratedocs', 'certifi'];
const ONE_CHANGED = [...PACKAGES.slice(0, -1), 'idna'];
const TWO_SUBDIRS = ['--subdir', 'linux-64', '--subdir', 'win-64'];

describeWithLayers(['upstream-mixed'], 'a real label on media', () => {
  let work: Workplace;
  let first: Manifest;

  beforeAll(async () => {
    work = await openRealWorkplace('mixed');
    const ran = await work.update({ packages: PACKAGES, args: TWO_SUBDIRS });
    expect(ran.exitCode, ran.stderr).toBe(0);
    first = manifestIn(work.labelDir, 'manifest.json');
    expect(artifactsOf(first), artifactsOf(first).join(' ')).toHaveLength(24);
  }, SLOW);
  afterAll(() => work.close());

  const medium = (name: string): string => join(work.dir, name);
  const run = (...args: string[]): Promise<Ran> => work.run('repackenv', args);

  it(
    'is one archive with digests, told in the report, without the token',
    async () => {
      const before = snapshot(work.root);
      const ran = await run('export', work.labelDir, '--to', medium('one'));
      expect(ran.exitCode, ran.stderr).toBe(0);
      expectClean(ran);
      expect(ran.stdout).toMatch(/^halkbank: generation 1 is in \S+, 12 files and [0-9.]+ MB written\n/);
      expect(ran.stdout).toMatch(/^ {4}halkbank-g1\.tar {2}\d+ MB\n\n/m);
      expect(changesBetween(before, snapshot(work.root))).toEqual([]);
      expect(filesThatContain(medium('one'), TOKEN)).toEqual([]);

      const again = await run('export', work.labelDir, '--to', medium('one'));
      expect(again.stdout).toMatch(/^halkbank: generation 1 lies in \S+ already; 0 bytes written\n/);
    },
    SLOW,
  );

  it(
    'is the same bytes in another time zone, under another umask, from another place',
    async () => {
      const copy = medium('a copy');
      cpSync(work.labelDir, copy, { recursive: true });
      const here = ['export', work.labelDir, '--to', medium('here'), '--zstd', '--part-size', '20MB'];
      expect((await run(...here)).exitCode).toBe(0);
      const program = join(PROJECT_ROOT, 'bin', 'repackenv.js');
      const command = `umask 077; exec "${process.execPath}" "${program}" export . --to "${medium('there')}" --zstd --part-size 20MB`;
      const env = { TZ: 'Pacific/Kiritimati', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' };
      const there = await runProgram('/bin/sh', ['-c', command], { home: work.home, cwd: copy, env });
      expect(there.exitCode, there.stderr).toBe(0);
      expect(digests(medium('there'))).toEqual(digests(medium('here')));
      expect(statSync(join(medium('there'), 'SHA256SUMS')).mode & 0o077).toBe(0);
    },
    SLOW,
  );

  it(
    'is a set for each platform',
    async () => {
      const ran = await run('export', work.labelDir, '--to', medium('platforms'), '--per-platform', '--json');
      expect(ran.exitCode, ran.stderr).toBe(0);
      const { sets } = eventsOf(ran).at(-1) as unknown as ExportReport;
      expect(sets.map(({ name, subdirs }) => [name, subdirs])).toEqual([
        ['halkbank-g1-linux-64', ['linux-64', 'noarch']],
        ['halkbank-g1-win-64', ['noarch', 'win-64']],
      ]);
      const windows = manifestIn(medium('platforms'), 'halkbank-g1-win-64.manifest.json');
      // What the papers tell is of all platforms together.
      expect(windows.files).toEqual(
        first.files.filter(({ path, kind }) => !path.startsWith('linux-64/') && kind !== 'paper'),
      );
      expect(windows.profiles).toEqual(first.profiles.filter(({ subdir }) => subdir === 'win-64'));
    },
    SLOW,
  );

  it(
    'with one of 24 artifacts changed is a delta of at most that artifact, the papers and 64 KB',
    async () => {
      await run('export', work.labelDir, '--to', medium('sent'));
      const ran = await work.update({ packages: ONE_CHANGED, args: [...TWO_SUBDIRS, '--drop', 'certifi'] });
      expect(ran.exitCode, ran.stderr).toBe(0);
      const sent = join(medium('sent'), 'halkbank-g1.manifest.json');
      const delta = await run('delta', work.labelDir, '--since', sent, '--to', medium('delta'), '--json');
      expect(delta.exitCode, delta.stderr).toBe(0);
      const report = eventsOf(delta).at(-1) as unknown as ExportReport;
      const changed = 'noarch/idna-3.10-py_0.conda';
      expect(report).toMatchObject({
        job: 'delta',
        base: { generation: 1 },
        sets: [
          {
            name: 'halkbank-g1-to-g2',
            added: [changed],
            removed: ['noarch/certifi-2024.8.30-py_0.tar.bz2'],
            changed: ['noarch/repodata.json', 'noarch/repodata.json.zst', ...PAPERS],
          },
        ],
      });
      const now = manifestIn(work.labelDir, 'manifest.json');
      expect(artifactsOf(now)).toHaveLength(24);
      const artifact = now.files.find(({ path }) => path === changed)!;
      // Each in blocks of 512 bytes, behind a header, and told of in the two manifests and the two lists of digests.
      const papers = now.files.reduce(
        (sum, { kind, size }) => sum + (kind === 'paper' ? 512 + 512 * Math.ceil(size / 512) + 2 * 350 : 0),
        0,
      );
      const files = snapshot(medium('delta'));
      const bytes = [...files.values()].reduce((sum, { size }) => sum + size, 0);
      expect(bytes, [...files].map(([path, { size }]) => `${size} ${path}`).join('\n')).toBeLessThanOrEqual(
        artifact.size + 64_000 + papers,
      );

      const nothing = await run(
        'export',
        work.labelDir,
        '--since',
        join(work.labelDir, 'manifest.json'),
        '--to',
        medium('no'),
      );
      expect(nothing).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('nothing changed') as string });
      expect(existsSync(medium('no'))).toBe(false);
      expectRefusal(await run('delta', medium('sent'), '--since', sent, '--to', medium('no')), { code: 'E_NOT_OURS' });
    },
    SLOW,
  );
});

describe('the export and delta commands', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openWorkplace();
    expect((await work.update()).exitCode).toBe(0);
  }, SLOW);
  afterAll(() => work.close());

  it.each<[string, (dir: string, out: string) => string[], Parameters<typeof expectRefusal>[1]]>([
    ['without --to', (dir) => ['export', dir], { code: 'E_USAGE', says: ['--to'] }],
    ['without DIR', (_dir, out) => ['export', '--to', out], { code: 'E_USAGE' }],
    ['delta without --since', (dir, out) => ['delta', dir, '--to', out], { code: 'E_USAGE', says: ['--since'] }],
    [
      'G10 1-byte parts',
      (dir, out) => ['export', dir, '--to', out, '--part-size', '1'],
      { code: 'E_PART_SIZE', says: [/halkbank\/\S+ with \d+ bytes does not fit/] },
    ],
    [
      'G10 a size that is none',
      (dir, out) => ['export', dir, '--to', out, '--part-size', 'big'],
      { code: 'E_PART_SIZE', says: ['fat32'] },
    ],
    [
      'G10 parts below the biggest file',
      (dir, out) => ['export', dir, '--to', out, '--part-size', '5000'],
      { code: 'E_PART_SIZE', says: [/Choose at least \d+ bytes/] },
    ],
    ['OUT inside the folder', (dir) => ['export', dir, '--to', join(dir, 'out')], { code: 'E_OUT' }],
    ['an unknown platform', (dir, out) => ['export', dir, '--to', out, '--subdir', 'osx-64'], { code: 'E_SUBDIR' }],
    [
      'ROOT instead of the label folder',
      (dir, out) => ['export', join(dir, '..'), '--to', out],
      { code: 'E_NOT_OURS', says: ['halkbank'] },
    ],
    ['a folder that is not there', (dir, out) => ['export', `${dir}x`, '--to', out], { code: 'E_NOT_OURS' }],
    ['a base that is not there', (dir, out) => ['delta', dir, '--to', out, '--since', 'none.json'], { code: 'E_DISK' }],
  ])('refuse %s, and write nothing', async (_what, argsOf, refusal) => {
    const out = join(work.dir, 'refused');
    const before = snapshot(work.root);
    expectRefusal(await work.run('repackenv', argsOf(work.labelDir, out)), refusal);
    expect(existsSync(out)).toBe(false);
    expect(changesBetween(before, snapshot(work.root))).toEqual([]);
  });

  it('name the file that is not as the manifest says, and leave nothing', async () => {
    const copy = join(work.dir, 'copy');
    cpSync(work.labelDir, copy, { recursive: true });
    const fn = readdirSync(join(copy, 'noarch')).find((name) => name.endsWith('.conda'));
    writeFileSync(join(copy, 'noarch', fn!), readFileSync(join(copy, 'noarch', fn!)).reverse());
    const out = join(work.dir, 'refused');
    mkdirSync(out);
    expectRefusal(await work.run('repackenv', ['export', copy, '--to', out]), {
      code: 'E_FOLDER_DIFFERS',
      says: [fn!],
    });
    expect(readdirSync(out)).toEqual([]);
    rmSync(out, { recursive: true });
  });

  it('put the sets of several labels side by side, two at once', async () => {
    const out = join(work.dir, 'shared');
    const labels = ['halkbank', 'second', 'third'];
    for (const label of labels.slice(1)) {
      const dir = join(work.dir, 'labels', label);
      cpSync(work.labelDir, dir, { recursive: true });
      const text = readFileSync(join(dir, 'manifest.json'), 'utf8');
      writeFileSync(join(dir, 'manifest.json'), text.replace('"label": "halkbank"', `"label": "${label}"`));
    }
    const dirs = [work.labelDir, ...labels.slice(1).map((label) => join(work.dir, 'labels', label))];
    const ran = await Promise.all(dirs.map((dir) => work.run('repackenv', ['export', dir, '--to', out])));
    expect(ran.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(ran.map(({ stderr }) => [0, stderr]));
    for (const label of labels) {
      const set = JSON.parse(readFileSync(join(out, `${label}-g1.set.json`), 'utf8')) as SetFile;
      expect(set.label).toBe(label);
    }
    const { SHA256SUMS: _own, ...files } = digests(out);
    const lines = readFileSync(join(out, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
    expect(lines).toEqual(Object.entries(files).map(([path, sha256]) => `${sha256}  ${path}`));
    expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it.skipIf(!findLayer('ssh-keygen').available)(
    'sign the set of a platform, which the signature of the whole folder does not cover',
    async () => {
      const key = join(work.dir, 'release-key');
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
      const out = join(work.dir, 'signed');
      const args = ['export', work.labelDir, '--to', out, '--subdir', 'noarch', '--sign-key', key];
      const ran = await work.run('repackenv', args);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stdout).toContain(', signed\n');
      const manifest = join(out, 'halkbank-g1-noarch.manifest.json');
      const check = ['-Y', 'check-novalidate', '-n', 'repackenv-halkbank', '-s', `${manifest}.sig`];
      expect(execFileSync('ssh-keygen', check, { input: readFileSync(manifest), encoding: 'utf8' })).toMatch(/^Good /);
      const tar = readFileSync(join(out, 'halkbank-g1-noarch.tar'));
      const { data } = (await unpackTar(tar)).find(({ header }) => header.name === 'halkbank/manifest.json.sig')!;
      expect(Buffer.from(data!).equals(readFileSync(`${manifest}.sig`))).toBe(true);
      expect((await work.run('repackenv', args)).stdout).toContain('lies in');
    },
  );

  it('--site-files off leaves out what is for sites without this tool', async () => {
    const out = join(work.dir, 'bare');
    const ran = await work.run('repackenv', ['export', work.labelDir, '--to', out, '--site-files', 'off']);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readdirSync(out).filter((name) => name.startsWith('halkbank.'))).toEqual([]);
  });

  it('say in their help what they need', async () => {
    for (const name of ['export', 'delta']) {
      const { stdout, exitCode } = await work.run('repackenv', [name, '--help']);
      expect(exitCode).toBe(0);
      for (const text of ['--to <OUT>', '--part-size <SIZE>', '--since <FILE>', '--per-platform', 'Example'])
        expect(stdout).toContain(text);
    }
  });
});

function manifestIn(dir: string, name: string): Manifest {
  return JSON.parse(readFileSync(join(dir, name), 'utf8')) as Manifest;
}

function digests(dir: string): Record<string, string> {
  return Object.fromEntries([...snapshot(dir)].map(([path, { sha256 }]) => [path, sha256]));
}

function artifactsOf({ files }: Manifest): string[] {
  return files.filter(({ kind }) => kind === 'artifact').map(({ path }) => path);
}
