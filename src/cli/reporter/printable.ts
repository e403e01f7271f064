import { plural } from '../../base/plural.js';
import { controlsShown } from '../../conda/channel/names.js';

/**
 * The longest line that is printed or logged; `--json` has all of it. Names, versions and URLs are far below it, and none of our own
 * lines comes near: what is cut is a text from outside.
 */
export const LONGEST_LINE = 4000;

/**
 * A text as it may reach a terminal: line feeds and tabs are ours, every other control character, and what turns the writing
 * direction, is shown as `\u001b` (in JSON it then means the same); lines are cut, unless `whole`.
 */
export function printable(text: string, { whole } = { whole: false }): string {
  const safe = controlsShown(text);
  return whole || safe.length <= LONGEST_LINE ? safe : safe.split('\n').map(cut).join('\n');
}

/** The same for what must stay one line: a line feed in a name begins none. */
export function oneLine(text: string): string {
  return text.replaceAll('\n', String.raw`\n`);
}

function cut(line: string): string {
  const more = line.length - LONGEST_LINE;
  return more <= 0 ? line : `${line.slice(0, LONGEST_LINE)} … (${plural(more, 'more character')})`;
}
