import { edits } from '../../base/nearest.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';

/** For each unknown name up to three that the channels have and that differ by a slip of the hand, nearest first. */
export function similarNames(unknown: readonly string[], indexes: readonly RepodataIndex[]): Map<string, string[]> {
  const known = new Set<string>();
  if (unknown.length > 0) {
    for (const index of indexes) for (const name of index.packageNames()) known.add(name);
  }
  return new Map(unknown.map((name) => [name, nearest(name, known)]));
}

function nearest(name: string, known: ReadonlySet<string>): string[] {
  const limit = name.length < 5 ? 1 : 2;
  return [...known]
    .filter((other) => other !== '')
    .map((other) => ({ other, slips: edits(plain(name), plain(other), limit) }))
    .filter((each) => each.slips <= limit)
    .sort((a, b) => a.slips - b.slips || (a.other < b.other ? -1 : 1))
    .slice(0, 3)
    .map((each) => each.other);
}

/** `-`, `_` and `.` are one letter. */
function plain(name: string): string {
  return name.replaceAll(/[_.]/g, '-');
}
