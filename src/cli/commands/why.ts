import { EXIT } from '../../base/errors.js';
import { parseSubdir } from '../../conda/channel/names.js';
import type { CliCommand } from '../command.js';
import { appended, OUTPUT_SETTINGS, textsOption } from '../command.js';
import { countOption, WHERE } from './question-options.js';
import { whereAsked } from './where-asked.js';

export const whyCommand: CliCommand = {
  name: 'why',
  summary: 'why a package is there: each path from what was asked for to it; in a mirror, what needs it',
  folders: [1],
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command
      .argument('<NAME>', 'a package name, or a MatchSpec; a virtual package too (__glibc)')
      .argument('[WHERE]', WHERE)
      .option('--subdir <SUBDIR>', 'for this platform only (repeatable)', appended)
      .option(
        '--paths <N>',
        'show so many paths to each package, the shortest; of a mirror so many that need it (default 10)',
      )
      .addHelpText('after', EXAMPLES),
  async run(call) {
    const [name = ''] = call.args;
    const where = await whereAsked(call, 1);
    const { whyJob } = await import('../../jobs/answers/why.js');
    const subdirs = textsOption(call, 'subdir').map((text) => parseSubdir(text));
    const most = countOption(call, 'paths') ?? 10;
    const report = await whyJob(call.rt, { name, where, subdirs, most });
    const { whyText } = await import('../reporter/why-text.js');
    call.reporter.result(whyText(report, most), { ...report }, { answer: true });
    return EXIT.done;
  },
};

const EXAMPLES = `
Of a mirror or a channel of others, in which nothing was asked for by name, it says which of the newest
packages need it; which line of a mirror file takes it is said by mirror --explain NAME.

Examples:
  repackenv why openssl /srv/repos/halkbank
  repackenv why 'python=3.9' /srv/repos/halkbank --subdir win-64
  repackenv why __glibc /srv/repos            which labels need a libc, and how new
`;
