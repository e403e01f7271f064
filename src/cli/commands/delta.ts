import type { CliCommand } from '../command.js';
import { EXPORT_SETTINGS, declareExport, demand, nameOf, rootOf, runExport } from './export.js';

export const deltaCommand: CliCommand = {
  name: 'delta',
  summary: 'write to media what changed since the generation that a site has (export --since)',
  folders: [0],
  settings: EXPORT_SETTINGS,
  declare(command) {
    declareExport(command, { since: true });
    command.addHelpText(
      'after',
      `
Example:
  repackenv delta /srv/conda/halkbank --since halkbank-site-receipt.json --to /media/usb`,
    );
  },
  root: ({ args }) => rootOf(args[0]),
  log: ({ args }) => nameOf(args[0]),
  check: (typed) => demand(typed, ['to', 'since'], 'delta'),
  run: runExport,
};
