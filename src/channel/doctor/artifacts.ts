import { append } from '../../base/append.js';
import { subdirFits } from '../../conda/record/record-fields.js';
import { join } from 'node:path';
import { corrupt } from '../../archive/corrupt.js';
import { parseIndexJson } from '../../archive/index-json.js';
import { readInfo } from '../../archive/read-info.js';
import { withoutLocalKeys } from '../../archive/record-from-artifact.js';
import { openArtifact } from '../read/artifact.js';
import { sha256Of } from '../../codec/digests.js';
import { errnoOf } from '../../base/disk-errors.js';
import { isRepackError } from '../../base/errors.js';
import { formatOf, parseDistFilename, splitPath } from '../../conda/channel/names.js';
import type { DistFilename } from '../../conda/channel/names.js';
import { inParallel } from '../../base/parallel.js';
import type { PackageRecord } from '../../conda/record/records.js';
import { differingKeys } from '../check/artifact-rules.js';
import { asksForPaths, longestPath, pathViolations, readPaths, pathMembers } from './paths.js';
import type { LongPath, SitePrefix } from './paths.js';
import type { Folder, FolderFile, ReadRuntime } from '../read/read-folder.js';
import type { Indexes } from '../read/read-indexes.js';
import { violation } from '../check/rules.js';
import type { Violation } from '../check/rules.js';

const INDEX_JSON = 'info/index.json';
/** What a file's name and its own `info/index.json` must agree on. */
const IDENTITY = ['name', 'version', 'build'] as const;

export interface OpenedArtifacts {
  violations: Violation[];
  /** Path -> why no index may name it. */
  unusable: Map<string, string>;
  /** The longest path that any of the packages for Windows brings, where any was looked for. */
  longest: LongPath | undefined;
}

export interface OpenOptions {
  folder: Folder;
  indexes: Indexes;
  site: SitePrefix | undefined;
  /** What earlier looks found in artifacts, by their digest and their record: those are not opened again. */
  opened?: OpenedCache | undefined;
}

export type OpenedCache = Map<string, Opened>;

/**
 * Opens every artifact of the folder, also those that no index names. One whose digest is the index's is read as far as `info/`; of
 * any other every byte and checksum is read, for nobody vouches for it. Nothing is kept but what is wrong.
 */
export async function openArtifacts(rt: ReadRuntime, options: OpenOptions): Promise<OpenedArtifacts> {
  const { folder } = options;
  const windows = folder.subdirs.some((subdir) => subdir.startsWith('win-'));
  const artifacts = [...folder.files].filter(([path]) => path.includes('/') && formatOf(path) !== undefined);
  const unusable = new Map<string, string>();
  let longest: LongPath | undefined;
  const found = await inParallel(artifacts, 4, async ([path, file]) => {
    rt.signal.throwIfAborted();
    const key = keyOf(path, file, options);
    const opened = options.opened?.get(key) ?? (await open(rt, { ...options, path, file, windows }));
    options.opened?.set(key, opened);
    if (opened.unusable !== undefined) unusable.set(path, opened.unusable);
    if (opened.longest !== undefined && opened.longest.length > (longest?.length ?? 0)) longest = opened.longest;
    return opened.violations;
  });
  return { violations: found.flat(), unusable, longest };
}

function keyOf(path: string, { sha256 }: FolderFile, { indexes }: OpenOptions): string {
  const [subdir, fn] = splitPath(path);
  const record = indexes.get(subdir)?.rawRecord(fn);
  return `${path} ${sha256} ${record === undefined ? '' : sha256Of(record)}`;
}

interface Opened {
  violations: Violation[];
  unusable?: string;
  longest?: LongPath | undefined;
}

interface ToOpen extends OpenOptions {
  path: string;
  file: FolderFile;
  windows: boolean;
}

async function open(rt: ReadRuntime, task: ToOpen): Promise<Opened> {
  const { path, file, folder, indexes, site, windows } = task;
  const [subdir, fn] = splitPath(path);
  const index = indexes.get(subdir);
  const parts = nameParts(fn);
  if (typeof parts === 'string') {
    // One that the index names is reported as `record-name`.
    const told = index?.has(fn) === true;
    return { violations: told ? [] : [violation('name-unsafe', path, { reason: parts })], unusable: parts };
  }
  const record = index?.record(fn);
  const vouched = record !== undefined && isOf(record, file);
  const wantsPaths = asksForPaths(subdir, { site, windows });
  try {
    const wanted = wantsPaths ? [INDEX_JSON, ...pathMembers(site)] : [INDEX_JSON];
    const info = await openArtifact(rt, join(folder.dir, path), (source) =>
      readInfo(source, { distFilename: fn, wanted, whole: !vouched }),
    );
    const own = withoutLocalKeys(parseIndexJson(info.get(INDEX_JSON) ?? missing(fn), fn));
    const wrong = mislabelled(own, { parts, subdir, vouched });
    const violations = wrong === undefined ? [] : [violation('artifact-mislabelled', path, wrong)];
    if (vouched) append(violations, hotfixes(path, own, record));
    const paths = wantsPaths ? readPaths(info, own) : [];
    append(violations, pathViolations(path, { paths, site, subdir }));
    return {
      violations,
      // What a channel has published under this name is delivered as it is.
      ...(wrong === undefined || vouched ? {} : { unusable: `its ${wrong.field} is ${wrong.inside}` }),
      longest: longestPath(path, { paths, subdir }),
    };
  } catch (error) {
    if (isRepackError(error)) {
      return { violations: [violation('artifact-corrupt', path, { reason: error.what })], unusable: error.what };
    }
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    // Gone since: another look will tell.
    return { violations: errno === 'ENOENT' ? [] : [violation('unreadable', path, { errno })], unusable: errno };
  }
}

function nameParts(fn: string): DistFilename | string {
  try {
    return parseDistFilename(fn);
  } catch (error) {
    if (isRepackError(error)) return error.what;
    throw error;
  }
}

/** The file that this record was made for? sha256 decides; md5 where there is no sha256. */
export function isOf(record: PackageRecord, file: { sha256: string; md5: string }): boolean {
  if (record.sha256 !== undefined) return record.sha256 === file.sha256;
  return record.md5 === file.md5;
}

function missing(fn: string): never {
  throw corrupt(fn, `it has no ${INDEX_JSON}`);
}

function mislabelled(
  own: PackageRecord,
  { parts, subdir, vouched }: { parts: DistFilename; subdir: string; vouched: boolean },
): { field: string; inside: string } | undefined {
  const field = IDENTITY.find((key) => own[key] !== parts[key]);
  if (field !== undefined) return { field, inside: own[field] };
  const fits = vouched ? subdirFits(own.subdir, subdir) : (own.subdir ?? subdir) === subdir;
  return fits ? undefined : { field: 'subdir', inside: own.subdir! };
}

function hotfixes(path: string, own: PackageRecord, record: PackageRecord): Violation[] {
  const keys = differingKeys(own, record);
  return keys.length === 0 ? [] : [violation('hotfixed', path, { keys: keys.join(', ') })];
}
