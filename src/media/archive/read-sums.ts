/** A line of `SHA256SUMS` or of a `.md5` side file. */
export interface SumsLine {
  digest: string;
  /** As it stands there: never followed. */
  name: string;
}

/** Parsed sums, or the number of the first line (from 1) that is none. */
export type Sums = { lines: SumsLine[] } | { badLine: number };

/**
 * `digest  name` lines as `sha256sum` and `md5sum` write them, with what other programs make of them on the way: CRLF, a BOM, `*` for binary,
 * a `\` in front where the name is escaped, upper-case digits, empty lines and `#` comments (bad-inputs G6).
 */
export function parseSums(text: string, digits: 32 | 64): Sums {
  const pattern = new RegExp(`^(\\\\?)([0-9a-fA-F]{${digits}}) [ *]?(.+)$`);
  const lines: SumsLine[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const line = raw.replace(/\r$/, '');
    if (line.trim() === '' || line.startsWith('#')) continue;
    const match = pattern.exec(line);
    if (match === null) return { badLine: index + 1 };
    const [, escaped, digest = '', name = ''] = match;
    lines.push({
      digest: digest.toLowerCase(),
      name: (escaped === '' ? name : unescaped(name)).replace(/^\.\//, ''),
    });
  }
  return { lines };
}

/** The lines of a `.list` side file: names of members, one a line. */
export function parseList(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '');
}

/** coreutils writes a backslash, a line feed and a carriage return in names as `\\`, `\n`, `\r`, and a backslash at the start of the line. */
function unescaped(name: string): string {
  return name.replace(/\\([\\nr])/g, (_all, char: string) => (char === 'n' ? '\n' : char === 'r' ? '\r' : '\\'));
}
