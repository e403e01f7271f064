import { RepackError } from '../../base/errors.js';
import { textOption } from '../command.js';
import type { Typed } from '../command.js';

/** What a question may be about, for the help. */
export const WHERE =
  'a label folder, a generation ROOT/LABEL@N, any channel folder, a manifest.json, or ROOT for all its labels (default: this folder, or the ROOT that it lies in)';

/** A whole number from 1. Throws E_USAGE. */
export function countOption(typed: Typed, name: string): number | undefined {
  const text = textOption(typed, name);
  if (text === undefined) return undefined;
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw new RepackError('E_USAGE', {
    what: `--${name} wants a whole number from 1`,
    where: `--${name} ${text}`,
    hint: `Write it like --${name} 5.`,
  });
}
