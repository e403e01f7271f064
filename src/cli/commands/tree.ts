import { EXIT, RepackError } from '../../base/errors.js';
import { parseSubdir } from '../../conda/channel/names.js';
import type { CliCommand } from '../command.js';
import { appended, OUTPUT_SETTINGS, textOption, textsOption } from '../command.js';
import { countOption, WHERE } from './question-options.js';
import { whereAsked } from './where-asked.js';

export const treeCommand: CliCommand = {
  name: 'tree',
  summary: 'what needs what: from what was asked for down, or up from a package',
  folders: [0],
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command
      .argument('[WHERE]', WHERE)
      .option('--of <NAME>', 'only from this package down: a name, or a MatchSpec')
      .option('--invert <NAME>', 'up from this package: what needs it, and what needs that')
      .option('--depth <N>', 'so many levels below the first')
      .option('--subdir <SUBDIR>', 'for this platform only (repeatable)', appended)
      .addHelpText('after', EXAMPLES),
  async run(call) {
    const [of, invert] = [textOption(call, 'of'), textOption(call, 'invert')];
    if (of !== undefined && invert !== undefined) {
      throw new RepackError('E_USAGE', {
        what: 'Both --of and --invert are given: a tree grows down or up',
        where: 'command line',
        hint: 'Give one of them.',
      });
    }
    const { treeJob } = await import('../../jobs/answers/tree.js');
    const report = await treeJob(call.rt, {
      where: await whereAsked(call, 0),
      of: of ?? invert,
      invert: invert !== undefined,
      depth: countOption(call, 'depth'),
      subdirs: textsOption(call, 'subdir').map((text) => parseSubdir(text)),
    });
    call.reporter.result((await import('../reporter/why-text.js')).treeText(report), { ...report }, { answer: true });
    return EXIT.done;
  },
};

const EXAMPLES = `
A package stands with all that it needs once; further down it says (above). Of a mirror or a channel
of others the newest of each name is shown, and the newest that it can be installed with; without a
name the first 100 packages that nothing there needs, one level deep (--depth, --json).

Examples:
  repackenv tree /srv/repos/halkbank --depth 2
  repackenv tree /srv/repos/halkbank@3 --of pandas --subdir win-64
  repackenv tree /srv/mirror --invert openssl --depth 1
`;
