import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { changesBetween, snapshot } from '../../../../scripts/lib/snapshot.js';
import { importMedia } from '../../../../src/jobs/import/import.js';
import { checkSignature } from '../../../../src/media/import/signature.js';
import { parseSiteReceipt } from '../../../../src/media/set/headers.js';
import type { RepackError } from '../../../../src/base/errors.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { bytesBelow, tempDir } from '../../../helpers/artifacts.js';
import { faultFs } from '../../../helpers/fault-fs.js';
import { callDoctor } from '../../../helpers/doctor-call.js';
import { importAt, importRequest, makeGenerations, siteRuntime } from '../../../helpers/import-site.js';
import { publishSamples, samplePackage } from '../../../helpers/label-folders.js';
import { makeMedium } from '../../../helpers/media.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { breaches } from '../../../helpers/tiny-channel.js';

let work: string;
let dirs: string[];
/** Media by name: g1, g2, g3 (full), g1-2, g2-3, g1-3 (deltas). */
let media: Record<string, string>;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'repackenv-import-'));
  ({ dirs } = await makeGenerations(work));
  const since = (generation: number): Uint8Array => readFileSync(join(dirs[generation - 1]!, 'manifest.json'));
  media = {};
  for (const at of [1, 2, 3])
    media[`g${at}`] = (await makeMedium({ channel: dirs[at - 1]!, out: join(work, `m-g${at}`), parts: at })).dir;
  for (const [from, to] of [
    [1, 2],
    [2, 3],
    [1, 3],
  ] as const)
    media[`g${from}-${to}`] = (
      await makeMedium({
        channel: dirs[to - 1]!,
        out: join(work, `m-g${from}-${to}`),
        since: since(from),
        zstd: from === 2,
      })
    ).dir;
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

let root: string;
beforeEach(() => {
  root = join(tempDir(), 'site');
});

const site = (): string => join(root, 'acme');
const expectGeneration = (generation: number): void => {
  expect(bytesBelow(site())).toEqual(bytesBelow(dirs[generation - 1]!));
};

describe('an import', () => {
  it.each([
    ['one archive', {}],
    ['three parts', { parts: 3 }],
    ['packed parts', { zstd: true, parts: 2 }],
  ])('of %s is the sender’s folder byte for byte, its packages with the sender’s times', async (_title, options) => {
    const made = await makeMedium({ channel: dirs[2]!, out: join(tempDir(), 'usb'), ...options });
    const before = snapshot(made.dir);
    const report = await importAt(root, made.dir);
    expect(report).toMatchObject({
      job: 'import',
      label: 'acme',
      generation: 3,
      before: null,
      unchanged: false,
      sets: [{ name: 'acme-g3', kind: 'full', signature: 'absent' }],
      findings: [],
    });
    expectGeneration(3);
    for (const path of readdirSync(dirs[2]!, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.(conda|bz2)$/.test(name),
    )) {
      if (path.includes('repodata')) continue;
      expect(statSync(join(site(), path)).mtimeMs, path).toBe(statSync(join(dirs[2]!, path)).mtimeMs);
    }
    expect(snapshot(made.dir)).toEqual(before);
    expect(readdirSync(join(root, '.repackenv/acme/staging'))).toEqual([]);
  });

  it('leaves a receipt that the sender can make a delta from, and a copy where it is asked for', async () => {
    const to = tempDir();
    const report = await importAt(root, media['g2']!, { receipt: to });
    expect(report.receipts).toEqual([
      join(root, '.repackenv/acme/site-receipts/g2.json'),
      join(to, 'acme-g2.receipt.json'),
    ]);
    const receipt = parseSiteReceipt(readFileSync(report.receipts[1]!), 'receipt');
    expect(receipt).toMatchObject({
      label: 'acme',
      generation: 2,
      host: 'site-host',
      verified: { signature: 'absent' },
    });
    expect(receipt.manifest).toEqual(JSON.parse(readFileSync(join(dirs[1]!, 'manifest.json'), 'utf8')));
    expect(receipt.imported_at).toMatch(/^2027-06-01T/);
  });

  it('says that the set is in place where the copy of the receipt could not be written', async () => {
    const to = join(root, 'back.json');
    // Where the copy is written first.
    mkdirSync(`${to}.new`, { recursive: true });
    await expect(importAt(root, media['g1']!, { receipt: to })).rejects.toMatchObject({
      code: 'E_DISK',
      what: expect.stringContaining('Generation 1 of acme is in place') as string,
      hint: expect.stringContaining(join(root, '.repackenv/acme/site-receipts/g1.json')) as string,
    });
    expect(existsSync(join(root, 'acme/manifest.json'))).toBe(true);
  });

  it('refuses a place for the receipt that is not there, before anything', async () => {
    await expect(importAt(root, media['g1']!, { receipt: join(root, 'a/b/c.json') })).rejects.toMatchObject({
      code: 'E_USAGE',
    });
    expect(existsSync(root)).toBe(false);
  });

  it('as a dry run says what would change and writes nothing', async () => {
    const report = await importAt(root, media['g1']!, { dryRun: true });
    expect(report).toMatchObject({ dryRun: true, before: null, generation: 1, bytesWritten: 0, receipts: [] });
    expect(report.changes.added).toHaveLength(6);
    expect(existsSync(root)).toBe(false);
    await importAt(root, media['g1']!);
    const before = snapshot(root);
    const delta = await importAt(root, media['g1-2']!, { dryRun: true });
    expect(delta.changes.upgraded).toEqual([{ name: 'a', subdir: 'linux-64', from: '1.0', to: '2.0' }]);
    expect(changesBetween(before, snapshot(root))).toEqual([]);
  });

  it('G7 says that the folder was signed where the set that replaces it is not', async () => {
    await importAt(root, media['g1']!);
    writeFileSync(join(site(), 'manifest.json.sig'), 'a signature');
    const again = await importAt(root, media['g1']!);
    expect(again.findings).toEqual([]);
    const gone = { code: 'signature-gone', exit: false, warn: true, message: expect.stringContaining('acme-g1-to-g2') };
    for (const dryRun of [true, false]) {
      expect((await importAt(root, media['g1-2']!, { dryRun })).findings).toEqual([expect.objectContaining(gone)]);
    }
    expect(existsSync(join(site(), 'manifest.json.sig'))).toBe(false);
    expect((await importAt(root, media['g3']!)).findings).toEqual([]);
  });

  it('puts right what was damaged at the site, and moves nothing else', async () => {
    await importAt(root, media['g2']!);
    const before = snapshot(site());
    unlinkSync(join(site(), 'noarch/n-1.0-0.conda'));
    writeFileSync(join(site(), 'linux-64/a-2.0-0.conda'), 'damaged');
    const report = await importAt(root, media['g2']!);
    expect(report.unchanged).toBe(false);
    expect(changesBetween(before, snapshot(site()))).toEqual(['touched  linux-64/a-2.0-0.conda']);
  });

  it('carries side files and a bz2 index', async () => {
    const dir = tempDir();
    const sample = await samplePackage('a', '1.0', { subdir: 'linux-64' });
    const bytes = Buffer.from('an installer');
    writeFileSync(join(dir, 'installer'), bytes);
    const digest = (name: string): string => createHash(name).update(bytes).digest('hex');
    const side = (path: string) => ({
      path,
      storePath: join(dir, 'installer'),
      size: bytes.length,
      sha256: digest('sha256'),
      md5: digest('md5'),
    });
    const vendor = await publishSamples(testRuntime(), {
      root: join(dir, 'vendor'),
      packages: [sample],
      side: [side('installers/Miniforge3.sh'), side('linux-64/a-1.0-0.conda.v0.sigs')],
      bz2: true,
    });
    const made = await makeMedium({ channel: vendor, out: join(dir, 'usb'), zstd: true });
    await importAt(root, made.dir);
    expect(bytesBelow(site())).toEqual(bytesBelow(vendor));
    expect(readFileSync(join(site(), 'installers/Miniforge3.sh'), 'utf8')).toBe('an installer');
    expect(await importAt(root, made.dir)).toMatchObject({ unchanged: true });
  });
});

describe('G8 deltas', () => {
  it.each([
    [['g1', 'g1-2', 'g2-3']],
    [['g1', 'g1-3']],
    [['g2', 'g2-3']],
    [['g1', 'g2', 'g2-3']],
    [['g1', 'g1-2', 'g3']],
    [['g3']],
  ])('%j, each applied twice, end the same', async (way) => {
    for (const name of way) {
      await importAt(root, media[name]!);
      const before = snapshot(site());
      const again = await importAt(root, media[name]!);
      expect(again).toMatchObject({ unchanged: true, bytesWritten: 0 });
      expect(changesBetween(before, snapshot(site()))).toEqual([]);
      expect(await breaches(site())).toEqual([]);
    }
    expectGeneration(3);
  });

  it('several deltas in one folder are applied in their order, whatever it is there', async () => {
    const stick = tempDir();
    for (const name of ['g2-3', 'g1-2', 'g1']) cpSync(media[name]!, stick, { recursive: true });
    const report = await importAt(root, stick);
    expect(report.sets.map(({ name }) => name)).toEqual(['acme-g1', 'acme-g1-to-g2', 'acme-g2-to-g3']);
    expectGeneration(3);
    expect(readdirSync(join(root, '.repackenv/acme/site-receipts')).sort()).toEqual(['g1.json', 'g2.json', 'g3.json']);
    expect(await importAt(root, stick)).toMatchObject({ unchanged: true });
  });

  it.each([
    ['a full set and two deltas into an empty site', [], ['g1', 'g1-2', 'g2-3'], 'g3'],
    ['two deltas onto what is there', ['g1'], ['g1-2', 'g2-3'], 'g1-3'],
  ])('%s: the report tells the change from the folder before to the folder after', async (_title, before, way, one) => {
    const stick = tempDir();
    for (const name of way) cpSync(media[name]!, stick, { recursive: true });
    const other = join(tempDir(), 'site');
    for (const name of before) for (const place of [root, other]) await importAt(place, media[name]!);
    const rehearsed = await importAt(root, stick, { dryRun: true });
    const { sets, changes, leaving, unchanged } = await importAt(root, stick);
    const inOneStep = await importAt(other, media[one]!);
    expect(sets).toHaveLength(way.length);
    expect({ changes, leaving, unchanged }).toEqual({
      changes: inOneStep.changes,
      leaving: inOneStep.leaving,
      unchanged: false,
    });
    expect(rehearsed).toMatchObject({ changes, leaving, unchanged });
  });

  it('the shortest way over what is there is taken', async () => {
    const stick = tempDir();
    for (const name of ['g2-3', 'g1-2', 'g1-3', 'g3']) cpSync(media[name]!, stick, { recursive: true });
    await importAt(root, media['g1']!);
    expect((await importAt(root, stick, { dryRun: true })).sets.map(({ name }) => name)).toEqual(['acme-g1-to-g3']);
    expect((await importAt(root, stick)).sets.map(({ name }) => name)).toEqual(['acme-g1-to-g3']);
    expectGeneration(3);
  });

  it.each([
    ['nothing there', [], 'g1-2', 'E_WRONG_BASE', /no channel of ours in the label folder[\s\S]*full set first/],
    [
      'a delta skipped',
      ['g1'],
      'g2-3',
      'E_WRONG_BASE',
      /generation 1: a delta between was skipped[\s\S]*from generation 1 to 2/,
    ],
    ['another base', ['g2'], 'g1-3', 'E_WRONG_BASE', /already of generation 2[\s\S]*from generation 2/],
    [
      'a delta to what is long past',
      ['g3'],
      'g1-2',
      'E_ROLLBACK',
      /generation 2, and the label folder is of generation 3 already/,
    ],
    [
      'an older full set',
      ['g3'],
      'g2',
      'E_ROLLBACK',
      /generation 2, and the label folder is of generation 3[\s\S]*--allow-rollback/,
    ],
  ])('%s: refused with %s then %s: %s', async (_title, before, next, code, says) => {
    for (const name of before) await importAt(root, media[name]!);
    const was = snapshot(root);
    const error = await importAt(root, media[next]!).then(
      () => undefined,
      (thrown: unknown) => thrown as RepackError,
    );
    expect(error).toMatchObject({ code });
    expect([error!.what, error!.hint, ...error!.details].join('\n')).toMatch(says);
    expect(changesBetween(was, snapshot(root))).toEqual([]);
    await expect(importAt(root, media[next]!, { dryRun: true })).rejects.toMatchObject({ code });
  });

  it('an older full set is taken with --allow-rollback', async () => {
    await importAt(root, media['g3']!);
    expect(await importAt(root, media['g1']!, { allowRollback: true })).toMatchObject({ before: 3, generation: 1 });
    expectGeneration(1);
  });

  it('another channel of the same generation is refused like a rollback', async () => {
    const dir = tempDir();
    const other = await publishSamples(testRuntime(), {
      root: join(dir, 'other'),
      packages: [await samplePackage('z', '1.0')],
    });
    const made = await makeMedium({ channel: other, out: join(dir, 'usb') });
    await importAt(root, media['g1']!);
    await expect(importAt(root, made.dir)).rejects.toMatchObject({ code: 'E_ROLLBACK' });
    await expect(importAt(root, media['g1-2']!)).resolves.toMatchObject({ generation: 2 });
  });

  it('onto a folder that doctor --repair made another channel: refused, said so, and a full set mends it', async () => {
    await importAt(root, media['g1']!);
    unlinkSync(join(site(), 'linux-64/b-1.0-0.tar.bz2'));
    const repaired = await callDoctor(site(), { repair: true });
    expect(repaired.generation).toBe(2);
    for (const next of ['g1-2', 'g2']) {
      const error = (await importAt(root, media[next]!).catch((thrown: unknown) => thrown)) as RepackError;
      expect(error).toMatchObject({ code: 'E_ROLLBACK' });
      expect(error.hint).toMatch(/not what the sender.*doctor --repair.*full set with --allow-rollback/);
      expect(error.hint).not.toContain('nothing needs to be');
    }
    const later = (await importAt(root, media['g2-3']!).catch((thrown: unknown) => thrown)) as RepackError;
    expect(later).toMatchObject({ code: 'E_WRONG_BASE' });
    expect(later.what).toContain('changed here');
    await importAt(root, media['g2']!, { allowRollback: true });
    expectGeneration(2);
    await importAt(root, media['g2-3']!);
    expectGeneration(3);
  });

  it('a delta that the folder is known to have behind it needs nothing', async () => {
    await importAt(root, media['g3']!);
    const error = (await importAt(root, media['g1-2']!).catch((thrown: unknown) => thrown)) as RepackError;
    expect(error.hint).toMatch(/nothing needs to be: the folder is further/);
  });

  it('on a folder that is damaged where the delta does not reach: refused, and a full set puts it right', async () => {
    await importAt(root, media['g1']!);
    unlinkSync(join(site(), 'linux-64/b-1.0-0.tar.bz2'));
    const error: unknown = await importAt(root, media['g1-2']!).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'E_WRONG_BASE',
      details: ['linux-64/b-1.0-0.tar.bz2: missing'],
      hint: expect.stringContaining('Import a full set of generation 2') as string,
    });
    await importAt(root, media['g2']!);
    expectGeneration(2);
  });

  it('on a folder that is damaged in what the delta replaces: applied', async () => {
    await importAt(root, media['g1']!);
    writeFileSync(join(site(), 'linux-64/a-1.0-0.conda'), 'damaged');
    writeFileSync(join(site(), 'linux-64/repodata.json.zst'), 'damaged');
    await importAt(root, media['g1-2']!);
    expectGeneration(2);
  });

  it('with one artifact changed is that artifact and less than 64 KB', () => {
    const bytes = [...snapshot(media['g1-2']!).values()].reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThan(statSync(join(dirs[1]!, 'linux-64/a-2.0-0.conda')).size + 64_000);
  });
});

describe('the label folder', () => {
  it('that somebody else made is not touched without --adopt', async () => {
    mkdirSync(join(site(), 'noarch'), { recursive: true });
    writeFileSync(join(site(), 'noarch/repodata.json'), '{"packages": {}}');
    await expect(importAt(root, media['g1']!)).rejects.toMatchObject({ code: 'E_NOT_OURS' });
    await importAt(root, media['g1']!, { adopt: true });
    expectGeneration(1);
  });

  it('keeps what is not ours at its root', async () => {
    await importAt(root, media['g1']!);
    writeFileSync(join(site(), 'README.txt'), 'of the site');
    await importAt(root, media['g1-2']!);
    expect(existsSync(join(site(), 'README.txt'))).toBe(true);
  });
});

describe('media with several labels', () => {
  it('ask for one', async () => {
    const dir = tempDir();
    const other = await publishSamples(testRuntime(), {
      root: join(dir, 'o'),
      label: 'beta',
      packages: [await samplePackage('z', '1.0')],
    });
    const stick = join(dir, 'usb');
    await makeMedium({ channel: other, out: stick });
    cpSync(media['g1']!, stick, { recursive: true });
    await expect(importAt(root, stick)).rejects.toMatchObject({
      code: 'E_USAGE',
      hint: 'Say which: --label acme or --label beta.',
    });
    await expect(importAt(root, stick, { label: 'gamma' })).rejects.toMatchObject({ code: 'E_USAGE' });
    expect(await importAt(root, stick, { label: 'beta' })).toMatchObject({ label: 'beta' });
    expect(await importAt(root, join(stick, 'acme-g1.set.json'))).toMatchObject({ label: 'acme' });
  });
});

describe('G7 who vouches for it', () => {
  const opened = (signature: Uint8Array | undefined) =>
    ({
      set: { name: 'acme-g1', label: 'acme' },
      file: { medium: '/usb' },
      target: { bytes: Buffer.from('m') },
      signature,
    }) as unknown as Parameters<typeof checkSignature>[1]['opened'];

  it.each([
    ['unsigned, and nobody asks', undefined, undefined, 'absent'],
    ['signed, without keys here', 'sig', undefined, 'well formed, not verified'],
    ['signed, with the site’s keys', 'sig', 'keys', 'verified by vendor@example'],
  ])('%s: %s', async (_title, signature, allowedSigners, expected) => {
    const verify = async (_rt: unknown, { allowedSignersFile }: { allowedSignersFile?: string | undefined }) =>
      allowedSignersFile === undefined
        ? ({ state: 'well formed' } as const)
        : ({ state: 'verified', principal: 'vendor@example' } as const);
    const bytes = signature === undefined ? undefined : Buffer.from(signature);
    expect(
      await checkSignature(siteRuntime(), { opened: opened(bytes), allowedSigners, requireSignature: false, verify }),
    ).toBe(expected);
  });

  it('an unsigned set is refused where keys are given', async () => {
    const dir = tempDir();
    writeFileSync(join(dir, 'keys'), 'vendor@example ssh-ed25519 AAAA\n');
    await expect(importAt(root, media['g1']!, { allowedSigners: join(dir, 'keys') })).rejects.toMatchObject({
      code: 'E_SIGNATURE',
    });
    expect(existsSync(root)).toBe(false);
  });

  it('keys that are not there are a fault of the command line, also where the set is unsigned', async () => {
    await expect(importAt(root, media['g1']!, { allowedSigners: '/nowhere/keys' })).rejects.toMatchObject({
      code: 'E_CONFIG',
      where: '/nowhere/keys',
    });
    expect(existsSync(root)).toBe(false);
  });

  it('--require-signature without keys is no protection, and refused', async () => {
    await expect(importAt(root, media['g1']!, { requireSignature: true })).rejects.toMatchObject({ code: 'E_USAGE' });
  });

  it('keys that lie on the medium are refused', async () => {
    const stick = tempDir();
    cpSync(media['g1']!, stick, { recursive: true });
    writeFileSync(join(stick, 'keys'), 'vendor@example ssh-ed25519 AAAA\n');
    await expect(importAt(root, stick, { allowedSigners: join(stick, 'keys') })).rejects.toMatchObject({
      code: 'E_SIGNATURE',
      what: expect.stringContaining('lies on the medium') as string,
    });
  });
});

describe('a full disk', () => {
  it('E1 is known before anything is staged, and the folder is as it was', async () => {
    await importAt(root, media['g1']!);
    const before = snapshot(site());
    const fs = nodeFileSystem();
    const full = { ...fs, statfs: async (path: string) => ({ ...(await fs.statfs(path)), bavail: 0 }) };
    await expect(importMedia(siteRuntime({ fs: full }), importRequest(media['g1-2']!, root))).rejects.toMatchObject({
      code: 'E_DISK_FULL',
    });
    expect(changesBetween(before, snapshot(site()))).toEqual([]);
  });

  it.each(['handle.write', 'syncFile', 'rename'])(
    'E1 that shows only in %s: the folder is as it was, and the next run works',
    async (name) => {
      await importAt(root, media['g1']!);
      const before = snapshot(site());
      const { fs } = faultFs((call) =>
        call.name === name && String(call.args[0]).includes('site') ? 'ENOSPC' : undefined,
      );
      const inHandle = faultFs((call) => (call.name === name ? 'ENOSPC' : undefined));
      const broken = siteRuntime({ fs: name.startsWith('handle') ? inHandle.fs : fs });
      await expect(importMedia(broken, importRequest(media['g1-2']!, root))).rejects.toMatchObject({
        code: expect.stringMatching(/^E_(DISK|LOCK)/) as string,
      });
      expect(changesBetween(before, snapshot(site()))).toEqual([]);
      await importAt(root, media['g1-2']!);
      expectGeneration(2);
    },
  );
});

describe('a medium that fails while it is read', () => {
  it('G11 EIO while checking: part and medium named, nothing written', async () => {
    const { fs } = faultFs(({ name, args }) => (name === 'handle.read' && (args[3] as number) > 0 ? 'EIO' : undefined));
    const made = await makeMedium({ channel: dirs[0]!, out: join(tempDir(), 'usb') });
    // Larger than one piece, so that the header is read and what follows is not.
    const error: unknown = await importMedia(siteRuntime({ fs }), importRequest(made.dir, root)).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'E_MEDIUM' });
    expect(existsSync(join(root, 'acme'))).toBe(false);
  });

  it('changed between checking and copying: refused, the folder as it was', async () => {
    const stick = tempDir();
    cpSync(media['g2']!, stick, { recursive: true });
    await importAt(root, media['g1']!);
    const before = snapshot(site());
    const part = join(stick, 'acme-g2.part001.tar');
    const rt = siteRuntime({
      reach: (step) => {
        if (step !== 'import:checked') return;
        const bytes = readFileSync(part);
        bytes.fill(0x41, 4000);
        writeFileSync(part, bytes);
      },
    });
    await expect(importMedia(rt, importRequest(stick, root))).rejects.toMatchObject({ code: 'E_MEDIUM' });
    expect(changesBetween(before, snapshot(site()))).toEqual([]);
    expect(readdirSync(join(root, '.repackenv/acme/staging'))).toEqual([]);
  });
});
