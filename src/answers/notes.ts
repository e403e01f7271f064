import { compareChannels, packageAt } from '../channel/compare-channels.js';
import type { ComparedFile } from '../channel/compare-channels.js';
import { isAffected } from '../conda/advisory/osv.js';
import type { Advisory } from '../conda/advisory/osv.js';
import { formatOf, pathOf } from '../conda/channel/names.js';
import type { Asked } from './asked.js';
import type { NotesAdvisory, NotesReport } from './schema.js';

/** What a customer is told of the way from one generation to another; the same change on several platforms stands once. */
export function notes(a: Asked, b: Asked, advisories: readonly Advisory[]): NotesReport {
  const { added, removed, upgraded, downgraded, rerecorded, kept } = compareChannels(filesOf(a), filesOf(b));
  const single = (list: typeof added) => onEachPlatform(list, ({ name, version }) => ({ name, version }));
  const moved = (list: typeof upgraded) => onEachPlatform(list, ({ name, from, to }) => ({ name, from, to }));
  const isRebuilt = ({ from }: { from: string }): boolean => from.includes(' ') || formatOf(from) !== undefined;
  const isMoved = (each: { from: string }): boolean => !isRebuilt(each);
  return {
    from: sideOf(a),
    to: sideOf(b),
    added: single(added),
    removed: single(removed),
    upgraded: moved(upgraded.filter(isMoved)),
    downgraded: moved(downgraded.filter(isMoved)),
    rebuilt: moved([...upgraded, ...downgraded].filter(isRebuilt)),
    record_changed: single(rerecorded),
    kept,
    licence_changed: licencesChanged(a, b),
    asked: {
      added: missing(b.manifest?.specs, a.manifest?.specs),
      removed: missing(a.manifest?.specs, b.manifest?.specs),
    },
    advisories: judged(a, b, advisories),
  };
}

function sideOf({ given, label, generation }: Asked): NotesReport['from'] {
  return { given, label, generation };
}

/** With the digest of each record where a manifest has it. */
function filesOf({ manifest, packages }: Asked): ComparedFile[] {
  if (manifest !== undefined) return manifest.files.filter(({ kind }) => kind === 'artifact');
  return packages.map((each) => {
    const { sha256, md5, size } = each.record;
    return { path: pathOf(each), size: size ?? 0, sha256: sha256 ?? md5 ?? '' };
  });
}

function onEachPlatform<T extends { subdir: string }, R extends object>(
  list: readonly T[],
  tell: (each: T) => R,
): (R & { subdirs: string[] })[] {
  const told = new Map<string, R & { subdirs: string[] }>();
  for (const each of list) {
    const short = tell(each);
    const key = JSON.stringify(short);
    const known = told.get(key) ?? { ...short, subdirs: [] };
    if (!known.subdirs.includes(each.subdir)) known.subdirs.push(each.subdir);
    told.set(key, known);
  }
  return [...told].sort(([x], [y]) => (x < y ? -1 : 1)).map(([, each]) => each);
}

function missing(all: readonly string[] = [], from: readonly string[] = []): string[] {
  return all.filter((each) => !from.includes(each));
}

function licencesChanged(a: Asked, b: Asked): NotesReport['licence_changed'] {
  const [before, after] = [licencesOf(a), licencesOf(b)];
  return [...after]
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .flatMap(([name, to]) => {
      const from = before.get(name);
      return from === undefined || from.join('\n') === to.join('\n') ? [] : [{ name, from, to }];
    });
}

/** What the packages of a name state, each once. */
function licencesOf({ packages }: Asked): Map<string, string[]> {
  const stated = new Map<string, string[]>();
  for (const { record } of packages) {
    const text = typeof record.license === 'string' ? record.license.trim() : '';
    const known = stated.get(record.name) ?? [];
    stated.set(record.name, known.includes(text) ? known : [...known, text].sort());
  }
  return stated;
}

/** Closed: it was true of a package of A and is of none of that name in B. Open: it is true of one in B. */
function judged(a: Asked, b: Asked, advisories: readonly Advisory[]): NotesReport['advisories'] {
  const [before, after] = [packagesOf(a), packagesOf(b)];
  const closed: NotesAdvisory[] = [];
  const open: (NotesAdvisory & { new: boolean })[] = [];
  for (const advisory of advisories) {
    const [was, is] = [before, after].map((all) => all.filter((each) => isAffected(advisory, each))) as [
      typeof before,
      typeof before,
    ];
    if (was.length + is.length === 0) continue;
    const names = [...new Set([...was, ...is].map(({ name }) => name))].sort();
    const { id, aliases, summary = null } = advisory;
    const versions = (all: typeof before, name: string): string[] => [
      ...new Set(all.flatMap((each) => (each.name === name ? [each.version] : []))),
    ];
    const packages = names.map((name) => ({ name, from: versions(before, name), to: versions(after, name) }));
    const told = { id, aliases, summary, packages };
    if (is.length === 0) closed.push(told);
    else open.push({ ...told, new: was.length === 0 });
  }
  const byId = (x: NotesAdvisory, y: NotesAdvisory): number => x.id.localeCompare(y.id, 'en', { numeric: true });
  return { judged: advisories.length, closed: closed.sort(byId), open: open.sort(byId) };
}

function packagesOf({ packages }: Asked): { name: string; version: string; purls: unknown }[] {
  return packages.flatMap((each) => {
    const parts = packageAt(pathOf(each));
    return parts === undefined ? [] : [{ name: parts.name, version: parts.version, purls: each.record['purls'] }];
  });
}
