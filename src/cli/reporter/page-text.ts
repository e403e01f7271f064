import { largest } from '../../base/largest.js';

/** Columns that a page uses at most: longer lines are hard to read. */
const WIDEST = 100;
const GAP = 2;

/** A page of the manual for a terminal: paragraphs and tables broken to its width, code as it stands. Of Markdown it knows what the pages use. */
export function renderPage(markdown: string, columns: number): string {
  const width = Math.max(20, Math.min(columns - 1, WIDEST));
  // Every second part is a code block.
  const parts = markdown.trim().split(/^```.*\n([^]*?)^```$/m);
  const blocks = parts.flatMap((part, at) =>
    at % 2 === 1
      ? [part.trimEnd().replaceAll(/^(?=.)/gm, '  ')]
      : part.split(/\n\n+/).flatMap((text) => (text.trim() === '' ? [] : [textBlock(text.trim(), width)])),
  );
  return `${blocks.join('\n\n')}\n`;
}

function textBlock(block: string, width: number): string {
  const lines = block.split('\n');
  if (lines[0]!.startsWith('|')) return table(lines, width).join('\n');
  if (lines[0]!.startsWith('#')) {
    const [heading, ...rest] = lines;
    const below = rest.length === 0 ? [] : [textBlock(rest.join('\n'), width)];
    return [plain(heading!.replace(/^#+ /, '')), ...below].join('\n');
  }
  const items = lines.some((line) => /^[-*] /.test(line)) ? block.split(/\n(?=[-*] )/) : [block];
  return items
    .map((item) => {
      const indent = /^[-*>] /.test(item) ? 2 : 0;
      const text = plain(item.replace(/^> ?/gm, '').replaceAll(/\n\s*/g, ' '));
      const mark = item.startsWith('> ') ? '  ' : '';
      return wrapped(mark + text, width, indent).join('\n');
    })
    .join('\n');
}

/** Columns as wide as they need; where that is too much, the widest one gives way. */
function table(lines: readonly string[], width: number): string[] {
  const rows = lines
    .filter((line) => !/^\|[ |:-]*\|$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => plain(cell.trim().replaceAll('\\|', '|'))),
    );
  const widths = rows[0]!.map((_, at) => largest(rows.map((row) => (row[at] ?? '').length)));
  const sum = (): number => widths.reduce((all, each) => all + each + GAP, -GAP);
  while (sum() > width && largest(widths) > 10) widths[widths.indexOf(largest(widths))]! -= 1;
  return rows.flatMap((row) => {
    const cells = row.map((cell, at) => wrapped(cell, widths[at]!, 0));
    const height = largest(cells.map((each) => each.length));
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((each, at) => (each[line] ?? '').padEnd(widths[at]! + GAP))
        .join('')
        .trimEnd(),
    );
  });
}

function plain(text: string): string {
  return text.replaceAll(/\[([^\]]*)\]\([^)\s]*\)/g, '$1').replaceAll('**', '');
}

/** Breaks at blanks; a word that is longer stands alone on its line. */
export function wrapped(text: string, width: number, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(indent) + word;
    } else line = line === '' && lines.length === 0 ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
