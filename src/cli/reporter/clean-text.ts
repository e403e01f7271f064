import type { CleanReport } from '../../jobs/clean/clean.js';
import type { CleanItem, CleanKind } from '../../jobs/clean/items.js';
import type { MirrorCleanReport } from '../../jobs/mirror/clean-mirror.js';
import { formatBytes, plural } from './format.js';
import { findingsSection } from './sections.js';

const TITLES: Record<CleanKind, string> = {
  'label-file': 'in label folders',
  staging: 'left by broken-off runs',
  run: 'run folders',
  transfer: 'transfers',
  store: 'artifacts in the store',
  repodata: 'indexes',
  'engine-package': 'packages of the engine',
  kept: 'kept for earlier generations',
  'lost-label': 'of labels that are gone, left alone',
};

/** Of one kind; `--json` has all. */
const SHOWN = 20;

export function cleanText(report: CleanReport): string {
  const { items, dryRun, skipped, findings } = report;
  const goes = items.filter(({ removes }) => removes);
  const kinds = Object.keys(TITLES) as CleanKind[];
  return [
    ...kinds.flatMap((kind) =>
      kindLines(
        kind,
        items.filter((item) => item.kind === kind),
      ),
    ),
    ...skipped.map((text) => `left alone: ${text}`),
    ...findingsSection(findings),
    ...(report.kept.files === 0
      ? []
      : [
          `kept for earlier generations: ${plural(report.kept.files, 'file')}, ${formatBytes(report.kept.bytes)} (keep: says how many)`,
        ]),
    `${plural(goes.length, 'thing')}, ${formatBytes(report.freed)} ${dryRun ? 'would go (--dry-run)' : 'removed'}${stays(report.linkedElsewhere)}`,
    '',
  ].join('\n');
}

function stays(bytes: number): string {
  return bytes > 0 ? `; ${formatBytes(bytes)} more of them are hard-linked elsewhere, and stay on the disk` : '';
}

function kindLines(kind: CleanKind, items: readonly CleanItem[]): string[] {
  if (items.length === 0) return [];
  const bytes = items.reduce((sum, { size }) => sum + size, 0);
  const more = items.length - SHOWN;
  return [
    `${TITLES[kind]}: ${items.length}, ${formatBytes(bytes)}`,
    ...items.slice(0, SHOWN).map(({ path, size, why }) => `  ${formatBytes(size).padStart(7)}  ${path}  (${why})`),
    ...(more > 0 ? [`  and ${more} more (--json lists all)`] : []),
  ];
}

const BECAUSE = {
  filter: 'the mirror file no longer takes it',
  channel: 'no declared channel has it',
  installer: 'no longer among the installers',
} as const;

export function cleanMirrorText({ mirrorDir, removed, bytes, artifacts, dryRun }: MirrorCleanReport): string {
  return [
    `${mirrorDir}: ${plural(removed.length, 'file')}, ${formatBytes(bytes)} ${dryRun ? 'would go (--dry-run)' : 'removed'}; ${plural(artifacts, 'package')} ${dryRun ? 'would stay' : 'stay'}`,
    ...removed.map(({ path, size, because }) => `  ${formatBytes(size).padStart(7)}  ${path}  (${BECAUSE[because]})`),
    '',
  ].join('\n');
}
