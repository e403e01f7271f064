import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { changesBetween, snapshot } from '../../../../scripts/lib/snapshot.js';
import { sha256Of } from '../../../../src/codec/digests.js';
import { exportToMedium, type ExportReport, type ExportRequest } from '../../../../src/jobs/export.js';
import { refuseUnfit } from '../../../../src/media/export/medium-folder.js';
import { restrictedTo, publishedAs } from '../../../../src/media/set/changes.js';
import type { PlannedPart } from '../../../../src/media/archive/plan-parts.js';
import { parsePartHeader, type SetFile } from '../../../../src/media/set/headers.js';
import type { RepackError } from '../../../../src/base/errors.js';
import { canonicalJson } from '../../../../src/base/json.js';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import type { Runtime } from '../../../../src/runtime/runtime.js';
import { failWhere, faultFs, isWrite } from '../../../helpers/fault-fs.js';
import { folderOfTest, jsonIn, makeChannel, membersIn, type MadeChannel } from '../../../helpers/made-channel.js';
import { testRuntime } from '../../../helpers/runtime.js';

const FILES = {
  'linux-64/a-1-0.conda': 'aaa',
  'linux-64/b-1-0.conda': 'b'.repeat(5000),
  'linux-64/b-1-0.conda.v0.sigs': '[]',
  'win-64/w-1-0.conda': 'w'.repeat(3000),
  'noarch/n-1-0.tar.bz2': 'nnn',
  'installers/Miniforge3-Linux-x86_64.sh': '#!/bin/sh',
};

describe('a full set', () => {
  it('has every byte of the folder, the manifest loose and in part 1, and digests of all', async () => {
    const { dir, out, text } = place({ files: FILES, signature: 'signed' });
    const report = await exporting({ dir, out });
    expect(report).toMatchObject({ job: 'export', label: 'acme', generation: 1, nothingNew: false });
    expect(readdirSync(out).sort()).toEqual([
      'SHA256SUMS',
      'acme-g1.manifest.json',
      'acme-g1.manifest.json.sig',
      'acme-g1.set.json',
      'acme-g1.tar',
      'acme-g1.tar.list',
      'acme-g1.tar.md5',
      'acme.INSTALL.md',
      'acme.verify.ps1',
      'acme.verify.sh',
    ]);
    const members = await membersIn(out);
    const [header, ...rest] = [...members.keys()];
    expect(header).toBe('acme-g1.part001.json');
    expect(rest.slice(0, 2)).toEqual(['acme/manifest.json', 'acme/manifest.json.sig']);
    for (const [path, { sha256 }] of snapshot(dir)) {
      expect(sha256Of(members.get(`acme/${path}`)!.bytes), path).toBe(sha256);
    }
    expect(rest).toHaveLength(snapshot(dir).size);
    expect(readFileSync(join(out, 'acme-g1.manifest.json'), 'utf8')).toBe(text);
    expect(readFileSync(join(out, 'acme-g1.tar.list'), 'utf8')).toBe(`${[...members.keys()].join('\n')}\n`);
    const set = jsonIn<SetFile>(out, 'acme-g1.set.json');
    expect(set).toMatchObject({ kind: 'full', base: null, part_size: null, subdirs: ['linux-64', 'noarch', 'win-64'] });
    expect(set.added).toHaveLength(FILES_AND_INDEXES);
    expect(parsePartHeader(members.get(header!)!.bytes, '').set).toBe(set.set);
    expectSums(out);
  });

  it('comes in parts that each tell what they are, the manifest in the first', async () => {
    const { dir, out } = place({ files: FILES });
    const report = await exporting({ dir, out, partSize: '10000', zstd: true });
    const set = jsonIn<SetFile>(out, 'acme-g1.set.json');
    expect(set.parts.length).toBeGreaterThan(2);
    expect(set).toMatchObject({ compression: 'zstd', part_size: 10_000 });
    expect(report.sets[0]!.parts.map(({ file }) => file)).toEqual(set.parts.map(({ file }) => file));
    const members = await membersIn(out);
    for (const { file, number, size, sha256 } of set.parts) {
      const bytes = readFileSync(join(out, file));
      expect([bytes.length, sha256Of(bytes)]).toEqual([size, sha256]);
      const header = members.get(`acme-g1.part00${number}.json`)!;
      expect(header.part).toBe(file);
      expect(parsePartHeader(header.bytes, file)).toMatchObject({ number, of: set.parts.length, set: set.set });
    }
    expect(members.get('acme/manifest.json')!.part).toBe('acme-g1.part001.tar.zst');
    expect([...members.keys()].filter((name) => name.startsWith('acme/')).sort()).toEqual(
      [...snapshot(dir).keys()].map((path) => `acme/${path}`).sort(),
    );
    expectSums(out);
  });

  it('is the same bytes on another day, from another folder, beside other files', async () => {
    const { dir, out } = place({ files: FILES });
    const elsewhere = join(folderOfTest(), 'copy of acme');
    cpSync(dir, elsewhere, { recursive: true });
    const second = join(folderOfTest(), 'deep', 'medium');
    await exporting({ dir, out, partSize: '10000', zstd: true });
    const late = testRuntime({ machine: { hostname: 'other', username: 'someone', pid: 4 } });
    late.clock.set(Date.UTC(2031, 5, 6));
    await exporting({ dir: elsewhere, out: second, partSize: '10000', zstd: true }, late);
    expect(digests(second)).toEqual(digests(out));
  });

  it('reads the folder only: no lock, no write, nothing beside it', async () => {
    const { dir, out } = place({ files: FILES });
    const before = snapshot(dirname(dir));
    const { fs, calls } = faultFs((call) =>
      isWrite(call) && String(call.args[0]).startsWith(dirname(dir)) ? 'EROFS' : undefined,
    );
    await exporting({ dir, out }, testRuntime({ fs }));
    expect(calls.some((call) => call.name === 'openNoFollow' && String(call.args[0]).startsWith(dir))).toBe(true);
    expect(changesBetween(before, snapshot(dirname(dir)))).toEqual([]);
  });
});

describe('platforms', () => {
  it('makes a set of its own for each, with noarch, side by side', async () => {
    const { dir, out, manifest } = place({ files: FILES });
    const report = await exporting({ dir, out, perPlatform: true });
    expect(report.sets.map(({ name, subdirs }) => [name, subdirs])).toEqual([
      ['acme-g1-linux-64', ['linux-64', 'noarch']],
      ['acme-g1-win-64', ['noarch', 'win-64']],
    ]);
    const loose = readFileSync(join(out, 'acme-g1-win-64.manifest.json'));
    expect(sha256Of(loose)).toBe(restrictedTo(publishedAs(manifest), ['win-64']).sha256);
    const paths = jsonIn<Manifest>(out, 'acme-g1-win-64.manifest.json').files.map(({ path }) => path);
    expect(paths).toContain('win-64/w-1-0.conda');
    expect(paths.filter((path) => /linux|Linux/.test(path))).toEqual([]);
    expectSums(out);
  });

  it('makes one set for those named, and says that a signature over all of them does not go along', async () => {
    const { dir, out } = place({ files: FILES, signature: 'signed' });
    const report = await exporting({ dir, out, subdirs: ['win-64', 'noarch', 'win-64'] });
    expect(report.sets).toMatchObject([{ name: 'acme-g1-win-64', signed: false }]);
    expect(report.findings).toMatchObject([{ code: 'signature-left-out', warn: true }]);
    const sums = (await membersIn(out)).get('acme/SHA256SUMS')!.bytes.toString();
    expect(sums).toContain('  manifest.json\n');
    expect(sums).not.toContain('.sig');
  });

  it('refuses one that is not there, before anything is written', async () => {
    const { dir, out } = place({ files: FILES });
    await refuses({ dir, out, subdirs: ['osx-64'] }, { code: 'E_SUBDIR', says: 'linux-64, noarch, win-64' });
    await refuses({ dir, out, subdirs: ['../x'] }, { code: 'E_SUBDIR' });
  });
});

describe('a medium that is not empty', () => {
  it('leaves the same set untouched, and says so', async () => {
    const { dir, out } = place({ files: FILES });
    await exporting({ dir, out, partSize: '10000' });
    const before = snapshot(out);
    const again = await exporting({ dir, out, partSize: '10000' });
    expect(again).toMatchObject({ written: [], bytesWritten: 0, nothingNew: false });
    expect(changesBetween(before, snapshot(out))).toEqual([]);
  });

  it.each([
    ['a part', 'acme-g1.part002.tar', ['acme-g1.part002.tar']],
    ['a list', 'acme-g1.part002.tar.list', ['acme-g1.part002.tar.list']],
    ['the manifest', 'acme-g1.manifest.json', ['acme-g1.manifest.json']],
    ['a site file', 'acme.verify.sh', ['acme.verify.sh']],
  ])('G11 writes anew only what is damaged: %s', async (_what, name, written) => {
    const { dir, out } = place({ files: FILES });
    await exporting({ dir, out, partSize: '10000' });
    const sound = digests(out);
    truncateSync(join(out, name), 20);
    expect((await exporting({ dir, out, partSize: '10000' })).written).toEqual(written);
    expect(digests(out)).toEqual(sound);
    rmSync(join(out, name));
    expect((await exporting({ dir, out, partSize: '10000' })).written).toEqual(written);
    expect(digests(out)).toEqual(sound);
  });

  it('G11 writes all parts anew where the set file is lost or damaged', async () => {
    const { dir, out } = place({ files: FILES });
    await exporting({ dir, out });
    const sound = digests(out);
    truncateSync(join(out, 'acme-g1.set.json'), 0);
    expect((await exporting({ dir, out })).written).toEqual(['acme-g1.set.json', 'acme-g1.tar']);
    expect(digests(out)).toEqual(sound);
  });

  it('G6 lists everything in SHA256SUMS, keeps the lines of others, and so the sign of their damage', async () => {
    const { dir, out } = place({ files: FILES });
    await exporting({ dir, out });
    writeFileSync(join(out, 'acme-g1.tar'), 'damaged later');
    writeFileSync(join(out, 'letter.pdf'), 'for the customer');
    writeFileSync(join(out, '.hidden'), '');
    writeFileSync(join(out, 'Thumbs.db'), '');
    mkdirSync(join(out, 'System Volume Information'));
    const line = lines(out).find((each) => each.endsWith('  acme-g1.tar'));
    makeChannel(dir, { files: { ...FILES, 'noarch/n-2-0.tar.bz2': 'new' }, generation: 2 });
    await exporting({ dir, out });
    expect(lines(out)).toContain(line);
    expect(lines(out)).toContain(`${sha256Of('for the customer')}  letter.pdf`);
    const names = lines(out).map((each) => each.slice(66));
    expect(names).toEqual([...new Set(names)].sort());
    expect(names).toEqual(expect.arrayContaining(['acme-g1.set.json', 'acme-g2.set.json', 'acme-g2.tar']));
    expect(names.filter((name) => /hidden|Thumbs|System|SHA256SUMS/.test(name))).toEqual([]);
  });

  it('G6 says which files are gone, and makes an unreadable SHA256SUMS anew', async () => {
    const { dir, out } = place({ files: FILES });
    await exporting({ dir, out });
    writeFileSync(join(out, 'SHA256SUMS'), `${'0'.repeat(64)} *gone.txt\r\n`);
    expect((await exporting({ dir, out })).findings).toMatchObject([
      { code: 'medium-file-gone', message: /gone\.txt/ },
    ]);
    expectSums(out);
    writeFileSync(join(out, 'SHA256SUMS'), 'not sums\n');
    expect((await exporting({ dir, out })).findings).toMatchObject([{ code: 'medium-sums-rebuilt' }]);
    expectSums(out);
  });

  it.each([
    ['the same generation in other parts', { partSize: '10000' }],
    ['the same generation packed', { zstd: true }],
  ])('refuses to mix a set with one of its name: %s', async (_what, options) => {
    const { dir, out } = place({ files: FILES });
    await exporting({ dir, out });
    const before = snapshot(out);
    await refuses({ dir, out, ...options }, { code: 'E_OUT', says: 'acme-g1' });
    expect(changesBetween(before, snapshot(out))).toEqual([]);
    await exporting({ dir, out: join(out, 'other'), ...options });
  });

  it('refuses a folder with another history under the same generation', async () => {
    const { dir, out } = place({ files: FILES });
    await exporting({ dir, out });
    makeChannel(dir, { files: { 'linux-64/other-1-0.conda': 'x' } });
    await refuses({ dir, out }, { code: 'E_OUT', says: 'acme-g1' });
  });
});

describe('OUT', () => {
  it.each([
    ['empty', () => ''],
    ['the folder itself', (dir: string) => dir],
    ['the folder, over a link', (dir: string) => linkTo(dir)],
    ['inside the folder', (dir: string) => join(dir, 'noarch', 'out')],
    ['ROOT', (dir: string) => dirname(dir)],
    ['the state folder', (dir: string) => join(dirname(dir), '.repackenv', 'acme', 'out')],
    ['a file', (dir: string) => join(dir, '..', 'file.txt')],
    ['below a file', (dir: string) => join(dir, '..', 'file.txt', 'out')],
    ['a link to nothing', (dir: string) => linkTo(join(dir, 'nothing'))],
    ['another channel folder', (dir: string) => join(dir, '..', 'other')],
    ...['mirror.tar', 'mirror.tar.gz', 'mirror.tgz', 'mirror.zip', 'mirror.tar.zst', 'M.TAR.XZ', 'mirror.7z'].map(
      (name): [string, (dir: string) => string] => [`M10: ${name}`, (dir) => join(dir, '..', 'media', name)],
    ),
  ])('is refused: %s', async (_what, outOf) => {
    const { dir } = place({ files: FILES });
    writeFileSync(join(dirname(dir), 'file.txt'), '');
    makeChannel(join(dirname(dir), 'other'), { label: 'other', files: {} });
    const before = snapshot(dirname(dir));
    await expect(exporting({ dir, out: outOf(dir) })).rejects.toMatchObject({ code: 'E_OUT', exitCode: 2 });
    expect(changesBetween(before, snapshot(dirname(dir)))).toEqual([]);
  });

  it('M10: a folder with the name of an archive may be there; the hint for one that is not names the folder', async () => {
    const { dir } = place({ files: FILES });
    const out = join(folderOfTest(), 'old.tar');
    await expect(exporting({ dir, out })).rejects.toMatchObject({
      hint: expect.stringContaining(`--to ${dirname(out)} makes one archive`) as string,
    });
    mkdirSync(out);
    await exporting({ dir, out });
    await exporting({ dir, out: join(dirname(out), 'v1.2') });
  });

  it('may be inside ROOT, a link to a folder, and is made where it is not there', async () => {
    const { dir } = place({ files: FILES });
    await exporting({ dir, out: join(dirname(dir), 'media', 'one') });
    const medium = folderOfTest();
    await exporting({ dir, out: linkTo(medium) });
    expect(digests(medium)).toEqual(digests(join(dirname(dir), 'media', 'one')));
  });

  it('E7 is told to use --part-size fat32 where FAT32 could not hold a part', async () => {
    const out = folderOfTest();
    const part = (maxBytes: number): PlannedPart => ({ file: 'acme-g1.tar', number: 1, members: [], maxBytes });
    const rt = { fs: { ...nodeFileSystem(), statfs: async () => statfs({ type: 0x4d44 }) } };
    const place = { path: out, exists: true, volume: out };
    await expect(refuseUnfit(rt, place, { parts: [part(2 ** 32)], needed: 1 })).rejects.toMatchObject({
      code: 'E_PART_SIZE',
      hint: /--part-size fat32/,
    });
    await refuseUnfit(rt, place, { parts: [part(2 ** 32 - 1)], needed: 1 });
    const ext4 = { fs: { ...nodeFileSystem(), statfs: async () => statfs({ type: 0xef53 }) } };
    await refuseUnfit(ext4, place, { parts: [part(2 ** 33)], needed: 1 });
  });
});

describe('a folder that can’t be exported', () => {
  it.each<[string, (dir: string) => void, RegExp]>([
    ['that is not there', (dir) => rmSync(dir, { recursive: true }), /There is no such folder/],
    ['that is a file', (dir) => (rmSync(dir, { recursive: true }), writeFileSync(dir, '')), /is a file/],
    ['made by others', (dir) => rmSync(join(dir, 'manifest.json')), /no manifest\.json of ours/],
    ['with a manifest of others', (dir) => writeFileSync(join(dir, 'manifest.json'), '{"files":[]}'), /of ours/],
    ['with an empty manifest', (dir) => writeFileSync(join(dir, 'manifest.json'), ''), /broken: it is empty/],
    ['of a newer version', (dir) => writeFileSync(join(dir, 'manifest.json'), '{"schema":2,"label":"acme"}'), /newer/],
  ])('E_NOT_OURS: %s', async (_what, damage, says) => {
    const { dir, out } = place({ files: FILES });
    damage(dir);
    await refuses({ dir, out }, { code: 'E_NOT_OURS', says });
    expect(existsSync(out)).toBe(false);
  });

  it('names the label folders where ROOT was given', async () => {
    const { dir, out } = place({ files: FILES });
    await refuses({ dir: dirname(dir), out }, { code: 'E_NOT_OURS', says: 'Name one of them: acme' });
  });

  it.each<[string, (path: string) => void, string]>([
    ['is missing', (path) => rmSync(path), 'it is missing'],
    ['has a flipped bit', (path) => writeFileSync(path, 'c' + 'b'.repeat(4999)), 'it has other bytes'],
    ['was cut', (path) => truncateSync(path, 4999), 'it has 4999 bytes, not 5000'],
    ['is longer', (path) => writeFileSync(path, 'b'.repeat(5001)), 'it has 5001 bytes, not 5000'],
    ['is a link', (path) => (renameSync(path, `${path}.real`), symlinkSync(`${path}.real`, path)), 'symbolic link'],
    ['is a folder', (path) => (rmSync(path), mkdirSync(path)), 'not a regular file'],
  ])('E_FOLDER_DIFFERS: a file %s; nothing is left in OUT', async (_what, damage, says) => {
    const { dir, out } = place({ files: FILES });
    damage(join(dir, 'linux-64/b-1-0.conda'));
    const refusal = await refuses({ dir, out, partSize: '10000' }, { code: 'E_FOLDER_DIFFERS', says });
    expect(refusal.exitCode).toBe(4);
    expect(refusal.where).toBe(join(dir, 'linux-64/b-1-0.conda'));
    expect(existsSync(out)).toBe(false);
    mkdirSync(out);
    await refuses({ dir, out, partSize: '10000' }, { code: 'E_FOLDER_DIFFERS' });
    expect(readdirSync(out)).toEqual([]);
  });
});

describe('the disk', () => {
  it('E1 looks for room first, and says how much', async () => {
    const { dir, out } = place({ files: FILES });
    const fs = { ...nodeFileSystem(), statfs: async () => statfs({ bavail: 3 }) };
    const refusal = await refuses(
      { dir, out },
      { code: 'E_DISK_FULL', says: /[0-9]{5} bytes are needed, 12288 bytes are free/ },
      testRuntime({ fs }),
    );
    expect(refusal.exitCode).toBe(5);
    expect(existsSync(out)).toBe(false);
  });

  it.each(['ENOSPC', 'EIO', 'EDQUOT'] as const)('E1 E2 E3 %s at any write leaves OUT as it was', async (code) => {
    const { dir, out } = place({ files: FILES });
    await exporting({ dir, out });
    makeChannel(dir, { files: { ...FILES, 'noarch/n-2-0.tar.bz2': 'new' }, generation: 2 });
    const counting = faultFs(() => undefined);
    const trial = join(folderOfTest(), 'out');
    cpSync(out, trial, { recursive: true });
    await exporting({ dir, out: trial, partSize: '10000' }, testRuntime({ fs: counting.fs }));
    // Up to the first rename nothing in OUT has changed.
    const writes = counting.calls.filter(isWrite);
    const switched = writes.findIndex(({ name }) => name === 'rename');
    expect(switched).toBeGreaterThan(20);
    const before = snapshot(out);
    for (let at = 0; at < switched; at += 3) {
      let seen = 0;
      const { fs } = faultFs((call) => (isWrite(call) && seen++ === at ? code : undefined));
      const refusal = await refusalOf({ dir, out, partSize: '10000' }, testRuntime({ fs }));
      expect(refusal.code, `write ${at}`).toMatch(/^E_DISK(_FULL)?$/);
      expect(changesBetween(before, snapshot(out))).toEqual([]);
    }
  });

  it('E3 a medium that fails while it is renamed into is right after the next run', async () => {
    const { dir, out } = place({ files: FILES });
    for (const times of [0, 1, 3, 5]) {
      let renames = 0;
      const { fs } = faultFs((call) => (call.name === 'rename' && renames++ >= times ? 'EIO' : undefined));
      expect((await refusalOf({ dir, out, partSize: '10000' }, testRuntime({ fs }))).code).toBe('E_DISK');
    }
    await exporting({ dir, out, partSize: '10000' });
    expectSums(out);
    const { out: whole } = { out: join(folderOfTest(), 'out') };
    await exporting({ dir, out: whole, partSize: '10000' });
    expect(digests(out)).toEqual(digests(whole));
  });

  it('E3 names the file of the folder that can’t be read', async () => {
    const { dir, out } = place({ files: FILES });
    const path = join(dir, 'noarch/n-1-0.tar.bz2');
    const { fs } = faultFs(failWhere((call) => call.name === 'openNoFollow' && call.args[0] === path, 'EIO'));
    const refusal = await refuses({ dir, out }, { code: 'E_DISK' }, testRuntime({ fs }));
    expect(refusal.where).toBe(path);
  });

  it('I8 stops when it is interrupted, and leaves nothing', async () => {
    const { dir, out } = place({ files: FILES });
    const rt = testRuntime({
      reach: (step) => {
        if (step === 'export:part-written') rt.abort(new Error('SIGINT'));
      },
    });
    await expect(exporting({ dir, out, partSize: '10000' }, rt)).rejects.toThrow('SIGINT');
    expect(existsSync(out)).toBe(false);
  });
});

describe('a delta', () => {
  it('carries what is new and changed, says what leaves, and knows its base', async () => {
    const { dir, out, text } = place({ files: FILES });
    const old = join(folderOfTest(), 'sent.manifest.json');
    writeFileSync(old, text);
    const { 'linux-64/a-1-0.conda': _gone, ...rest } = FILES;
    makeChannel(dir, { files: { ...rest, 'linux-64/a-2-0.conda': 'aa2' }, generation: 2, previous: sha256Of(text) });
    const report = await exporting({ dir, out, since: old });
    expect(report).toMatchObject({ job: 'delta', base: { generation: 1, manifestSha256: sha256Of(text) } });
    const set = jsonIn<SetFile>(out, 'acme-g1-to-g2.set.json');
    expect(set).toMatchObject({
      kind: 'delta',
      base: { generation: 1, manifest_sha256: sha256Of(text) },
      added: ['linux-64/a-2-0.conda'],
      changed: ['linux-64/repodata.json'],
      removed: ['linux-64/a-1-0.conda'],
    });
    expect([...(await membersIn(out)).keys()]).toEqual([
      'acme-g1-to-g2.part001.json',
      'acme/manifest.json',
      'acme/linux-64/a-2-0.conda',
      'acme/linux-64/repodata.json',
      'acme/SHA256SUMS',
    ]);
    expectSums(out);
  });

  it('takes a receipt of the site, a channel folder, and a manifest alike', async () => {
    const { dir, text, manifest } = place({ files: FILES });
    const old = folderOfTest();
    makeChannel(old, { files: FILES });
    const since = {
      receipt: join(folderOfTest(), 'receipt.json'),
      manifest: join(old, 'manifest.json'),
      folder: old,
    };
    writeFileSync(since.receipt, receipt(manifest, text));
    makeChannel(dir, { files: { ...FILES, 'noarch/n-2-0.tar.bz2': 'new' }, generation: 2 });
    const made: Record<string, string>[] = [];
    for (const file of Object.values(since)) {
      const out = join(folderOfTest(), 'out');
      await exporting({ dir, out, since: file });
      made.push(digests(out));
    }
    expect(made[1]).toEqual(made[0]);
    expect(made[2]).toEqual(made[0]);
  });

  it('says that nothing changed, and writes nothing', async () => {
    const { dir, out } = place({ files: FILES });
    const report = await exporting({ dir, out, since: join(dir, 'manifest.json') });
    expect(report).toMatchObject({ nothingNew: true, sets: [], written: [], bytesWritten: 0 });
    expect(existsSync(out)).toBe(false);
  });

  it('for one platform takes the base the same way, whole or for that platform', async () => {
    const { dir, manifest, text } = place({ files: FILES });
    const whole = join(folderOfTest(), 'whole.json');
    const part = join(folderOfTest(), 'part.json');
    writeFileSync(whole, text);
    writeFileSync(part, restrictedTo(publishedAs(manifest), ['linux-64']).bytes);
    makeChannel(dir, { files: { ...FILES, 'linux-64/a-2-0.conda': 'aa2' }, generation: 2 });
    const [one, two] = [join(folderOfTest(), 'o'), join(folderOfTest(), 'o')];
    await exporting({ dir, out: one, since: whole, subdirs: ['linux-64'] });
    await exporting({ dir, out: two, since: part, subdirs: ['linux-64'] });
    expect(digests(two)).toEqual(digests(one));
    expect(jsonIn<SetFile>(one, 'acme-g1-to-g2-linux-64.set.json').base!.manifest_sha256).toBe(
      sha256Of(readFileSync(part)),
    );
    // Nothing of it concerns the other platform.
    makeChannel(dir, { files: FILES, generation: 1 });
    expect(await exporting({ dir, out: join(folderOfTest(), 'o'), since: whole, subdirs: ['win-64'] })).toMatchObject({
      nothingNew: true,
    });
  });

  it('says when it brings a whole platform, since the site was sent only some', async () => {
    const { dir, out, manifest } = place({ files: FILES });
    const part = join(folderOfTest(), 'part.json');
    writeFileSync(part, restrictedTo(publishedAs(manifest), ['linux-64']).bytes);
    makeChannel(dir, { files: { ...FILES, 'linux-64/a-2-0.conda': 'aa2' }, generation: 2 });
    const report = await exporting({ dir, out, since: part });
    expect(report.findings).toMatchObject([{ code: 'platform-added', message: /win-64.*--subdir linux-64/ }]);
    expect(report.sets[0]!.added).toContain('win-64/w-1-0.conda');
  });

  it.each<[string, string, (base: Manifest) => string, RegExp]>([
    ['of another label', 'E_WRONG_BASE', (base) => json({ ...base, label: 'other' }), /label other/],
    ['later than the folder', 'E_WRONG_BASE', (base) => json({ ...base, generation: 3 }), /generation 3.*at 2/],
    ['of another history', 'E_WRONG_BASE', (base) => json({ ...base, generation: 2 }), /histories parted/],
    ['that is something else', 'E_USAGE', () => '{"hello": 1}', /something else/],
    ['that is empty', 'E_USAGE', () => '', /it is empty/],
    ['of a newer version', 'E_USAGE', (base) => json({ ...base, schema: 2 }), /newer version/],
    [
      'that is an edited receipt',
      'E_MEDIUM',
      (base) => receipt({ ...base, generation: 9 }, json(base)),
      /whose digest/,
    ],
    ['that is half a receipt', 'E_MEDIUM', () => '{"format":"repackenv-site-receipt","schema":1}', /label/],
    ['that is a newer receipt', 'E_MEDIUM', () => '{"format":"repackenv-site-receipt","schema":2}', /format 2/],
  ])('G8 refuses a base %s', async (_what, code, baseOf, says) => {
    const { dir, out, manifest } = place({ files: FILES });
    const since = join(folderOfTest(), 'base.json');
    writeFileSync(since, baseOf(manifest));
    makeChannel(dir, { files: { ...FILES, 'noarch/n-2-0.tar.bz2': 'new' }, generation: 2 });
    await refuses({ dir, out, since }, { code, says });
    expect(existsSync(out)).toBe(false);
  });

  it('G8 refuses a base that is not there, and a platform that the base lacks', async () => {
    const { dir, out, manifest } = place({ files: FILES });
    await refuses({ dir, out, since: join(dir, 'absent.json') }, { code: 'E_DISK', says: '--since' });
    const since = join(folderOfTest(), 'base.json');
    writeFileSync(since, restrictedTo(publishedAs(manifest), ['linux-64']).bytes);
    await refuses({ dir, out, since, perPlatform: true }, { code: 'E_WRONG_BASE', says: 'no win-64 yet' });
  });
});

const FILES_AND_INDEXES = Object.keys(FILES).length + 3;

/** ROOT/acme with these files, and an OUT that is not there yet. */
function place(made: MadeChannel): { dir: string; out: string; manifest: Manifest; text: string } {
  const base = folderOfTest();
  const dir = join(base, 'root', 'acme');
  return { dir, out: join(base, 'out'), ...makeChannel(dir, made) };
}

function exporting(
  request: Partial<ExportRequest> & { dir: string; out: string },
  rt: Runtime = testRuntime(),
): Promise<ExportReport> {
  return exportToMedium(rt, {
    zstd: false,
    partSize: undefined,
    subdirs: [],
    perPlatform: false,
    since: undefined,
    signKey: undefined,
    siteFiles: true,
    ...request,
  });
}

async function refusalOf(
  request: Partial<ExportRequest> & { dir: string; out: string },
  rt?: Runtime,
): Promise<RepackError> {
  return exporting(request, rt).then(
    () => Promise.reject(new Error('it was not refused')),
    (error: unknown) => error as RepackError,
  );
}

async function refuses(
  request: Partial<ExportRequest> & { dir: string; out: string },
  { code, says = '' }: { code: string; says?: string | RegExp },
  rt?: Runtime,
): Promise<RepackError> {
  const error = await refusalOf(request, rt);
  expect(error).toMatchObject({ code });
  const all = [error.what, error.where, error.hint, ...error.details].join('\n');
  if (typeof says === 'string') expect(all).toContain(says);
  else expect(all).toMatch(says);
  expect(error.hint ?? '').not.toBe('');
  return error;
}

function receipt(manifest: Manifest, text: string): string {
  const { label, generation } = manifest;
  return JSON.stringify({
    schema: 1,
    format: 'repackenv-site-receipt',
    label,
    generation,
    manifest_sha256: sha256Of(text),
    manifest,
    set: null,
    imported_at: '2026-01-02T03:04:05.000Z',
    host: 'site',
    verified: { signature: 'absent' },
  });
}

function json(value: unknown): string {
  return `${canonicalJson(value, 2)}\n`;
}

function linkTo(target: string): string {
  const link = join(folderOfTest(), 'link');
  symlinkSync(target, link);
  return link;
}

function statfs(some: { type?: number; bavail?: number }) {
  return { type: 0xef53, bsize: 4096, blocks: 1e9, bfree: 1e9, bavail: 1e9, files: 1e6, ffree: 1e6, ...some };
}

function digests(dir: string): Record<string, string> {
  return Object.fromEntries([...snapshot(dir)].map(([path, { sha256 }]) => [path, sha256]));
}

function lines(out: string): string[] {
  return readFileSync(join(out, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
}

/** Every file but SHA256SUMS itself is in it, by its right digest; nothing hidden was left. */
function expectSums(out: string): void {
  const { SHA256SUMS: _own, ...files } = digests(out);
  expect(lines(out)).toEqual(Object.entries(files).map(([path, sha256]) => `${sha256}  ${path}`));
  expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([]);
}
