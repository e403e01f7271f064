import { controlsShown } from '../conda/channel/names.js';
import { code, section } from '../site/markdown.js';
import { whatIsAsked } from './asked.js';
import type { NotesAdvisory, NotesReport } from './schema.js';

/** What is told behind the changes: each line is Markdown. */
export interface NotesSection {
  title: string;
  /** Markdown: texts from outside go through `code` or `plainText`. */
  lines: readonly string[];
}

/** Release notes as a customer reads them. A function of the report alone: no clock. */
export function notesMarkdown(
  report: NotesReport,
  { title = titleOf(report.from, report.to), more = [] }: { title?: string; more?: readonly NotesSection[] } = {},
): string {
  const { advisories, asked } = report;
  const of = (lines: readonly string[], heading: string): string[] =>
    lines.length === 0 ? [] : section(heading, lines);
  const moved = (list: NotesReport['upgraded']): string[] =>
    list.map((each) => `- ${code(each.name)} ${plainText(each.from)} → ${plainText(each.to)}${on(each.subdirs)}`);
  const single = (list: NotesReport['added']): string[] =>
    list.map((each) => `- ${code(each.name)} ${plainText(each.version)}${on(each.subdirs)}`);
  const requests = [
    ...asked.added.map((spec) => `- added: ${code(spec)}`),
    ...asked.removed.map((spec) => `- removed: ${code(spec)}`),
  ];
  return `${[
    `# ${plainText(title)}`,
    '',
    summaryOf(report),
    ...of(advisories.closed.map(advisoryLine), 'Security: closed'),
    ...of(
      advisories.open.map((each) => `${advisoryLine(each)}${each.new ? ' (new in this generation)' : ''}`),
      'Security: still open',
    ),
    ...of(single(report.added), 'New'),
    ...of(moved(report.upgraded), 'Updated'),
    ...of(moved(report.downgraded), 'Downgraded'),
    ...of(moved(report.rebuilt), 'Rebuilt'),
    ...of(single(report.removed), 'Removed'),
    ...of(
      report.licence_changed.map((each) => `- ${code(each.name)}: ${stated(each.from)} → ${stated(each.to)}`),
      'Licence changed',
    ),
    ...of(single(report.record_changed), 'Same version, changed by its channel'),
    ...of(requests, 'Asked for'),
    ...more.flatMap((each) => of(each.lines, each.title)),
  ].join('\n')}\n`;
}

function titleOf(from: NotesReport['from'], to: NotesReport['to']): string {
  if (from.label === null || from.label !== to.label) return `${whatIsAsked(from)} → ${whatIsAsked(to)}`;
  return `${to.label}: generation ${from.generation} → ${to.generation}`;
}

function summaryOf(report: NotesReport): string {
  const counts = [
    [report.added.length, 'new'],
    [report.upgraded.length, 'updated'],
    [report.downgraded.length, 'downgraded'],
    [report.rebuilt.length, 'rebuilt'],
    [report.removed.length, 'removed'],
  ] as const;
  const told = counts.flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`]));
  const { judged, closed, open } = report.advisories;
  const advised =
    judged === 0 ? '' : ` Advisories looked at: ${judged}; closed: ${closed.length}, still open: ${open.length}.`;
  return `${told.length === 0 ? 'No package changes' : told.join(', ')}; files unchanged: ${report.kept}.${advised}`;
}

function advisoryLine({ id, summary, packages }: NotesAdvisory): string {
  const which = packages.map(({ name, from, to }) => `${code(name)} ${versions(from)} → ${versions(to)}`);
  return `- ${plainText(id)}${summary === null ? '' : `: ${plainText(summary)}`} – ${which.join(', ')}`;
}

function versions(list: readonly string[]): string {
  return list.length === 0 ? 'none' : list.map(plainText).join(', ');
}

function stated(licences: readonly string[]): string {
  return licences.map((each) => (each === '' ? 'none stated' : code(each))).join(', ');
}

function on(subdirs: readonly string[]): string {
  return subdirs.length === 0 || subdirs.join() === 'noarch' ? '' : ` (${subdirs.join(', ')})`;
}

/** Texts from outside, as what they are: no link, no picture, no HTML, one line. */
export function plainText(given: string): string {
  return controlsShown(given.replaceAll(/\s+/g, ' ').trim()).replaceAll(/[\\`*_{}[\]<>#|!~&]/g, String.raw`\$&`);
}
