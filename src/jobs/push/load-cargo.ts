import { join } from 'node:path';
import { canonicalJson, objectIn } from '../../base/json.js';
import { sumsBytes } from '../../channel/manifest/make-manifest.js';
import { INDEX_NAMES, MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../../channel/manifest/manifest.js';
import type { ManifestFile } from '../../channel/manifest/manifest.js';
import { digestsOf } from '../../codec/digests.js';
import { inParallel } from '../../base/parallel.js';
import { folderDiffers, sourcePieces, type Generation } from '../../media/export/source.js';
import type { Cargo } from '../../push/cargo.js';
import type { Runtime } from '../../runtime/runtime.js';
import { makeSiteFiles, readRuns, readSiteRecords } from '../../site/write.js';

/** All that belongs at the target; indexes and all that is small with their bytes. */
export interface Load {
  label: string;
  cargo: Cargo[];
}

interface LoadOptions {
  dir: string;
  label: string;
  generation: Generation;
  siteFiles: boolean;
}

/**
 * Looks at the folder as far as costs little: each file of the manifest is there in its size, indexes and sums are its own to the byte. Artifacts
 * are hashed as they are sent.
 *
 * @throws RepackError E_FOLDER_DIFFERS, E_DISK
 */
export async function loadCargo(rt: Runtime, { dir, label, generation, siteFiles }: LoadOptions): Promise<Load> {
  const { manifest, bytes, signature } = generation;
  const files = await inParallel(manifest.files, 16, (file) => cargoOf(rt, { dir, label }, file));
  const own: [string, Uint8Array, Cargo['kind']][] = [
    [MANIFEST_NAME, bytes, 'manifest'],
    ...(signature === undefined
      ? []
      : [[SIGNATURE_NAME, signature, 'manifest'] satisfies [string, Uint8Array, Cargo['kind']]]),
  ];
  const listed = [...manifest.files, ...own.map(([path, content]) => ({ path, sha256: digestsOf(content).sha256 }))];
  const sums = sumsBytes(listed);
  const there = await rt.fs.readFile(join(dir, SUMS_NAME)).catch(() => undefined);
  if (there === undefined || !there.equals(sums)) {
    throw folderDiffers(dir, SUMS_NAME, there === undefined ? 'it is missing' : 'it is of another manifest');
  }
  own.push([SUMS_NAME, sums, 'sums']);
  const { mtimeMs } = await rt.fs.lstat(join(dir, MANIFEST_NAME));
  const cargo = [
    ...files,
    ...own.map(([path, content, kind]) => small(`${label}/${path}`, content, { kind, mtimeMs })),
  ];
  if (siteFiles) {
    const records = await readSiteRecords(rt, { dir, manifest });
    for (const { name, bytes: content, executable } of makeSiteFiles({
      label,
      manifest,
      records,
      signed: signature !== undefined,
      runs: await readRuns(rt, { dir, manifest }),
    }))
      cargo.push(small(name, content, { kind: 'site', mtimeMs, executable }));
  }
  return { label, cargo };
}

/** A `repodata.json` without these artifacts, for the moment in which their bytes change (design D6). */
export function reduceIndex({ label, cargo }: Load, subdir: string, without: ReadonlySet<string>): Cargo {
  const path = `${label}/${subdir}/${INDEX_NAMES[0]}`;
  const whole = cargo.find((each) => each.path === path)!;
  const repodata = 'bytes' in whole.from ? (objectIn(Buffer.from(whole.from.bytes).toString('utf8')) ?? {}) : {};
  for (const key of ['packages', 'packages.conda']) {
    const records = Object.entries(repodata[key] ?? {}).filter(([fn]) => !without.has(`${label}/${subdir}/${fn}`));
    repodata[key] = Object.fromEntries(records);
  }
  return small(path, Buffer.from(canonicalJson(repodata)), whole);
}

async function cargoOf(
  rt: Runtime,
  { dir, label }: { dir: string; label: string },
  file: ManifestFile,
): Promise<Cargo> {
  const { path, kind, size, sha256, md5 } = file;
  const stats = await rt.fs.lstat(join(dir, path)).catch(() => undefined);
  if (stats === undefined) throw folderDiffers(dir, path, 'it is missing');
  if (!stats.isFile() || stats.size !== size)
    throw folderDiffers(dir, path, `it has not the ${size} bytes of the manifest`);
  const { mtimeMs } = stats;
  if (kind === 'index') {
    const pieces: Uint8Array[] = [];
    for await (const piece of sourcePieces(rt, dir, file)) pieces.push(piece);
    return small(`${label}/${path}`, Buffer.concat(pieces), { kind, mtimeMs });
  }
  return {
    path: `${label}/${path}`,
    kind: kind === 'artifact' ? kind : 'beside',
    size,
    sha256,
    md5,
    mtimeMs,
    executable: false,
    from: { file: join(dir, path), pieces: () => sourcePieces(rt, dir, file) },
  };
}

function small(
  path: string,
  bytes: Uint8Array,
  { kind, mtimeMs, executable = false }: Pick<Cargo, 'kind' | 'mtimeMs'> & { executable?: boolean },
): Cargo {
  return { path, kind, ...digestsOf(bytes), mtimeMs, executable, from: { bytes } };
}
