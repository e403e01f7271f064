import { dependencyName } from '../spec/dependency.js';
import { joinedBytes } from '../../base/json-bytes.js';
import { formatOf } from '../channel/names.js';
import { parsedList, textLists } from './record-bytes.js';
import type { RepodataIndex } from './repodata-index.js';

/**
 * Names of all packages that a solve of `names` can meet: those themselves and, over every record of each in every index, the
 * names in `depends`. Virtual packages are left out. Versions are not looked at, so the answer is a superset of any solution. What stands
 * only in `constrains` is never installed on that account and needs no records; `constrains: true` follows it all the same.
 */
export function reachable(
  indexes: readonly RepodataIndex[],
  names: Iterable<string>,
  options: { constrains?: boolean } = {},
): Set<string> {
  const keys = options.constrains === true ? ['depends', 'constrains'] : ['depends'];
  const found = new Set<string>();
  const queue: string[] = [];
  const reach = (name: string): void => {
    if (name === '' || name.startsWith('__') || found.has(name)) return;
    found.add(name);
    queue.push(name);
  };
  for (const name of names) reach(name.toLowerCase());
  // Builds of one package mostly share their list: each different list is read once.
  const lists = new Set<string>();
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    for (const index of indexes) {
      for (const fn of index.filenames(name)) {
        for (const list of textLists(index.rawRecord(fn)!, keys)) {
          if (lists.has(list)) continue;
          lists.add(list);
          for (const text of parsedList(list)) reach(dependencyName(text));
        }
      }
    }
  }
  return found;
}

/**
 * A `repodata.json` with the records of these package names only, as published, for a solver that should not see the rest. Without
 * `info.base_url`: records are joined by file name afterwards.
 */
export function prunedDocument(index: RepodataIndex, names: ReadonlySet<string>): Uint8Array {
  const encoder = new TextEncoder();
  const pieces: Uint8Array[] = [encoder.encode(`{"info":${JSON.stringify({ subdir: index.subdir })}`)];
  const sorted = [...names].sort();
  for (const [key, format] of [
    ['packages', 'tar.bz2'],
    ['packages.conda', 'conda'],
  ] as const) {
    pieces.push(encoder.encode(`,"${key}":{`));
    let comma = '';
    for (const fn of sorted.flatMap((name) => index.filenames(name))) {
      if (formatOf(fn) !== format) continue;
      pieces.push(encoder.encode(`${comma}${JSON.stringify(fn)}:`), index.rawRecord(fn)!);
      comma = ',';
    }
    pieces.push(encoder.encode('}'));
  }
  pieces.push(encoder.encode(',"repodata_version":1}'));
  return joinedBytes(pieces);
}
