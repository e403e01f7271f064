import { EXIT, isRepackError } from '../../base/errors.js';
import type { RepackError } from '../../base/errors.js';
import { oneLine } from './printable.js';

/** What, where, what to do now, the code last (design D12). Ends with a line feed. */
export function errorText(error: unknown, options: { debug: boolean; log?: string | undefined }): string {
  return isRepackError(error) ? knownError(error, options.debug) : unknownError(error, options);
}

/** The same as data, for `--json`. */
export function errorData(error: unknown): Record<string, unknown> {
  if (!isRepackError(error)) {
    const what = error instanceof Error ? error.message : String(error);
    return { code: 'E_BUG', what, hint: REPORT_IT, exitCode: EXIT.bug };
  }
  const { code, what, where, hint, details, exitCode } = error;
  return { code, what, where, hint, details, exitCode };
}

function knownError(error: RepackError, debug: boolean): string {
  return [
    // What was typed is the reader's own, and the parser adds a line with what may have been meant.
    `error: ${error.code === 'E_USAGE' ? error.what : oneLine(error.what)}`,
    ...(error.where === undefined ? [] : [`  where: ${oneLine(error.where)}`]),
    ...error.details.map((line) => `    ${oneLine(line)}`),
    ...(error.hint === undefined ? [] : [`  what to do: ${indented(error.hint)}`]),
    `  [${error.code}]`,
    ...(debug ? ['', stackOf(error)] : []),
    '',
  ].join('\n');
}

const REPORT_IT =
  'Run the same command again with --debug and report what it prints. The published folder is complete, as before or as new; ' +
  'what was begun, the next run finishes or undoes.';

function unknownError(error: unknown, { debug, log }: { debug: boolean; log?: string | undefined }): string {
  const message = error instanceof Error ? error.message : String(error);
  return [
    `error: This is a bug of repackenv: ${message}`,
    `  what to do: ${REPORT_IT}`,
    ...(log === undefined ? [] : [`  log: ${log}`]),
    '  [E_BUG]',
    ...(debug ? ['', stackOf(error)] : []),
    '',
  ].join('\n');
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n    ');
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
