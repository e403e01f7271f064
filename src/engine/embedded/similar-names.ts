import type { RepodataIndex } from '../../conda/record/repodata-index.js';

/** For each unknown name up to three that the channels have and that differ by a slip of the hand, nearest first. */
export function similarNames(unknown: readonly string[], indexes: readonly RepodataIndex[]): Map<string, string[]> {
  const known = new Set<string>();
  if (unknown.length > 0) {
    for (const index of indexes) for (const fn of index.allFilenames()) known.add(fn.split('-').slice(0, -2).join('-'));
  }
  return new Map(unknown.map((name) => [name, nearest(name, known)]));
}

function nearest(name: string, known: ReadonlySet<string>): string[] {
  const limit = name.length < 5 ? 1 : 2;
  return [...known]
    .filter((other) => other !== '' && Math.abs(other.length - name.length) <= limit)
    .map((other) => ({ other, slips: slips(name, other) }))
    .filter((each) => each.slips <= limit)
    .sort((a, b) => a.slips - b.slips || (a.other < b.other ? -1 : 1))
    .slice(0, 3)
    .map((each) => each.other);
}

/** Letters added, left out, mistaken or swapped with their neighbour (Damerau-Levenshtein); `-`, `_` and `.` are one letter. */
function slips(a: string, b: string): number {
  const left = a.replaceAll(/[_.]/g, '-');
  const right = b.replaceAll(/[_.]/g, '-');
  let before: number[] = [];
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1];
      let best = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1])
        best = Math.min(best, before[j - 2]! + 1);
      next.push(best);
    }
    before = row;
    row = next;
  }
  return row[right.length]!;
}
