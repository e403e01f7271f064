import { Option } from 'commander';
import type { Command } from 'commander';
import { RepackError } from '../../base/errors.js';
import type { TypedRequest } from '../build-request.js';
import { appended, textsOption, type CliCall } from '../command.js';

function repeatable(flags: string, help: string): Option {
  return new Option(flags, `${help} (repeatable)`).argParser(appended).helpGroup('Second delivery:');
}

export const DROP_OPTION = repeatable(
  '--drop <NAME|SUBDIR|signature|attestations>',
  'let this leave the label folder though it is not asked for any more; all: only on a terminal',
);

/** What changes the request of the last delivery. */
export function addRequestOptions(command: Command): Command {
  return command
    .addOption(repeatable('--add <PACKAGE>', 'ask for this too, beside what was last published'))
    .addOption(repeatable('--remove <NAME>', 'ask for what was last published without this package'))
    .addOption(repeatable('--add-subdir <SUBDIR>', 'deliver for this platform too'))
    .addOption(DROP_OPTION);
}

export function requestChanges(call: CliCall): Pick<TypedRequest, 'add' | 'remove' | 'addSubdirs' | 'drop'> {
  return {
    add: textsOption(call, 'add'),
    remove: textsOption(call, 'remove').map((name) => name.toLowerCase()),
    addSubdirs: textsOption(call, 'addSubdir'),
    drop: dropOption(call),
  };
}

/** @throws RepackError E_USAGE: a flag that stands in a crontab must not switch the guard off for ever (design D16) */
export function dropOption(call: CliCall): string[] {
  const drop = textsOption(call, 'drop').map((word) => word.toLowerCase());
  if (!drop.includes('all') || call.terminal.stderr.interactive) return drop;
  throw new RepackError('E_USAGE', {
    what: '--drop all is taken on a terminal only',
    where: '--drop all',
    hint: 'Name what may go: --drop NAME, --drop SUBDIR, --drop signature, --drop attestations.',
  });
}
