import path from 'node:path';
import { EXIT, RepackError } from '../../base/errors.js';
import type { CliCommand } from '../command.js';
import { exitOf, OUTPUT_SETTINGS, textOption } from '../command.js';
import { withRoot } from '../require-root.js';
import { declareLabel, labelArgument, rootOfLabel } from '../label-argument.js';

const HISTORY_USAGE = 'repackenv history LABEL --root ROOT   (or history ROOT/LABEL)';
const RECEIVED_USAGE = 'repackenv received FILE --site NAME --root ROOT';

export const historyCommand: CliCommand = {
  name: 'history',
  summary: 'what was published of a label: a line for each generation, and which site has which',
  settings: OUTPUT_SETTINGS,
  declare: (command) => void declareLabel(command).addHelpText('after', HISTORY_EXAMPLES),
  root: rootOfLabel,
  findsRoot: true,
  async run(call) {
    const { history } = await import('../../jobs/history.js');
    const { root, label } = labelArgument(withRoot(call, HISTORY_USAGE), HISTORY_USAGE);
    const report = await history(call.rt, { root: path.resolve(call.rt.machine.cwd, root), label });
    const { historyText } = await import('../reporter/history-text.js');
    call.reporter.result(historyText(report), { ...report }, { answer: true });
    return exitOf(report.findings);
  },
};

export const receivedCommand: CliCommand = {
  name: 'received',
  summary: 'note what a site has, by a file that came back from it: delta --since site:NAME, and history, go by it',
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command
      .argument('<FILE>', 'manifest.json or SHA256SUMS of the folder at the site, or the receipt that its import wrote')
      .option('--site <NAME>', 'which site it came from (required)')
      .option('--root <DIR>', 'folder that holds the label folders')
      .option('--label <LABEL>', 'of which label it is, where the file does not say it')
      .addHelpText('after', RECEIVED_EXAMPLES),
  root: (typed) => textOption(typed, 'root'),
  findsRoot: true,
  check(typed) {
    if (textOption(typed, 'site') !== undefined) return;
    throw new RepackError('E_USAGE', { what: '--site is missing', where: 'command line', hint: RECEIVED_USAGE });
  },
  async run(call) {
    const { received } = await import('../../jobs/received.js');
    const root = textOption(withRoot(call, RECEIVED_USAGE), 'root')!;
    const report = await received(call.rt, {
      file: call.args[0] ?? '',
      site: textOption(call, 'site') ?? '',
      root: path.resolve(call.rt.machine.cwd, root),
      label: textOption(call, 'label'),
    });
    const { receivedText } = await import('../reporter/history-text.js');
    call.reporter.result(receivedText(report), { ...report });
    return EXIT.done;
  },
};

const HISTORY_EXAMPLES = `
Examples:
  repackenv history halkbank --root /srv/conda-offline
  repackenv diff /srv/conda-offline/halkbank@3 /srv/conda-offline/halkbank@5
  repackenv export /srv/conda-offline/halkbank@2026-11-21 --to /media/usb

ROOT/LABEL@N stands for an earlier generation wherever a folder or a manifest can: @3, @-1 (the one
before the live one), @2026-11-21 (live at the end of that day, UTC).
`;

const RECEIVED_EXAMPLES = `
Examples:
  repackenv received halkbank-g7.receipt.json --site ankara --root /srv/conda-offline
  repackenv received mail/SHA256SUMS --site izmir --root /srv/conda-offline
  repackenv delta /srv/conda-offline/halkbank --since site:ankara --to /media/usb
`;
