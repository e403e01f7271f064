import path from 'node:path';
import type { Command } from 'commander';
import { RepackError } from '../base/errors.js';
import { parseLabel } from '../conda/channel/names.js';
import { textOption, type Typed } from './command.js';

/** LABEL with `--root ROOT`, or ROOT/LABEL: of commands that are about one label that is there. */
export function declareLabel(command: Command): Command {
  return command
    .argument('<LABEL>', 'the label, or ROOT/LABEL')
    .option(
      '--root <DIR>',
      'folder that holds the label folders (else REPACKENV_ROOT, or one from here upwards with labels:)',
    );
}

/** @throws RepackError E_USAGE, E_LABEL */
export function labelArgument(typed: Typed, usage: string): { root: string; label: string } {
  const [given = ''] = typed.args;
  const root = rootOfLabel(typed);
  if (root === undefined) {
    throw new RepackError('E_USAGE', { what: 'ROOT is missing', where: 'command line', hint: usage });
  }
  const label = textOption(typed, 'root') === undefined ? path.basename(given) : given;
  const [, whole, generation] = /^([^@]+)@([^@]+)$/.exec(label) ?? [];
  if (whole !== undefined)
    throw new RepackError('E_USAGE', {
      what: `A whole label is meant here, and ${label} is generation ${generation} of it`,
      where: given,
      hint: `Leave @${generation} out. ${usage}`,
    });
  return { root, label: parseLabel(label) };
}

/** Undefined: it was not said. */
export function rootOfLabel(typed: Typed): string | undefined {
  const [given = ''] = typed.args;
  return textOption(typed, 'root') ?? (/[\\/]/.test(given) ? path.dirname(given) : undefined);
}

/** Its name in the log. */
export function nameOfLabel({ args }: Typed): string {
  return args[0]?.split(/[\\/]/).findLast((part) => part !== '') ?? '';
}
