import { join } from 'node:path';
import { member } from '../../base/json.js';
import { splitPath } from '../../conda/channel/names.js';
import { unpackIndex } from '../index/forms.js';
import type { Folder, ReadRuntime } from '../read/read-folder.js';
import type { Indexes } from '../read/read-indexes.js';
import { violation } from '../check/rules.js';
import type { Violation } from '../check/rules.js';

const CHANNELDATA = 'channeldata.json';
const RUN_EXPORTS = ['run_exports.json', 'run_exports.json.zst', 'run_exports.json.bz2'];
const SHOWN = 3;

/**
 * `channeldata.json` and `run_exports.json` (CEP 12) that say something else than the indexes. No client installs by them, but build tools and
 * web pages read them, and whoever changes a channel by hand forgets them. What an indexer may leave out is not missed.
 */
export async function checkBeside(
  rt: ReadRuntime,
  { folder, indexes, withdrawn }: { folder: Folder; indexes: Indexes; withdrawn: ReadonlySet<string> },
): Promise<Violation[]> {
  const found: Violation[] = [];
  const check = async (path: string, reasonOf: (content: unknown) => string | undefined): Promise<void> => {
    const reason = await differs(rt, join(folder.dir, path), reasonOf);
    if (reason !== undefined) found.push(violation('beside-stale', path, { reason }));
  };
  if (folder.strangers.includes(CHANNELDATA))
    await check(CHANNELDATA, (content) => channelDiffers({ content, indexes, withdrawn }));
  for (const [subdir, index] of indexes) {
    for (const fn of RUN_EXPORTS) {
      if (!folder.files.has(`${subdir}/${fn}`)) continue;
      await check(`${subdir}/${fn}`, (content) => {
        const names = [...keysOf(content, 'packages'), ...keysOf(content, 'packages.conda')];
        const extra = names.filter((name) => !index.has(name) && !withdrawn.has(`${subdir}/${name}`));
        return extra.length === 0 ? undefined : `it names ${counted(extra)}, which the index does not have`;
      });
    }
  }
  return found;
}

async function differs(
  rt: ReadRuntime,
  file: string,
  reasonOf: (content: unknown) => string | undefined,
): Promise<string | undefined> {
  try {
    const bytes = await unpackIndex(file, await rt.fs.readFile(file));
    return reasonOf(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (error) {
    return `it can't be read (${(error as Error).message})`;
  }
}

interface ChannelData {
  content: unknown;
  indexes: Indexes;
  /** Paths: what was withdrawn may be named still. */
  withdrawn: ReadonlySet<string>;
}

function channelDiffers({ content, indexes, withdrawn }: ChannelData): string | undefined {
  const there = versionsByName(namesIn(indexes));
  const former = versionsByName([...withdrawn].map((path) => splitPath(path)[1]));
  const packages = member(content, 'packages');
  const named = new Set(keysOf(content, 'packages'));
  const gone = [...named].filter((name) => !there.has(name) && !former.has(name));
  if (gone.length > 0) return `it names ${counted(gone)}, which no index has`;
  const lacking = [...there.keys()].filter((name) => !named.has(name));
  if (lacking.length > 0) return `it does not name ${counted(lacking)}`;
  const other = [...named].find((name) => {
    const version = member(member(packages, name), 'version');
    if (typeof version !== 'string' || former.get(name)?.has(version) === true) return false;
    return there.get(name)?.has(version) === false;
  });
  return other === undefined ? undefined : `it names a version of ${other} that no index has`;
}

function* namesIn(indexes: Indexes): Iterable<string> {
  for (const index of indexes.values()) yield* index.allFilenames();
}

function versionsByName(filenames: Iterable<string>): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const fn of filenames) {
    const [, name, version] = /^(.+)-([^-]+)-[^-]+$/.exec(fn) ?? [];
    if (name === undefined || version === undefined) continue;
    const versions = found.get(name) ?? new Set();
    found.set(name, versions.add(version));
  }
  return found;
}

function counted(names: readonly string[]): string {
  const more = names.length - SHOWN;
  return `${names.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function keysOf(content: unknown, key: string): string[] {
  return Object.keys(Object(member(content, key)));
}
