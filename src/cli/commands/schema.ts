import type { AnswerName } from '../../answers/schema.js';
import { EXIT, RepackError } from '../../base/errors.js';
import type { ExitCode } from '../../base/errors.js';
import type { CliCommand } from '../command.js';
import { OUTPUT_SETTINGS } from '../command.js';

export const schemaCommand: CliCommand = {
  name: 'schema',
  summary: 'the JSON Schema of repackenv.yml, of a mirror file, or of what a question answers with --json',
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command
      .argument(
        '[NAME]',
        'config: repackenv.yml (default); mirror: a mirror file; why, tree, find, licenses, notes, policy: their reports with --json',
      )
      .addHelpText('after', EXAMPLES),
  async run({ args: [name = 'config'], reporter }) {
    if (name === 'config' || name === 'mirror') {
      const { jsonSchema } = await import('../../config/json-schema.js');
      return print(jsonSchema(name));
    }
    const { ANSWERS, answerSchema } = await import('../../answers/schema.js');
    if (!Object.hasOwn(ANSWERS, name)) {
      throw new RepackError('E_USAGE', {
        what: `There is no schema of that name`,
        where: 'command line',
        hint: `repackenv schema prints that of repackenv.yml, repackenv schema mirror that of a mirror file; of a report there are ${Object.keys(ANSWERS).join(', ')}.`,
      });
    }
    return print(answerSchema(name as AnswerName));

    function print(schema: Record<string, unknown>): ExitCode {
      reporter.result(`${JSON.stringify(schema, undefined, 2)}\n`, { schema }, { answer: true });
      return EXIT.done;
    }
  },
};

const EXAMPLES = `
Examples:
  repackenv schema > repackenv.schema.json
  repackenv schema mirror > mirror.schema.json
and as the first line of the YAML file, for editors that know it:
  # yaml-language-server: $schema=./mirror.schema.json`;
