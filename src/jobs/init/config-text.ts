import type { LabelSettings } from './settings-of-manifest.js';

type Value = LabelSettings['settings'][string];
type Settings = LabelSettings['settings'];

export interface ConfigParts {
  labels: readonly LabelSettings[];
  /** Answers of somebody at a terminal; nothing is known without. */
  owner?: string | undefined;
  tokenEnv?: string | undefined;
  /** Path of the JSON Schema, as the file names it. */
  schema: string;
}

const TOKEN_LINE =
  '# token_env: CONDA_TOKEN   # the variable that holds the token; or token_file: FILE. Never the token itself';

/** A whole `repackenv.yml`: what all labels share stands in the defaults, what is not known in a comment. */
export function configText({ labels, owner, tokenEnv, schema }: ConfigParts): string {
  const shared = sharedSettings(labels.map(({ settings }) => settings));
  const all = {
    ...shared,
    ...(owner === undefined ? {} : { owner }),
    ...(tokenEnv === undefined ? {} : { token_env: tokenEnv }),
  };
  const head = [
    `# yaml-language-server: $schema=${schema}`,
    '# What each customer gets. `repackenv update LABEL` or `update --all` makes it so; `repackenv plan --all` shows what would change.',
    '',
    'defaults:',
    `  all:   # counts for every label; other sets are taken with from: [NAME]`,
    ...(all['owner'] === undefined ? ['    # owner: your-account   # as in BASE-URL/OWNER/label/LABEL'] : []),
    ...(labels.length === 0 ? ['    # channels: [conda-forge]', '    # subdirs: [linux-64, win-64]'] : []),
    ...lines(all, '    '),
    ...(tokenEnv === undefined ? [`    ${TOKEN_LINE}`] : []),
    '',
  ];
  if (labels.length === 0) {
    const example = ['#   halkbank:', '#     packages: [ratingpro, "numpy>=1.26,<2"]'];
    return [...head, 'labels: {}   # in its place:', '# labels:', ...example, ''].join('\n');
  }
  const blocks = labels.map((each) => ({ ...each, settings: without(each.settings, shared) }));
  return [...head, 'labels:', ...labelBlocks(blocks, '  '), ''].join('\n');
}

/** The lines of labels, to stand below `labels:`. */
export function labelBlocks(labels: readonly LabelSettings[], indent: string): string[] {
  return labels.flatMap(({ label, packages, settings, open }) => [
    `${indent}${scalar(label)}:`,
    ...lines({ packages, ...settings }, indent.repeat(2)),
    ...open.map((line) => `${indent.repeat(2)}# ${line}`),
  ]);
}

/**
 * Puts labels into a file that has others, behind them; undefined where they stand in a form that this can't be done to.
 * What is there stays byte for byte.
 */
export function withLabels(text: string, labels: readonly LabelSettings[]): string | undefined {
  const end = text.endsWith('\n') || text === '' ? '' : '\n';
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const all = `${text}${end}`.split(/(?<=\n)/);
  const at = all.findIndex((line) => /^["']?labels["']?\s*:/.test(line));
  const block = (indent: string): string =>
    labelBlocks(labels, indent)
      .map((line) => line + newline)
      .join('');
  if (at === -1) return `${all.join('')}${newline}labels:${newline}${block('  ')}`;
  if (!/^["']?labels["']?\s*:\s*(#.*)?\r?\n$/.test(all[at]!)) return undefined;
  let last = at;
  for (let line = at + 1; line < all.length && /^(\s|#|\r?\n)/.test(all[line]!); line += 1)
    if (/^\s+\S/.test(all[line]!)) last = line;
  const indent = /^ +(?=[^\s#])/.exec(all.slice(at + 1, last + 1).find((line) => /^ +[^\s#]/.test(line)) ?? '')?.[0];
  if (indent === undefined) return undefined;
  return [...all.slice(0, last + 1), block(indent), ...all.slice(last + 1)].join('');
}

/** What every one of them says alike. */
function sharedSettings([first, ...others]: readonly Settings[]): Settings {
  if (first === undefined) return {};
  return Object.fromEntries(
    Object.entries(first).filter(([key, value]) => others.every((each) => isSame(each[key], value))),
  );
}

export function without(settings: Settings, known: Readonly<Record<string, unknown>>): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([key, value]) => !isSame(known[key], value)));
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function lines(settings: Settings, indent: string): string[] {
  return Object.entries(settings).map(([key, value]) => `${indent}${key}: ${written(value)}`);
}

function written(value: Value): string {
  return typeof value === 'object'
    ? `[${value.map(scalar).join(', ')}]`
    : typeof value === 'boolean'
      ? String(value)
      : scalar(value);
}

/** YAML reads JSON's strings; a word that it would take for something else (`on`, `1.9`, `~`) is quoted. */
export function scalar(text: string): string {
  const isPlain = /^[A-Za-z][A-Za-z0-9_./-]*$/.test(text) && !/^(?:true|false|yes|no|on|off|null|y|n)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}
