import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import { sha256Of } from '../../../../src/codec/digests.js';
import { zstdCompress, zstdDecompress } from '../../../../src/codec/zstd.js';
import {
  openFolder,
  openWholeFolder,
  overlay,
  whereFrom,
  wholeness,
} from '../../../../src/delivery/generations/generation-folder.js';
import { poolPath } from '../../../../src/delivery/generations/pool.js';
import { listGenerations } from '../../../../src/delivery/generations/read-generations.js';
import { faultFs } from '../../../helpers/fault-fs.js';
import { folderOfTest } from '../../../helpers/made-channel.js';
import { testRuntime, type TestRuntime } from '../../../helpers/runtime.js';
import { publishTiny, snapshot } from '../../../helpers/tiny-channel.js';

/** Design D15: `ROOT/LABEL@N` is a folder that can be read, with every byte by its digest: from the pool, the label folder, or made anew. */

const FIRST = { 'linux-64/a-1-0.conda': 'a one', 'linux-64/b-1-0.conda': 'b', 'noarch/n-1-0.conda': 'n' };
const PACKED = 'noarch/repodata.json.zst';
const SECOND = { 'linux-64/a-2-0.conda': 'a two', 'linux-64/b-1-0.conda': 'b', 'noarch/n-1-0.conda': 'n' };

let root: string;
let rt: TestRuntime;
let before: Record<string, string>;
let given: string;

beforeEach(async () => {
  root = folderOfTest();
  rt = testRuntime();
  const { labelDir } = await publishTiny(rt, { root, packages: FIRST, bz2: true });
  before = {};
  for (const path of Object.keys(await snapshot(labelDir))) before[path] = readFileSync(join(labelDir, path), 'latin1');
  await publishTiny(rt, { root, packages: SECOND });
  given = `${labelDir}@1`;
});

const sha = (text: string): string => sha256Of(Buffer.from(text));
const place = () => ({
  label: 'acme',
  root,
  labelDir: join(root, 'acme'),
  stateDir: join(root, '.repackenv', 'acme'),
  created: false,
});

describe('a generation as a folder', () => {
  it('has every file as it was, byte for byte, its other forms of the index made anew', async () => {
    const { rt: inner, dir, missing, named } = await openFolder(rt, given);
    expect([missing, named?.generation]).toEqual([[], 1]);
    const files: Record<string, string> = {};
    const walk = async (folder: string): Promise<void> => {
      for (const entry of await inner.fs.readdir(join(dir, folder))) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory()) await walk(path);
        else files[path] = (await inner.fs.readFile(join(dir, path))).toString('latin1');
      }
    };
    await walk('');
    expect(files).toEqual(before);
  });

  it('has the signature that was kept with it, and sums of that too', async () => {
    writeFileSync(join(root, '.repackenv/acme/generations/1/manifest.json.sig'), 'signed');
    const { rt: inner, dir } = await openWholeFolder(rt, given);
    expect(await inner.fs.readText(join(dir, 'manifest.json.sig'))).toBe('signed');
    expect(await inner.fs.readText(join(dir, 'SHA256SUMS'))).toContain(`${sha('signed')}  manifest.json.sig\n`);
  });

  it('is read from what is kept where the label folder has no manifest', async () => {
    rmSync(join(root, 'acme/manifest.json'));
    const { missing } = await openFolder(rt, given);
    expect(missing.map(({ path }) => path)).toEqual(['linux-64/b-1-0.conda', 'noarch/n-1-0.conda']);
  });

  it('of a folder on disk is that folder', async () => {
    const dir = join(root, 'acme');
    expect(await openFolder(rt, dir)).toEqual({ rt, dir, named: undefined, missing: [] });
    expect((await openWholeFolder(rt, dir)).dir).toBe(dir);
  });

  it('lacks what is neither in the pool nor in the label folder, by size too', async () => {
    writeFileSync(poolPath(root, sha('a one')), 'a one and more');
    const { rt: inner, dir, missing } = await openFolder(rt, given);
    expect(missing.map(({ path }) => path)).toEqual(['linux-64/a-1-0.conda']);
    const names = (await inner.fs.readdir(join(dir, 'linux-64'))).map(({ name }) => name);
    expect(names).not.toContain('a-1-0.conda');
    await expect(openWholeFolder(rt, given)).rejects.toMatchObject({
      code: 'E_ARTIFACT_MISSING',
      what: expect.stringMatching(/^Generation 1 of acme .*: 1 of 9 files is neither/) as string,
      where: given,
      details: ['linux-64/a-1-0.conda: in no channel'],
    });
  });

  it('lacks the other forms of an index whose packed one is gone, or has other bytes', async () => {
    const packed = join(root, '.repackenv', 'acme', 'generations', '1', 'linux-64', 'repodata.json.zst');
    const lost = async () => (await openFolder(rt, given)).missing.map(({ path }) => path);
    const other = readFileSync(packed);
    const plain = Buffer.from(await zstdDecompress(other, { maxBytes: 100_000 })).toString();
    const altered = [...'0123456789abcdef'].map((digit) =>
      zstdCompress(Buffer.from(plain.replace(/(?<="sha256":")./, digit)), 1),
    );
    const alike = (await Promise.all(altered)).find((bytes) => bytes.length === other.length && !other.equals(bytes));
    for (const bytes of [Buffer.alloc(other.length), alike!]) {
      writeFileSync(packed, bytes);
      expect(await lost()).toEqual(['linux-64/repodata.json', 'linux-64/repodata.json.bz2']);
    }
    rmSync(packed);
    expect(await lost()).toEqual([
      'linux-64/repodata.json',
      'linux-64/repodata.json.bz2',
      'linux-64/repodata.json.zst',
    ]);
  });

  it('is whole or not, for who only asks', async () => {
    const generations = await listGenerations(rt, place());
    const whole = async () => {
      const ask = await wholeness(rt, place());
      return Object.fromEntries(
        await Promise.all(generations.map(async (each) => [each.generation, await ask(each)] as const)),
      );
    };
    expect(await whole()).toEqual({ 1: true, 2: true });
    rmSync(poolPath(root, sha('a one')));
    expect(await whole()).toEqual({ 1: false, 2: true });
    rmSync(join(root, 'acme', 'noarch', 'n-1-0.conda'));
    expect(await whole()).toEqual({ 1: false, 2: false });
  });

  it.each<[what: string, meddle: (generations: string) => void, whole: [boolean, boolean]]>([
    ['bytes of another size', () => writeFileSync(poolPath(root, sha('a one')), 'more'), [false, true]],
    [
      'a folder in place of a file',
      () => (rmSync(join(root, 'acme/linux-64/a-2-0.conda')), mkdirSync(join(root, 'acme/linux-64/a-2-0.conda'))),
      [true, false],
    ],
    ['no manifest', (dir) => rmSync(join(dir, '1/manifest.json')), [false, true]],
    // The same index is in both, and in the label folder.
    [
      'no packed index, though a later one has the same',
      (dir) => (rmSync(join(dir, '1', PACKED)), rmSync(join(root, 'acme', PACKED))),
      [false, true],
    ],
    ['no packed index but in the label folder', (dir) => rmSync(join(dir, '2', PACKED)), [true, true]],
  ])('is not whole with %s', async (_what, meddle, [first, second]) => {
    meddle(join(root, '.repackenv/acme/generations'));
    const ask = await wholeness(rt, place());
    const whole = [];
    for (const each of await listGenerations(rt, place())) whole.push([each.generation, await ask(each)]);
    expect(whole).toEqual([
      [1, first],
      [2, second],
    ]);
  });

  it('looks once for bytes that many generations have', async () => {
    const { fs, calls } = faultFs(() => undefined);
    const ask = await wholeness({ fs }, place());
    for (const each of await listGenerations(rt, place())) expect(await ask(each)).toBe(true);
    const looks = (text: string) =>
      calls.filter(({ name, args }) => name === 'lstat' && args[0] === poolPath(root, sha(text))).length;
    expect(['a one', 'a two', 'b', 'n'].map(looks)).toEqual([1, 1, 1, 1]);
  });

  it('says of what is missing whence it may come', async () => {
    await publishTiny(testRuntime({ clock: rt.clock, machine: { randomId: () => 'other' } }), {
      root,
      label: 'other',
      packages: { 'linux-64/z-1-0.conda': 'a one' },
    });
    const file = (path: string, more: object): Manifest['files'][number] =>
      ({ path, kind: 'artifact', size: 1, sha256: sha(path), md5: '', ...more }) as Manifest['files'][number];
    mkdirSync(join(root, 'bare', 'noarch'), { recursive: true });
    const lines = await whereFrom(rt, { place: place() }, [
      file('linux-64/a-1-0.conda', { sha256: sha('a one') }),
      file('noarch/repodata.json.zst', { kind: 'index' }),
      file('noarch/x-1-0.conda', { channel: 'https://h/c' }),
      file('noarch/y-1-0.conda', { channel: null }),
      ...Array.from({ length: 20 }, (_, at) => file(`noarch/z${at}-1-0.conda`, {})),
    ]);
    expect(lines.slice(0, 5)).toEqual([
      `linux-64/a-1-0.conda: ${join('other', 'linux-64', 'z-1-0.conda')} has the same bytes`,
      'noarch/repodata.json.zst: indexes lie in .repackenv/acme/generations only',
      'noarch/x-1-0.conda: came from https://h/c/noarch/x-1-0.conda',
      'noarch/y-1-0.conda: in no channel',
      'noarch/z0-1-0.conda: in no channel',
    ]);
    expect(lines).toHaveLength(20);
  });
});

describe('the disk with a folder that is not there', () => {
  const text = 'hello world';
  const open = () => {
    const disk = testRuntime().fs;
    const real = folderOfTest();
    writeFileSync(join(real, 'kept'), 'kept bytes');
    mkdirSync(join(real, 'acme@1-other'));
    writeFileSync(join(real, 'acme@1-other', 'x'), 'of the disk');
    const dir = join(real, 'acme@1');
    const files = new Map<string, () => Promise<{ bytes: Uint8Array } | { file: string } | undefined>>([
      ['manifest.json', async () => ({ bytes: Buffer.from(text) })],
      ['noarch/deep/x', async () => ({ file: join(real, 'kept') })],
      ['noarch/gone', async () => undefined],
    ]);
    return { fs: overlay(disk, { dir, stateDir: real, files }), disk, dir, real };
  };
  const code = (value: string) => expect.objectContaining({ code: value }) as Error;

  it('knows its files and folders in every call that reads', async () => {
    const { fs, disk, dir, real } = open();
    expect(await fs.readText(join(dir, 'manifest.json'))).toBe(text);
    expect((await fs.readFile(join(dir, 'noarch', 'deep', 'x'))).toString()).toBe('kept bytes');
    for (const stat of [fs.stat, fs.lstat]) {
      const file = await stat(join(dir, 'manifest.json'));
      expect([file.isFile(), file.isDirectory(), file.isSymbolicLink(), file.size, file.nlink]).toEqual([
        true,
        false,
        false,
        11,
        1,
      ]);
      expect((await stat(dir)).isDirectory()).toBe(true);
      expect((await stat(join(dir, 'noarch', 'deep', 'x'))).ino).toBe((await disk.lstat(join(real, 'kept'))).ino);
      await expect(stat(join(dir, 'other'))).rejects.toEqual(code('ENOENT'));
      await expect(stat(join(dir, 'noarch', 'gone'))).rejects.toEqual(code('ENOENT'));
    }
    const exact = await fs.lstatExact(join(dir, 'manifest.json'));
    const plain = await fs.lstat(join(dir, 'manifest.json'));
    expect(exact).toMatchObject({ size: 11n, ino: BigInt(plain.ino), dev: BigInt(plain.dev) });
    expect([exact.mtimeMs, exact.ctimeMs]).toEqual([exact.mtimeNs / 1_000_000n, exact.ctimeNs / 1_000_000n]);
    expect(Number(exact.mtimeNs) / 1e6).toBeCloseTo(plain.mtimeMs, 0);
    expect((await fs.lstatExact(join(dir, 'noarch'))).ino).toBe((await disk.lstatExact(real)).ino);
    expect((await fs.lstatExact(join(dir, 'noarch', 'deep', 'x'))).size).toBe(10n);
    expect(await fs.realpath(join(dir, 'noarch'))).toBe(join(dir, 'noarch'));
    expect(await fs.realpath(join(dir, 'manifest.json'))).toBe(join(dir, 'manifest.json'));
    await expect(fs.realpath(join(dir, 'other'))).rejects.toEqual(code('ENOENT'));
  });

  it('lists what lies in it', async () => {
    const { fs, dir } = open();
    const listed = (await fs.readdir(dir)).map((entry) => [
      entry.name,
      entry.isFile(),
      entry.isDirectory(),
      entry.isSymbolicLink(),
      entry.parentPath,
    ]);
    expect(listed).toEqual([
      ['manifest.json', true, false, false, dir],
      ['noarch', false, true, false, dir],
    ]);
    expect((await fs.readdir(join(dir, 'noarch', 'deep'))).map(({ name }) => name)).toEqual(['x']);
    await expect(fs.readdir(join(dir, 'other'))).rejects.toEqual(code('ENOENT'));
  });

  it('opens bytes at any position, and what lies on disk as it lies there', async () => {
    const { fs, dir } = open();
    const handle = await fs.openNoFollow(join(dir, 'manifest.json'));
    const into = Buffer.alloc(8, '.');
    expect((await handle.read(into, 2, 3, 6)).bytesRead).toBe(3);
    expect(into.toString()).toBe('..wor...');
    expect((await handle.read(into, 0, 8, 9)).bytesRead).toBe(2);
    expect((await handle.readFile()).toString()).toBe(text);
    expect((await handle.stat()).size).toBe(11);
    expect((await handle.stat({ bigint: true })).size).toBe(11n);
    await handle.close();
    const real = await fs.openNoFollow(join(dir, 'noarch', 'deep', 'x'));
    expect((await real.readFile()).toString()).toBe('kept bytes');
    await real.close();
    await expect(fs.openNoFollow(join(dir, 'noarch'))).rejects.toEqual(code('EISDIR'));
    await expect(fs.readFile(dir)).rejects.toEqual(code('EISDIR'));
  });

  it('leaves all else to the disk: a folder whose name begins alike, and the way out', async () => {
    const { fs, dir, real } = open();
    expect(await fs.readText(join(real, 'acme@1-other', 'x'))).toBe('of the disk');
    expect((await fs.readFile(join(dir, '..', 'kept'))).toString()).toBe('kept bytes');
    expect((await fs.readdir(real)).map(({ name }) => name).sort()).toEqual(['acme@1-other', 'kept']);
    expect((await fs.lstat(real)).isDirectory()).toBe(true);
    expect((await fs.stat(join(real, 'kept'))).size).toBe(10);
    expect((await fs.lstatExact(join(real, 'kept'))).size).toBe(10n);
    const handle = await fs.openNoFollow(join(real, 'kept'));
    await handle.close();
    await expect(fs.readFile(join(real, 'none'))).rejects.toEqual(code('ENOENT'));
  });
});
