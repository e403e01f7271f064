import { EXIT } from '../../base/errors.js';
import type { CliCommand } from '../command.js';
import { PAGES, pageText, pageTitle } from '../pages.js';

/** `help COMMAND`, and a word that is nothing, are looked after by `parseArguments`. */
export const helpCommand: CliCommand = {
  name: 'help',
  summary: 'the pages of the manual: a list, or one of them; or the help of a command',
  settings: ['quiet'],
  declare: (command) =>
    void command.argument('[TOPIC]', 'a page (repackenv help lists them), or a command').addHelpText('after', EXAMPLES),
  async run({ args: [topic], reporter, terminal }) {
    if (topic === undefined) {
      reporter.print(`${PAGES.map((name) => `  ${name.padEnd(14)}${pageTitle(name)}`).join('\n')}\n\n${FOOT}\n`);
      return EXIT.done;
    }
    const { renderPage } = await import('../reporter/page-text.js');
    const { columns } = terminal.stdout;
    const text = pageText(topic);
    reporter.print(columns > 0 ? renderPage(text, columns) : text);
    return EXIT.done;
  },
};

const FOOT = `repackenv help TOPIC prints a page (in a pipe as Markdown), repackenv COMMAND -h the help of a command.`;

const EXAMPLES = `
Examples:
  repackenv help                the list of pages
  repackenv help mirrors        a page
  repackenv help media > media.md
`;
