import { licensesCsv } from '../../answers/licenses.js';
import { EXIT } from '../../base/errors.js';
import { parseSubdir } from '../../conda/channel/names.js';
import type { CliCommand } from '../command.js';
import { appended, OUTPUT_SETTINGS, textsOption } from '../command.js';
import { WHERE } from './question-options.js';
import { whereAsked } from './where-asked.js';

export const licensesCommand: CliCommand = {
  name: 'licenses',
  summary: 'under which licence each package is, as its record states it, with totals',
  folders: [0],
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command
      .argument('[WHERE]', WHERE)
      .option('--subdir <SUBDIR>', 'for this platform only, with noarch (repeatable)', appended)
      .option('--csv', 'a table for a spreadsheet, one line a package')
      .addHelpText('after', EXAMPLES),
  async run(call) {
    const { licensesJob } = await import('../../jobs/answers/licenses.js');
    const subdirs = textsOption(call, 'subdir').map((text) => parseSubdir(text));
    const report = await licensesJob(call.rt, { where: await whereAsked(call, 0), subdirs });
    const text =
      call.options['csv'] === true
        ? licensesCsv(report.answers.flatMap(({ packages }) => packages))
        : (await import('../reporter/licenses-text.js')).licensesText(report);
    call.reporter.result(text, { ...report }, { answer: true });
    return EXIT.done;
  },
};

const EXAMPLES = `
A licence that offers a choice (MIT OR GPL-2.0-only) counts in all its families.

Examples:
  repackenv licenses /srv/repos/halkbank
  repackenv licenses /srv/repos/halkbank --csv > licenses.csv
`;
