import { join } from 'node:path';
import { isMissing } from '../../base/fs-errors.js';
import { canonicalJson, objectIn } from '../../base/json.js';
import { inParallel } from '../../base/parallel.js';
import { sha256Of } from '../../codec/digests.js';
import { MANIFEST_NAME, type Manifest } from '../../channel/manifest/manifest.js';
import { parseManifest, readManifest, type StoredManifest } from '../../channel/manifest/read-manifest.js';
import type { PublishReceipt } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { MANIFEST_COPY_NAME } from '../place/inspect.js';
import type { LabelPlace } from '../place/root.js';
import { isReceipt, LAST_RUN_NAME, readReceipts } from '../receipts.js';

/** Below the state folder of a label (design D15): `N/` with manifest, its signature, packed indexes and the receipt. */
export const GENERATIONS_NAME = 'generations';
/** In the folder of a generation. */
export const RECEIPT_NAME = 'receipt.json';
/** Below the state folder: what imports gave the site to send back, a whole manifest in each. */
const SITE_RECEIPTS_NAME = 'site-receipts';

/** What is known of one generation of a label. */
export interface Generation {
  generation: number;
  /** Of its first publication here; absent where that is not known any more. */
  receipt?: PublishReceipt;
  /** Absent where only receipts are kept. */
  manifest?: Manifest;
  manifestBytes?: Uint8Array;
  manifestSha256?: string;
  /** `S/generations/N`, where it was kept. */
  dir?: string;
  /** Why what was kept there can't be used, as a clause. */
  damage?: string;
  /** Its manifest lies in the label folder. */
  live: boolean;
  /** ISO 8601, UTC, oldest first: ends of runs that published it, or found nothing to change. */
  seen: string[];
}

/**
 * Every generation of a label that anything is known of, oldest first: kept ones, those of receipts and of what imports noted, and the live
 * manifest. A folder of before generations were kept has a history by this, without a command. Where a folder was made anew or its manifest
 * altered, a number may stand twice, with another `manifestSha256`. Damaged files are said in `damage`, or passed over. Writes nothing.
 */
export async function listGenerations(
  rt: Pick<Runtime, 'fs'>,
  { labelDir, stateDir }: Pick<LabelPlace, 'labelDir' | 'stateDir'>,
): Promise<Generation[]> {
  const found = new Found(await keptGenerations(rt, stateDir));
  for (const receipt of await readReceipts(rt, stateDir)) found.addReceipt(receipt);
  const last = await readReceipt(rt, join(stateDir, LAST_RUN_NAME));
  if (last !== undefined) found.addReceipt(last);
  for (const stored of await siteManifests(rt, stateDir)) found.addManifest(stored);
  const copy = await readManifest(rt, join(stateDir, MANIFEST_COPY_NAME));
  if (copy !== undefined) found.addManifest(copy);
  const live = await readManifest(rt, join(labelDir, MANIFEST_NAME));
  if (live !== undefined) found.addManifest(live).live = true;
  return found.sorted();
}

/** By the digest of the manifest; a kept one whose digest is not known stands alone. */
class Found {
  readonly #all: Generation[];
  readonly #bySha256: Map<string, Generation>;

  constructor(kept: readonly Generation[]) {
    this.#all = [...kept];
    this.#bySha256 = new Map(
      kept.flatMap((each) => (each.manifestSha256 === undefined ? [] : [[each.manifestSha256, each]])),
    );
  }

  #of(generation: number, manifestSha256: string): Generation {
    const there = this.#bySha256.get(manifestSha256);
    if (there !== undefined) return there;
    const fresh: Generation = { generation, manifestSha256, live: false, seen: [] };
    this.#all.push(fresh);
    this.#bySha256.set(manifestSha256, fresh);
    return fresh;
  }

  addReceipt(receipt: PublishReceipt): void {
    const each = this.#of(receipt.generation, receipt.manifestSha256);
    each.seen.push(receipt.finishedAt);
    // The first publication of it; that of an unchanged run is none.
    if (!receipt.unchanged) each.receipt ??= receipt;
  }

  addManifest({ manifest, bytes, sha256 }: StoredManifest): Generation {
    const each = this.#of(manifest.generation, sha256);
    return Object.assign(each, { manifest, manifestBytes: bytes });
  }

  sorted(): Generation[] {
    for (const { seen } of this.#all) seen.sort();
    return this.#all.sort((a, b) => a.generation - b.generation || ((a.seen[0] ?? '') < (b.seen[0] ?? '') ? -1 : 1));
  }
}

export function generationDir(stateDir: string, generation: number): string {
  return join(stateDir, GENERATIONS_NAME, String(generation));
}

/** Numbers of the generations that are kept, lowest first. */
export async function keptNumbers(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<number[]> {
  const entries = await rt.fs.readdir(join(stateDir, GENERATIONS_NAME)).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const folders = entries.filter((entry) => entry.isDirectory() && /^[1-9]\d{0,14}$/.test(entry.name));
  const numbers = folders.map(({ name }) => Number(name));
  return numbers.sort((a, b) => a - b);
}

async function keptGenerations(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<Generation[]> {
  const numbers = await keptNumbers(rt, stateDir);
  return inParallel(numbers, 8, (number) => keptGeneration(rt, generationDir(stateDir, number), number));
}

async function keptGeneration(rt: Pick<Runtime, 'fs'>, dir: string, generation: number): Promise<Generation> {
  const receipt = await readReceipt(rt, join(dir, RECEIPT_NAME));
  const bytes = await rt.fs.readFile(join(dir, MANIFEST_NAME)).catch(() => undefined);
  const kept: Generation = { generation, dir, live: false, seen: [] };
  if (receipt !== undefined) Object.assign(kept, { receipt, manifestSha256: receipt.manifestSha256 });
  if (receipt !== undefined) kept.seen.push(receipt.finishedAt);
  const parsed = bytes === undefined ? undefined : parseManifest(bytes);
  if (parsed?.kind !== 'sound') {
    const reason = parsed?.kind === 'broken' ? parsed.reason : 'it is not of this program, or of a newer version';
    return { ...kept, damage: parsed === undefined ? `its ${MANIFEST_NAME} is missing` : `its manifest: ${reason}` };
  }
  if (parsed.manifest.generation !== generation)
    return { ...kept, damage: `its manifest is of generation ${parsed.manifest.generation}` };
  if (receipt !== undefined && receipt.manifestSha256 !== parsed.sha256)
    return { ...kept, damage: 'its manifest is not the one that was published' };
  return { ...kept, manifest: parsed.manifest, manifestBytes: parsed.bytes, manifestSha256: parsed.sha256 };
}

async function readReceipt(rt: Pick<Runtime, 'fs'>, file: string): Promise<PublishReceipt | undefined> {
  const value = objectIn(await rt.fs.readText(file).catch(() => ''));
  return isReceipt(value) ? value : undefined;
}

/** The manifests in a site's receipts, of which the digest is right. */
async function siteManifests(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<StoredManifest[]> {
  const folder = join(stateDir, SITE_RECEIPTS_NAME);
  const manifests: StoredManifest[] = [];
  for (const { name } of await rt.fs.readdir(folder).catch(() => [])) {
    const { manifest, manifest_sha256: stated } =
      objectIn(await rt.fs.readText(join(folder, name)).catch(() => '')) ?? {};
    const bytes = Buffer.from(`${canonicalJson(manifest ?? null, 2)}\n`);
    const parsed = sha256Of(bytes) === stated ? parseManifest(bytes) : undefined;
    if (parsed?.kind === 'sound') manifests.push(parsed);
  }
  return manifests;
}
