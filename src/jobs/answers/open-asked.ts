import path from 'node:path';
import type { Asked, AskedPackage } from '../../answers/asked.js';
import { errnoOf } from '../../base/disk-errors.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { MANIFEST_NAME, INDEX_NAMES } from '../../channel/manifest/manifest.js';
import { otherFile } from '../../channel/manifest/other-file.js';
import { parseManifest } from '../../channel/manifest/read-manifest.js';
import type { StoredManifest } from '../../channel/manifest/read-manifest.js';
import { readAnyIndex } from '../../channel/read/folder-source.js';
import { channelsIn, indexedSubdirs, isAbsence } from '../../channel/read/list-folder.js';
import { sha256Of } from '../../codec/digests.js';
import { prepareZstd } from '../../codec/zstd.js';
import { formatOf, splitPath } from '../../conda/channel/names.js';
import { manifestOf, namedGeneration } from '../../delivery/generations/named-generation.js';
import type { NamedGeneration } from '../../delivery/generations/named-generation.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { Runtime } from '../../runtime/runtime.js';

const WHAT_TO_GIVE = `Give a channel folder (ROOT/LABEL), a generation (ROOT/LABEL@N), a ${MANIFEST_NAME}, or ROOT for all its labels.`;

/**
 * Opens what a question is about, from manifests and indexes alone: a label folder, `ROOT/LABEL@N`, any channel folder, a `manifest.json` with its indexes
 * beside it, or ROOT, which stands for all its labels.
 *
 * @throws RepackError E_USAGE (nothing there, another file), E_NOT_A_CHANNEL, E_GENERATION, E_FOLDER_DIFFERS (an index that is damaged, or not that of the
 * manifest)
 */
export async function openAsked(rt: Runtime, given: string): Promise<Asked[]> {
  await prepareZstd();
  const named = await namedGeneration(rt, given);
  if (named !== undefined) return [await openGeneration(rt, named)];
  const where = path.resolve(rt.machine.cwd, given);
  const stats = await rt.fs.stat(where).catch((error: unknown) => {
    throw unreadable(given, error);
  });
  if (!stats.isDirectory()) return [await openStored(rt, { given, file: where })];
  const manifest = path.join(where, MANIFEST_NAME);
  const bytes = await readBytes(rt, manifest);
  // Somebody else's manifest.json says nothing of a channel.
  if (bytes !== undefined && parseManifest(bytes).kind !== 'other')
    return [await openStored(rt, { given, file: manifest })];
  const subdirs = await indexedSubdirs(rt, where);
  if (subdirs.length > 0) return [await openOthers(rt, { given, dir: where, subdirs })];
  const labels = await channelsIn(rt, where, { anybodys: false });
  const all: Asked[] = [];
  for (const label of labels)
    all.push(await openStored(rt, { given: path.join(given, label), file: path.join(where, label, MANIFEST_NAME) }));
  if (all.length > 0) return all;
  throw new RepackError('E_NOT_A_CHANNEL', {
    what: 'This folder is no channel, and holds no label folder',
    where,
    hint: WHAT_TO_GIVE,
  });
}

async function openGeneration(rt: Runtime, named: NamedGeneration): Promise<Asked> {
  const { given, live, place, dir = live ? place.labelDir : undefined } = named;
  manifestOf(named);
  if (dir !== undefined) return openStored(rt, { given, file: path.join(dir, MANIFEST_NAME) });
  throw new RepackError('E_GENERATION', {
    what: `Of generation ${named.generation} of ${place.label} the manifest is known, its indexes are not kept: what its packages need stood there`,
    where: given,
    hint: `Ask a generation that is kept, or the live folder; repackenv find and diff need no index.`,
  });
}

/** A publish may be under way between manifest and index: then the manifest is another one at the next look. */
const MOST_LOOKS = 5;

async function openStored(rt: Runtime, { given, file }: { given: string; file: string }): Promise<Asked> {
  const dir = path.dirname(file);
  let stored = await soundManifest(rt, file);
  for (let look = 1; ; look += 1) {
    const { manifest } = stored;
    const indexes = new Map<string, RepodataIndex>();
    for (const subdir of manifest.subdirs) {
      const index = await told(path.join(dir, subdir), () => readAnyIndex(rt, dir, subdir));
      if (index !== undefined) indexes.set(subdir, index);
    }
    const rewritten = [...indexes].find(([subdir, { document }]) => {
      const stated = manifest.files.find((each) => each.path === `${subdir}/${INDEX_NAMES[0]}`);
      return stated !== undefined && stated.sha256 !== sha256Of(document);
    });
    const again = rewritten === undefined ? stored : await soundManifest(rt, file);
    if (again.sha256 !== stored.sha256 && look < MOST_LOOKS) {
      stored = again;
      continue;
    }
    if (indexes.size === 0) throw noIndexes(given);
    if (rewritten !== undefined) {
      const message = `the index of ${rewritten[0]} is not the one that the manifest states: somebody has written it anew (repackenv verify ${given})`;
      rt.events.emit({ type: 'warning', message });
    }
    const packages = manifest.files
      .filter(({ kind }) => kind === 'artifact')
      .map((entry): AskedPackage => {
        const [subdir, fn] = splitPath(entry.path);
        const { size, sha256, channel } = entry;
        return packageIn(indexes.get(subdir), { dir, subdir, fn, size, sha256, channel });
      });
    return { given, label: manifest.label, generation: manifest.generation, manifest, packages };
  }
}

async function openOthers(
  rt: Runtime,
  { given, dir, subdirs }: { given: string; dir: string; subdirs: readonly string[] },
): Promise<Asked> {
  const packages: AskedPackage[] = [];
  for (const subdir of subdirs) {
    const index = await told(path.join(dir, subdir), () => readAnyIndex(rt, dir, subdir));
    for (const fn of index?.allFilenames() ?? []) {
      if (formatOf(fn) === undefined) continue;
      packages.push(packageIn(index, { dir, subdir, fn, size: undefined, sha256: undefined, channel: undefined }));
    }
  }
  return { given, label: null, generation: null, manifest: undefined, packages };
}

function packageIn(
  index: RepodataIndex | undefined,
  { dir, ...known }: Omit<AskedPackage, 'record'> & { dir: string },
): AskedPackage {
  return {
    ...known,
    get record() {
      const where = path.join(dir, known.subdir, INDEX_NAMES[0]);
      try {
        const record = index?.record(known.fn);
        if (record !== undefined) return record;
      } catch (error) {
        throw damaged(where, error);
      }
      throw new RepackError('E_FOLDER_DIFFERS', {
        what: `The index does not name ${known.fn}, which the manifest lists`,
        where,
        hint: 'Synchronise the folder again; repackenv verify says all that differs.',
      });
    },
  };
}

async function soundManifest(rt: Runtime, file: string): Promise<StoredManifest> {
  const bytes = (await readBytes(rt, file)) ?? Buffer.alloc(0);
  const parsed = parseManifest(bytes);
  if (parsed.kind === 'sound') return parsed;
  const other = otherFile(bytes);
  const why =
    parsed.kind === 'newer'
      ? `it is of schema ${parsed.schema}, which this version does not know`
      : other !== undefined
        ? `it is ${other.is}`
        : parsed.kind === 'broken'
          ? parsed.reason
          : 'it is JSON of something else';
  throw new RepackError('E_NOT_A_CHANNEL', {
    what: `This is no manifest that can be used: ${why}`,
    where: file,
    hint:
      other !== undefined
        ? `Give ${other.instead}.`
        : parsed.kind === 'newer'
          ? 'Use a newer version of repackenv.'
          : `Synchronise or copy it again; repackenv verify says more. ${WHAT_TO_GIVE}`,
  });
}

async function readBytes(rt: Runtime, file: string): Promise<Buffer | undefined> {
  return rt.fs.readFile(file).catch((error: unknown) => {
    if (isAbsence(error)) return undefined;
    throw unreadable(file, error);
  });
}

async function told<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw damaged(where, error);
  }
}

function damaged(where: string, error: unknown): unknown {
  if (!isRepackError(error)) return unreadable(where, error);
  return new RepackError('E_FOLDER_DIFFERS', {
    what: `The index is damaged: ${error.what}`,
    where: error.where ?? where,
    hint: 'Synchronise or copy the folder again; repackenv doctor DIR --repair writes an index anew.',
    cause: error,
  });
}

function noIndexes(given: string): RepackError {
  return new RepackError('E_NOT_A_CHANNEL', {
    what: 'No index lies beside this manifest: what its packages need stands there',
    where: given,
    hint: 'Give the folder that it is of, ROOT/LABEL.',
  });
}

function unreadable(where: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  return new RepackError('E_USAGE', {
    what: errno === 'ENOENT' ? 'There is nothing under this name' : `This can't be read (${errno})`,
    where,
    hint: WHAT_TO_GIVE,
    cause: error,
  });
}
