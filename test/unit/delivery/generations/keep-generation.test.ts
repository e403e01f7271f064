import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestsOf } from '../../../../src/codec/digests.js';
import { lastGeneration, nameGeneration } from '../../../../src/delivery/generations/keep-generation.js';
import { writeReceipt } from '../../../../src/delivery/receipts.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { failWhere, faultFs } from '../../../helpers/fault-fs.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { digests, publishTiny, type TinyResult, type TinySet } from '../../../helpers/tiny-channel.js';

const FIRST: TinySet = { 'linux-64/a-1-0.conda': 'a one', 'noarch/n-1-0.conda': 'n one' };
const SECOND: TinySet = { 'linux-64/a-2-0.conda': 'a two', 'noarch/n-1-0.conda': 'n one' };
const KEPT = ['linux-64/repodata.json.zst', 'manifest.json', 'noarch/repodata.json.zst'];

let root: string;
const rt = testRuntime();
const stateDir = (): string => join(root, '.repackenv/acme');
const kept = (generation: number): string => join(stateDir(), 'generations', String(generation));
const receiptOf = async (generation: number): Promise<unknown> =>
  JSON.parse(await readFile(join(kept(generation), 'receipt.json'), 'utf8'));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'repackenv-generations-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** What is kept of this generation is what the label folder has now, but for its receipt. */
async function expectAsLive({ labelDir, receipt }: Pick<TinyResult, 'labelDir' | 'receipt'>): Promise<void> {
  const { 'receipt.json': _receipt, ...files } = await digests(kept(receipt.generation));
  const live = await digests(labelDir);
  expect(files).toEqual(Object.fromEntries(KEPT.map((path) => [path, live[path]])));
}

describe('D15 generations are kept', () => {
  it('each with its manifest, its packed indexes and the receipt of its first publication', async () => {
    const first = await publishTiny(rt, { root, packages: FIRST });
    await expectAsLive(first);
    const second = await publishTiny(rt, { root, packages: SECOND });
    await expectAsLive(second);
    expect((await readdir(join(stateDir(), 'generations'))).sort()).toEqual(['1', '2']);
    expect([await receiptOf(1), await receiptOf(2)]).toEqual([first.receipt, second.receipt]);
  });

  it('an unchanged run adds nothing', async () => {
    await publishTiny(rt, { root, packages: FIRST });
    const before = await digests(join(stateDir(), 'generations'));
    await publishTiny(rt, { root, packages: FIRST });
    expect(await digests(join(stateDir(), 'generations'))).toEqual(before);
  });

  it('with keep 0 nothing but the receipt', async () => {
    await publishTiny(rt, { root, packages: FIRST, keep: 0 });
    await publishTiny(rt, { root, packages: SECOND, keep: 0 });
    expect(await readdir(stateDir())).not.toContain('generations');
    expect((await readdir(join(stateDir(), 'receipts'))).sort()).toEqual(['1.json', '2.json']);
  });

  it.each([
    ['with its receipt', (): Promise<void> => Promise.resolve()],
    ['without one', () => rm(join(stateDir(), 'receipts'), { recursive: true })],
  ])('the one that an older version published is kept at the next publication, %s', async (_with, before) => {
    const first = await publishTiny(rt, { root, packages: FIRST, keep: 0 });
    const live = await digests(first.labelDir);
    await before();
    await publishTiny(rt, { root, packages: SECOND });
    const { 'receipt.json': receipt, ...files } = await digests(kept(1));
    expect(files).toEqual(Object.fromEntries(KEPT.map((path) => [path, live[path]])));
    if (receipt !== undefined) expect(await receiptOf(1)).toEqual(first.receipt);
  });

  it('of an older one whose manifest and index were damaged: what is as it was published', async () => {
    const first = await publishTiny(rt, { root, packages: FIRST, keep: 0 });
    const manifest = await readFile(join(first.labelDir, 'manifest.json'));
    await writeFile(join(first.labelDir, 'manifest.json'), '');
    await writeFile(join(first.labelDir, 'noarch/repodata.json.zst'), 'somebody');
    await publishTiny(rt, { root, packages: SECOND });
    expect(await readFile(join(kept(1), 'manifest.json'))).toEqual(manifest);
    expect(Object.keys(await digests(kept(1)))).toEqual([
      'linux-64/repodata.json.zst',
      'manifest.json',
      'receipt.json',
    ]);
  });

  it('A number is never used twice: receipts and kept generations count, whatever lies in the folder', async () => {
    const { receipt } = await publishTiny(rt, { root, packages: FIRST });
    await publishTiny(rt, { root, packages: SECOND });
    expect(await lastGeneration(rt, stateDir())).toBe(2);
    await rm(join(stateDir(), 'generations'), { recursive: true });
    expect(await lastGeneration(rt, stateDir())).toBe(2);
    await writeReceipt(rt, stateDir(), { ...receipt, generation: 7, startedAt: 'later' });
    expect(await lastGeneration(rt, stateDir())).toBe(7);
    await rm(stateDir(), { recursive: true });
    expect(await lastGeneration(rt, stateDir())).toBe(0);
  });
});

describe('D15 a generation that is published again', () => {
  /** As a signature or another index format does it: other files, the same content. */
  async function again(change: 'signed' | 'unsigned' | 'other channel'): Promise<TinyResult> {
    return publishTiny(rt, {
      root,
      packages: change === 'other channel' ? SECOND : FIRST,
      beforePublish: async (staged) => {
        const text = `${await readFile(join(staged.dir, 'manifest.json'), 'utf8')}\n`;
        const renumbered = text
          .replace('"generation": 2', '"generation": 1')
          .replace(/"previous": "\w+"/, '"previous": null');
        const put = async (path: string, kind: 'manifest' | 'signature', bytes: Buffer): Promise<void> => {
          await writeFile(join(staged.dir, path), bytes);
          const there = staged.files.find((file) => file.path === path);
          const file = there ?? { path, kind, mtimeMs: 2_000_000_000_000 };
          Object.assign(file, { ...digestsOf(bytes), change: there === undefined ? 'added' : 'changed' });
          if (there === undefined) (staged.files as unknown[]).push(file);
        };
        await put('manifest.json', 'manifest', Buffer.from(renumbered));
        Object.assign(staged.manifest, { generation: 1 });
        if (change === 'signed') await put('manifest.json.sig', 'signature', Buffer.from('signature'));
      },
    });
  }

  it('gets the newer files, and its first receipt names them; a signature that is gone goes', async () => {
    const first = await publishTiny(rt, { root, packages: FIRST });
    const signed = await again('signed');
    expect(await digests(kept(1))).toMatchObject({
      'manifest.json': (await digests(signed.labelDir))['manifest.json'],
      'manifest.json.sig': (await digests(signed.labelDir))['manifest.json.sig'],
    });
    expect(await receiptOf(1)).toEqual({ ...first.receipt, manifestSha256: signed.receipt.manifestSha256 });
    await again('unsigned');
    expect(Object.keys(await digests(kept(1)))).toEqual([
      ...KEPT.slice(0, 2),
      'noarch/repodata.json.zst',
      'receipt.json',
    ]);
    expect(await readdir(join(stateDir(), 'generations'))).toEqual(['1']);
  });

  it('with another content, as an import may bring it, is not kept in its place, and that is said', async () => {
    await publishTiny(rt, { root, packages: FIRST });
    const before = await digests(kept(1));
    rt.collected.length = 0;
    await again('other channel');
    expect(await digests(kept(1))).toEqual(before);
    expect(rt.collected).toContainEqual(
      expect.objectContaining({
        finding: {
          code: 'generation-not-kept',
          subject: kept(1),
          message: expect.stringContaining('generation 1 is kept already') as string,
          exit: false,
        },
      }),
    );
  });
});

describe('D15 keeping a generation', () => {
  /** A copy of ROOT at the moment of a step of the second publication. */
  async function killedAt(step: string): Promise<string> {
    const copy = tempDir();
    await publishTiny(rt, { root, packages: FIRST });
    const watching = testRuntime({
      clock: rt.clock,
      machine: { randomId: () => 'killed' },
      reach: (at) =>
        at === step ? cp(root, copy, { recursive: true, preserveTimestamps: true, force: true }) : undefined,
    });
    await publishTiny(watching, { root, packages: SECOND });
    await rm(join(copy, '.repackenv/acme/lock'), { recursive: true });
    return copy;
  }

  it('is on disk before the journal is: files first, then their folders', async () => {
    const { fs, calls } = faultFs(() => undefined);
    await publishTiny(testRuntime({ fs, clock: rt.clock }), { root, packages: FIRST });
    const journal = calls.findIndex(({ name, args }) => name === 'rename' && String(args[1]).endsWith('journal.json'));
    const before = calls.slice(0, journal);
    const synced = (name: string, end: string): number =>
      before.findIndex((call) => call.name === name && String(call.args[0]).endsWith(end));
    for (const path of KEPT) {
      const file = synced('syncFile', `/generation/${path}`);
      const folder = synced('syncDir', `/${dirname(join('generation', path))}`);
      expect(file, path).toBeGreaterThan(0);
      expect(folder, path).toBeGreaterThan(file);
    }
    const named = calls.findIndex(({ name, args }) => name === 'rename' && String(args[1]).endsWith('generations/1'));
    const rest = calls
      .slice(named)
      .filter(({ name }) => name === 'syncDir')
      .map(({ args }) => args[0]);
    expect(rest).toContain(join(stateDir(), 'generations'));
  });

  it('a run that was killed after it got its number, and before that was noted, ends as if it had not been', async () => {
    const whole = async (of: string): Promise<unknown> => {
      const { 'receipt.json': _receipt, ...files } = await digests(join(of, '.repackenv/acme/generations/2'));
      return files;
    };
    const copy = await killedAt('publish:generation-named');
    const there = await whole(copy);
    const { recovery } = await publishTiny(testRuntime({ clock: rt.clock }), { root: copy, packages: SECOND });
    expect(recovery.outcome).toBe('finished');
    expect(await whole(copy)).toEqual(there);
    expect((await readdir(join(copy, '.repackenv/acme/generations'))).sort()).toEqual(['1', '2']);
  });

  it('whose folder the disk does not show is not taken for none', async () => {
    await publishTiny(rt, { root, packages: FIRST });
    const { fs } = faultFs(failWhere(({ name, args }) => name === 'lstat' && args[0] === kept(1), 'EIO'));
    const run = publishTiny(testRuntime({ fs, clock: rt.clock }), { root, packages: SECOND });
    await expect(run).rejects.toMatchObject({ code: 'E_DISK', what: expect.stringContaining('EIO') as string });
    expect(await readdir(join(stateDir(), 'generations'))).toEqual(['1']);
  });

  it('of an older version whose manifest is lost, in the folder and beside it, is not made up', async () => {
    const { labelDir } = await publishTiny(rt, { root, packages: FIRST, keep: 0 });
    await publishTiny(rt, {
      root,
      packages: SECOND,
      beforePublish: async () => {
        for (const dir of [labelDir, stateDir()]) {
          const { atime, mtime, size } = await stat(join(dir, 'manifest.json'));
          await writeFile(join(dir, 'manifest.json'), ' '.repeat(size));
          await utimes(join(dir, 'manifest.json'), atime, mtime);
        }
      },
    });
    expect(await readdir(join(stateDir(), 'generations'))).toEqual(['2']);
  });

  it('of an older version that has lost an index has the others', async () => {
    const { labelDir } = await publishTiny(rt, { root, packages: FIRST, keep: 0 });
    await rm(join(labelDir, 'noarch/repodata.json.zst'));
    await publishTiny(rt, { root, packages: SECOND });
    expect(Object.keys(await digests(kept(1)))).toEqual([
      'linux-64/repodata.json.zst',
      'manifest.json',
      'receipt.json',
    ]);
  });

  it('has what did not change from the label folder: it is not staged', async () => {
    await publishTiny(rt, { root, packages: FIRST });
    const second = await publishTiny(rt, {
      root,
      packages: SECOND,
      beforePublish: async ({ dir, files }) => {
        for (const { path, change } of files) if (change === 'unchanged') await rm(join(dir, path));
      },
    });
    await expectAsLive(second);
  });

  it('that gets newer files: they are on disk; done again after a crash, its signature stays', async () => {
    const { receipt } = await publishTiny(rt, { root, packages: FIRST });
    const stagingDir = join(stateDir(), 'staging/run');
    const newer = {
      'manifest.json': 'm',
      'manifest.json.sig': 's',
      'noarch/repodata.json.zst': 'z',
      'osx-64/repodata.json.zst': 'o',
    };
    for (const [path, text] of Object.entries(newer)) {
      await mkdir(dirname(join(stagingDir, 'generation', path)), { recursive: true });
      await writeFile(join(stagingDir, 'generation', path), text);
    }
    const naming = { stateDir: stateDir(), stagingDir, receipt: { ...receipt, manifestSha256: 'newer' } };
    const { fs, calls } = faultFs(failWhere(({ name, args }) => name === 'syncDir' && args[0] === kept(1), 'EIO', 1));
    await expect(nameGeneration(testRuntime({ fs }), naming)).rejects.toMatchObject({ code: 'EIO' });
    expect(calls.filter(({ name }) => name === 'syncDir').map(({ args }) => args[0])).toEqual([
      join(kept(1), 'noarch'),
      join(kept(1), 'osx-64'),
      kept(1),
    ]);
    await nameGeneration(rt, naming);
    for (const [path, text] of Object.entries(newer)) expect(await readFile(join(kept(1), path), 'utf8')).toBe(text);
    expect(await receiptOf(1)).toEqual({ ...receipt, manifestSha256: 'newer' });
  });

  it('of an older version that is signed has its signature too', async () => {
    const { labelDir } = await publishTiny(rt, { root, packages: FIRST, keep: 0 });
    await writeFile(join(labelDir, 'manifest.json.sig'), 'signature');
    await publishTiny(rt, { root, packages: SECOND });
    expect(await readFile(join(kept(1), 'manifest.json.sig'), 'utf8')).toBe('signature');
  });
});
