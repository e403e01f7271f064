import path from 'node:path';
import { EXIT, RepackError } from '../../base/errors.js';
import { OUTPUT_SETTINGS, textOption, type CliCall, type CliCommand } from '../command.js';

export const labelsCommand: CliCommand = {
  name: 'labels',
  summary: 'the labels of ROOT, declared and published: generation, date, held, sites that are behind, failed',
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command.option('--root <DIR>', 'folder that holds the label folders').addHelpText('after', EXAMPLES),
  root: (typed) => textOption(typed, 'root'),
  findsRoot: true,
  async run(call) {
    const root = foundRoot(call);
    const { labels } = await import('../../jobs/labels.js');
    const states = await labels(call.rt, root, [...(call.resolved.declared?.labels.keys() ?? [])]);
    const { labelsText } = await import('../reporter/labels-text.js');
    call.reporter.result(labelsText(states, root), { job: 'labels', root, labels: states }, { answer: true });
    return EXIT.done;
  },
};

/** Absolute, and said. @throws RepackError E_USAGE where there is none */
export function foundRoot({ root, rt }: Pick<CliCall, 'root' | 'rt'>): string {
  if (root === undefined) {
    throw new RepackError('E_USAGE', {
      what: 'ROOT is missing',
      where: `neither --root nor REPACKENV_ROOT, and no repackenv.yml with labels: in ${rt.machine.cwd} or above`,
      hint: 'Give --root ROOT, the folder that holds the label folders.',
    });
  }
  const full = path.resolve(rt.machine.cwd, root.root);
  rt.events.emit({ type: 'note', message: `ROOT is ${full}${root.said === undefined ? '' : `, ${root.said}`}` });
  return full;
}

const EXAMPLES = `
Examples:
  repackenv labels --root /srv/repos
  repackenv labels --json
`;
