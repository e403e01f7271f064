import { RepackError } from '../base/errors.js';
import type { CliCommand, Typed } from './command.js';

const PUBLISHES =
  'What was published is complete: as before, or as new. What was downloaded is kept for the next run, everything else temporary is removed. Run again when you like.';
const TAKES_IN =
  'What was published is complete: as before, or as new. Everything temporary is removed. Run again when you like.';
const LOOKS = 'Nothing was changed. Run again when you like.';
const WRITES_A_SET =
  'What was on the medium before is as it was, and nothing of this set is left there. Run again when you like.';

/** What is left of a run that was broken off, and what to do, by the name of its command. */
const LEFT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['plan', 'labels', 'verify', 'diff', 'history', 'why', 'tree', 'find', 'licenses', 'policy', 'notes'].map(
      (name) => [name, LOOKS],
    ),
  ),
  import: TAKES_IN,
  merge: TAKES_IN,
  doctor: TAKES_IN,
  export: WRITES_A_SET,
  delta: WRITES_A_SET,
  push: 'The target has what it had, and what has arrived since; no reader meets a name without its file. The same command goes on from there.',
  clean: 'What it has not come to is still there. Run again when you like.',
};

/** A run that was ended by a signal. `typed`: as far as the command line was read. */
export function interrupted(
  signal: AbortSignal,
  typed?: Typed & { command: CliCommand; dryRun: boolean },
): RepackError {
  const what = `Interrupted by ${String(signal.reason)}`;
  if (typed === undefined) return new RepackError('E_INTERRUPTED', { what, hint: LOOKS });
  const { command, options, dryRun } = typed;
  const looks = dryRun || (command.name === 'doctor' && options['repair'] !== true);
  return new RepackError('E_INTERRUPTED', { what, hint: looks ? LOOKS : (LEFT[command.name] ?? PUBLISHES) });
}
