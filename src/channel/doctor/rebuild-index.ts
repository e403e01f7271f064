import { join } from 'node:path';
import { recordFromArtifact } from '../../archive/record-from-artifact.js';
import { openArtifact } from '../read/artifact.js';
import { isRepackError } from '../../base/errors.js';
import { canonicalJson, type JsonValue } from '../../base/json.js';
import { unpackIndex } from '../index/forms.js';
import { INDEX_NAMES } from '../manifest/manifest.js';
import { parseDistFilename } from '../../conda/channel/names.js';
import { inParallel } from '../../base/parallel.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import { isOf } from './artifacts.js';
import { buildRepodata, repodataDocument } from '../index/repodata.js';
import { lossyNumber } from '../../conda/record/lossy-number.js';
import type { IndexedArtifact } from '../index/repodata.js';
import { documentParts, textOf } from '../index/document.js';
import type { DocumentParts } from '../index/document.js';
import type { Folder, FolderFile, ReadRuntime } from '../read/read-folder.js';

/** Where a subdir's records may still be found: each readable form of its index, best first. */
export interface RecordSources {
  indexes: readonly RepodataIndex[];
  /** The first of them by its top-level keys. */
  parts: DocumentParts | undefined;
}

/** A damaged `repodata.json` may have whole compressed forms beside it; one that was cut may have a whole `current_repodata.json`. */
const FORMS = [...INDEX_NAMES, 'current_repodata.json', 'current_repodata.json.zst'];

/** Reads every form of a subdir's index that can be read. */
export async function recordSources(rt: ReadRuntime, folder: Folder, subdir: string): Promise<RecordSources> {
  const indexes: RepodataIndex[] = [];
  let parts: DocumentParts | undefined;
  for (const name of FORMS) {
    const path = `${subdir}/${name}`;
    const file = folder.files.get(path);
    if (file === undefined) continue;
    try {
      const bytes = await unpackIndex(name, file.bytes ?? (await rt.fs.readFile(join(folder.dir, path))));
      indexes.push(scanRepodata(bytes, path));
      parts ??= documentParts(bytes);
    } catch (error) {
      // Told by the rules on this file.
      if (!isRepackError(error)) throw error;
    }
  }
  return { indexes, parts };
}

export interface RebuiltIndex {
  json: Uint8Array;
  /** File names whose record is of the old index, and those whose record was read out of the artifact. */
  kept: string[];
  read: string[];
  /** File name -> why it is not in the index though it lies there. */
  leftOut: Map<string, string>;
}

export interface RebuildOptions {
  folder: Folder;
  subdir: string;
  sources: RecordSources;
  /** File names that are to be in the index. */
  fns: readonly string[];
  /** File names of what lies there and can't be judged (links, files that can't be read): their old record stays as it is. */
  unjudged: readonly string[];
}

/**
 * `repodata.json` of a subdir out of its artifacts: the record of an old index where its digest is the file's (so hotfixes and
 * `indexed_timestamp`, CEP 47, stay), else the one that conda-index would make of `info/index.json`. `removed`, `v3` (CEP 48) and keys
 * nobody knows are carried over as they stand; `info` too, but `base_url`. Written as conda-index does: keys sorted, compact,
 * `repodata_version` 1.
 */
export async function rebuildIndex(rt: ReadRuntime, options: RebuildOptions): Promise<RebuiltIndex> {
  const { folder, subdir, sources, fns, unjudged } = options;
  const rebuilt = { kept: [] as string[], read: [] as string[], leftOut: new Map<string, string>() };
  const texts = await inParallel(fns.toSorted(), 4, async (fn): Promise<[string, string] | undefined> => {
    rt.signal.throwIfAborted();
    const file = folder.files.get(`${subdir}/${fn}`)!;
    const old = keptRecord(sources, fn, file);
    if (old !== undefined) {
      rebuilt.kept.push(fn);
      return [fn, old];
    }
    try {
      const record = await readRecord(rt, { path: join(folder.dir, subdir, fn), fn, subdir, file });
      rebuilt.read.push(fn);
      return [fn, canonicalJson(record)];
    } catch (error) {
      if (!isRepackError(error)) throw error;
      rebuilt.leftOut.set(fn, error.what);
      return undefined;
    }
  });
  const records = texts.filter((each) => each !== undefined);
  for (const fn of unjudged) {
    const text = oldRecord(sources, fn);
    if (text === undefined) continue;
    rebuilt.kept.push(fn);
    records.push([fn, text]);
  }
  records.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...rebuilt,
    kept: rebuilt.kept.sort(),
    read: rebuilt.read.sort(),
    json: repodataDocument(
      subdir,
      records.map(([fn, text]) => [fn, () => text]),
      sources.parts,
    ),
  };
}

/** The text of the first sound record of this name, whatever file it is of. */
function oldRecord({ indexes }: RecordSources, fn: string): string | undefined {
  const index = indexes.find((each) => recordOrUndefined(each, fn) !== undefined);
  return index === undefined ? undefined : textOf(index.rawRecord(fn)!);
}

/** The text of the first record that is of this very file and of this name. */
function keptRecord(sources: RecordSources, fn: string, file: FolderFile): string | undefined {
  const [first] = candidateRecords(sources, fn, file);
  if (first === undefined) return undefined;
  // A number that JavaScript can't carry is carried over as text.
  return lossyNumber(first.record as JsonValue) === undefined ? canonicalJson(first.record) : textOf(first.raw);
}

/**
 * The records that the forms of an index have of this very file, by digest, and under its own name. Where a record's other digest or its
 * size is wrong, it is put right.
 */
export function candidateRecords(
  { indexes }: RecordSources,
  fn: string,
  file: FolderFile,
): { record: PackageRecord; raw: Uint8Array }[] {
  const found: { record: PackageRecord; raw: Uint8Array }[] = [];
  for (const index of indexes) {
    const checked = recordOrUndefined(index, fn);
    const raw = index.rawRecord(fn);
    if (checked === undefined || raw === undefined || !isOf(checked, file) || !isNamed(checked, fn)) continue;
    const record = JSON.parse(textOf(raw)) as PackageRecord;
    if (checked.sha256 !== undefined) record.sha256 = file.sha256;
    if (checked.md5 !== undefined) record.md5 = file.md5;
    if (record.size !== undefined) record.size = file.size;
    found.push({ record, raw });
  }
  return found;
}

function recordOrUndefined(index: RepodataIndex, fn: string): PackageRecord | undefined {
  try {
    return index.record(fn);
  } catch (error) {
    if (isRepackError(error)) return undefined;
    throw error;
  }
}

function isNamed(record: PackageRecord, fn: string): boolean {
  const { name, version, build } = parseDistFilename(fn);
  return record.name === name && record.version === version && record.build === build;
}

/** The record that conda-index would make of an artifact, which `openArtifacts` has read whole. Throws E_ARTIFACT_CORRUPT, E_ARTIFACT_MISLABELLED. */
export async function readRecord(
  rt: ReadRuntime,
  { path, fn, subdir, file }: { path: string; fn: string; subdir: string; file: FolderFile },
): Promise<PackageRecord> {
  const { size, md5, sha256 } = file;
  const identity = { distFilename: fn, subdir, md5, sha256, size, whole: false };
  return openArtifact(rt, path, (source) => recordFromArtifact(source, identity));
}

/** The indexes that a channel of these artifacts alone has, by subdir. */
export function indexesOf(
  subdirs: readonly string[],
  artifacts: readonly IndexedArtifact[],
): ReadonlyMap<string, RepodataIndex> {
  return new Map(subdirs.map((subdir) => [subdir, scanRepodata(buildRepodata(subdir, artifacts), subdir, { subdir })]));
}
