/** Both ends are part of it. */
export interface ByteRange {
  first: number;
  last: number;
}

/**
 * A Range header for a file of `size` bytes. One range: that, cut to the file. Several, or another unit than bytes: `whole`, which a server
 * may answer (RFC 9110, 14.2). What is no range, or lies behind the end: `unsatisfiable`.
 */
export function parseRange(header: string, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const [, unit, list] = /^\s*([^\s=]+)\s*=(.*)$/.exec(header) ?? [];
  if (unit === undefined || list === undefined) return 'unsatisfiable';
  if (unit.toLowerCase() !== 'bytes') return 'whole';
  const ranges = list.split(',').map((text) => text.trim());
  if (ranges.some((text) => !isRange(text))) return 'unsatisfiable';
  if (ranges.length > 1) return 'whole';
  const [from = '', to = ''] = ranges[0]!.split('-');
  const first = from === '' ? Math.max(size - Number(to), 0) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return first > last ? 'unsatisfiable' : { first, last };
}

function isRange(text: string): boolean {
  const [, from = '', to = ''] = /^(\d*)-(\d*)$/.exec(text) ?? [];
  if (from === '' && to === '') return false;
  return from === '' || to === '' || Number(from) <= Number(to);
}
