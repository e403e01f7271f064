import { notesMarkdown } from '../../answers/notes-markdown.js';
import { EXIT } from '../../base/errors.js';
import type { CliCommand } from '../command.js';
import { appended, OUTPUT_SETTINGS, textsOption } from '../command.js';

export const notesCommand: CliCommand = {
  name: 'notes',
  summary: 'release notes for a customer, from A to B, as Markdown: what is new, updated, removed, closed',
  folders: [0, 1],
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command
      .argument(
        '<A>',
        'before: a label folder, a generation ROOT/LABEL@N, a channel folder, a manifest.json beside its indexes',
      )
      .argument('<B>', 'after: the same')
      .option(
        '--advisories <FILE|DIR>',
        'advisories in the OSV form (osv.dev): which are closed, which still open (repeatable)',
        appended,
      )
      .addHelpText('after', EXAMPLES),
  async run(call) {
    const [a = '', b = ''] = call.args;
    const { notesJob } = await import('../../jobs/answers/notes.js');
    const report = await notesJob(call.rt, { a, b, advisories: textsOption(call, 'advisories') });
    call.reporter.result(notesMarkdown(report), { ...report }, { answer: true });
    return EXIT.done;
  },
};

const EXAMPLES = `
Advisories are held against packages by their name in conda (a purl pkg:conda/NAME, ecosystem conda)
and on PyPI (by the purls of a record, else the same name), versions in conda's order.

Examples:
  repackenv notes /srv/repos/halkbank@-1 /srv/repos/halkbank > NOTES.md
  repackenv notes /srv/repos/halkbank@3 /srv/repos/halkbank@5 --advisories osv/ --json
`;
