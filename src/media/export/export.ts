import { emitFindings } from '../../base/emit-findings.js';
import { isRepackError, RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import { checkedBase, type Base } from './base.js';
import { isThere } from '../../channel/read/list-folder.js';
import type { StoredManifest } from '../../channel/manifest/read-manifest.js';
import { restrictedTo } from '../set/changes.js';
import type { OutFolder } from './medium-folder.js';
import { planSet, platformsOf, type PlannedSet } from '../archive/plan-parts.js';
import { folderDiffers, manifestDigest, readGeneration, type Generation } from './source.js';
import type { Compression } from '../set/headers.js';
import { makeSiteFiles, readRuns, readSiteRecords, type SiteFile } from '../../site/write.js';
import { writeMedium, type WrittenMedium } from '../archive/write-medium.js';
import { openWorkFolder, type WorkFolder, type WorkPlace } from './work-folder.js';
import { sha256Of } from '../../codec/digests.js';
import { join } from 'node:path';

export interface ExportOptions {
  /** A channel folder with our manifest; absolute. It is only read, and may be on a read-only volume. */
  dir: string;
  out: OutFolder;
  compression: Compression;
  /** Bytes; undefined: one part, whatever its size. */
  partSize: number | undefined;
  /** Platforms to export; undefined: all. `noarch` goes along. */
  subdirs: readonly string[] | undefined;
  /** A set of its own for each platform. */
  perPlatform: boolean;
  /** SSH key that signs a manifest that the folder's own is not over: of some platforms only, or of an unsigned folder. */
  signKey: string | undefined;
  /** Put the files for sites without our programs beside the sets. */
  siteFiles: boolean;
  /** What the site has, and how that was given: then a delta is made. */
  since: { file: string; base: Base } | undefined;
  work: WorkPlace;
  /** A file that is there while a publish of this folder is under way, or where one broke off; absolute. */
  journal: string;
}

export interface ExportResult extends WrittenMedium {
  label: string;
  generation: number;
  manifestSha256: string;
  /** What the site has, where it was given. */
  base: { generation: number; manifestSha256: string } | undefined;
  /** The site has this generation already: nothing was written. */
  nothingNew: boolean;
}

/**
 * Writes a channel folder to media (medium format 1), or what changed since the generation that a site has. Reads one generation only: where
 * the folder is published into meanwhile, either everything read is of the generation before, or it begins again (bad-inputs G12). Every byte
 * is held against the manifest as it is written.
 *
 * @throws RepackError E_NOT_OURS, E_SUBDIR, E_PART_SIZE, E_OUT, E_WRONG_BASE, E_FOLDER_DIFFERS, E_DISK, E_DISK_FULL.
 * After any of them OUT is as it was.
 */
export async function exportChannel(rt: Runtime, options: ExportOptions): Promise<ExportResult> {
  const { since } = options;
  const workFolder = openWorkFolder(rt, options.out, options.work);
  for (let attempt = 1; ; attempt++) {
    const generation = await readGeneration(rt, options.dir);
    try {
      return await exportGeneration(rt, { options, generation, since, workFolder });
    } catch (error) {
      if (!isRepackError(error) || error.code !== 'E_FOLDER_DIFFERS') throw error;
      await workFolder.clear();
      const moved = await movesOn(rt, { ...options, sha256: generation.sha256 });
      if (!moved || attempt === MAX_ATTEMPTS) throw moved ? neverStill(options.dir, error) : error;
      rt.events.emit({ type: 'note', message: `${options.dir} was published while it was read: beginning again` });
    }
  }
}

const MAX_ATTEMPTS = 5;
/** How long a switch is waited for; moving files within a volume takes no longer, whatever their number. */
const SWITCH_MS = 60_000;

interface OneGeneration {
  options: ExportOptions;
  generation: Generation;
  since: ExportOptions['since'];
  workFolder: WorkFolder;
}

async function exportGeneration(rt: Runtime, one: OneGeneration): Promise<ExportResult> {
  const { options, generation, since, workFolder } = one;
  const { manifest, sha256 } = generation;
  const sets = await planSets(rt, one);
  const told = {
    label: manifest.label,
    generation: manifest.generation,
    manifestSha256: sha256,
    base:
      since === undefined
        ? undefined
        : { generation: since.base.manifest.generation, manifestSha256: since.base.sha256 },
  };
  if (sets.length === 0) return { ...told, sets: [], written: [], bytesWritten: 0, nothingNew: true };
  await rt.reach('export:planned');

  const siteFiles = options.siteFiles ? await siteFilesFor(rt, one, sets) : [];
  const { dir, out } = options;
  const medium = await writeMedium(rt, { dir, out, openWorkFolder: workFolder.open, sets, siteFiles });
  if ((await manifestDigest(rt, dir)) !== sha256) {
    const message = `the folder was published while it was read: the set holds generation ${manifest.generation}, whole, and no longer the newest`;
    emitFindings(rt, [{ code: 'published-meanwhile', message, subject: dir, exit: false, warn: true }]);
  }
  return { ...told, ...medium, nothingNew: false };
}

/** One set, or one a platform; none where the site has them all. */
async function planSets(rt: Runtime, { options, generation, since }: OneGeneration): Promise<PlannedSet[]> {
  const { subdirs, perPlatform, compression, partSize } = options;
  const all = generation.manifest.subdirs;
  const each = perPlatform ? platformsOf(subdirs ?? all).map((subdir) => [subdir]) : [subdirs];
  const sets: PlannedSet[] = [];
  for (const only of each) {
    const target = only === undefined ? generation : restrictedTo(generation, only);
    const base = since === undefined ? undefined : checkedBase(since.base, target, { file: since.file, only });
    if (since !== undefined && base === undefined) continue;
    const signature = await signatureFor(rt, { generation, target, signKey: options.signKey });
    sets.push(planSet({ target, signature, base, only, compression, partSize }));
    if (base !== undefined) tellNewPlatforms(rt, base, target);
  }
  return sets;
}

/** The folder's signature is over the whole manifest: it says nothing about one for some platforms only. */
async function signatureFor(
  rt: Runtime,
  { generation, target, signKey }: { generation: Generation; target: StoredManifest; signKey: string | undefined },
): Promise<Uint8Array | undefined> {
  if (generation.signature !== undefined && target.sha256 === generation.sha256) return generation.signature;
  if (signKey !== undefined) {
    // Only who signs loads what that needs.
    const { signManifest } = await import('../../site/signature/sign.js');
    return signManifest(rt, { keyFile: signKey, manifest: target.bytes, label: target.manifest.label });
  }
  if (generation.signature === undefined) return undefined;
  const message =
    'the set is for some platforms only, and the signature, which is over the whole manifest, does not go with it; --sign-key makes one';
  emitFindings(rt, [{ code: 'signature-left-out', message, exit: false, warn: true }]);
  return undefined;
}

function tellNewPlatforms(rt: Runtime, base: StoredManifest, target: StoredManifest): void {
  const fresh = target.manifest.subdirs.filter((subdir) => !base.manifest.subdirs.includes(subdir));
  if (fresh.length === 0) return;
  const message = `the site has no ${fresh.join(', ')} yet, so the delta brings all of it; --subdir ${base.manifest.subdirs.join(' --subdir ')} leaves it out`;
  emitFindings(rt, [{ code: 'platform-added', message, exit: false, warn: true }]);
}

/** For all platforms of this export together, from indexes that are the manifest's. */
async function siteFilesFor(
  rt: Runtime,
  { options: { dir }, generation }: OneGeneration,
  sets: readonly PlannedSet[],
): Promise<SiteFile[]> {
  const { manifest } = restrictedTo(generation, [...new Set(sets.flatMap(({ target }) => target.manifest.subdirs))]);
  const digests = new Map(manifest.files.map(({ path, sha256 }) => [join(dir, path), { path, sha256 }]));
  const readFile = async (path: string): Promise<Buffer> => {
    const stated = digests.get(path);
    const bytes = await rt.fs.readFile(path).catch((error: unknown) => {
      throw stated === undefined ? error : folderDiffers(dir, stated.path, 'it is missing');
    });
    if (stated !== undefined && sha256Of(bytes) !== stated.sha256)
      throw folderDiffers(dir, stated.path, 'it has other bytes');
    return bytes;
  };
  const records = await readSiteRecords({ fs: { ...rt.fs, readFile } }, { dir, manifest });
  const signed = sets.some(({ signature }) => signature !== undefined);
  const files = makeSiteFiles({
    label: manifest.label,
    manifest,
    records,
    signed,
    runs: await readRuns(rt, { dir, manifest }),
  });
  // Who is sent a delta has the scripts: they are of no generation, and as large as a small delta.
  return sets.some(({ base }) => base === null) ? files : files.filter(({ name }) => !SCRIPT.test(name));
}

const SCRIPT = /\.verify\.(?:sh|ps1)$/;

/** Waits while a switch is under way; true where the folder holds something new afterwards. */
export async function movesOn(
  rt: Runtime,
  { dir, journal, sha256 }: Pick<ExportOptions, 'dir' | 'journal'> & { sha256: string },
): Promise<boolean> {
  const deadline = rt.clock.monotonic() + SWITCH_MS;
  let wasBusy = false;
  for (let pause = 100; ; pause = Math.min(pause * 2, 2000)) {
    const busy = await isThere(rt, journal);
    if (!busy && (wasBusy || (await manifestDigest(rt, dir)) !== sha256)) return true;
    if (!busy && pause > 1000) return false;
    if (rt.clock.monotonic() > deadline) return false;
    if (busy && !wasBusy) rt.events.emit({ type: 'waiting', reason: `${dir} is being published` });
    wasBusy ||= busy;
    await rt.clock.sleep(pause, rt.signal);
  }
}

function neverStill(dir: string, cause: RepackError): RepackError {
  return new RepackError('E_FOLDER_DIFFERS', {
    what: `The folder changed ${MAX_ATTEMPTS} times while it was read`,
    where: dir,
    hint: 'Export it when nothing is published into it.',
    cause,
  });
}
