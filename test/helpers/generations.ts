import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect } from 'vitest';
import { prepareZstd } from '../../src/codec/zstd.js';
import { sha256Of } from '../../src/codec/digests.js';
import { formatOf } from '../../src/conda/channel/names.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { readManifest } from '../../src/channel/manifest/read-manifest.js';
import type { PublishReceipt } from '../../src/channel/staged.js';
import { publishSamples, samplePackage } from './label-folders.js';
import { testRuntime } from './runtime.js';
import { madeUpSignature } from './vendor-history.js';
import { poolPath } from '../../src/delivery/generations/pool.js';
import { hashFile } from '../../src/delivery/hash-file.js';
import { nodeFileSystem } from '../../src/runtime/fs.js';
import { exists } from './tiny-channel.js';

export function stateOf(labelDir: string): string {
  return join(dirname(labelDir), '.repackenv', basename(labelDir));
}

/** Where the bytes of this digest are kept when no folder of ROOT has them any more (design D15). */
export function pooled(labelDir: string, sha256: string): string {
  return join(dirname(labelDir), '.repackenv', '.kept', sha256.slice(0, 2), sha256);
}

/**
 * What is live in a label folder, kept as a generation in the layout of design D15, artifacts in the pool too, whatever the run itself has
 * kept. Gives its folder.
 */
export function keepByHand(labelDir: string, { pool = true }: { pool?: boolean } = {}): string {
  const bytes = readFileSync(join(labelDir, 'manifest.json'));
  const manifest = JSON.parse(bytes.toString('utf8')) as Manifest;
  const dir = join(stateOf(labelDir), 'generations', String(manifest.generation));
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'manifest.json'), bytes);
  const signature = join(labelDir, 'manifest.json.sig');
  if (existsSync(signature)) cpSync(signature, join(dir, 'manifest.json.sig'));
  for (const { path, sha256 } of manifest.files) {
    const from = join(labelDir, path);
    if (path.endsWith('/repodata.json.zst')) {
      mkdirSync(join(dir, dirname(path)), { recursive: true });
      cpSync(from, join(dir, path));
    } else if (pool && (formatOf(path) !== undefined || path.endsWith('.sigs'))) {
      mkdirSync(dirname(pooled(labelDir, sha256)), { recursive: true });
      cpSync(from, pooled(labelDir, sha256));
    }
  }
  const receipt = receiptOf(labelDir, sha256Of(bytes));
  if (receipt !== undefined) writeFileSync(join(dir, 'receipt.json'), JSON.stringify(receipt));
  return dir;
}

/** The receipt of the run that published this manifest. */
function receiptOf(labelDir: string, manifestSha256: string): PublishReceipt | undefined {
  const folder = join(stateOf(labelDir), 'receipts');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as PublishReceipt)
    .find((receipt) => receipt.manifestSha256 === manifestSha256 && !receipt.unchanged);
}

/**
 * What holds at every moment of a label's life (design D15): no generation lies in the folder without being kept, or about to be under the
 * journal; nothing is kept that is not whole or was never published, and no byte of it is lost. Gives what is kept.
 */
export async function expectGenerations(
  root: string,
  where: string,
  label = 'acme',
  { complete = Number.POSITIVE_INFINITY }: { complete?: number } = {},
): Promise<string[]> {
  const fs = nodeFileSystem();
  const stateDir = join(root, '.repackenv', label);
  const live = await readManifest({ fs }, join(root, label, 'manifest.json'));
  const kept = (await readdir(join(stateDir, 'generations')).catch(() => [])).sort();
  for (const name of kept) {
    const dir = join(stateDir, 'generations', name);
    const found = await readManifest({ fs }, join(dir, 'manifest.json'));
    expect(found?.manifest.generation, `${where}: ${name}`).toBe(Number(name));
    for (const subdir of found?.manifest.subdirs ?? [])
      expect(await exists(join(dir, subdir, 'repodata.json.zst')), `${where}: ${name}/${subdir}`).toBe(true);
    expect(Number(name), where).toBeLessThanOrEqual(live?.manifest.generation ?? 0);
    const newer = kept.filter((each) => Number(each) > Number(name)).length;
    for (const { path, kind, sha256 } of found?.manifest.files ?? []) {
      if (newer >= complete) break;
      if (kind === 'index') continue;
      const places = [join(root, label, path), poolPath(root, sha256)];
      const digests = await Promise.all(places.map(async (place) => (await hashFile({ fs }, place))?.sha256));
      expect(digests, `${where}: bytes of ${path} of generation ${name}`).toContain(sha256);
    }
  }
  const underJournal = await exists(join(stateDir, 'journal.json'));
  if (live !== undefined && !underJournal) expect(kept, where).toContain(String(live.manifest.generation));
  return kept;
}

export interface KeptHistory {
  dir: string;
  root: string;
  /** `ROOT/acme`: four generations, each kept, a week between them, the first on 2026-10-01; the third is signed. */
  acme: string;
  /** `ROOT/old`: three, of which there are receipts only, as before generations were kept. */
  old: string;
  /** Where acme lies as it was. */
  was(generation: number): string;
}

/** In a temporary folder; the caller removes it. */
export async function publishKeptHistory(): Promise<KeptHistory> {
  await prepareZstd();
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'repackenv-kept-')));
  const root = join(dir, 'root');
  const was = (generation: number): string => join(dir, 'was', String(generation), 'acme');
  const linux = { subdir: 'linux-64' };
  const [a1, a2, b, w, n] = await Promise.all([
    samplePackage('a', '1.0', linux),
    samplePackage('a', '2.0', linux),
    samplePackage('b', '1.0', { ...linux, depends: ['a'] }),
    samplePackage('w', '1.0', { subdir: 'win-64' }),
    samplePackage('n', '1.0', { noarch: 'generic' }),
  ]);
  const rt = testRuntime();
  rt.clock.set(Date.UTC(2026, 9, 1, 12));
  const sign = async (manifest: Uint8Array): Promise<Uint8Array> => madeUpSignature(manifest);
  const history = [
    { packages: [a1, n] },
    { packages: [a1, b, n] },
    { packages: [a2, b, n], sign, bz2: true },
    { packages: [a2, w] },
  ];
  let [acme, old] = ['', ''];
  for (const [at, each] of history.entries()) {
    acme = await publishSamples(rt, { root, ...each });
    keepByHand(acme);
    mkdirSync(join(dir, 'was', String(at + 1)), { recursive: true });
    cpSync(acme, was(at + 1), { recursive: true, preserveTimestamps: true });
    if (at < 3) old = await publishSamples(rt, { root, label: 'old', packages: each.packages });
    rt.clock.advance(7 * 86_400_000);
  }
  rmSync(join(stateOf(old), 'generations'), { recursive: true, force: true });
  return { dir, root, acme, old, was };
}
