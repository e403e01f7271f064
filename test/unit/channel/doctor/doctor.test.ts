import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeChannel, makePackage, packConda } from '../../../../scripts/lib/sample-upstream.js';
import type { SamplePackage } from '../../../../scripts/lib/sample-upstream.js';
import { snapshot, type Snapshot } from '../../../../scripts/lib/snapshot.js';
import { bzip2Compress } from '../../../../src/codec/bzip2.js';
import { zstdCompress } from '../../../../src/codec/zstd.js';
import type { DoctorReport } from '../../../../src/jobs/doctor/doctor.js';
import { laySiteFiles } from '../../../../src/delivery/hand-over.js';
import { verify } from '../../../../src/jobs/verify.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import type { PackageRecord } from '../../../../src/conda/record/records.js';
import { RULES } from '../../../../src/channel/check/rules.js';
import { callDoctor } from '../../../helpers/doctor-call.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { breaches } from '../../../helpers/tiny-channel.js';
import { stage, tempDir, writeManifest } from '../../delivery/proof/staged.js';
import type { Staged } from '../../delivery/proof/staged.js';

const temp = tempDir();
const rt = { ...testRuntime(), clock: systemClock() };
let samples: SamplePackage[];
let ours: Staged;
let count = 0;

beforeAll(async () => {
  samples = await Promise.all([
    makePackage({ name: 'pytho', version: '1.9', depends: ['numpy >=1.26', 'six'] }),
    makePackage({ name: 'numpy', version: '1.26.4', build: 'py39_0', subdir: 'linux-64', depends: ['__glibc >=2.17'] }),
    makePackage({ name: 'six', version: '1.16.0', format: 'tar.bz2' }),
  ]);
  await makeChannel(temp.sub('foreign'), samples, { subdirs: ['linux-64'], patches: HOTFIX });
  temp.sub('root');
  ours = await stage(join(temp.path, 'root', 'halkbank'), samples);
});
afterAll(() => temp.remove());

const NUMPY = 'linux-64/numpy-1.26.4-py39_0.conda';
const SIX = 'noarch/six-1.16.0-0.tar.bz2';
const PYTHO = 'noarch/pytho-1.9-0.conda';
const INDEX = 'noarch/repodata.json';
const ARCH_INDEX = 'linux-64/repodata.json';
const HOTFIX = {
  'pytho-1.9-0.conda': { depends: ['numpy >=1.26', 'six >=1.10'], indexed_timestamp: 1_700_000_000_000 },
};

/** A folder of its own in a ROOT of its own, to be broken. */
function copyOf(kind: 'ours' | 'foreign'): string {
  const dir = join(temp.sub(`copy-${++count}`), 'halkbank');
  cpSync(kind === 'ours' ? ours.dir : join(temp.path, 'foreign'), dir, { recursive: true, preserveTimestamps: true });
  return dir;
}

const codes = ({ findings }: Pick<DoctorReport, 'findings'>): string[] =>
  findings
    .filter(({ exit }) => exit)
    .map(({ code, subject, repair }) => `${code} ${subject} ${repair}`)
    .sort();

const allCodes = ({ findings }: Pick<DoctorReport, 'findings'>): string[] =>
  findings.map(({ code, subject }) => `${code} ${subject}`).sort();

function records(dir: string, subdir: string): Record<string, PackageRecord> {
  const value = JSON.parse(readFileSync(join(dir, subdir, 'repodata.json'), 'utf8')) as Record<
    string,
    Record<string, PackageRecord>
  >;
  return { ...value['packages'], ...value['packages.conda'] };
}

/** Hand-made JSON is what these tests are about. */
// oxlint-disable-next-line typescript/no-explicit-any
type Editable = Record<string, any>;

function edit(dir: string, path: string, change: (value: Editable) => void): Buffer {
  const value = JSON.parse(readFileSync(join(dir, path), 'utf8')) as Editable;
  change(value);
  const bytes = Buffer.from(JSON.stringify(value));
  writeFileSync(join(dir, path), bytes);
  return bytes;
}

/** As `edit`, with every compressed form written along: the fault is in the index alone. */
async function editAll(dir: string, path: string, change: (value: Editable) => void): Promise<void> {
  const bytes = edit(dir, path, change);
  if (existsSync(join(dir, `${path}.zst`))) writeFileSync(join(dir, `${path}.zst`), await zstdCompress(bytes));
  if (existsSync(join(dir, `${path}.bz2`))) writeFileSync(join(dir, `${path}.bz2`), await bzip2Compress(bytes));
}

type Spoil = (dir: string) => void | Promise<void>;

interface Case {
  title: string;
  spoil: Spoil;
  /** `code subject remedy`, sorted. */
  found: string[];
  /** What `--repair` leaves of it; default nothing. */
  left?: string[];
  /** What `--repair --prune` leaves of it; default nothing. */
  leftPruned?: string[];
  also?: (dir: string, report: DoctorReport) => void | Promise<void>;
}

const half = (dir: string, path: string): void =>
  writeFileSync(join(dir, path), readFileSync(join(dir, path)).subarray(0, 120));

const FOREIGN: Case[] = [
  {
    title: 'a lost artifact',
    spoil: (dir) => rmSync(join(dir, NUMPY)),
    found: [`file-missing ${NUMPY} mends`],
    also: (dir) => expect(Object.keys(records(dir, 'linux-64'))).toEqual([]),
  },
  {
    title: 'a zombie: a file that no index names',
    spoil: async (dir) => {
      const late = await makePackage({ name: 'late', version: '1.0', depends: ['six'] });
      writeFileSync(join(dir, 'noarch', late.distFilename), late.bytes);
    },
    found: ['file-unindexed noarch/late-1.0-0.conda mends'],
    also: async (dir, { repair }) => {
      const late = await makePackage({ name: 'late', version: '1.0', depends: ['six'] });
      expect(records(dir, 'noarch')['late-1.0-0.conda']).toEqual(late.record);
      expect(repair!.read).toEqual(['noarch/late-1.0-0.conda']);
    },
  },
  {
    title: 'C2 a corrupt artifact in the index',
    spoil: (dir) => half(dir, NUMPY),
    found: [`artifact-corrupt ${NUMPY} prunes`],
    left: [`artifact-corrupt ${NUMPY} prunes`],
    also: (dir, { repair }) => {
      expect(Object.keys(records(dir, 'linux-64'))).toEqual([]);
      expect(repair!.leftOut).toEqual([
        { path: NUMPY, reason: expect.stringMatching(/no readable package/) as string },
      ]);
    },
  },
  {
    title: 'C11 an error page saved as a package, in no index',
    spoil: (dir) => writeFileSync(join(dir, 'noarch/gone-1.0-0.conda'), '<!doctype html><h1>404</h1>'),
    found: ['artifact-corrupt noarch/gone-1.0-0.conda prunes'],
    left: ['artifact-corrupt noarch/gone-1.0-0.conda prunes'],
  },
  {
    title: 'other bytes than the index says, a sound package',
    spoil: async (dir) => {
      const rebuilt = await makePackage({ name: 'six', version: '1.16.0', format: 'tar.bz2', depends: ['pytho'] });
      writeFileSync(join(dir, SIX), rebuilt.bytes);
    },
    found: [`digest-differs ${SIX} mends`],
    also: (dir) => expect(records(dir, 'noarch')['six-1.16.0-0.tar.bz2']!.depends).toEqual(['pytho']),
  },
  {
    title: 'F7 a renamed artifact',
    spoil: (dir) => cpSync(join(dir, SIX), join(dir, 'noarch/six-1.17.0-0.tar.bz2')),
    found: ['artifact-mislabelled noarch/six-1.17.0-0.tar.bz2 prunes'],
    left: ['artifact-mislabelled noarch/six-1.17.0-0.tar.bz2 prunes'],
  },
  {
    title: 'an artifact in the wrong subdir, and the twin it makes',
    spoil: (dir) => cpSync(join(dir, PYTHO), join(dir, 'linux-64/pytho-1.9-0.conda')),
    found: ['artifact-mislabelled linux-64/pytho-1.9-0.conda prunes', 'twin-subdirs linux-64/pytho-1.9-0.conda no'],
    left: ['artifact-mislabelled linux-64/pytho-1.9-0.conda prunes', 'twin-subdirs linux-64/pytho-1.9-0.conda no'],
  },
  {
    title: 'F3 no noarch',
    spoil: (dir) => rmSync(join(dir, 'noarch'), { recursive: true }),
    found: [`index-missing ${INDEX} mends`],
    also: (dir) => expect(records(dir, 'noarch')).toEqual({}),
  },
  {
    title: 'E8 an index of 0 bytes: its records are in the .zst',
    spoil: (dir) => writeFileSync(join(dir, INDEX), ''),
    found: [`form-differs ${INDEX}.bz2 mends`, `form-differs ${INDEX}.zst mends`, `index-empty ${INDEX} mends`],
    also: keepsHotfix,
  },
  {
    title: 'E8 an index filled with NUL',
    spoil: (dir) => writeFileSync(join(dir, INDEX), Buffer.alloc(300)),
    found: [`form-differs ${INDEX}.bz2 mends`, `form-differs ${INDEX}.zst mends`, `index-nul ${INDEX} mends`],
    also: keepsHotfix,
  },
  {
    title: 'no index at all: records out of the artifacts',
    spoil: (dir) => ['', '.zst', '.bz2'].forEach((ext) => rmSync(join(dir, `${INDEX}${ext}`))),
    found: [`index-missing ${INDEX} mends`],
    also: (dir) =>
      expect(records(dir, 'noarch')).toEqual(
        Object.fromEntries(
          samples.filter(({ subdir }) => subdir === 'noarch').map((each) => [each.distFilename, each.record]),
        ),
      ),
  },
  {
    title: 'N10 F4 a stale .zst, which beats the fresh .json',
    spoil: async (dir) => writeFileSync(join(dir, `${INDEX}.zst`), await zstdCompress(Buffer.from('{"packages":{}}'))),
    found: [`form-differs ${INDEX}.zst mends`],
    also: keepsHotfix,
  },
  {
    title: 'F4 a .bz2 that is none',
    spoil: (dir) => writeFileSync(join(dir, `${INDEX}.bz2`), 'plain'),
    found: [`form-broken ${INDEX}.bz2 mends`],
  },
  {
    title: 'F4 a stale current_repodata.json',
    spoil: (dir) => {
      writeFileSync(join(dir, 'noarch/current_repodata.json'), readFileSync(join(dir, INDEX)));
      edit(dir, 'noarch/current_repodata.json', (value) => {
        value['packages.conda']['pytho-1.8-0.conda'] = {
          ...value['packages.conda']['pytho-1.9-0.conda'],
          version: '1.8',
        };
      });
    },
    found: ['derived-stale noarch/current_repodata.json mends'],
    also: (dir) => expect(existsSync(join(dir, 'noarch/current_repodata.json'))).toBe(false),
  },
  {
    title: 'the index of another subdir',
    spoil: (dir) => editAll(dir, INDEX, (value) => (value['info'].subdir = 'win-64')),
    found: [`index-subdir ${INDEX} mends`],
    also: keepsHotfix,
  },
  {
    title: 'repodata_version 2',
    spoil: (dir) => editAll(dir, INDEX, (value) => (value['repodata_version'] = 2)),
    found: [`index-version ${INDEX} mends`],
    also: keepsHotfix,
  },
  {
    title: 'N8 base_url, though every file is here',
    spoil: (dir) => editAll(dir, INDEX, (value) => (value['info'].base_url = 'https://cdn.example/noarch/')),
    found: [`index-base-url ${INDEX} mends`],
    also: keepsHotfix,
  },
  {
    title: 'N8 base_url, and the files are there: left alone',
    spoil: async (dir) => {
      await editAll(dir, INDEX, (value) => (value['info'].base_url = 'https://cdn.example/noarch/'));
      rmSync(join(dir, SIX));
    },
    found: [`index-base-url ${INDEX} no`],
    left: [`index-base-url ${INDEX} no`],
    leftPruned: [`index-base-url ${INDEX} no`],
    also: (dir) => expect(Object.keys(records(dir, 'noarch'))).toHaveLength(2),
  },
  {
    title: '.conda records among "packages"',
    spoil: (dir) =>
      editAll(dir, INDEX, (value) => {
        Object.assign(value['packages'], value['packages.conda']);
        value['packages.conda'] = {};
      }),
    found: [`index-misfiled ${INDEX} mends`],
    also: keepsHotfix,
  },
  {
    title: 'a record without digests, one with a wrong md5',
    spoil: (dir) =>
      editAll(dir, INDEX, (value) => {
        delete value['packages']['six-1.16.0-0.tar.bz2'].md5;
        delete value['packages']['six-1.16.0-0.tar.bz2'].sha256;
        value['packages.conda']['pytho-1.9-0.conda'].md5 = '0'.repeat(32);
      }),
    found: [`digest-differs ${PYTHO} mends`, `no-digest ${SIX} mends`],
    also: keepsHotfix,
  },
  {
    title: 'a record of another version than its file name',
    spoil: (dir) => editAll(dir, INDEX, (value) => (value['packages']['six-1.16.0-0.tar.bz2'].version = '9.9')),
    found: [`record-name ${SIX} mends`],
    also: (dir) => expect(records(dir, 'noarch')['six-1.16.0-0.tar.bz2']!.version).toBe('1.16.0'),
  },
  {
    title: 'C4 partial files',
    spoil: (dir) => {
      writeFileSync(join(dir, `${NUMPY}.partial`), 'half');
      writeFileSync(join(dir, `noarch/.six-1.16.0-0.tar.bz2.AbC123`), 'half');
    },
    found: [`partial-file ${NUMPY}.partial prunes`, 'partial-file noarch/.six-1.16.0-0.tar.bz2.AbC123 prunes'],
    left: [`partial-file ${NUMPY}.partial prunes`, 'partial-file noarch/.six-1.16.0-0.tar.bz2.AbC123 prunes'],
  },
  {
    title: 'H12 names equal after case folding',
    spoil: async (dir) => {
      const upper = await makePackage({ name: 'SIX', version: '1.16.0', format: 'tar.bz2' });
      writeFileSync(join(dir, 'noarch', upper.distFilename), upper.bytes);
    },
    found: ['case-clash noarch/six-1.16.0-0.tar.bz2 no', 'file-unindexed noarch/SIX-1.16.0-0.tar.bz2 mends'],
    left: ['case-clash noarch/six-1.16.0-0.tar.bz2 no'],
    leftPruned: ['case-clash noarch/six-1.16.0-0.tar.bz2 no'],
  },
  {
    title: 'M8 names that Windows or URLs refuse',
    spoil: (dir) => {
      writeFileSync(join(dir, 'noarch/read me.txt'), '');
      writeFileSync(join(dir, 'noarch/a:b.txt'), '');
      cpSync(join(dir, SIX), join(dir, 'noarch/six 1.16.0-0.tar.bz2'));
    },
    found: [
      'name-unsafe noarch/a:b.txt no',
      'name-unsafe noarch/read me.txt no',
      'name-unsafe noarch/six 1.16.0-0.tar.bz2 prunes',
    ],
    left: [
      'name-unsafe noarch/a:b.txt no',
      'name-unsafe noarch/read me.txt no',
      'name-unsafe noarch/six 1.16.0-0.tar.bz2 prunes',
    ],
    leftPruned: ['name-unsafe noarch/a:b.txt no', 'name-unsafe noarch/read me.txt no'],
  },
  {
    title: 'packages where no client looks',
    spoil: (dir) => {
      mkdirSync(join(dir, 'archive'));
      cpSync(join(dir, SIX), join(dir, 'archive/six-1.16.0-0.tar.bz2'));
      cpSync(join(dir, SIX), join(dir, 'six-1.16.0-0.tar.bz2'));
    },
    found: ['packages-outside archive no', 'packages-outside six-1.16.0-0.tar.bz2 no'],
    left: ['packages-outside archive no', 'packages-outside six-1.16.0-0.tar.bz2 no'],
    leftPruned: ['packages-outside archive no', 'packages-outside six-1.16.0-0.tar.bz2 no'],
  },
  {
    title: 'C7 a link instead of a package',
    spoil: (dir) => {
      renameSync(join(dir, SIX), join(dir, '..', 'six'));
      symlinkSync(join(dir, '..', 'six'), join(dir, SIX));
    },
    found: [`link ${SIX} no`],
    left: [`link ${SIX} no`],
    leftPruned: [`link ${SIX} no`],
  },
];

function keepsHotfix(dir: string): void {
  expect(records(dir, 'noarch')['pytho-1.9-0.conda']).toMatchObject(HOTFIX['pytho-1.9-0.conda']);
}

describe('a channel that others made', () => {
  it('healthy: no finding, and repair writes nothing, not even beside it', async () => {
    const dir = copyOf('foreign');
    const report = await callDoctor(dir);
    expect(codes(report)).toEqual([]);
    expect(allCodes(report)).toEqual([`hotfixed ${PYTHO}`]);
    const before = snapshot(join(dir, '..'));
    const repaired = await callDoctor(dir, { repair: true, prune: true });
    expect(repaired.repair).toMatchObject({ written: [], removed: [], mended: [] });
    expect(snapshot(join(dir, '..'))).toEqual(before);
  });

  it.each(FOREIGN)('$title', async ({ spoil, found, left = [], leftPruned = [], also }) => {
    const dir = copyOf('foreign');
    await spoil(dir);
    expect(codes(await callDoctor(dir))).toEqual(found.toSorted());
    const artifacts = packagesIn(dir);

    const report = await callDoctor(dir, { repair: true });
    expect(codes(report)).toEqual(left.toSorted());
    expect(report.findings.filter(({ repair }) => repair === 'mends')).toEqual([]);
    expect(packagesIn(dir)).toEqual(artifacts);
    expect(existsSync(join(dir, 'manifest.json'))).toBe(false);
    expect((await breaches(dir)).filter((text) => !left.includes(`link ${SIX} no`) || !text.includes('six'))).toEqual(
      left.some((each) => each.startsWith('index-base-url')) ? expect.anything() : [],
    );
    await also?.(dir, report);

    const between = snapshot(dir);
    const again = await callDoctor(dir, { repair: true });
    expect(again.repair).toMatchObject({ written: [], removed: [] });
    expect(snapshot(dir)).toEqual(between);

    expect(codes(await callDoctor(dir, { repair: true, prune: true }))).toEqual(leftPruned.toSorted());
  });

  it('--prune removes zombies instead of indexing them', async () => {
    const dir = copyOf('foreign');
    const late = await makePackage({ name: 'late', version: '1.0' });
    writeFileSync(join(dir, 'noarch', late.distFilename), late.bytes);
    const before = readFileSync(join(dir, INDEX));
    const report = await callDoctor(dir, { repair: true, prune: true });
    expect(report.repair).toMatchObject({ removed: ['noarch/late-1.0-0.conda'], written: [] });
    expect(readFileSync(join(dir, INDEX)).equals(before)).toBe(true);
  });

  it('--prune keeps every package where the index that would name them is lost', async () => {
    const dir = copyOf('foreign');
    for (const ext of ['', '.zst', '.bz2']) rmSync(join(dir, `${INDEX}${ext}`));
    const report = await callDoctor(dir, { repair: true, prune: true });
    expect(report.repair!.removed).toEqual([]);
    expect(Object.keys(records(dir, 'noarch'))).toHaveLength(2);
  });

  it('a subdir in which nothing is wrong keeps every byte', async () => {
    const dir = copyOf('foreign');
    await editAll(dir, ARCH_INDEX, () => undefined);
    const before = snapshot(join(dir, 'linux-64'));
    rmSync(join(dir, SIX));
    await callDoctor(dir, { repair: true });
    expect(snapshot(join(dir, 'linux-64'))).toEqual(before);
  });

  it('writes the index that conda-index would have written', async () => {
    const dir = join(temp.sub(`copy-${++count}`), 'channel');
    await makeChannel(dir, samples, { subdirs: ['linux-64'] });
    const before = snapshot(dir);
    for (const subdir of ['noarch', 'linux-64'])
      for (const ext of ['', '.zst']) rmSync(join(dir, subdir, `repodata.json${ext}`));
    for (const subdir of ['noarch', 'linux-64']) writeFileSync(join(dir, subdir, 'repodata.json.bz2'), 'plain');
    expect(codes(await callDoctor(dir, { repair: true }))).toEqual([]);
    expectSame(before, dir);
  });

  it('F10 an index of the future is refused, and nothing is written', async () => {
    const dir = copyOf('foreign');
    await editAll(dir, INDEX, (value) => (value['repodata_version'] = 3));
    rmSync(join(dir, NUMPY));
    expect(codes(await callDoctor(dir))).toContain(`index-future ${INDEX} no`);
    const before = snapshot(dir);
    await expect(callDoctor(dir, { repair: true, prune: true })).rejects.toMatchObject({ code: 'E_REPODATA_VERSION' });
    expect(snapshot(dir)).toEqual(before);
  });

  it('CEP 48 v3 records, removed, and keys that nobody knows are carried along', async () => {
    const dir = copyOf('foreign');
    const late = await makePackage({ name: 'late', version: '1.0' });
    writeFileSync(join(dir, 'noarch', late.distFilename), late.bytes);
    const v3 = { conda: { 'late-1.0-0': { ...late.record, extra: 1.5 } }, whl: {} };
    await editAll(dir, INDEX, (value) => {
      Object.assign(value, {
        v3,
        removed: ['old-1-0.conda'],
        signatures: { 'six-1.16.0-0.tar.bz2': {} },
        _url: 'x/t/tk/',
      });
    });
    expect(codes(await callDoctor(dir))).toEqual([]);
    rmSync(join(dir, SIX));
    expect(codes(await callDoctor(dir, { repair: true }))).toEqual([]);
    const value = JSON.parse(readFileSync(join(dir, INDEX), 'utf8')) as Record<string, unknown>;
    expect(value).toMatchObject({ v3, removed: ['old-1-0.conda'], signatures: { 'six-1.16.0-0.tar.bz2': {} } });
    expect(value).not.toHaveProperty('_url');
    expect(Object.keys(value['packages.conda'] as object)).toEqual(['pytho-1.9-0.conda']);
  });

  it('N13 an index of which much is not there is left alone without --prune', async () => {
    const dir = copyOf('foreign');
    const many = await Promise.all(
      Array.from({ length: 12 }, (_, at) => makePackage({ name: `many${at}`, version: '1.0' })),
    );
    await makeChannel(dir, [...samples, ...many], { subdirs: ['linux-64'] });
    for (const each of many) rmSync(join(dir, 'noarch', each.distFilename));
    const before = snapshot(dir);
    await expect(callDoctor(dir, { repair: true })).rejects.toMatchObject({ code: 'E_SHRINK' });
    expect(snapshot(dir)).toEqual(before);
    expect(codes(await callDoctor(dir, { repair: true, prune: true }))).toEqual([]);
  });

  it('their own SHA256SUMS follows what is written', async () => {
    const dir = copyOf('foreign');
    const lines = [...snapshot(dir)].map(([path, { sha256 }]) => `${sha256}  ./${path}\n`);
    writeFileSync(join(dir, 'SHA256SUMS'), lines.join(''));
    expect(codes(await callDoctor(dir))).toEqual([]);
    writeFileSync(join(dir, `${INDEX}.zst`), '');
    rmSync(join(dir, `${INDEX}.bz2`));
    await editAll(dir, INDEX, (value) => (value['repodata_version'] = 2));
    writeFileSync(join(dir, `${INDEX}.zst`), '');
    const report = await callDoctor(dir, { repair: true });
    expect(codes(report)).toEqual(['sums-missing-file SHA256SUMS no']);
  });

  it('a record of another version than its file is told as that alone, not as a correction that stays', async () => {
    const dir = copyOf('foreign');
    await editAll(dir, INDEX, (value) => (value['packages']['six-1.16.0-0.tar.bz2'].version = '9.9'));
    expect(allCodes(await callDoctor(dir))).toEqual([`hotfixed ${PYTHO}`, `record-name ${SIX}`]);
  });

  it('a file that no channel needs is a note, and goes with --prune', async () => {
    const dir = copyOf('foreign');
    writeFileSync(join(dir, 'noarch/notes.txt'), 'to do');
    expect(allCodes(await callDoctor(dir, { repair: true }))).toContain('unknown-file noarch/notes.txt');
    expect(existsSync(join(dir, 'noarch/notes.txt'))).toBe(true);
    await callDoctor(dir, { repair: true, prune: true });
    expect(existsSync(join(dir, 'noarch/notes.txt'))).toBe(false);
  });

  it('twins in both formats are a note', async () => {
    const dir = copyOf('foreign');
    const twin = await makePackage({ name: 'six', version: '1.16.0' });
    await makeChannel(dir, [...samples, twin], { subdirs: ['linux-64'] });
    const report = await callDoctor(dir);
    expect(report.ok).toBe(true);
    expect(allCodes(report)).toEqual([`twin-formats ${SIX}`]);
  });
});

describe('dependencies in a channel that others made', () => {
  async function channelOf(packages: Parameters<typeof makePackage>[0][]): Promise<string> {
    const dir = join(temp.sub(`copy-${++count}`), 'channel');
    await makeChannel(dir, await Promise.all(packages.map(makePackage)), { subdirs: ['linux-64'] });
    return dir;
  }

  it('that nothing there satisfies are a note of verify and doctor, and no fault', async () => {
    const dir = copyOf('foreign');
    rmSync(join(dir, NUMPY));
    const report = await callDoctor(dir, { repair: true });
    const note = expect.objectContaining({
      code: 'open-dependencies',
      message: expect.stringMatching(
        /^noarch\/pytho-1\.9-0\.conda needs "numpy >=1\.26", which nothing .* other channels$/,
      ),
      exit: false,
    });
    expect(report.findings).toContainEqual(note);
    expect(report.ok).toBe(true);
    const verified = await verify(rt, { dir });
    expect(verified.findings).toContainEqual(note);
    expect(verified.ok).toBe(true);
  });

  it('are told by the first few and a count', async () => {
    const depends = Array.from({ length: 40 }, (_, at) => `lib${at} >=1`);
    const { findings } = await verify(rt, { dir: await channelOf([{ name: 'many', version: '1.0', depends }]) });
    expect(findings.map(({ code, subject }) => [code, subject])).toEqual([
      ['open-dependencies', 'noarch/many-1.0-0.conda'],
    ]);
    expect(findings[0]!.message).toMatch(/needs "lib0 >=1", .*; 39 more dependencies /);
    expect(findings[0]!.message.length).toBeLessThan(400);
  });

  it('are not told where records are there that were not read', async () => {
    const dir = await channelOf([{ name: 'one', version: '1.0', depends: ['late'] }]);
    expect(allCodes(await callDoctor(dir))).toEqual(['open-dependencies noarch/one-1.0-0.conda']);
    const late = await makePackage({ name: 'late', version: '1.0' });
    writeFileSync(join(dir, 'noarch', late.distFilename), late.bytes);
    await editAll(dir, INDEX, (value) => (value['v3'] = { conda: { 'late-1.0-0': late.record }, whl: {} }));
    expect(allCodes(await callDoctor(dir))).toEqual([`index-v3 ${INDEX}`]);
    writeFileSync(join(dir, ARCH_INDEX), '');
    expect(allCodes(await callDoctor(dir)).filter((each) => each.startsWith('open'))).toEqual([]);
  });
});

describe('paths at the site', () => {
  const LONG = `Lib/site-packages/${'x'.repeat(100)}/${'y'.repeat(80)}.py`;

  async function windows(): Promise<string> {
    const dir = join(temp.sub(`copy-${++count}`), 'channel');
    const packages = [
      await makePackage({ name: 'deep', version: '1.0', subdir: 'win-64', files: { [LONG]: 'x', 'short.txt': '' } }),
      await makePackage({
        name: 'pure',
        version: '1.0',
        noarch: 'python',
        files: { [`site-packages/${'z'.repeat(60)}.py`]: '' },
      }),
    ];
    await makeChannel(dir, packages);
    return dir;
  }

  it('C13 H3 says how long an environment’s path may be', async () => {
    const report = await callDoctor(await windows());
    expect(report.ok).toBe(true);
    expect(report.longestPath).toEqual({
      artifact: 'win-64/deep-1.0-0.conda',
      file: LONG,
      length: LONG.length,
      prefix: 259 - 1 - LONG.length,
    });
  });

  it.each([
    [56, 0],
    [57, 1],
  ])('H3 a prefix of %i characters: %i packages do not fit', async (length, expected) => {
    expect(259 - 1 - LONG.length).toBe(56);
    const report = await callDoctor(await windows(), { site: { length, windows: undefined } });
    expect(codes(report)).toEqual(expected === 0 ? [] : ['path-too-long win-64/deep-1.0-0.conda no']);
  });

  it('H3 a noarch python package is measured where Windows puts it', async () => {
    const report = await callDoctor(await windows(), {
      site: { length: 259 - 'Lib/site-packages/'.length - 63, windows: true },
    });
    expect(codes(report)).toContain('path-too-long noarch/pure-1.0-py_0.conda no');
  });

  it('a prefix longer than binaries have room for', async () => {
    const dir = join(temp.sub(`copy-${++count}`), 'channel');
    const stem = 'binary-1.0-0';
    const index = { name: 'binary', version: '1.0', build: '0', build_number: 0, depends: [], subdir: 'linux-64' };
    const paths = {
      paths: [{ _path: 'bin/x', file_mode: 'binary', prefix_placeholder: `/${'p'.repeat(79)}`, path_type: 'hardlink' }],
      paths_version: 1,
    };
    const bytes = await packConda(stem, {
      info: [
        { name: 'info/index.json', content: JSON.stringify(index) },
        { name: 'info/paths.json', content: JSON.stringify(paths) },
        { name: 'info/files', content: 'bin/x\n' },
      ],
      pkg: [{ name: 'bin/x', content: 'x' }],
    });
    await makeChannel(dir, [], { subdirs: ['linux-64'] });
    writeFileSync(join(dir, 'linux-64', `${stem}.conda`), bytes);
    await callDoctor(dir, { repair: true });
    expect(codes(await callDoctor(dir, { site: { length: 80, windows: false } }))).toEqual([]);
    expect(codes(await callDoctor(dir, { site: { length: 81, windows: false } }))).toEqual([
      `placeholder-short linux-64/${stem}.conda no`,
    ]);
  });
});

/** Bytes as before. The helper that made the folder sorts its SHA256SUMS in a way of its own. */
function expectSame(before: Snapshot, dir: string): void {
  for (const [path, { sha256 }] of snapshot(dir))
    if (path !== 'SHA256SUMS') expect(before.get(path)?.sha256, path).toBe(sha256);
}

const OURS: Case[] = [
  {
    title: 'E8 an index of 0 bytes',
    spoil: (dir) => writeFileSync(join(dir, INDEX), ''),
    found: [`form-differs ${INDEX}.zst mends`, `index-empty ${INDEX} mends`],
  },
  {
    title: 'F10 an index that another indexer wrote anew, with a current_repodata.json',
    spoil: (dir) => {
      edit(dir, INDEX, (value) => (value['info'].created = 1));
      writeFileSync(join(dir, 'noarch/current_repodata.json'), readFileSync(join(dir, INDEX)));
    },
    found: [
      `form-differs ${INDEX}.zst mends`,
      `index-rewritten ${INDEX} mends`,
      'manifest-extra-file noarch/current_repodata.json mends',
    ],
  },
  {
    title: 'no SHA256SUMS',
    spoil: (dir) => rmSync(join(dir, 'SHA256SUMS')),
    found: ['sums-missing SHA256SUMS mends'],
  },
  {
    title: 'E8 no .zst',
    spoil: (dir) => rmSync(join(dir, `${INDEX}.zst`)),
    found: [`manifest-missing-file ${INDEX}.zst mends`],
  },
];

describe('a folder of ours', () => {
  it.each(OURS)('$title: the bytes and the generation are as published', async ({ spoil, found }) => {
    const dir = copyOf('ours');
    const before = snapshot(dir);
    await spoil(dir);
    expect(codes(await callDoctor(dir))).toEqual(found.toSorted());
    const report = await callDoctor(dir, { repair: true });
    expect(codes(report)).toEqual([]);
    expect(report.repair!.generation).toBe(3);
    expectSame(before, dir);
    expect((await verify(rt, { dir })).findings).toEqual([]);
    const between = snapshot(join(dir, '..'));
    expect((await callDoctor(dir, { repair: true })).repair).toMatchObject({ written: [], removed: [] });
    expect(snapshot(join(dir, '..'))).toEqual(between);
  });

  it('a hotfixed record comes back out of the .zst when the index was re-derived', async () => {
    const dir = join(temp.sub(`copy-${++count}`), 'halkbank');
    const fixed = samples.map((each) =>
      each.distFilename.startsWith('pytho')
        ? { ...each, record: { ...each.record, ...HOTFIX['pytho-1.9-0.conda'] } }
        : each,
    );
    await stage(dir, fixed);
    const before = snapshot(dir);
    edit(dir, INDEX, (value) => (value['packages.conda']['pytho-1.9-0.conda'] = samples[0]!.record));
    const report = await callDoctor(dir, { repair: true });
    expect(codes(report)).toEqual([]);
    expect(report.repair!.generation).toBe(3);
    expectSame(before, dir);
  });

  it('M12: a changed artifact that the specs need leaves the channel only with --prune, and the generation moves', async () => {
    const dir = copyOf('ours');
    const rebuilt = await makePackage({ name: 'six', version: '1.16.0', format: 'tar.bz2', depends: ['pytho'] });
    writeFileSync(join(dir, SIX), rebuilt.bytes);
    expect(codes(await callDoctor(dir))).toEqual([`digest-differs ${SIX} mends`]);
    const before = snapshot(dir);
    await expect(callDoctor(dir, { repair: true })).rejects.toMatchObject({ code: 'E_PROOF' });
    expect(snapshot(dir)).toEqual(before);
    const report = await callDoctor(dir, { repair: true, prune: true });
    expect(report.repair).toMatchObject({
      generation: 4,
      leftOut: [{ path: SIX, reason: 'it has other bytes than were published' }],
      removed: [SIX],
    });
    expect(existsSync(join(dir, SIX))).toBe(false);
    expect(codes(report)).toEqual([expect.stringMatching(/^unsolvable /) as string]);
  });

  it('M12 C2 a corrupt artifact that the specs need is named, and leaves the channel only with --prune', async () => {
    const dir = copyOf('ours');
    appendFileSync(join(dir, SIX), 'x');
    expect(codes(await callDoctor(dir))).toEqual([`artifact-corrupt ${SIX} prunes`]);
    const before = snapshot(dir);
    await expect(callDoctor(dir, { repair: true })).rejects.toMatchObject({ code: 'E_PROOF' });
    expect(snapshot(dir)).toEqual(before);
    const report = await callDoctor(dir, { repair: true, prune: true });
    expect(report.repair!.leftOut).toEqual([{ path: SIX, reason: expect.stringContaining('six') as string }]);
    expect(records(dir, 'noarch')).not.toHaveProperty('six-1.16.0-0.tar.bz2');
    const between = snapshot(join(dir, '..'));
    expect((await callDoctor(dir, { repair: true })).repair).toMatchObject({ written: [], removed: [] });
    expect(snapshot(join(dir, '..'))).toEqual(between);
  });

  it('a package that is not of ours is left without --prune, and never indexed', async () => {
    const dir = copyOf('ours');
    const late = await makePackage({ name: 'late', version: '1.0' });
    writeFileSync(join(dir, 'noarch', late.distFilename), late.bytes);
    rmSync(join(dir, `${INDEX}.zst`));
    const report = await callDoctor(dir, { repair: true });
    expect(codes(report)).toEqual(['manifest-extra-file noarch/late-1.0-0.conda prunes']);
    expect(report.repair!.generation).toBe(3);
    expect((await callDoctor(dir, { repair: true, prune: true })).ok).toBe(true);
  });

  it('E8 a manifest of NULs: the copy beside the folder says what it was', async () => {
    const dir = copyOf('ours');
    mkdirSync(join(dir, '..', '.repackenv', 'halkbank'), { recursive: true });
    cpSync(join(dir, 'manifest.json'), join(dir, '..', '.repackenv', 'halkbank', 'manifest.json'));
    const before = snapshot(dir);
    writeFileSync(join(dir, 'manifest.json'), Buffer.alloc(900));
    writeFileSync(join(dir, INDEX), '');
    const report = await callDoctor(dir, { repair: true });
    expect(codes(report)).toEqual([]);
    expectSame(before, dir);
  });

  /** A signed folder with what `update` lays beside it, of which the site has removed one, and then a package got lost. */
  async function besideOne(): Promise<string> {
    const dir = copyOf('ours');
    writeFileSync(join(dir, 'manifest.json.sig'), '-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n');
    const { manifest, files } = ours.staged;
    const signed = [...files, { ...files[0]!, path: 'manifest.json.sig' }];
    await laySiteFiles(rt, { labelDir: dir, staged: { manifest, files: signed }, onlyThere: false });
    rmSync(`${dir}.verify.ps1`);
    rmSync(join(dir, SIX));
    return dir;
  }

  it('what lies beside it for sites follows the repair; what was not there is not made', async () => {
    const dir = await besideOne();
    expect(readFileSync(`${dir}.INSTALL.md`, 'utf8')).toMatch(/Generation 3: 3 packages[^]*the manifest is signed/);
    expect(readFileSync(`${dir}.linux-64.explicit.txt`, 'utf8')).toContain('/six-1.16.0');
    writeFileSync(`${dir}.verify.sh`, '# of an older version\n');
    const report = await callDoctor(dir, { repair: true, prune: true });
    expect(report.generation).toBe(4);
    expect(readFileSync(`${dir}.INSTALL.md`, 'utf8')).toMatch(/Generation 4: 2 packages[^]*has not signed/);
    expect(readFileSync(`${dir}.verify.sh`, 'utf8')).toContain('SHA256');
    expect(existsSync(`${dir}.linux-64.explicit.txt`)).toBe(false);
    expect(existsSync(`${dir}.verify.ps1`)).toBe(false);

    const alone = copyOf('ours');
    rmSync(join(alone, SIX));
    await callDoctor(alone, { repair: true, prune: true });
    expect(readdirSync(join(alone, '..')).toSorted()).toEqual(['.repackenv', 'halkbank']);
  });

  it('I6 what can not be written beside it is a finding: the repair stands', async () => {
    const dir = await besideOne();
    const fs: typeof rt.fs = {
      ...rt.fs,
      writeFile: (path, bytes, mode) =>
        path.includes('.INSTALL.md')
          ? Promise.reject(Object.assign(new Error('EACCES'), { code: 'EACCES' }))
          : rt.fs.writeFile(path, bytes, mode),
    };
    const report = await callDoctor(dir, { repair: true, prune: true }, { ...rt, fs });
    expect(codes(report).filter((each) => each.startsWith('site-files'))).toEqual([
      expect.stringMatching(/^site-files-not-written .*halkbank\.INSTALL\.md no$/),
    ]);
    expect([report.ok, report.generation]).toEqual([false, 4]);
  });

  it('of a newer version: refused', async () => {
    const dir = copyOf('ours');
    edit(dir, 'manifest.json', (value) => (value['schema'] = 2));
    writeFileSync(join(dir, INDEX), '');
    await expect(callDoctor(dir, { repair: true })).rejects.toMatchObject({ code: 'E_NOT_OURS' });
  });

  it('in a folder of another name, as a site has it', async () => {
    const dir = join(copyOf('ours'), '..', 'channel of the site');
    renameSync(join(dir, '..', 'halkbank'), dir);
    writeFileSync(join(dir, INDEX), '');
    expect(codes(await callDoctor(dir, { repair: true }))).toEqual([]);
  });

  it('keeps side files', async () => {
    const dir = copyOf('ours');
    writeFileSync(join(dir, `${SIX}.v0.sigs`), '[]');
    const manifest = structuredClone(ours.staged.manifest);
    const sig = snapshot(dir).get(`${SIX}.v0.sigs`)!;
    const { createHash } = await import('node:crypto');
    manifest.files.push({
      path: `${SIX}.v0.sigs`,
      kind: 'side',
      size: 2,
      sha256: sig.sha256,
      md5: createHash('md5').update('[]').digest('hex'),
    });
    manifest.files.sort((a, b) => (a.path < b.path ? -1 : 1));
    writeManifest(dir, manifest);
    expect(codes(await callDoctor(dir))).toEqual([]);
    writeFileSync(join(dir, INDEX), '');
    expect(codes(await callDoctor(dir, { repair: true, prune: true }))).toEqual([]);
    expect(existsSync(join(dir, `${SIX}.v0.sigs`))).toBe(true);
  });
});

it('every rule that a folder can break has a remedy', () => {
  const without = Object.entries(RULES).filter(([, { advice, ownRun }]) => advice === undefined && ownRun !== true);
  expect(without).toEqual([]);
});

function packagesIn(dir: string): string[] {
  return [...snapshot(dir)]
    .filter(([path]) => /\.(conda|tar\.bz2)$/.test(path))
    .map(([path, { sha256 }]) => `${path} ${sha256}`);
}

it('of ours, a lost package: says who mends it, and that --repair parts from the sender, dropping the signature', async () => {
  const dir = copyOf('ours');
  rmSync(join(dir, NUMPY));
  writeFileSync(join(dir, 'manifest.json.sig'), '-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n');
  const found = (await callDoctor(dir)).findings.find(({ subject }) => subject === NUMPY)!;
  expect(found.advice).toMatch(/import or synchronise.*--repair.*a channel of its own/);
  const repaired = await callDoctor(dir, { repair: true, prune: true });
  expect(repaired.findings).toContainEqual(
    expect.objectContaining({ code: 'signature-dropped', subject: 'manifest.json.sig', exit: false }),
  );
  expect(repaired.repair!.removed).toContain('manifest.json.sig');
  expect(allCodes(await callDoctor(dir))).not.toContain('signature-dropped manifest.json.sig');
});
