import { join } from 'node:path';
import { recordDigest } from '../../channel/index/repodata.js';
import { INDEX_NAMES, MANIFEST_NAME, type Manifest, type ManifestFile } from '../../channel/manifest/manifest.js';
import { readAnyIndex } from '../../channel/read/folder-source.js';
import { bzip2Compress } from '../../codec/bzip2.js';
import { sha256Of } from '../../codec/digests.js';
import { channelAt } from '../../conda/channel/channel.js';
import { splitPath } from '../../conda/channel/names.js';
import type { PlannedArtifact } from '../../conda/plan/plan.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { isRepackError, RepackError } from '../../base/errors.js';
import { WHO_KEEPS, type NamedGeneration } from '../../delivery/generations/named-generation.js';
import type { Runtime } from '../../runtime/runtime.js';

/** What a generation was, but for the bytes of its packages and side files. */
export interface KeptGeneration {
  generation: number;
  manifest: Manifest;
  /** Byte for byte. */
  indexes: { path: string; bytes: Uint8Array }[];
  artifacts: PlannedArtifact[];
  side: ManifestFile[];
}

/**
 * The manifest of a generation and its records, from where they are kept.
 *
 * @throws RepackError E_GENERATION_INCOMPLETE: names what of it is not here, and what would bring it back
 */
export async function readGeneration(
  rt: Runtime,
  { generation, manifest, dir, damage, given, place }: NamedGeneration,
): Promise<KeptGeneration> {
  const named = { generation, where: dir };
  if (manifest === undefined && damage === undefined && dir === undefined) {
    throw new RepackError('E_GENERATION_INCOMPLETE', {
      what: `Of generation ${generation} of ${place.label} only the receipt is kept: what it held is not known here; nothing was changed`,
      where: given,
      hint: `To have its versions again, ask for them by name (NAME==VERSION: in the mirror file, or to update); the set of it that was sent gives it back as a folder of its own (repackenv import SET --root ANOTHER-ROOT). ${WHO_KEEPS}`,
    });
  }
  if (manifest === undefined)
    throw incomplete(named, [`${MANIFEST_NAME}: ${damage ?? `its ${MANIFEST_NAME} is gone`}`]);
  const parsed = new Map<string, RepodataIndex>();
  const missing: string[] = [];
  for (const subdir of manifest.subdirs) {
    const path = `${subdir}/${INDEX_NAMES[1]}`;
    const index = dir === undefined ? undefined : await readAnyIndex(rt, dir, subdir).catch(asMissing);
    const stated = manifest.files.find((each) => each.path === `${subdir}/${INDEX_NAMES[0]}`);
    if (index === undefined) missing.push(`${path}: it is not kept, or damaged`);
    else if (stated !== undefined && sha256Of(index.document) !== stated.sha256)
      missing.push(`${path}: it is not the one that the manifest states`);
    else parsed.set(subdir, index);
  }
  if (missing.length > 0) throw incomplete(named, missing);
  const indexes: KeptGeneration['indexes'] = [];
  for (const { path, kind } of manifest.files) {
    if (kind !== 'index') continue;
    const json = parsed.get(splitPath(path)[0])!.document;
    if (path.endsWith('.zst')) indexes.push({ path, bytes: await rt.fs.readFile(join(dir!, path)) });
    else indexes.push({ path, bytes: path.endsWith('.bz2') ? await bzip2Compress(json) : json });
  }
  const side = manifest.files.filter(({ kind }) => kind === 'side');
  return { generation, manifest, indexes, side, artifacts: artifactsOf(named, manifest, parsed) };
}

function artifactsOf(named: Named, manifest: Manifest, indexes: ReadonlyMap<string, RepodataIndex>): PlannedArtifact[] {
  return manifest.files.flatMap(({ path, kind, channel: url, record: digest, sha256, size, md5 }) => {
    if (kind !== 'artifact') return [];
    const [subdir, fn] = splitPath(path);
    const record = indexes.get(subdir)?.record(fn);
    if (record === undefined || (digest !== undefined && recordDigest({ fn, subdir, record }) !== digest))
      throw incomplete(named, [`${path}: its record is not in the index that is kept`]);
    const channel = typeof url === 'string' ? channelAt(url) : undefined;
    const artifact: PlannedArtifact = {
      fn,
      subdir,
      channel,
      url: channel && `${channel.url}/${path}`,
      record,
      origin: 'repodata',
      expected: { sha256, size, md5 },
    };
    return [artifact];
  });
}

/** What can't be unpacked or parsed counts as not kept. */
function asMissing(error: unknown): undefined {
  if (!isRepackError(error)) throw error;
}

interface Named {
  generation: number;
  where: string | undefined;
}

/** What to do about a generation that is not whole any more is the same whatever it lacks. */
export function incomplete({ generation, where }: Named, details: readonly string[], cause?: unknown): RepackError {
  return new RepackError('E_GENERATION_INCOMPLETE', {
    what: `Generation ${generation} is no longer complete here: ${details.filter((line) => !line.startsWith(' ')).length} of its files can't be had; nothing was changed`,
    where,
    hint: 'Bring them back from a site that still has this generation, or from the set that was sent (repackenv import SET --root ANOTHER-ROOT): --from FOLDER names that label folder. Or ask for the versions themselves: repackenv update with NAME=VERSION.',
    details,
    cause,
  });
}
