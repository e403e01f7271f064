/** The candidate that `text` most likely meant, undefined when none is near: what it begins with, or few letters away. */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  return nearestFew(text, candidates, 1)[0];
}

/** The nearest candidates, best first. */
export function nearestFew(text: string, candidates: Iterable<string>, count: number): string[] {
  const wanted = plain(text);
  if (wanted === '') return [];
  const limit = wanted.length <= 4 ? 1 : wanted.length <= 8 ? 2 : 3;
  const near: { name: string; distance: number }[] = [];
  for (const name of candidates) {
    const other = plain(name);
    if (Math.abs(other.length - wanted.length) > limit && !other.startsWith(wanted) && !wanted.startsWith(other))
      continue;
    const distance = other === wanted ? 0 : edits(wanted, other, limit);
    if (distance <= limit) near.push({ name, distance });
    else if (wanted.length >= 4 && (other.startsWith(wanted) || (other.length >= 4 && wanted.startsWith(other))))
      near.push({ name, distance: limit + 1 });
  }
  return near
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name);
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll(/[-_. ]/g, '');
}

/** Optimal string alignment: insert, delete, replace, swap neighbours; more than `limit` is `limit + 1`. */
export function edits(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, beforeLast[j - 2]! + 1);
      row.push(least);
    }
    if (row.every((each) => each > limit)) return limit + 1;
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
