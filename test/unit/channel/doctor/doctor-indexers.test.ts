import { encode } from '@msgpack/msgpack';
import { createHash } from 'node:crypto';
import {
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
import { makeChannel, makePackage } from '../../../../scripts/lib/sample-upstream.js';
import type { SamplePackage } from '../../../../scripts/lib/sample-upstream.js';
import { snapshot } from '../../../../scripts/lib/snapshot.js';
import { bzip2Compress } from '../../../../src/codec/bzip2.js';
import { zstdCompress } from '../../../../src/codec/zstd.js';
import { verify } from '../../../../src/jobs/verify.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import { callDoctor } from '../../../helpers/doctor-call.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { stage, tempDir } from '../../delivery/proof/staged.js';

const temp = tempDir();
const rt = { ...testRuntime(), clock: systemClock() };
let count = 0;
let packages: SamplePackage[];
beforeAll(async () => {
  packages = await Promise.all(['aaa', 'bbb', 'ccc'].map((name) => makePackage({ name, version: '1.0' })));
});
afterAll(() => temp.remove());

const [AAA, BBB, CCC] = ['aaa', 'bbb', 'ccc'].map((name) => `noarch/${name}-1.0-0.conda`) as [string, string, string];

const codesOf = ({ findings }: { findings: { code: string; subject?: string; exit: boolean }[] }): string[] =>
  findings.map(({ code, subject, exit }) => `${code} ${subject}${exit ? '' : ' (note)'}`).sort();

interface Index {
  'packages.conda': Record<string, object>;
  removed: string[];
}

const indexOf = (dir: string): Index => JSON.parse(readFileSync(join(dir, 'noarch/repodata.json'), 'utf8')) as Index;
const named = (dir: string): string[] => Object.keys(indexOf(dir)['packages.conda']);

const runExports = (...names: string[]): string =>
  JSON.stringify({
    info: { subdir: 'noarch' },
    packages: {},
    'packages.conda': Object.fromEntries(names.map((name) => [`${name}-1.0-0.conda`, { run_exports: {} }])),
  });

/** As conda-index leaves a channel whose patches withdraw `ccc`: the file lies there, and what is made before patches names it. */
async function patchedChannel(): Promise<string> {
  const dir = join(temp.sub(`patched-${++count}`), 'channel');
  await makeChannel(dir, packages);
  const before = readFileSync(join(dir, 'noarch/repodata.json'));
  const index = indexOf(dir);
  delete index['packages.conda']['ccc-1.0-0.conda'];
  index.removed = ['ccc-1.0-0.conda'];
  const bytes = Buffer.from(JSON.stringify(index));
  rmSync(join(dir, 'noarch/repodata.json.bz2'));
  writeFileSync(join(dir, 'noarch/repodata.json'), bytes);
  writeFileSync(join(dir, 'noarch/repodata.json.zst'), await zstdCompress(bytes));
  writeFileSync(join(dir, 'noarch/repodata_from_packages.json'), before);
  writeFileSync(join(dir, 'noarch/repodata_from_packages.json.zst'), await zstdCompress(before));
  writeFileSync(join(dir, 'noarch/patch_instructions.json'), '{"remove":["ccc-1.0-0.conda"]}');
  const exports = Buffer.from(runExports('aaa', 'bbb', 'ccc'));
  writeFileSync(join(dir, 'noarch/run_exports.json'), exports);
  writeFileSync(join(dir, 'noarch/run_exports.json.zst'), await zstdCompress(exports));
  writeFileSync(join(dir, 'noarch/run_exports.json.bz2'), await bzip2Compress(exports));
  mkdirSync(join(dir, 'noarch/.cache'));
  writeFileSync(join(dir, 'noarch/.cache/cache.db'), '');
  return dir;
}

describe('a package that its channel has withdrawn, in a folder as conda-index makes it', () => {
  it('is a note, to doctor and verify, and nothing is to be mended', async () => {
    const dir = await patchedChannel();
    expect(codesOf(await callDoctor(dir))).toEqual([`file-withdrawn ${CCC} (note)`]);
    expect(codesOf(await verify(rt, { dir }))).toEqual([`file-withdrawn ${CCC} (note)`]);
    const { repair } = await callDoctor(dir, { repair: true });
    expect(repair).toMatchObject({ written: [], removed: [] });
  });

  it('does not come back when the index is written anew, from whichever form of it', async () => {
    for (const lost of ['noarch/repodata.json', 'noarch/repodata.json.zst']) {
      const dir = await patchedChannel();
      writeFileSync(join(dir, lost), '');
      rmSync(join(dir, BBB));
      const report = await callDoctor(dir, { repair: true });
      expect(report.repair!.leftOut).toEqual([{ path: CCC, reason: 'its channel has withdrawn it' }]);
      expect(named(dir)).toEqual(['aaa-1.0-0.conda']);
      expect(indexOf(dir).removed).toEqual(['ccc-1.0-0.conda']);
      expect(existsSync(join(dir, CCC))).toBe(true);
    }
  });

  it('goes with --prune, and nothing of the indexer goes with it', async () => {
    const dir = await patchedChannel();
    const { repair } = await callDoctor(dir, { repair: true, prune: true });
    expect(repair!.removed).toEqual([CCC]);
  });

  it('is told where shards still offer it, or a record from before its patch', async () => {
    const dir = await patchedChannel();
    const patched = indexOf(dir);
    Object.assign(patched['packages.conda']['aaa-1.0-0.conda']!, { depends: ['bbb'] });
    const bytes = Buffer.from(JSON.stringify(patched));
    writeFileSync(join(dir, 'noarch/repodata.json'), bytes);
    writeFileSync(join(dir, 'noarch/repodata.json.zst'), await zstdCompress(bytes));
    await writeShardLists(join(dir, 'noarch'), packages.slice(0, 2));
    const { findings } = await callDoctor(dir);
    expect(findings.filter(({ exit }) => exit).map(({ message }) => message)).toEqual([
      expect.stringMatching(/repodata_shards\.msgpack\.zst is not .*: it has another record of aaa-1\.0-0\.conda$/),
    ]);
    const { repair } = await callDoctor(dir, { repair: true });
    expect(repair!.removed.filter((path) => path.endsWith('.msgpack.zst'))).toHaveLength(4);
    expect((await callDoctor(dir)).ok).toBe(true);
  });
});

/** Both lists of shards over one set of files, as conda-index writes them. */
async function writeShardLists(folder: string, some: readonly SamplePackage[]): Promise<void> {
  const shards: Record<string, Uint8Array> = {};
  for (const { record, distFilename } of some) {
    const shard = { 'packages.conda': { [distFilename]: { sha256: record.sha256, depends: [] } } };
    const bytes = await zstdCompress(encode(shard));
    const digest = createHash('sha256').update(bytes).digest();
    writeFileSync(join(folder, `${digest.toString('hex')}.msgpack.zst`), bytes);
    shards[record.name] = digest;
  }
  const list = await zstdCompress(encode({ info: { shards_base_url: '' }, shards }));
  for (const name of ['repodata_shards', 'repodata_shards_from_packages'])
    writeFileSync(join(folder, `${name}.msgpack.zst`), list);
}

describe('what build tools and web pages read beside the indexes', () => {
  const channeldata = (versions: Record<string, string>): string =>
    JSON.stringify({
      channeldata_version: 1,
      packages: Object.fromEntries(Object.entries(versions).map(([name, version]) => [name, { version }])),
    });

  it.each([
    ['channeldata.json', channeldata({ aaa: '1.0', bbb: '1.0' }), undefined],
    ['channeldata.json', channeldata({ aaa: '1.0', bbb: '1.0', ccc: '1.0' }), undefined],
    ['channeldata.json', channeldata({ aaa: '1.0', bbb: '1.0', old: '1.0' }), 'it names old, which no index has'],
    ['channeldata.json', channeldata({ aaa: '1.0' }), 'it does not name bbb'],
    ['channeldata.json', channeldata({ aaa: '0.9', bbb: '1.0' }), 'it names a version of aaa that no index has'],
    ['channeldata.json', '<html>', "it can't be read"],
    ['noarch/run_exports.json', runExports('aaa', 'ccc'), undefined],
    ['noarch/run_exports.json', runExports('aaa', 'old'), 'it names old-1.0-0.conda, which the index does not have'],
    ['noarch/run_exports.json', 'null', undefined],
  ])('%s %s: %s', async (path, content, reason) => {
    const dir = await patchedChannel();
    writeFileSync(join(dir, path), content);
    const notes = (await callDoctor(dir)).findings.filter(({ code }) => code === 'beside-stale');
    expect(notes.map(({ subject, exit }) => [subject, exit])).toEqual(reason === undefined ? [] : [[path, false]]);
    if (reason === undefined) return;
    expect(notes[0]!.message).toContain(reason);
    // It is not ours to write.
    await callDoctor(dir, { repair: true });
    expect(readFileSync(join(dir, path), 'utf8')).toBe(content);
  });

  it('a run_exports.json.zst is looked into', async () => {
    const dir = await patchedChannel();
    writeFileSync(join(dir, 'noarch/run_exports.json.zst'), await zstdCompress(Buffer.from(runExports('old'))));
    expect(codesOf(await callDoctor(dir))).toContain('beside-stale noarch/run_exports.json.zst (note)');
  });
});

describe('a package that can’t be looked at', () => {
  it('C7 a link keeps its record when the index is written anew', async () => {
    const dir = await patchedChannel();
    renameSync(join(dir, AAA), join(dir, '..', 'elsewhere'));
    symlinkSync(join(dir, '..', 'elsewhere'), join(dir, AAA));
    const before = indexOf(dir)['packages.conda']['aaa-1.0-0.conda'];
    rmSync(join(dir, BBB));
    for (const prune of [false, true]) {
      const report = await callDoctor(dir, { repair: true, prune });
      expect(codesOf(report)).toContain(`link ${AAA}`);
      expect(indexOf(dir)['packages.conda']).toEqual({ 'aaa-1.0-0.conda': before });
    }
  });

  it('C12 so does one that this account may not read', async () => {
    const dir = await patchedChannel();
    rmSync(join(dir, BBB));
    const refuse = Object.assign(new Error('EACCES'), { code: 'EACCES' });
    const fs = {
      ...rt.fs,
      openNoFollow: (path: string) => (path.endsWith(AAA) ? Promise.reject(refuse) : rt.fs.openNoFollow(path)),
    };
    await callDoctor(dir, { repair: true }, { ...rt, fs });
    expect(named(dir)).toEqual(['aaa-1.0-0.conda']);
  });

  it('C7 stops the repair of a folder of ours, which would publish a channel without it', async () => {
    const { dir } = await stage(join(temp.sub(`ours-${++count}`), 'halkbank'), packages, ['aaa']);
    renameSync(join(dir, AAA), join(dir, '..', 'elsewhere'));
    symlinkSync(join(dir, '..', 'elsewhere'), join(dir, AAA));
    writeFileSync(join(dir, 'noarch/repodata.json.zst'), '');
    const before = snapshot(dir);
    await expect(callDoctor(dir, { repair: true })).rejects.toMatchObject({
      code: 'E_ARTIFACT_UNREADABLE',
      what: `${AAA} is a symbolic link: a copy of this folder would hold something else: nothing was repaired`,
      hint: 'Put the file itself there.',
    });
    expect(snapshot(dir)).toEqual(before);
  });
});

describe('E7 names that a medium turned into upper case', () => {
  const upper = (dir: string): void => {
    for (const fn of readdirSync(join(dir, 'noarch')))
      if (fn !== '.cache') renameSync(join(dir, 'noarch', fn), join(dir, 'noarch', fn.toUpperCase()));
  };

  it('are told, and neither left out of an index nor pruned', async () => {
    const dir = await patchedChannel();
    upper(dir);
    // What patches and run exports are called matters to no client that installs.
    const capitals = readdirSync(join(dir, 'noarch')).filter((fn) => !/^(\.cache|PATCH_|RUN_EXPORTS)/.test(fn));
    expect(codesOf(await callDoctor(dir))).toEqual(capitals.map((fn) => `name-case noarch/${fn}`).sort());
    const before = snapshot(dir);
    const { repair } = await callDoctor(dir, { repair: true, prune: true });
    expect(repair).toMatchObject({ written: [], removed: [] });
    expect(snapshot(dir)).toEqual(before);
  });

  it('stop a repair that something else asks for', async () => {
    const dir = await patchedChannel();
    renameSync(join(dir, AAA), join(dir, 'noarch/AAA-1.0-0.conda'));
    mkdirSync(join(dir, 'LINUX-64'));
    writeFileSync(join(dir, 'noarch/repodata.json.zst'), '');
    expect(codesOf(await callDoctor(dir))).toEqual([
      `file-withdrawn ${CCC} (note)`,
      'index-empty noarch/repodata.json.zst',
      'name-case LINUX-64',
      'name-case noarch/AAA-1.0-0.conda',
    ]);
    const before = snapshot(dir);
    await expect(callDoctor(dir, { repair: true, prune: true })).rejects.toMatchObject({
      code: 'E_NAME',
      details: [`noarch/AAA-1.0-0.conda: clients look for ${AAA}`, 'LINUX-64: clients look for linux-64'],
    });
    expect(snapshot(dir)).toEqual(before);
  });

  it('are not those that an index names just so, beside another in other letters', async () => {
    const dir = join(temp.sub(`letters-${++count}`), 'channel');
    const both = await Promise.all(['A', 'a'].map((build) => makePackage({ name: 'p', version: '1.0', build })));
    await makeChannel(dir, [...packages, ...both]);
    for (const lost of ['noarch/p-1.0-a.conda', 'noarch/p-1.0-A.conda']) {
      const copy = join(temp.sub(`letters-${++count}`), 'channel');
      cpSync(dir, copy, { recursive: true });
      rmSync(join(copy, lost));
      const there = lost.endsWith('a.conda') ? 'p-1.0-A.conda' : 'p-1.0-a.conda';
      expect(codesOf(await callDoctor(copy))).toContain(`file-missing ${lost}`);
      await callDoctor(copy, { repair: true });
      expect(named(copy)).toEqual([AAA, BBB, CCC].map((path) => path.slice('noarch/'.length)).concat(there));
    }
  });

  it('are not those of files that no client asks for: these stand in the way of no repair, and stay', async () => {
    const dir = await patchedChannel();
    writeFileSync(join(dir, 'noarch/Index.html'), '<h1>noarch</h1>');
    expect(codesOf(await callDoctor(dir))).toEqual([`file-withdrawn ${CCC} (note)`]);
    writeFileSync(join(dir, 'noarch/repodata.json.zst'), '');
    const { repair } = await callDoctor(dir, { repair: true, prune: true });
    expect(repair).toMatchObject({ written: ['noarch/repodata.json.zst'], removed: [CCC] });
  });

  it('of every subdir: no channel, and why', async () => {
    const dir = await patchedChannel();
    renameSync(join(dir, 'noarch'), join(dir, 'NOARCH'));
    await expect(callDoctor(dir)).rejects.toMatchObject({
      code: 'E_NOT_A_CHANNEL',
      hint: expect.stringMatching(/^NOARCH: clients look for lower case/) as string,
    });
  });
});

describe('N13 a copy that was not finished', () => {
  const cut: Record<string, (dir: string, fn: string) => void> = {
    'packages cut off': (dir, fn) => writeFileSync(join(dir, 'noarch', fn), ''),
    'packages missing, and the index known from its .zst only': (dir, fn) => {
      rmSync(join(dir, 'noarch', fn));
      writeFileSync(join(dir, 'noarch/repodata.json'), '');
    },
  };

  it.each(Object.keys(cut))('%s: the records of many are not thrown away', async (how) => {
    const dir = join(temp.sub(`half-${++count}`), 'channel');
    const many = await Promise.all(
      Array.from({ length: 12 }, (_, at) => makePackage({ name: `many${at}`, version: '1.0' })),
    );
    await makeChannel(dir, [...packages, ...many]);
    for (const { distFilename } of many) cut[how]!(dir, distFilename);
    const before = snapshot(dir);
    await expect(callDoctor(dir, { repair: true })).rejects.toMatchObject({
      code: 'E_SHRINK',
      what: expect.stringMatching(/^12 of the 15 packages/) as string,
    });
    expect(snapshot(dir)).toEqual(before);
    await callDoctor(dir, { repair: true, prune: true });
    expect(named(dir)).toEqual(packages.map(({ distFilename }) => distFilename));
  });

  it('says the same of packages that are there and whole under names that are not theirs, and what --prune takes', async () => {
    const dir = join(temp.sub(`half-${++count}`), 'channel');
    const many = await Promise.all(
      Array.from({ length: 12 }, (_, at) => makePackage({ name: `many${at}`, version: '1.0' })),
    );
    await makeChannel(dir, [...packages, ...many]);
    const index = indexOf(dir);
    for (const { distFilename } of many.slice(0, 11)) {
      const wrong = `other-${distFilename}`;
      renameSync(join(dir, 'noarch', distFilename), join(dir, 'noarch', wrong));
      index['packages.conda'][wrong] = { name: `other-${distFilename.split('-')[0]}`, version: '1.0', build: '0' };
      delete index['packages.conda'][distFilename];
    }
    writeFileSync(join(dir, 'noarch', many[11]!.distFilename), 'no package');
    writeFileSync(join(dir, 'noarch/repodata.json'), JSON.stringify(index));
    await expect(callDoctor(dir, { repair: true })).rejects.toMatchObject({
      code: 'E_SHRINK',
      what: "12 of the 15 packages that the index names are not there, or can't be indexed: their records would be lost",
      hint: expect.stringMatching(
        /--repair --prune makes an index of what is here, and removes what can't be indexed\.$/,
      ) as string,
    });
    const { repair } = await callDoctor(dir, { repair: true, prune: true });
    expect(repair!.removed.filter((path) => path.includes('many'))).toHaveLength(12);
    expect(named(dir)).toEqual(packages.map(({ distFilename }) => distFilename));
  });
});
