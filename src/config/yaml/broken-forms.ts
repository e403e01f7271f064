import type { FileForm } from './text-file.js';

/** A form that is wrong in a way people get from a printed page: where, what and the fix. */
export interface BrokenForm {
  readonly line: number;
  readonly column: number;
  readonly what: string;
  readonly hint: string;
}

/** A comment that ends with `key:` while a list follows. */
export interface SwallowedKey {
  readonly line: number;
  readonly column: number;
  readonly key: string;
  /** Lines of the list that follows. */
  readonly items: readonly string[];
  readonly lastLine: number;
}

const ITEM = /^\s*[-*•–—]\s*\S/;

/**
 * The broken form behind a complaint at `line`: what YAML says of it names another line and another reason. cas-mirror's own
 * documentation prints two of them: the key at the end of a comment line, and items that begin with `*`.
 */
export function brokenForm(
  text: string,
  line: number,
  { keys, blocks = [] }: Pick<FileForm, 'keys' | 'blocks'>,
): BrokenForm | undefined {
  const lines = text.split('\n').map((each) => each.replace(/\r$/, ''));
  const swallowed = swallowedKeys(text, keys).find((each) => each.line <= line + 1 && line <= each.lastLine + 1);
  // A list after the comment is read as part of what stands before it: the complaint may be about that line.
  const above = swallowed ?? swallowedKeys(text, keys).find((each) => precededBy(lines, each.line, line));
  if (above !== undefined) return swallowedForm(above);
  const [block = ''] = /^[A-Za-z_]+(?=\s*:)/.exec(lines[lastIndexBefore(lines, line) - 1]!) ?? [];
  const atMargin = blocks.includes(block) ? [] : keys;
  for (const near of nearLines(lines, line)) {
    const content = lines[near - 1]!;
    const form = itemForm(lines, near) ?? colonForm(content, near, keys) ?? nestedKeyForm(content, near, atMargin);
    if (form !== undefined) return form;
  }
  return undefined;
}

/** Comments that end with a known key while items of a list follow; in `# a:` above `# - x` nothing follows. */
export function swallowedKeys(text: string, keys: readonly string[]): SwallowedKey[] {
  const lines = text.split('\n').map((each) => each.replace(/\r$/, ''));
  const found: SwallowedKey[] = [];
  lines.forEach((content, index) => {
    const match = /(?:^|\s)#.*?(?:^|[\s#,.;:])([a-z_]+):\s*$/.exec(content);
    const key = match?.[1];
    if (key === undefined || !keys.includes(key)) return;
    const items: string[] = [];
    let last = index;
    for (let next = index + 1; next < lines.length; next++) {
      if (lines[next]!.trim() === '') continue;
      if (!ITEM.test(lines[next]!)) break;
      items.push(lines[next]!.trim());
      last = next;
    }
    if (items.length === 0) return;
    found.push({ line: index + 1, column: content.lastIndexOf(key) + 1, key, items, lastLine: last + 1 });
  });
  return found;
}

export function swallowedForm({ line, column, key, items }: SwallowedKey): BrokenForm {
  return {
    line,
    column,
    what: `"${key}:" stands at the end of a comment, so YAML does not see the key, and the list below it belongs to nothing`,
    hint: `Put it on a line of its own, in the first column:\n  ${key}:\n    - ${items[0]!.replace(/^[-*•–—]\s*/, '')}`,
  };
}

/** True where only comments and blank lines stand between line `upper` (or what ends there) and line `comment`. */
function precededBy(lines: readonly string[], comment: number, upper: number): boolean {
  if (upper >= comment) return false;
  return lines.slice(upper, comment - 1).every((each) => /^\s*(#|$)/.test(each));
}

/** The line itself, then the lines of the block it is in, from the nearest. */
function nearLines(lines: readonly string[], line: number): number[] {
  const near: number[] = [];
  for (let distance = 0; distance <= 40; distance++) {
    for (const each of distance === 0 ? [line] : [line + distance, line - distance]) {
      if (each >= 1 && each <= lines.length) near.push(each);
    }
  }
  // Items further away than the next key are another list's.
  const next = lines.findIndex((each, index) => index >= line && /^[A-Za-z_]+\s*:/.test(each));
  const first = lastIndexBefore(lines, line);
  return near.filter((each) => each >= first && (next < 0 || each <= next));
}

function lastIndexBefore(lines: readonly string[], line: number): number {
  for (let at = line; at >= 1; at--) if (/^[A-Za-z_]+\s*:/.test(lines[at - 1]!)) return at;
  return 1;
}

function itemForm(lines: readonly string[], line: number): BrokenForm | undefined {
  const content = lines[line - 1]!;
  const wrong = /^(\s*)([*•·–—])\s+(\S.*?)\s*$/.exec(content);
  if (wrong !== null) {
    return {
      line,
      column: wrong[1]!.length + 1,
      what: `An item of a list begins with "${wrong[2]!}"`,
      hint: `Write it with a dash and a blank:\n  - ${wrong[3]!}`,
    };
  }
  const glued = /^(\s*)-([A-Za-z0-9_"'][^:]*?)\s*$/.exec(content);
  if (glued !== null) {
    return {
      line,
      column: glued[1]!.length + 1,
      what: 'A blank is missing after the dash',
      hint: `Write it as\n  - ${glued[2]!}`,
    };
  }
  const odd = /^[ \t]*([\u00a0\u2000-\u200b\u202f\u3000\ufeff])/.exec(content);
  if (odd !== null) {
    return {
      line,
      column: content.indexOf(odd[1]!) + 1,
      what: `A blank that is none to YAML (U+${odd[1]!.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}) indents this line: it comes from a web page or a word processor`,
      hint: 'Delete it and type plain blanks.',
    };
  }
  return undefined;
}

/** `mirror_dir:/srv`, `mirror_dir = /srv`, `- platforms:`. */
function colonForm(content: string, line: number, keys: readonly string[]): BrokenForm | undefined {
  const match = /^(\s*)([A-Za-z_]+)(:|\s*=\s*)(?=\S)(.*?)\s*$/.exec(content);
  const key = match?.[2];
  if (match === null || key === undefined || !keys.includes(key)) return undefined;
  return {
    line,
    column: match[1]!.length + key.length + 1,
    what: match[3] === ':' ? `A blank is missing after "${key}:"` : `"${key}" is followed by "=", which is not YAML`,
    hint: `Write it as\n  ${key}: ${match[4]!}`,
  };
}

/** A key of ours that is indented, or stands behind another one's value on its line. */
function nestedKeyForm(content: string, line: number, keys: readonly string[]): BrokenForm | undefined {
  const match = /^(?:(\s+)|([a-z_]+:\s+[^\s#].*?\s))([a-z_]+):(?=\s|$)/.exec(content);
  const key = match?.[3];
  if (match === null || key === undefined || !keys.includes(key)) return undefined;
  const before = match[1] ?? match[2]!;
  return {
    line,
    column: before.length + 1,
    what:
      match[1] === undefined
        ? `"${key}:" stands on the line of another key`
        : `"${key}:" is indented, so it belongs to the key above`,
    hint: 'Begin each key on a line of its own, in the first column.',
  };
}
