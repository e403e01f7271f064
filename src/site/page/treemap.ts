import type { PageSize } from './view.js';

/** A rectangle in percent of the picture, two places behind the point. */
export interface Cell extends PageSize {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Height by width of the picture that the rectangles should look like squares in. */
const RATIO = 0.4;

/**
 * Rectangles whose areas are as `sizes`, near to squares (Bruls, Huizing, van Wijk 1999: rows are filled as long as that makes their worst one
 * better). `sizes`: the largest first; what takes no bytes is left out.
 */
export function treemap(sizes: readonly PageSize[]): Cell[] {
  const wanted = sizes.filter(({ bytes }) => bytes > 0);
  const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
  const areas = wanted.map(({ bytes }) => (bytes / total) * RATIO);
  const cells: Cell[] = [];
  let [left, top, width, height] = [0, 0, 1, RATIO];
  for (let at = 0; at < areas.length;) {
    const side = Math.min(width, height);
    let end = at + 1;
    let sum = areas[at]!;
    const worst = (last: number, all: number): number => {
      const squared = (side / all) ** 2;
      return Math.max(squared * areas[at]!, 1 / (squared * areas[last]!));
    };
    while (end < areas.length && worst(end, sum + areas[end]!) <= worst(end - 1, sum)) sum += areas[end++]!;
    const depth = sum / side;
    let along = 0;
    for (; at < end; at += 1) {
      const length = areas[at]! / depth;
      const [x, y, w, h] = width >= height ? [left, top + along, depth, length] : [left + along, top, length, depth];
      cells.push({
        ...wanted[at]!,
        x: percent(x),
        y: percent(y / RATIO),
        width: percent(w),
        height: percent(h / RATIO),
      });
      along += length;
    }
    if (width >= height) [left, width] = [left + depth, width - depth];
    else [top, height] = [top + depth, height - depth];
  }
  return cells;
}

function percent(share: number): number {
  return Math.round(share * 10_000) / 100;
}

/** Files of a name together, the largest first. */
export function sizesByName(files: readonly { name: string; size?: number | undefined }[]): PageSize[] {
  const sizes = new Map<string, number>();
  for (const { name, size = 0 } of files) sizes.set(name, (sizes.get(name) ?? 0) + size);
  return [...sizes]
    .map(([name, bytes]) => ({ name, bytes }))
    .sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}
