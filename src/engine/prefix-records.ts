import { join } from 'node:path';
import { z } from 'zod';
import { RepackError, isRepackError } from '../base/errors.js';
import { isVirtualPackageName, parseDistFilename, shown } from '../conda/channel/names.js';
import { decoded } from '../conda/channel/token-free-url.js';
import { compareVersions } from '../conda/spec/version.js';
import { inParallel } from '../base/parallel.js';
import type { PrefixRecord } from '../conda/record/records.js';
import type { FileSystem } from '../runtime/fs.js';

/** A PrefixRecord with what tells how complete an environment is and who owns which file in it. */
export interface InstalledRecord extends PrefixRecord {
  depends: readonly string[];
  /** Paths in the environment, with `/`. */
  files: readonly string[];
  /** Where it was linked from, as the engine wrote it: names the package cache. */
  cachePaths: readonly string[];
}

/** conda-meta of one package lists each of its files; the largest known are below this. */
const MAX_META_BYTES = 128 * 1024 * 1024;
const READ_AT_ONCE = 8;

const optionalText = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);

const shape = z.object({
  name: z.string().min(1),
  version: z.string().min(1),
  // conda < 4.4 of early days wrote `build` only into the file name; never seen since 4.3.
  build: z.string().min(1),
  build_number: z.number().int().nonnegative(),
  fn: optionalText,
  subdir: optionalText,
  url: optionalText,
  channel: z.unknown().optional(),
  // conda 4.3 says here, and only here, that a package came from a local file: `<unknown>`.
  schannel: optionalText,
  md5: optionalText,
  sha256: optionalText,
  size: z
    .number()
    .nullish()
    .transform((value) => value ?? undefined),
  noarch: z.union([z.string(), z.boolean(), z.null()]).optional(),
  depends: z.array(z.string()).nullish(),
  files: z.array(z.string()).nullish(),
  package_tarball_full_path: optionalText,
  extracted_package_dir: optionalText,
  link: z.object({ source: optionalText }).nullish(),
});

/** Whether a folder is an environment: it has a `conda-meta`. */
export async function isEnvironment(fs: FileSystem, prefix: string): Promise<boolean> {
  try {
    return (await fs.stat(join(prefix, 'conda-meta'))).isDirectory();
  } catch {
    return false;
  }
}

/**
 * The records of `<prefix>/conda-meta/*.json`, sorted by file name; none where the folder is not there. Names are checked before
 * anything is done with them. Throws E_RECORD for a file that is no record, or names another artifact than itself, unless `onOdd` takes it.
 */
export async function readPrefixRecords(
  fs: FileSystem,
  prefix: string,
  onOdd?: (file: string, error: RepackError) => void,
): Promise<InstalledRecord[]> {
  const folder = join(prefix, 'conda-meta');
  const files = await metaFiles(fs, folder);
  const read = await inParallel(files, READ_AT_ONCE, (file) =>
    readRecord(fs, join(folder, file), file).catch((error: unknown) => {
      if (onOdd === undefined || !isRepackError(error)) throw error;
      onOdd(file, error);
      return undefined;
    }),
  );
  const records = read.filter((record) => record !== undefined);
  const newest = new Map<string, InstalledRecord>();
  for (const record of records) {
    const other = newest.get(record.name);
    if (other === undefined || compareVersions(other.version, record.version) < 0) newest.set(record.name, record);
  }
  return records.filter((record) => {
    const kept = newest.get(record.name)!;
    if (record === kept) return true;
    // An update that was cut short leaves the old record beside the new one.
    const file = `${parseDistFilename(record.fn).stem}.json`;
    const error = badRecord(file, `the environment has ${record.name} twice: ${record.fn} and ${kept.fn}`);
    if (onOdd === undefined) throw error;
    onOdd(file, error);
    return false;
  });
}

async function metaFiles(fs: FileSystem, folder: string): Promise<string[]> {
  try {
    const entries = await fs.readdir(folder);
    // `state` and hidden files of other tools are no records; nor are symlinks, which only a stranger would lay.
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.json') && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function readRecord(fs: FileSystem, path: string, file: string): Promise<InstalledRecord> {
  if ((await fs.stat(path)).size > MAX_META_BYTES) throw badRecord(path, 'it is too large to be a record');
  let value: unknown;
  try {
    value = JSON.parse(await fs.readText(path));
  } catch (cause) {
    throw badRecord(path, 'it is no JSON: was the installation cut short?', cause);
  }
  const result = shape.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw badRecord(path, `its "${issue.path.map(String).join('.')}" can't be read: ${issue.message}`);
  }
  const { data } = result;
  // pixi writes the whole URL of a package that came from a path.
  const named = data.fn ?? data.url;
  const fn = named?.includes('://')
    ? decoded(
        named
          .replace(/[?#].*$/s, '')
          .split('/')
          .at(-1)!,
      )
    : named;
  if (fn === undefined) throw badRecord(path, 'it has neither "fn" nor "url"');
  const record: InstalledRecord = {
    name: data.name,
    version: data.version,
    build: data.build,
    build_number: data.build_number,
    fn,
    subdir: data.subdir,
    url: data.url,
    channel: typeof data.channel === 'string' ? data.channel : data.schannel,
    md5: digest(path, 'md5', data.md5, 32),
    sha256: digest(path, 'sha256', data.sha256, 64),
    size: data.size,
    noarch: data.noarch,
    depends: data.depends ?? [],
    files: (data.files ?? []).map((each) => each.replaceAll('\\', '/')),
    cachePaths: [data.package_tarball_full_path, data.extracted_package_dir, data.link?.source].filter(
      (each) => each !== undefined,
    ),
  };
  checkName(path, file, record);
  return record;
}

/** Name, version and build must be those of the file names: what is delivered is fetched and written by `fn`. */
function checkName(path: string, file: string, record: InstalledRecord): void {
  if (isVirtualPackageName(record.name)) return;
  const parts = parseDistFilename(record.fn);
  const mine = `${record.name}-${record.version}-${record.build}`;
  if (parts.stem !== mine) throw badRecord(path, `it says ${shown(mine)}, its file name says ${shown(parts.stem)}`);
  if (file !== `${parts.stem}.json`) throw badRecord(path, `it is the record of ${shown(parts.stem)}`);
}

function digest(path: string, field: string, value: string | undefined, length: number): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (value.length === length && /^[0-9a-f]+$/i.test(value)) return value.toLowerCase();
  throw badRecord(path, `its "${field}" is none: ${shown(value)}`);
}

function badRecord(where: string, problem: string, cause?: unknown): RepackError {
  return new RepackError('E_RECORD', {
    what: `This record of an installed package can't be used: ${problem}`,
    where,
    hint: 'Reinstall the package into the environment, or make the environment anew.',
    cause,
  });
}
