import { plural } from './plural.js';

/** The first `most` of them, and a last one that says how many more there are. */
export function fewLines(lines: readonly string[], most: number): string[] {
  if (lines.length <= most) return [...lines];
  return [...lines.slice(0, most), `… and ${plural(lines.length - most, 'line')} more`];
}
