import { heldText } from '../../delivery/generations/hold.js';
import type { HistoryEntry, HistoryReport } from '../../jobs/history.js';
import type { ReceivedReport } from '../../jobs/received.js';
import { columns } from './columns.js';
import { formatBytes, plural } from './format.js';
import { oneLine } from './printable.js';
import { findingsSection, section } from './sections.js';

/** Names in a line; `--json` has them all. */
const MOST_NAMES = 8;

/** The answer of `repackenv history`. Ends with a line feed. */
export function historyText(report: HistoryReport): string {
  const { label, labelDir, live, held, generations, sites, findings } = report;
  const count = generations.length === 0 ? 'nothing was published' : plural(generations.length, 'generation');
  const lines = columns(generations.map(columnsOf));
  return [
    `${label}: ${count}${live === null ? '' : `, generation ${live} is live`} in ${labelDir}`,
    ...(held === null ? [] : [`  ${heldText(held)}`]),
    ...lines.map((line) => `  ${oneLine(line)}`),
    ...section(
      'sites',
      sites.map(
        ({ site, generation, behind, at, from }) =>
          `${site}: generation ${generation}${behindText(behind)}, told on ${at.slice(0, 10)} (${from})`,
      ),
    ),
    ...findingsSection(findings),
    '',
  ].join('\n');
}

/** What `repackenv received` noted. Ends with a line feed. */
export function receivedText(report: ReceivedReport): string {
  const { label, site, generation, subdirs, live, behind, before } = report;
  const only = subdirs === null ? '' : ` (${['noarch', ...subdirs].join(', ')} only)`;
  const newest =
    behind === 0 ? (live === generation ? ', the live one' : '') : `${behindText(behind)}; ${live} is live`;
  const lines = [
    `${label}: site ${site} has generation ${generation}${only}${newest}`,
    ...(before === null ? [] : [`  before      generation ${before}`]),
    ...findingsSection(report.findings),
  ];
  return `${lines.join('\n')}\n`;
}

function behindText(behind: number): string {
  return behind === 0 ? '' : `, ${behind} behind`;
}

function columnsOf(entry: HistoryEntry): string[] {
  const { generation, live, published, engine, bytes, signed, sites } = entry;
  return [
    `${live ? '*' : ' '} ${generation}`,
    published?.slice(0, 10) ?? '-',
    engine ?? '-',
    bytes === null ? '-' : formatBytes(bytes),
    signed === null ? '-' : signed ? 'signed' : 'unsigned',
    [changeText(entry), ...keptText(entry), ...(sites.length === 0 ? [] : [`at ${sites.join(', ')}`])].join('; '),
  ];
}

function changeText({ changes, because, rolledBackTo }: HistoryEntry): string {
  const back = rolledBackTo === null ? '' : `rolled back to ${rolledBackTo}: `;
  if (because?.[0] === 'first delivery')
    return `${back}first delivery, ${plural(changes?.added.length ?? 0, 'package')}`;
  const names = [
    ...(changes?.added ?? []).map((name) => `+${name}`),
    ...(changes?.removed ?? []).map((name) => `-${name}`),
    ...(changes?.changed ?? []).map((name) => `~${name}`),
  ];
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  if (names.length > 0) return `${back}${names.slice(0, MOST_NAMES).join(' ')}${more}`;
  const others = because?.join(', ');
  return back + (others === undefined ? 'what changed is not known' : others === '' ? 'no package changed' : others);
}

function keptText({ kept, damage }: HistoryEntry): string[] {
  if (damage !== null) return [`damaged: ${damage}`];
  return { whole: [], manifest: ['not complete any more'], receipt: ['only its receipt is kept'], damaged: [] }[kept];
}
