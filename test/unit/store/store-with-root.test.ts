import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePackage } from '../../../scripts/lib/sample-upstream.js';
import { digestsOf } from '../../../src/codec/digests.js';
import { acquire } from '../../../src/store/acquire.js';
import { openStore } from '../../../src/store/store.js';
import { storeWithRoot } from '../../../src/store/store-with-root.js';
import { liveFolder, planned, tempDir } from '../../helpers/artifacts.js';
import { makeChannel } from '../../helpers/made-channel.js';
import { faultFs } from '../../helpers/fault-fs.js';
import { testRuntime, type TestRuntime } from '../../helpers/runtime.js';

const SAMPLE = await makePackage({ name: 'ratingpro', version: '2.4.0', subdir: 'linux-64' });
const FN = SAMPLE.distFilename;
const PATH = `linux-64/${FN}`;
const BYTES = Buffer.from(SAMPLE.bytes);
const { sha256, md5, size } = digestsOf(BYTES);
const OTHER = Buffer.from(BYTES).fill(7, 40, 60);

describe('a store with a ROOT behind it', () => {
  const places: [string, (root: string) => string][] = [
    ['a label folder', (root) => label(root, 'akbank', BYTES)],
    ['a folder that others made', (root) => laid(join(root, 'old-script', PATH), BYTES)],
    ['the pool', (root) => laid(poolFile(root), BYTES)],
  ];
  it.each(places)('takes in what lies in %s, and leaves it there', async (_where, lay) => {
    const { rt, store, root } = await setUp();
    const path = lay(root);
    const found = await store.find({ sha256, size }, { subdir: 'linux-64', fn: FN });
    expect(found).toMatchObject({ sha256, md5, size });
    expect(readFileSync(found!.path)).toEqual(BYTES);
    expect(found!.path.startsWith(root)).toBe(false);
    expect(readFileSync(path)).toEqual(BYTES);
    expect(warnings(rt)).toEqual([]);
    rmSync(path);
    expect(await store.find({ sha256 })).toMatchObject({ sha256 });
  });

  it('finds by name and md5 what a channel states no sha256 of', async () => {
    const { store, root } = await setUp();
    label(root, 'akbank', BYTES);
    expect(await store.find({ md5, size }, { subdir: 'linux-64', fn: FN })).toMatchObject({ sha256 });
  });

  it('looks nowhere for what has no name, and under no other name', async () => {
    const { store, root } = await setUp();
    label(root, 'akbank', BYTES);
    expect(await store.find({ sha256, size })).toBeUndefined();
    expect(await store.find({ sha256, size }, { subdir: 'noarch', fn: FN })).toBeUndefined();
    expect(await store.find({ sha256, size }, { subdir: 'linux-64', fn: 'other-1.0-0.conda' })).toBeUndefined();
  });

  const damages: [string, (path: string) => void][] = [
    ['other bytes of the same size', (path) => writeFileSync(path, OTHER)],
    ['half of its bytes', (path) => writeFileSync(path, BYTES.subarray(0, BYTES.length >> 1))],
    ['no byte', (path) => writeFileSync(path, '')],
    [
      'a link to the right bytes',
      (path) => {
        rmSync(path);
        symlinkSync(laid(join(dirname(path), '..', '..', '..', 'elsewhere'), BYTES), path);
      },
    ],
  ];
  it.each(damages)('passes over a file with %s, says so once, and takes the next one', async (_what, damage) => {
    const { rt, store, root } = await setUp();
    const [labelFile, kept] = [label(root, 'akbank', BYTES), laid(poolFile(root), BYTES)];
    for (const path of [labelFile, kept]) damage(path);
    const left = [labelFile, kept].map((path) => readFileSync(path));
    const named = { subdir: 'linux-64', fn: FN };
    expect(await store.find({ sha256, size }, named)).toBeUndefined();
    expect(await store.find({ sha256, size }, named)).toBeUndefined();
    expect(warnings(rt)).toEqual([
      expect.stringContaining(`${kept} was not used: it is damaged or was altered`),
      expect.stringContaining(`${labelFile} was not used: it is damaged or was altered`),
    ]);
    label(root, 'ziraat', BYTES);
    const later = await setUp({}, root);
    expect(await later.store.find({ sha256, size }, named)).toMatchObject({ sha256 });
    expect(warnings(later.rt)).toEqual(warnings(rt));
    expect([labelFile, kept].map((path) => readFileSync(path))).toEqual(left);
    expect(readdirSync(join(root, '..', 'store', 'tmp'))).toEqual([]);
  });

  it('says nothing of another file of that name, which is what its manifest states', async () => {
    const { rt, store, root } = await setUp();
    label(root, 'akbank', OTHER);
    expect(await store.find({ sha256, size }, { subdir: 'linux-64', fn: FN })).toBeUndefined();
    expect(warnings(rt)).toEqual([]);
  });

  it('goes on where ROOT can’t be listed or is not there', async () => {
    const { fs } = faultFs(({ name, args }) =>
      name === 'readdir' && String(args[0]).endsWith('root') ? 'EACCES' : undefined,
    );
    const { store, root } = await setUp({ fs });
    label(root, 'akbank', BYTES);
    const named = { subdir: 'linux-64', fn: FN };
    expect(await store.find({ sha256, size }, named)).toBeUndefined();
    const gone = await setUp({}, join(root, 'gone'));
    rmSync(join(root, 'gone'), { recursive: true });
    expect(await gone.store.find({ sha256, size }, named)).toBeUndefined();
  });
});

describe('acquire', () => {
  it('uses what the label folder has where it lies, and writes nothing', async () => {
    const { rt, store, root } = await setUp();
    const path = label(root, 'halkbank', BYTES);
    const live = liveFolder(join(root, 'halkbank'));
    const { artifacts, counts } = await acquire(rt, { artifacts: [planned(SAMPLE)], store, live, caches: [] });
    expect(artifacts).toMatchObject([{ storePath: path, source: 'store', sha256, md5, size }]);
    expect(counts.store).toEqual({ artifacts: 1, bytes: size });
    expect(await store.holds({ sha256 })).toBe(false);
  });

  it.each([
    ['sha256', { sha256: 'a'.repeat(64) }],
    ['md5', { md5: 'a'.repeat(32) }],
    ['size', { size: 1 }],
  ])('does not use it where the record states another %s', async (_what, record) => {
    const { rt, store, root } = await setUp();
    label(root, 'halkbank', BYTES);
    const live = liveFolder(join(root, 'halkbank'));
    const options = { artifacts: [planned(SAMPLE, { record })], store, live, caches: [] };
    await expect(acquire(rt, options)).rejects.toMatchObject({ code: 'E_ARTIFACT_MISSING' });
  });
});

async function setUp(options: Parameters<typeof testRuntime>[0] = {}, root = join(tempDir(), 'root')) {
  const rt = testRuntime(options);
  const dir = dirname(root);
  mkdirSync(root, { recursive: true });
  const pool = join(root, '.repackenv', '.kept');
  return { rt, root, store: storeWithRoot(rt, await openStore(rt, join(dir, 'store')), { root, pool }) };
}

/** A label folder whose manifest states these bytes. */
function label(root: string, name: string, bytes: Buffer): string {
  makeChannel(join(root, name), { label: name, files: { [PATH]: bytes } });
  return join(root, name, PATH);
}

function laid(path: string, bytes: Buffer): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

function poolFile(root: string): string {
  return join(root, '.repackenv', '.kept', sha256.slice(0, 2), sha256);
}

function warnings(rt: TestRuntime): string[] {
  return rt.collected.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
}
