import { EXIT } from '../../base/errors.js';
import { OUTPUT_SETTINGS, textOption, type CliCommand } from '../command.js';
import { requireRoot, sayRoot } from '../require-root.js';

export const labelsCommand: CliCommand = {
  name: 'labels',
  summary: 'the labels of ROOT, declared and published: generation, date, held, sites that are behind, failed',
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command.option('--root <DIR>', 'folder that holds the label folders').addHelpText('after', EXAMPLES),
  root: (typed) => textOption(typed, 'root'),
  findsRoot: true,
  async run(call) {
    const found = requireRoot(call, { hint: 'Give --root ROOT, the folder that holds the label folders.' });
    sayRoot(call.rt, found);
    const { root } = found;
    const { labels } = await import('../../jobs/labels.js');
    const states = await labels(call.rt, root, [...(call.resolved.declared?.labels.keys() ?? [])]);
    const { labelsText } = await import('../reporter/labels-text.js');
    call.reporter.result(labelsText(states, root), { job: 'labels', root, labels: states }, { answer: true });
    return EXIT.done;
  },
};

const EXAMPLES = `
Examples:
  repackenv labels --root /srv/repos
  repackenv labels --json
`;
