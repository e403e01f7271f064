import { join } from 'node:path';
import { NOARCH } from '../../conda/channel/channel.js';
import { KNOWN_SUBDIRS, caseFold, formatOf, splitPath } from '../../conda/channel/names.js';
import { twinOf } from '../../conda/channel/view.js';
import { isDerived } from '../index/derived-files.js';
import { isIndexPath } from '../manifest/manifest.js';
import type { Folder, ReadRuntime } from '../read/read-folder.js';
import type { Indexes } from '../read/read-indexes.js';
import { violation } from '../check/rules.js';
import type { Violation } from '../check/rules.js';

/** What lies beside the packages of channels that others made, and does no harm there, in whatever letters. */
const KNOWN_BESIDE = new Set([
  'index.html',
  '.index.json',
  'patch_instructions.json',
  'run_exports.json',
  'run_exports.json.zst',
  'run_exports.json.bz2',
]);
/** At the root of channels that others made. */
const KNOWN_AT_ROOT = new Set(['channeldata.json', 'rss.xml', 'index.html', 'notices.json', 'icons']);

/** The same build twice: in both formats, or for a platform and for all of them. */
export function checkTwins(folder: Folder): Violation[] {
  const found: Violation[] = [];
  for (const [path, file] of folder.files) {
    const [subdir, fn] = splitPath(path);
    const twin = subdir === '' ? undefined : twinOf(fn);
    if (twin === undefined) continue;
    if (formatOf(fn) === 'tar.bz2' && folder.files.has(`${subdir}/${twin}`))
      found.push(violation('twin-formats', path, { other: `${subdir}/${twin}` }));
    if (subdir === NOARCH) continue;
    const others = [fn, twin].map((name) => `${NOARCH}/${name}`);
    const other = others.find((each) => folder.files.has(each));
    if (other === undefined) continue;
    const equal = folder.files.get(other)?.sha256 === file.sha256 ? 1 : 0;
    found.push(violation('twin-subdirs', path, { other, equal }));
  }
  return found;
}

/** Files beside the packages: left by broken-off transfers, with names that do not travel, or of no use to a channel. */
export function checkOtherFiles(folder: Folder, named: ReadonlySet<string>): Violation[] {
  const found: Violation[] = [];
  for (const path of folder.files.keys()) {
    const [subdir, fn] = splitPath(path);
    if (subdir === '' || formatOf(fn) !== undefined || named.has(path)) continue;
    if (isIndexPath(path) || isDerived(fn) || KNOWN_BESIDE.has(fn.toLowerCase()) || fn.endsWith('.sigs')) continue;
    const reason = unsafe(fn);
    if (isPartial(fn)) found.push(violation('partial-file', path));
    else if (reason === undefined) found.push(violation('unknown-file', path));
    else found.push(violation('name-unsafe', path, { reason }));
  }
  return found;
}

/**
 * Packages, indexes and subdirs whose name a medium has turned into upper case. What lies there under the right name too is another matter
 * (`case-clash`). Taken for unknown files they would be left out of every index, and pruned.
 */
export function checkLetterCase({ files, strangers }: Folder, indexes: Indexes): Violation[] {
  const wanted = new Map<string, string>();
  for (const [subdir, index] of indexes)
    for (const fn of index.allFilenames()) wanted.set(caseFold(`${subdir}/${fn}`), `${subdir}/${fn}`);
  const found: Violation[] = [];
  for (const path of files.keys()) {
    const [subdir, fn] = splitPath(path);
    // An index may name two that differ in letters only: either is right.
    if (subdir === '' || indexes.get(subdir)?.has(fn) === true) continue;
    const expected = wanted.get(caseFold(path)) ?? ownLetters(path);
    if (expected !== undefined && expected !== path && !files.has(expected))
      found.push(violation('name-case', path, { expected }));
  }
  for (const name of strangers) {
    const expected = subdirInCapitals(name);
    if (expected !== undefined) found.push(violation('name-case', name, { expected }));
  }
  return found;
}

/** The subdir that this name is but for its letters. */
export function subdirInCapitals(name: string): string | undefined {
  const lower = name.toLowerCase();
  return lower !== name && KNOWN_SUBDIRS.includes(lower) ? lower : undefined;
}

/** How a name is written that nothing but its ending or an indexer's habit tells. */
function ownLetters(path: string): string | undefined {
  const lower = path.toLowerCase();
  const [, fn] = splitPath(lower);
  const isPackage = formatOf(path) === undefined && formatOf(lower) !== undefined;
  return isPackage || isIndexPath(lower) || isDerived(fn) ? lower : undefined;
}

/** Names as conda, mamba, cas-mirror, curl, rsync and browsers give them to what is not yet whole. */
export function isPartial(fn: string): boolean {
  return (
    /\.(partial|part|parts|tmp|temp|crdownload|filepart|download|conda_trash|c~)(\.\d+)?$/i.test(fn) ||
    /^\..+\.[A-Za-z0-9]{6}$/.test(fn)
  );
}

/** What Windows refuses in a name, and what a URL would have to escape. */
function unsafe(name: string): string | undefined {
  // eslint-disable-next-line no-control-regex
  const character = /[<>:"\\|?*\u0000-\u001f]/.exec(name);
  if (character !== null) return `Windows takes no ${JSON.stringify(character[0])}`;
  if (/[. ]$/.test(name)) return 'Windows drops the dot or blank at its end';
  if (/^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i.test(name)) return 'Windows takes it for a device';
  const escaped = /[^\u0021-\u007e]|[%#]/.exec(name);
  if (escaped !== null) return `in a URL ${JSON.stringify(escaped[0])} is written in another way`;
  return name.length > 255 ? `it has ${name.length} characters, more than 255` : undefined;
}

/**
 * What lies at the root and is no part of the channel: packages where no client looks, folders whose names are meant as subdirs; the
 * rest is left alone. `strangers` as `readFolder` names them.
 */
export async function checkStrangers(rt: ReadRuntime, { dir, strangers }: Folder): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const name of strangers) {
    // Told by its letters.
    if (subdirInCapitals(name) !== undefined) continue;
    if (formatOf(name) !== undefined) {
      found.push(violation('packages-outside', name));
      continue;
    }
    const entries = await rt.fs.readdir(join(dir, name)).catch(() => []);
    const example = entries.find((entry) => entry.isFile() && formatOf(entry.name) !== undefined)?.name;
    if (example !== undefined) found.push(violation('packages-outside', name, { example }));
    else if (!KNOWN_AT_ROOT.has(name)) found.push(violation('stranger', name));
  }
  return found;
}
