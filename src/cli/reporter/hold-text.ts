import { wordForSh, wordForWindows } from '../../base/shell-quote.js';
import { heldText, type Hold } from '../../delivery/generations/hold.js';
import type { HoldReport } from '../../jobs/hold.js';

/** The end of `hold` and `release`. Ends with a line feed. */
export function holdText({ job, label, labelDir, held, before, changed }: HoldReport, windows: boolean): string {
  if (held !== null) return `${heldLines({ label, labelDir, held }, windows).join('\n')}\n`;
  if (job === 'release' && !changed) return `${label}: was not held; nothing changed\n`;
  const was = before === null ? '' : `; it was ${heldText(before)}`;
  return `${label}: released${was}\n`;
}

/** What a job on a label that is held ends with. */
export function heldLines(
  { label, labelDir, held }: { label: string; labelDir: string; held: Hold },
  windows: boolean,
): string[] {
  const folder = windows ? (wordForWindows(labelDir) ?? 'ROOT\\LABEL') : wordForSh(labelDir);
  return [
    `${label}: ${heldText(held)}`,
    `  folder      ${labelDir} (not touched)`,
    `  to go on    repackenv release ${folder}`,
  ];
}
