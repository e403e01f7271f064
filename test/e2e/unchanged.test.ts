import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../scripts/lib/run-program.js';
import { snapshot } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { PAPERS, openRealWorkplace, reportOf } from '../helpers/real-upstream.js';

const SLOW = 300_000;
const TWO_SUBDIRS = ['--subdir', 'linux-64', '--subdir', 'win-64'];

// Equal folders from either engine: engines-agree.test.ts. Equal folders on another day: test/unit/channel, with a clock of its own.
describeWithLayers(['rsync', 'upstream-mixed'], 'a label for two platforms, built again', () => {
  let work: Workplace;
  let copy: string;

  beforeAll(async () => {
    work = await openRealWorkplace('mixed');
    const first = await work.update({ args: TWO_SUBDIRS });
    expect(first.exitCode, first.stderr).toBe(0);
    copy = join(work.dir, 'copy');
    mkdirSync(copy);
    await rsync();
  }, SLOW);
  afterAll(() => work.close());

  /** One line for each thing that a synchronisation changes. */
  async function rsync(): Promise<string[]> {
    const ran = await runProgram(layerPath('rsync'), ['-ai', '--delete', `${work.labelDir}/`, `${copy}/`], {
      home: work.home,
    });
    expect(ran.exitCode, ran.stderr).toBe(0);
    return ran.stdout.split('\n').filter((line) => line !== '');
  }

  it('has both platforms and noarch, each indexed', () => {
    const manifest = JSON.parse(readFileSync(join(work.labelDir, 'manifest.json'), 'utf8')) as Manifest;
    expect(manifest.subdirs).toEqual(['linux-64', 'noarch', 'win-64']);
    expect(
      manifest.profiles.map(({ subdir, virtual_packages }) => [subdir, virtual_packages.map(({ name }) => name)]),
    ).toEqual([
      ['linux-64', ['__archspec', '__glibc', '__linux', '__unix']],
      ['win-64', ['__win']],
    ]);
    const names = (subdir: string): string[] =>
      manifest.files
        .filter((file) => file.kind === 'artifact' && file.path.startsWith(`${subdir}/`))
        .map(({ path }) => path.slice(subdir.length + 1).replace(/-\d.*$/, ''));
    expect(names('linux-64')).toEqual(['numpy', 'pandas', 'pip', 'python', 'ratekeys', 'setuptools', 'wheel']);
    expect(names('win-64')).toEqual(names('linux-64'));
    expect(names('noarch')).toEqual(['pytho', 'python-dateutil', 'pytz', 'ratingpro', 'six', 'tzdata']);
    for (const subdir of manifest.subdirs)
      expect(readdirSync(join(work.labelDir, subdir))).toEqual(
        expect.arrayContaining(['repodata.json', 'repodata.json.zst']),
      );
  });

  it(
    'is left as it is: no byte, no time stamp, no file replaced; a synchronisation lists nothing',
    async () => {
      const before = statsBelow(work.labelDir);
      expect(before.size).toBeGreaterThan(25);
      const again = await work.update({ args: [...TWO_SUBDIRS, '--json'] });
      expect(again.exitCode, again.stderr).toBe(0);
      expect(reportOf(again).published).toMatchObject({ generation: 1, unchanged: true, bytesWritten: 0 });
      expect(reportOf(again).changes).toMatchObject({ added: [], removed: [], upgraded: [], bytesToTravel: 0 });
      expect(statsBelow(work.labelDir)).toEqual(before);
      expect(await rsync()).toEqual([]);
    },
    SLOW,
  );

  it(
    'comes out the same in another folder, with another home and an empty cache, whatever the order of the arguments',
    async () => {
      const other = await openWorkplace({ upstream: work.upstream });
      try {
        const root = join(other.dir, 'a root with blanks', 'repos');
        const args = ['--subdir', 'win-64'];
        const built = await other.update({
          root,
          args,
          packages: ['pytho', 'ratingpro'],
          env: { TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8' },
        });
        expect(built.exitCode, built.stderr).toBe(0);
        expect(digests(join(root, 'halkbank'))).toEqual(digests(work.labelDir));
        expect(artifactTimes(join(root, 'halkbank'))).toEqual(artifactTimes(work.labelDir));
      } finally {
        await other.close();
      }
    },
    SLOW,
  );

  it(
    'sends only what is new once the upstream has something new',
    async () => {
      work.upstream.setGeneration(2);
      const update = await work.update({ args: TWO_SUBDIRS });
      expect(update.exitCode, update.stderr).toBe(0);
      const listed = await rsync();
      const sent = listed.filter((line) => line.startsWith('>f')).map((line) => line.split(' ')[1]);
      // The folders of linux-64 and win-64 are as they were.
      expect(sent.sort()).toEqual([
        'SHA256SUMS',
        'manifest.json',
        'noarch/pytho-2.0-py_0.conda',
        'noarch/ratingpro-2.5.0-py_0.conda',
        'noarch/repodata.json',
        'noarch/repodata.json.zst',
        ...PAPERS,
      ]);
      const left = listed.filter((line) => line.startsWith('*deleting')).map((line) => line.split(/ +/)[1]);
      expect(left.sort()).toEqual(['noarch/pytho-1.9-py_0.conda', 'noarch/ratingpro-2.4.1-py_0.conda']);
    },
    SLOW,
  );
});

describe('a label that is as it was proven', () => {
  let work: Workplace;
  let proven: string;

  beforeAll(async () => {
    work = await openWorkplace();
    proven = join(work.root, '.repackenv/halkbank/proven.json');
    expect((await work.update()).exitCode).toBe(0);
  }, SLOW);
  afterAll(() => work.close());

  /** The run's last lines, and whether it stood on the proof of an earlier one. */
  async function again(args: readonly string[] = [], packages?: readonly string[]): Promise<[string, boolean]> {
    const ran = await work.update({ args, ...(packages === undefined ? {} : { packages }) });
    expect(ran.exitCode, ran.stderr).toBe(0);
    return [ran.stdout + ran.stderr, /proven .*as of generation \d+/.test(ran.stdout)];
  }

  it('stands on the proof that is there, says since when, and asks each index once', async () => {
    const before = statsBelow(work.labelDir);
    const from = work.upstream.requests.length;
    const [text, stood] = await again();
    expect(stood).toBe(true);
    expect(text).toContain('halkbank: nothing new; generation 1 stays, 0 bytes written');
    expect(text).toMatch(
      /proven {6}complete, .*; as of generation 1, 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d: nothing changed since/,
    );
    expect(statsBelow(work.labelDir)).toEqual(before);
    const paths = work.upstream.requests.slice(from).map(({ method, path }) => `${method} ${path}`);
    expect(paths.filter((path) => !path.includes('repodata'))).toEqual([]);
    const told = await work.run('repackenv', ['history', work.labelDir]);
    expect(told.exitCode, told.stderr).toBe(0);
    expect((await work.verify()).exitCode).toBe(0);
  });

  const artifact = (): string => join(work.labelDir, 'noarch/pytho-1.9-py_0.conda');
  it.each<[string, () => unknown, string[]?, string[]?]>([
    ['was touched', () => utimesSync(artifact(), 1e9, 1e9)],
    ['lost a file', () => rmSync(artifact())],
    ['has an altered index', () => appendFileSync(join(work.labelDir, 'noarch/repodata.json'), ' ')],
    ['lost an index', () => rmSync(join(work.labelDir, 'noarch/repodata.json'))],
    [
      'was proven by another version',
      () => writeFileSync(proven, readFileSync(proven, 'utf8').replace(/"tool":"/, '"tool":"9')),
    ],
    ['is asked to be rechecked', () => undefined, ['--recheck']],
    ['is asked for otherwise', () => undefined, [], ['ratingpro', 'pytho>=1']],
    ['is asked for as at first', () => undefined],
    ['has something new upstream', () => work.upstream.setGeneration(2)],
  ])(
    'is done whole where it %s, and the next stands again',
    async (_, change, args, packages) => {
      await change();
      expect((await again(args, packages))[1]).toBe(false);
      expect((await again([], packages))[1]).toBe(true);
      expect((await work.verify()).exitCode).toBe(0);
    },
    SLOW,
  );

  it('with an altered artifact is refused, twice', async () => {
    appendFileSync(join(work.labelDir, 'noarch/pytho-2.0-py_0.conda'), 'x');
    for (let time = 0; time < 2; time += 1) {
      const ran = await work.update();
      expect([ran.exitCode, ran.stderr]).toEqual([5, expect.stringContaining('E_ARTIFACT_CHANGED')]);
    }
  });

  it('says when its channel can not be reached', async () => {
    const gone = await work.update({ args: ['--base-url', 'http://127.0.0.1:9'] });
    expect(gone.exitCode).not.toBe(0);
  });
});

/** Path -> what a synchronisation, a backup or an indexer would see change. Folders too. */
function statsBelow(dir: string): Map<string, string> {
  const entries = ['.', ...readdirSync(dir, { recursive: true, encoding: 'utf8' })].sort();
  return new Map(
    entries.map((path) => {
      const { ino, mtimeMs, size, mode, nlink } = statSync(join(dir, path));
      return [path, JSON.stringify({ ino, mtimeMs, size, mode, nlink })];
    }),
  );
}

function digests(dir: string): [string, string][] {
  return [...snapshot(dir)].map(([path, { sha256 }]) => [path, sha256]);
}

/** They are those of the records, so that a new build host sends nothing again. */
function artifactTimes(dir: string): [string, number][] {
  const artifacts = [...snapshot(dir)].filter(([path]) => /\.(conda|tar\.bz2)$/.test(path));
  expect(new Set(artifacts.map(([, { mtimeMs }]) => mtimeMs)).size).toBeGreaterThan(10);
  return artifacts.map(([path, { mtimeMs }]) => [path, mtimeMs]);
}
