import { EXIT } from '../../base/errors.js';
import type { CliCommand } from '../command.js';
import { OUTPUT_SETTINGS } from '../command.js';
import { WHERE } from './question-options.js';
import { whereAsked } from './where-asked.js';

export const findCommand: CliCommand = {
  name: 'find',
  summary: 'which labels, generations and sites have a package; exit code 1 where none has',
  folders: [1],
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command
      .argument('<SPEC>', 'a package name, a MatchSpec, or the sha256 of a file')
      .argument('[WHERE]', WHERE)
      .addHelpText('after', EXAMPLES),
  async run(call) {
    const { findJob } = await import('../../jobs/answers/find.js');
    const { near, ...report } = await findJob(call.rt, {
      spec: call.args[0] ?? '',
      where: await whereAsked(call, 1),
    });
    const { findText } = await import('../reporter/find-text.js');
    call.reporter.result(findText({ ...report, near }), report, { answer: true });
    return report.matches.length === 0 ? EXIT.findings : EXIT.done;
  },
};

const EXAMPLES = `
Of a ROOT and of a label folder all generations that are known are looked through, by their
manifests alone. A site has what it told last (repackenv received).

Examples:
  repackenv find 'openssl<3.0.15' /srv/repos
  repackenv find 'conda-forge::numpy=1.26[subdir=win-64]' /srv/repos/halkbank
  repackenv find SHA256 /srv/repos
`;
