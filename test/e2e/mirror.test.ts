import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeChannel, makePackage, makeSampleUpstream, writeIndex } from '../../scripts/lib/sample-upstream.js';
import { changesBetween, filesThatContain, snapshot } from '../../scripts/lib/snapshot.js';
import { describeWithLayers } from '../helpers/layers.js';
import {
  inodesBelow,
  mirrorPlaceOf,
  openMirrorPlace,
  readIndex,
  recordsOf,
  type MirrorPlace,
} from '../helpers/mirrors.js';
import { openRealWorkplace } from '../helpers/real-upstream.js';
import { expectClean, expectRefusal } from '../helpers/refusals.js';
import { replaceArtifact } from '../helpers/replace-artifact.js';
import { startUpstream, TOKEN } from '../helpers/upstream.js';

const SLOW = 300_000;
const MAIN = 'channels: [pkgs/main]\nplatforms: [linux-64]';

describeWithLayers(['upstream-mixed'], 'a mirror of the real upstream', () => {
  let place: MirrorPlace;
  beforeAll(async () => {
    place = mirrorPlaceOf(await openRealWorkplace('mixed'));
  }, SLOW);
  afterAll(() => place.close());

  const upstreamFolder = (generation: number, subdir: string): string =>
    join(place.upstream.dir, `gen${generation}`, 'pkgs/main', subdir);

  it(
    'of a whole channel has every artifact of it, with the channel’s records',
    async () => {
      place.write('channels: [pkgs/main]\nplatforms: [linux-64, win-64]');
      const report = await place.report();
      const expected = ['linux-64', 'noarch', 'win-64'].flatMap((subdir) =>
        Object.keys(recordsOf(upstreamFolder(1, subdir))).map((fn) => `${subdir}/${fn}`),
      );
      expect(expected.length).toBeGreaterThan(20);
      expect(place.artifacts()).toEqual(expected.sort());
      expect(report).toMatchObject({ artifacts: expected.length, fetched: { artifacts: expected.length, resumed: 0 } });
      for (const subdir of ['linux-64', 'noarch', 'win-64'])
        expect(recordsOf(join(place.mirrorDir, subdir))).toEqual(recordsOf(upstreamFolder(1, subdir)));
      const verified = await place.verify(place.mirrorDir);
      expect(verified.exitCode, verified.stdout).toBe(0);
      expect(readdirSync(place.stateDir)).not.toContain('incoming');
    },
    SLOW,
  );

  it('downloads nothing and writes nothing in a second run', async () => {
    const before = inodesBelow(place.mirrorDir);
    place.downloads();
    const report = await place.report();
    expect(report).toMatchObject({
      fetched: { artifacts: 0, bytes: 0 },
      published: { unchanged: true, bytesWritten: 0 },
    });
    expect(place.downloads()).toEqual([]);
    expect(inodesBelow(place.mirrorDir)).toEqual(before);
  });

  it('does not choose again where channels and filter are as they were', async () => {
    const file = join(place.stateDir, 'choice.json');
    const text = readFileSync(file, 'utf8');
    const choice = JSON.parse(text) as { picked: Record<string, string[]> };
    const [at, names] = Object.entries(choice.picked).find(([where]) => where.endsWith('/linux-64'))!;
    const tampered = { ...choice, picked: { ...choice.picked, [at]: names.slice(1) } };
    writeFileSync(file, JSON.stringify(tampered));
    // It is believed: the file that it lacks counts as no longer picked.
    const kept = [{ path: `linux-64/${names[0]!}`, because: 'filter' }];
    expect(await place.report()).toMatchObject({ kept, published: { unchanged: true, bytesWritten: 0 } });
    expect((await place.report(['--reset'])).kept).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe(text);
    writeFileSync(file, JSON.stringify(tampered));
    expect((await place.report(['--virtual-package', '__glibc=2.39'])).kept).toEqual([]);
    for (const damaged of ['{', JSON.stringify({ ...choice, picked: { [at]: ['gone-1-0.conda'] } })]) {
      writeFileSync(file, damaged);
      expect((await place.report()).kept).toEqual([]);
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });

  it('--reset asks and hashes everything again, and writes nothing either', async () => {
    const before = inodesBelow(place.mirrorDir);
    const requests = place.upstream.requests.length;
    const report = await place.report(['--reset']);
    expect(report).toMatchObject({ fetched: { artifacts: 0 }, published: { unchanged: true } });
    const asked = place.upstream.requests.slice(requests).filter(({ method }) => method === 'GET');
    expect(asked.map(({ headers }) => headers['if-none-match'])).toEqual(asked.map(() => undefined));
    expect(inodesBelow(place.mirrorDir)).toEqual(before);
  });

  it(
    'follows the channel: only what differs is fetched',
    async () => {
      place.upstream.setGeneration(2);
      const before = place.mirrored();
      place.downloads();
      const report = await place.report();
      const now = ['linux-64', 'noarch', 'win-64'].flatMap((subdir) =>
        Object.keys(recordsOf(upstreamFolder(2, subdir))).map((fn) => `${subdir}/${fn}`),
      );
      expect(place.artifacts()).toEqual(now.sort());
      expect(place.downloads().sort()).toEqual(
        now
          .filter((path) => !before.has(path))
          .map((path) => path.slice(path.indexOf('/') + 1))
          .sort(),
      );
      expect(report.fetched.artifacts).toBe(now.filter((path) => !before.has(path)).length);
      for (const path of now.filter((each) => before.has(each)))
        expect(place.mirrored().get(path)).toEqual(before.get(path));
    },
    SLOW,
  );
});

describe('several channels, one of them behind a token', () => {
  let place: MirrorPlace;
  beforeEach(async () => {
    place = await openMirrorPlace();
  });
  afterEach(() => place.close());

  const FILE = 'channels:\n  - {url: UPSTREAM/prometeia, token: true}\n  - pkgs/main\nplatforms: [linux-64]';

  it('marked in the file: private packages come along, and the token is nowhere', async () => {
    place.write(FILE);
    const ran = await place.mirror(['--token-env', 'CONDA_TOKEN', '--log-dir', join(place.dir, 'logs')]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expectClean(ran);
    expect(place.artifacts().some((path) => path.includes('ratekeys'))).toBe(true);
    expect(place.manifest().channels).toEqual([`${place.upstream.url}/prometeia`, `${place.upstream.url}/pkgs/main`]);
    for (const folder of [place.mirrorDir, place.stateDir, place.cache, join(place.dir, 'logs')])
      expect(filesThatContain(folder, TOKEN)).toEqual([]);
    const withToken = place.upstream.requests.filter(({ path }) => path.includes(TOKEN));
    expect(withToken.length).toBeGreaterThan(0);
    expect(withToken.every(({ path }) => path.startsWith(`/t/${TOKEN}/prometeia/`))).toBe(true);
    // Each run has its own dated log.
    const logs = readdirSync(join(place.dir, 'logs'), { recursive: true, encoding: 'utf8' });
    expect(logs.filter((path) => /^\d{4}.\d\d.\d\d.\d\d\.\d\d-mirror-mirror\.log$/.test(path))).toHaveLength(1);
  });

  it('by --owner, as the main job has it; a tagged channel is one among others', async () => {
    place.write('channels: [prometeia/label/halkbank, prometeia, pkgs/main]\nplatforms: [linux-64]');
    const report = await place.report(['--owner', 'prometeia', '--token-env', 'CONDA_TOKEN']);
    expect(place.artifacts()).toEqual(expect.arrayContaining(['noarch/ratingpro-2.4.1-py_0.conda']));
    expect(report.channels).toHaveLength(3);
  });

  it('in the URL, as old files have it: taken out, told, and nowhere', async () => {
    place.write(`channels: [UPSTREAM/t/${TOKEN}/prometeia, pkgs/main]\nplatforms: [linux-64]`);
    const ran = await place.mirror();
    expect(ran.exitCode, ran.stderr).toBe(0);
    expectClean(ran);
    expect(ran.stderr).toContain('token-in-mirror-file');
    expect(place.artifacts().some((path) => path.includes('ratekeys'))).toBe(true);
    for (const folder of [place.mirrorDir, place.stateDir, place.cache])
      expect(filesThatContain(folder, TOKEN)).toEqual([]);
    const shown = await place.mirror(['--show-config']);
    expect(shown.exitCode).toBe(0);
    expectClean(shown);
    expect(shown.stdout).toContain(`${place.upstream.url}/prometeia`);
  });

  it('N1 a wrong token is refused as in the main job', async () => {
    place.write('channels: [{url: UPSTREAM/prometeia/label/halkbank, token: true}]\nplatforms: [linux-64]');
    const refused = await place.mirror(['--token-env', 'CONDA_TOKEN'], { CONDA_TOKEN: 'xx-wrong-token-0000' });
    expectRefusal(refused, { code: 'E_TOKEN_REFUSED', secret: 'xx-wrong-token-0000' });
  });

  it('a marked channel without a token is refused before anything is asked', async () => {
    place.write(FILE);
    expectRefusal(await place.mirror(), { code: 'E_MIRROR_FILE', says: ['--token-env', 'line 2'] });
    expect(place.upstream.requests).toEqual([]);
  });

  it('the channel declared first wins, and what lies in its shadow is told', async () => {
    const other = join(place.dir, 'other');
    cpSync(join(place.upstream.dir, 'gen1/pkgs/main'), other, { recursive: true });
    const rebuilt = await makePackage({
      name: 'pytz',
      version: '2024.1',
      build: 'py_0',
      noarch: 'generic',
      files: { 'share/pytz': 'other' },
    });
    await replaceArtifact(join(other, 'noarch'), 'pytz-2024.1-py_0.conda', rebuilt.bytes);
    place.write(`channels: [pkgs/main, "file://${other}"]\nplatforms: [linux-64]`);
    const report = await place.report();
    const file = place.manifest().files.find(({ path }) => path === 'noarch/pytz-2024.1-py_0.conda')!;
    expect(file.channel).toBe(`${place.upstream.url}/pkgs/main`);
    expect(file.sha256).not.toBe(rebuilt.record.sha256);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ code: 'shadowed', message: expect.stringContaining('noarch/pytz-2024.1-py_0.conda') }),
    );
  });
});

describe('filters', () => {
  let place: MirrorPlace;
  beforeEach(async () => {
    place = await openMirrorPlace();
  });
  afterEach(() => place.close());

  const names = (): string[] =>
    place.artifacts().map((path) => path.slice(path.indexOf('/') + 1).replace(/-\d.*$/, ''));

  it('latest: 1 keeps the newest version of each name', async () => {
    place.write(`${MAIN}\nlatest: 1`);
    await place.report();
    expect(place.artifacts().filter((path) => path.includes('/numpy-'))).toEqual(['linux-64/numpy-2.0.2-py39_0.conda']);
  });

  it('with_dependencies: all brings every version that will do, solve one that works', async () => {
    place.write(`${MAIN}\ninclude: [pandas]\nwith_dependencies: all`);
    await place.report();
    expect(names()).toEqual(
      expect.arrayContaining(['pandas', 'numpy', 'pytz', 'python', 'tzdata', 'six', 'pip', 'wheel']),
    );
    expect(place.artifacts().filter((path) => path.includes('/numpy-'))).toHaveLength(2);

    place.write(`${MAIN}\ninclude: [pandas]\nwith_dependencies: solve\nmirror_dir: ${place.dir}/mirrors/solved`);
    const report = await place.report();
    expect(report.findings.filter(({ exit }) => exit)).toEqual([]);
    const solved = readdirSync(join(place.dir, 'mirrors/solved/linux-64')).filter((fn) => fn.startsWith('numpy-'));
    expect(solved).toHaveLength(1);

    const ran = await place.mirror(['--explain', 'numpy']);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout).toContain('1 of 2 files mirrored');
    expect(ran.stdout).toMatch(
      new RegExp(`mirrored: a solver takes it for linux-64/pandas-\\S+\n  linux-64/${solved[0]!}\n`),
    );
  });

  it('tells dependencies that nothing in the mirror satisfies, in one finding', async () => {
    place.write(`${MAIN}\ninclude: [pandas]`);
    const report = await place.report();
    const open = report.findings.filter(({ code }) => code === 'open-dependencies');
    expect(open).toHaveLength(1);
    expect(open[0]!.message).toContain('linux-64/pandas-2.2.3-py39_0.conda needs');
    expect(report.excluded).toMatchObject({ 'not-included': expect.any(Number) as number });
  });

  it('--explain names the line that leaves a package out; nothing is written', async () => {
    place.write(`${MAIN}\nblacklist:\n  - numpy`);
    const ran = await place.mirror(['--explain', 'numpy']);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout).toContain('0 of 2 files mirrored');
    expect(ran.stdout).toMatch(/blacklist.*line 4/);
    expect(existsSync(join(place.dir, 'mirrors'))).toBe(false);
  });

  it('a filter that takes nothing is refused, and what is there stays', async () => {
    const dir = join(place.dir, 'mirrors/nothing');
    const nothing = `${MAIN}\ninclude: [nosuchpkg]\nmirror_dir: ${dir}`;
    place.write(nothing);
    const first = await place.mirror();
    expect(first.exitCode, first.stderr).toBe(2);
    expect(first.stderr).toMatch(
      /takes nothing of the \d+ packages[\s\S]*include: "nosuchpkg" \(line \d+\)[\s\S]*E_MIRROR_FILE/,
    );
    expect(existsSync(dir)).toBe(false);
    place.write(nothing.replace('nosuchpkg', 'six'));
    await place.report();
    const before = snapshot(dir);
    place.write(nothing);
    expect((await place.mirror()).exitCode).toBe(2);
    expect(changesBetween(before, snapshot(dir))).toEqual([]);
  });

  it('open dependencies end each run with 1, not only the one that changed something', async () => {
    const lacking = join(place.dir, 'lacking');
    const pandas = await makePackage({
      name: 'pandas',
      version: '1.0',
      build: '0',
      subdir: 'linux-64',
      depends: ['pytz'],
    });
    await makeChannel(lacking, [pandas], { subdirs: ['linux-64'] });
    place.write(
      `channels: ["file://${lacking}"]\nplatforms: [linux-64]\nwith_dependencies: all\nmirror_dir: ${place.dir}/mirrors/open`,
    );
    for (const unchanged of [false, true]) {
      const report = await place.report([], 1);
      expect(report.published?.unchanged).toBe(unchanged);
      expect(report.findings.map(({ code }) => code)).toContain('open-dependencies');
    }
    expect(await place.report(['--dry-run'], 1)).toMatchObject({ findings: [{ code: 'open-dependencies' }] });
  });

  it('M5: what a list of the mirror file forbids ends none with 1', async () => {
    place.write(
      `${MAIN}\ninclude: [pandas]\nblacklist: [pytz]\nwith_dependencies: all\nmirror_dir: ${place.dir}/mirrors/open`,
    );
    for (const unchanged of [false, true]) {
      const report = await place.report();
      expect(report.published?.unchanged).toBe(unchanged);
      expect(report.findings).toMatchObject([{ code: 'dependency-forbidden', exit: false, warn: !unchanged }]);
    }
  });

  it('a changed filter removes nothing; clean does, and mirror does not bring it back', async () => {
    place.write(MAIN);
    await place.report();
    const all = place.artifacts();
    place.write(`${MAIN}\nblacklist: [numpy]`);
    const report = await place.report();
    expect(place.artifacts()).toEqual(all);
    expect(report.kept).toEqual([
      { path: 'linux-64/numpy-1.26.4-py39_0.conda', because: 'filter' },
      { path: 'linux-64/numpy-2.0.2-py39_0.conda', because: 'filter' },
    ]);
    expect(report.published).toMatchObject({ unchanged: true });

    const before = place.mirrored();
    const dry = await place.clean(['--dry-run']);
    expect(dry.exitCode, dry.stderr).toBe(0);
    expect(dry.stdout).toContain('linux-64/numpy-1.26.4-py39_0.conda');
    expect(changesBetween(before, place.mirrored())).toEqual([]);

    const cleaned = await place.clean();
    expect(cleaned.exitCode, cleaned.stderr).toBe(0);
    const left = all.filter((path) => !path.includes('/numpy-'));
    expect(place.artifacts()).toEqual(left);
    expect(place.mirrored().has('linux-64/numpy-2.0.2-py39_0.conda')).toBe(false);
    expect((await place.verify(place.mirrorDir)).exitCode).toBe(0);
    place.downloads();
    expect((await place.report()).published).toMatchObject({ unchanged: true });
    expect(place.downloads()).toEqual([]);
    const nothing = await place.clean();
    expect(nothing.exitCode, nothing.stderr).toBe(0);
    expect(place.artifacts()).toEqual(left);
  });

  it('a damaged index in the mirror: clean refuses instead of emptying its subdir, and goes on after a mirror run', async () => {
    place.write(MAIN);
    await place.report();
    for (const name of ['repodata.json', 'repodata.json.zst'])
      writeFileSync(join(place.mirrorDir, 'linux-64', name), '{"packages": {}}');
    place.write(`${MAIN}\nblacklist: [pytz]`);
    const before = place.mirrored();
    expectRefusal(await place.clean(), { code: 'E_FOLDER_DIFFERS', says: ['linux-64', 'mirror -f', 'Then clean'] });
    expect(changesBetween(before, place.mirrored())).toEqual([]);

    await place.report();
    const cleaned = await place.clean();
    expect(cleaned.exitCode, cleaned.stderr).toBe(0);
    expect(place.artifacts().filter((path) => path.includes('/numpy-'))).toHaveLength(2);
    expect(place.artifacts().filter((path) => path.includes('/pytz-'))).toEqual([]);
  });

  it('what is kept though no longer picked follows the channel’s records, and leaves when the channel drops it', async () => {
    place.write(MAIN);
    await place.report();
    place.write(`${MAIN}\nblacklist: [numpy]\nshrink_limit: 50%`);
    const folder = join(place.upstream.dir, 'gen1/pkgs/main/linux-64');
    const index = readIndex(folder);
    delete index['packages.conda']['numpy-2.0.2-py39_0.conda'];
    index['packages.conda']['numpy-1.26.4-py39_0.conda']!['depends'] = ['python'];
    await writeIndex(folder, index, ['json', 'zst', 'bz2']);
    const report = await place.report();
    expect(report.withdrawn).toEqual(['linux-64/numpy-2.0.2-py39_0.conda']);
    expect(recordsOf(join(place.mirrorDir, 'linux-64'))['numpy-1.26.4-py39_0.conda']).toMatchObject({
      depends: ['python'],
    });
    expect(existsSync(join(place.mirrorDir, 'linux-64/numpy-2.0.2-py39_0.conda'))).toBe(false);
  });

  it('what came from a channel that is no longer declared stays, with its record', async () => {
    place.write('channels: [prometeia, pkgs/main]\nplatforms: [linux-64]');
    await place.report();
    const all = place.artifacts();
    const records = recordsOf(join(place.mirrorDir, 'noarch'));
    place.write(MAIN);
    const report = await place.report();
    expect(place.artifacts()).toEqual(all);
    expect(recordsOf(join(place.mirrorDir, 'noarch'))).toEqual(records);
    expect(report.kept.length).toBeGreaterThan(0);
    expect(new Set(report.kept.map(({ because }) => because))).toEqual(new Set(['channel']));
  });

  it('a platform that is no longer named stays', async () => {
    place.write('channels: [pkgs/main]\nplatforms: [linux-64, win-64]');
    await place.report();
    const all = place.artifacts();
    place.write(MAIN);
    const report = await place.report();
    expect(place.artifacts()).toEqual(all);
    expect(report.kept.every(({ path }) => path.startsWith('win-64/'))).toBe(true);
    expect(report.kept.length).toBeGreaterThan(0);
  });
});

describe('upstream changes', () => {
  let place: MirrorPlace;
  let noarch: string;
  beforeEach(async () => {
    place = await openMirrorPlace();
    noarch = join(place.upstream.dir, 'gen1/pkgs/main/noarch');
    place.write(MAIN);
    await place.report();
  });
  afterEach(() => place.close());

  it('N13 most of the channel gone at once: refused, nothing changed; --allow-shrink follows', async () => {
    const before = inodesBelow(place.mirrorDir);
    const index = readIndex(noarch);
    const gone = [...Object.keys(index.packages), ...Object.keys(index['packages.conda'])];
    await writeIndex(noarch, { ...index, packages: {}, 'packages.conda': {} }, ['json', 'zst', 'bz2']);
    const total = place.artifacts().length;
    expectRefusal(await place.mirror(), {
      code: 'E_SHRINK',
      says: [`${gone.length} of the ${total} artifacts`, '--allow-shrink', 'shrink_limit', `noarch/${gone.sort()[0]}`],
    });
    expect(inodesBelow(place.mirrorDir)).toEqual(before);
    // A dry run says the same.
    expectRefusal(await place.mirror(['--dry-run']), { code: 'E_SHRINK' });

    const report = await place.report(['--allow-shrink']);
    expect(report.withdrawn).toHaveLength(gone.length);
    expect(place.artifacts()).toHaveLength(total - gone.length);
    expect((await place.verify(place.mirrorDir)).exitCode).toBe(0);
  });

  it('N13 a few are followed without a flag, within shrink_limit', async () => {
    place.write(`${MAIN}\nshrink_limit: 0.2`);
    const index = readIndex(noarch);
    delete index['packages.conda']['pytz-2024.1-py_0.conda'];
    await writeIndex(noarch, index, ['json', 'zst', 'bz2']);
    const report = await place.report();
    expect(report.withdrawn).toEqual(['noarch/pytz-2024.1-py_0.conda']);
    expect(existsSync(join(place.mirrorDir, 'noarch/pytz-2024.1-py_0.conda'))).toBe(false);
  });

  it('D6 other bytes under an old name: refused before a byte is fetched, unless --replace', async () => {
    const rebuilt = await makePackage({
      name: 'pytz',
      version: '2024.1',
      build: 'py_0',
      noarch: 'generic',
      files: { 'share/pytz': 'rebuilt' },
    });
    await replaceArtifact(noarch, 'pytz-2024.1-py_0.conda', rebuilt.bytes);
    const before = inodesBelow(place.mirrorDir);
    place.downloads();
    expectRefusal(await place.mirror(), { code: 'E_ARTIFACT_REPLACED', says: ['--replace pytz-2024.1-py_0.conda'] });
    expect(place.downloads()).toEqual([]);
    expect(inodesBelow(place.mirrorDir)).toEqual(before);
    await place.report(['--replace', 'pytz-2024.1-py_0.conda']);
    expect(readFileSync(join(place.mirrorDir, 'noarch/pytz-2024.1-py_0.conda')).equals(rebuilt.bytes)).toBe(true);
    expect((await place.verify(place.mirrorDir)).exitCode).toBe(0);
  });

  it('D4 a hotfix is followed without a download', async () => {
    const index = readIndex(noarch);
    index['packages.conda']['pytz-2024.1-py_0.conda']!['depends'] = ['python >=3.6'];
    await writeIndex(noarch, index, ['json', 'zst', 'bz2']);
    place.downloads();
    const report = await place.report();
    expect(report.changes?.rerecorded.map(({ fn }) => fn)).toEqual(['pytz-2024.1-py_0.conda']);
    expect(place.downloads()).toEqual([]);
    expect(recordsOf(join(place.mirrorDir, 'noarch'))['pytz-2024.1-py_0.conda']).toMatchObject({
      depends: ['python >=3.6'],
    });
  });

  it('N11 a file that the index names and the server lacks: everything fails, or with --keep-going only that', async () => {
    const index = readIndex(noarch);
    index['packages.conda']['ghost-1.0-0.conda'] = {
      ...index['packages.conda']['pytz-2024.1-py_0.conda'],
      name: 'ghost',
      version: '1.0',
      build: '0',
      sha256: 'a'.repeat(64),
      md5: 'b'.repeat(32),
      size: 5,
    };
    await writeIndex(noarch, index, ['json', 'zst', 'bz2']);
    const before = inodesBelow(place.mirrorDir);
    expectRefusal(await place.mirror(), { code: 'E_ARTIFACT_MISSING', says: ['noarch/ghost-1.0-0.conda'] });
    expect(inodesBelow(place.mirrorDir)).toEqual(before);
    const report = await place.report(['--keep-going'], 1);
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        code: 'artifact-left-out',
        exit: true,
        message: expect.stringContaining('ghost-1.0-0.conda'),
      }),
    );
    expect(place.artifacts()).not.toContain('noarch/ghost-1.0-0.conda');
  });

  it('B8 a record that is not what its file name says: refused by name, or left out with --keep-going', async () => {
    const index = readIndex(noarch);
    index['packages.conda']['pytz-2024.2-py_0.conda'] = {
      ...index['packages.conda']['pytz-2024.1-py_0.conda'],
      name: 'other',
    };
    await writeIndex(noarch, index, ['json', 'zst', 'bz2']);
    expectRefusal(await place.mirror(), { code: 'E_RECORD', says: ['noarch/pytz-2024.2-py_0.conda', '--keep-going'] });
    const report = await place.report(['--keep-going'], 1);
    expect(report.findings.map(({ code }) => code)).toContain('record-left-out');
  });

  it('a file that was changed in the mirror is found by its times, and stops the run', async () => {
    const path = join(place.mirrorDir, 'noarch/pytz-2024.1-py_0.conda');
    writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('x')]));
    expectRefusal(await place.mirror(), { code: 'E_ARTIFACT_CHANGED', says: ['noarch/pytz-2024.1-py_0.conda'] });
    await place.report(['--replace', 'pytz']);
    expect((await place.verify(place.mirrorDir)).exitCode).toBe(0);
  });

  it('what others put into a subdir leaves, and what lies beside is told and left', async () => {
    writeFileSync(join(place.mirrorDir, 'noarch/zombie-1-0.conda'), 'x');
    writeFileSync(join(place.mirrorDir, 'README.txt'), 'ours to keep');
    const report = await place.report();
    expect(report.leaving).toEqual(['noarch/zombie-1-0.conda']);
    expect(report.strangers).toEqual(['README.txt']);
    expect(existsSync(join(place.mirrorDir, 'noarch/zombie-1-0.conda'))).toBe(false);
    expect(existsSync(join(place.mirrorDir, 'README.txt'))).toBe(true);
  });
});

describe('installers, accounts, deltas, locks', () => {
  let place: MirrorPlace;
  let installer: Buffer;
  let sha256: string;
  beforeEach(async () => {
    place = await openMirrorPlace();
    installer = Buffer.from('#!/bin/sh\necho Miniforge3\n');
    sha256 = createHash('sha256').update(installer).digest('hex');
    mkdirSync(join(place.dir, 'downloads'));
    writeFileSync(join(place.dir, 'downloads/Miniforge3-Linux-x86_64.sh'), installer);
  });
  afterEach(() => place.close());

  const withInstaller = (digest: string): string =>
    `${MAIN}\nfetch_installers: true\ninstallers:\n  - url: file://${place.dir}/downloads/Miniforge3-Linux-x86_64.sh\n    sha256: ${digest}`;

  it('installers lie beside the channel, in manifest and SHA256SUMS, and stay when the file drops them', async () => {
    place.write(withInstaller(sha256));
    await place.report();
    const file = join(place.mirrorDir, 'installers/Miniforge3-Linux-x86_64.sh');
    expect(readFileSync(file).equals(installer)).toBe(true);
    expect(readFileSync(join(place.mirrorDir, 'SHA256SUMS'), 'utf8')).toContain(
      `${sha256}  installers/Miniforge3-Linux-x86_64.sh`,
    );
    expect((await place.verify(place.mirrorDir)).exitCode).toBe(0);
    const before = inodesBelow(place.mirrorDir);
    rmSync(join(place.dir, 'downloads'), { recursive: true });
    expect((await place.report()).published).toMatchObject({ unchanged: true });
    place.write(MAIN);
    expect((await place.report()).published).toMatchObject({ unchanged: true });
    expect(inodesBelow(place.mirrorDir)).toEqual(before);
  });

  it('an installer with another sha256 fails the run by name; nothing is published', async () => {
    place.write(withInstaller('0'.repeat(64)));
    expectRefusal(await place.mirror(), { code: 'E_ARTIFACT_DIGEST', says: ['Miniforge3-Linux-x86_64.sh', sha256] });
    expect(existsSync(place.mirrorDir)).toBe(false);
    const report = await place.report(['--keep-going'], 1);
    expect(report.findings.map(({ code }) => code)).toContain('installer-left-out');
    expect(place.manifest().files.some(({ kind }) => kind === 'side')).toBe(false);
  });

  it('--account takes the folder of that name in mirror_dir', async () => {
    place.write(MAIN);
    const report = await place.report(['--account', 'acme']);
    expect(report.mirrorDir).toBe(join(place.mirrorDir, 'acme'));
    expect(existsSync(join(place.mirrorDir, 'acme/manifest.json'))).toBe(true);
  });

  it('delta: true leaves an unpacked delta a run, in an unbroken chain', async () => {
    const deltas = join(place.dir, 'deltas');
    place.write(`${MAIN}\ndelta: true\ndelta_dir: ${deltas}`);
    const first = await place.report();
    expect(first.published?.delta?.dir).toBe(join(deltas, 'main-g1'));
    expect((await place.report()).published?.delta).toBeUndefined();

    const noarch = join(place.upstream.dir, 'gen1/pkgs/main/noarch');
    const fresh = await makePackage({
      name: 'fresh',
      version: '1.0',
      noarch: 'generic',
      files: { 'share/fresh': 'new' },
    });
    writeFileSync(join(noarch, fresh.distFilename), fresh.bytes);
    const index = readIndex(noarch);
    index['packages.conda'][fresh.distFilename] = { ...fresh.record };
    await writeIndex(noarch, index, ['json', 'zst', 'bz2']);
    const before = place.manifest();
    const second = await place.report();
    const dir = join(deltas, 'main-g1-to-g2');
    expect(second.published?.delta?.dir).toBe(dir);
    const delta = JSON.parse(readFileSync(join(dir, 'delta.json'), 'utf8')) as Record<string, unknown>;
    expect(delta).toMatchObject({
      schema: 1,
      format: 'repackenv-delta',
      label: 'main',
      base: { generation: 1, manifest_sha256: place.manifest().previous },
      generation: 2,
      added: [`noarch/${fresh.distFilename}`],
      changed: ['noarch/repodata.json', 'noarch/repodata.json.zst'],
      removed: [],
    });
    expect([...snapshot(dir).keys()]).toEqual(
      [
        'delta.json',
        'manifest.json',
        `noarch/${fresh.distFilename}`,
        'noarch/repodata.json',
        'noarch/repodata.json.zst',
      ].sort(),
    );
    // Base and delta together are the mirror.
    const applied = new Map(before.files.map(({ path, sha256: digest }) => [path, digest]));
    for (const [path, file] of snapshot(dir)) if (path.includes('/')) applied.set(path, file.sha256);
    expect(applied).toEqual(new Map(place.manifest().files.map(({ path, sha256: digest }) => [path, digest])));
  });

  it('--adopt takes over a folder of another tool without fetching what is right already', async () => {
    cpSync(join(place.upstream.dir, 'gen1/pkgs/main'), place.mirrorDir, { recursive: true });
    place.write(`channels: [pkgs/main]\nplatforms: [linux-64, osx-arm64, win-64]`);
    expectRefusal(await place.mirror(), { code: 'E_NOT_OURS', says: ['--adopt'] });
    place.downloads();
    const report = await place.report(['--adopt']);
    expect(place.downloads()).toEqual([]);
    expect(report.fetched.artifacts).toBe(0);
    expect((await place.verify(place.mirrorDir)).exitCode).toBe(0);
  });

  it('--dry-run says what would be fetched and writes nothing', async () => {
    place.write(MAIN);
    const report = await place.report(['--dry-run']);
    expect(report.published).toBeUndefined();
    expect(report.toFetch?.artifacts).toBe(report.artifacts);
    expect(existsSync(join(place.dir, 'mirrors'))).toBe(false);
    expect(place.downloads()).toEqual([]);
  });

  it('--dry-run tells what the run then tells, with the same exit code', async () => {
    const told = async (exitCode: number): Promise<void> => {
      const dry = await place.report(['--dry-run'], exitCode);
      const real = await place.report([], exitCode);
      const { toFetch, changes, published: _, ...rest } = dry;
      expect(toFetch).toEqual({ artifacts: real.fetched.artifacts, bytes: real.fetched.bytes });
      // Of what travels a dry run knows the packages only.
      expect(changes).toEqual({ ...real.changes, bytesToTravel: real.changes.bytesOfPackages });
      const { fetched: __, published: ___, ...others } = real;
      expect({ ...rest, fetched: undefined, changes: undefined }).toEqual({
        ...others,
        fetched: undefined,
        changes: undefined,
      });
    };
    place.write(`${MAIN}\ninclude: [pandas, six]\nwith_dependencies: all`);
    await told(0);
    // A dependency that a list forbids, a file that is lost, one that is not ours.
    place.write(`${MAIN}\ninclude: [pandas]\nexclude: [numpy]\nwith_dependencies: all`);
    expectClean(await place.clean());
    rmSync(join(place.mirrorDir, 'noarch/six-1.16.0-py_0.tar.bz2'));
    writeFileSync(join(place.mirrorDir, 'noarch/foreign-1.0-0.tar.bz2'), 'not ours');
    await told(0);
    // What the filter no longer picks waits for `clean`: no reason for an exit code each night.
    place.write(`${MAIN}\ninclude: [tzdata]\nwith_dependencies: all`);
    await told(0);
    const open = (await place.report()).findings.find(({ code }) => code === 'open-dependencies');
    expect(open).toMatchObject({ exit: false, message: expect.stringContaining('needs numpy') as string });
    expect((await place.mirror(['--dry-run'])).stdout).toMatch(/to travel +0 B of packages/);
  });

  it('--index bz2 adds the packed form for conda 4.3 and keeps the generation', async () => {
    place.write(MAIN);
    await place.report();
    const before = place.mirrored();
    const report = await place.report(['--index', 'bz2']);
    expect(report.published).toMatchObject({ generation: 1 });
    expect(changesBetween(before, place.mirrored())).toEqual([
      'changed  SHA256SUMS',
      'added    linux-64/repodata.json.bz2',
      'changed  manifest.json',
      'added    noarch/repodata.json.bz2',
    ]);
    expect((await place.verify(place.mirrorDir)).exitCode).toBe(0);
  });
});

describe('which mirror file', () => {
  let place: MirrorPlace;
  beforeAll(async () => {
    place = await openMirrorPlace();
  });
  afterAll(() => place.close());

  const run = (...args: string[]) => place.run('repackenv', ['mirror', ...args]);

  it('none, or two: refused', async () => {
    expectRefusal(await run(), { code: 'E_USAGE', says: ['-f FILE'] });
    expectRefusal(await run('-f', 'a.yml', '--cas'), { code: 'E_USAGE' });
    expectRefusal(await run('-f', 'absent.yml'), { code: 'E_MIRROR_FILE', says: ['absent.yml'] });
  });

  it('--cas reads ~/.cas-mirror, --mirror-config NAME one of the user’s', async () => {
    const text = `channels: [pkgs/main]\nplatforms: [linux-64]\nmirror_dir: ${place.mirrorDir}\n`;
    writeFileSync(join(place.home, '.cas-mirror'), `# cas\n${text}`);
    const cas = await run('--cas', '--show-config');
    expect(cas.exitCode, cas.stderr).toBe(0);
    expect(cas.stdout).toContain('.cas-mirror, line 2');
    mkdirSync(join(place.home, '.config/repackenv/mirrors'), { recursive: true });
    writeFileSync(join(place.home, '.config/repackenv/mirrors/nightly.yml'), text);
    const named = await run('--mirror-config', 'nightly', '--show-config');
    expect(named.exitCode, named.stderr).toBe(0);
    expect(named.stdout).toContain('nightly.yml, line 1');
  });

  it('--show-config names the folders as they are, so that its text can be used from anywhere', async () => {
    place.write('channels: [pkgs/main]\nplatforms: [linux-64]\nmirror_dir: mirrors/main\ndelta: true');
    const shown = await place.mirror(['--show-config']);
    expect(shown.stdout).toContain(`mirror_dir: ${place.mirrorDir} `);
    expect(shown.stdout).toContain(`delta_dir: ${place.mirrorDir}-delta `);
  });

  it.each(['DIR/mirrors/main', 'DIR/mirrors/main/linux-64/../deltas', 'mirrors/main/deltas'])(
    'delta_dir in the mirror is refused: %s',
    async (folder) => {
      place.write(`${MAIN}\ndelta: true\ndelta_dir: ${folder.replace('DIR', place.dir)}`);
      expectRefusal(await place.mirror(), {
        code: 'E_MIRROR_FILE',
        says: ['delta_dir', 'line', '/mirrors/main-delta'],
      });
      expect(existsSync(join(place.dir, 'mirrors'))).toBe(false);
    },
  );

  it('a mirror folder that has nothing above it, or a name that can be none, is refused with its line', async () => {
    place.write('channels: [pkgs/main]\nplatforms: [linux-64]\nmirror_dir: /mirror');
    expectRefusal(await place.mirror(), { code: 'E_MIRROR_FILE', says: ['line 3', '/mirror/main'] });
    place.write('channels: [pkgs/main]\nplatforms: [linux-64]\nmirror_dir: /srv/2024 mirror');
    expectRefusal(await place.mirror(), { code: 'E_MIRROR_FILE', says: ['line 3'] });
  });
});

it('an upstream made on disk is mirrored from file:// too', async () => {
  const place = await openMirrorPlace();
  const dir = join(place.dir, 'on-disk');
  await makeSampleUpstream(dir);
  const upstream = await startUpstream({ dir });
  try {
    place.write(`channels: ["file://${dir}/gen1/pkgs/main"]\nplatforms: [linux-64]`);
    const report = await place.report();
    expect(report.artifacts).toBeGreaterThan(5);
    expect(upstream.requests).toEqual([]);
    expect((await place.report()).published).toMatchObject({ unchanged: true, bytesWritten: 0 });
  } finally {
    await upstream.close();
    await place.close();
  }
});
