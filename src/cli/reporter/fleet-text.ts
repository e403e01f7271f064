import type { ChannelChanges } from '../../channel/staged.js';
import { heldText } from '../../delivery/generations/hold.js';
import type { LabelRow } from '../fleet/label-row.js';
import { columns } from './columns.js';
import { formatBytes, plural } from './format.js';
import { oneLine } from './printable.js';

/** One table for all labels of a run, and a line that sums it up. */
export function fleetText(
  rows: readonly LabelRow[],
  { job, seconds, shard }: { job: 'update' | 'plan'; seconds: number; shard?: string | undefined },
): string {
  const sum = (bytesOf: (row: LabelRow) => number | undefined): number =>
    rows.reduce((total, row) => total + (bytesOf(row) ?? 0), 0);
  const counts = (['published', 'planned', 'unchanged', 'held', 'failed', 'interrupted'] as const).flatMap((state) => {
    const count = rows.filter((row) => row.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  const bytes =
    job === 'plan'
      ? `${formatBytes(sum(({ changes }) => changes?.bytesOfPackages))} of packages to travel`
      : `${formatBytes(sum(({ bytesDownloaded }) => bytesDownloaded))} downloaded`;
  return `${tableOf(rows, job)}${plural(rows.length, 'label')}${shard === undefined ? '' : ` of shard ${shard}`}: ${counts.join(', ')}; ${bytes}, ${seconds.toFixed(1)} s\n`;
}

/** The rows of a table, each with its line end; with a headline. */
export function tableOf(rows: readonly LabelRow[], job: 'update' | 'plan'): string {
  const bytes = job === 'plan' ? 'to travel' : 'downloaded';
  const lines = [
    ['label', 'generation', bytes, 'seconds', job === 'plan' ? 'would change' : 'changed'],
    ...rows.map((row) => [
      row.label,
      row.generation === undefined ? '-' : String(row.generation),
      bytesText(row, job),
      row.seconds.toFixed(1),
      outcomeText(row),
    ]),
  ];
  return columns(lines, [1, 2, 3])
    .map((line) => `${line}\n`)
    .join('');
}

/** What a label came to, in a line. */
export function outcomeText(row: LabelRow): string {
  const { state, changes, held, error } = row;
  if (error !== undefined) return oneLine(`failed: ${String(error['what'])} [${String(error['code'])}]`);
  if (state === 'interrupted') return 'interrupted';
  if (held !== undefined) return oneLine(heldText(held));
  const told = changes === undefined ? '' : changesText(changes);
  const findings =
    row.exitCode === 0 ? '' : `; ${plural((row.findings ?? []).filter(({ exit }) => exit).length, 'finding')}`;
  return `${told === '' ? (state === 'published' ? 'no packages, but the index or what is asked for' : 'nothing') : told}${findings}`;
}

function changesText({ added, removed, upgraded, downgraded, rerecorded }: ChannelChanges): string {
  const parts = { added, removed, upgraded, downgraded, 'with another record': rerecorded };
  return Object.entries(parts)
    .flatMap(([what, list]) => (list.length === 0 ? [] : [`${list.length} ${what}`]))
    .join(', ');
}

function bytesText({ changes, bytesDownloaded }: LabelRow, job: 'update' | 'plan'): string {
  const bytes = job === 'plan' ? changes?.bytesOfPackages : bytesDownloaded;
  return bytes === undefined ? '-' : formatBytes(bytes);
}
