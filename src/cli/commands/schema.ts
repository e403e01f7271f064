import { EXIT, RepackError } from '../../base/errors.js';
import type { CliCommand } from '../command.js';
import { OUTPUT_SETTINGS } from '../command.js';

export const schemaCommand: CliCommand = {
  name: 'schema',
  summary: 'the JSON Schema of repackenv.yml, or of a mirror file, for editors that check and complete',
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command
      .argument('[NAME]', 'config: repackenv.yml (default); mirror: a mirror file')
      .addHelpText('after', EXAMPLES),
  async run({ args: [name = 'config'], reporter }) {
    if (name !== 'config' && name !== 'mirror') {
      throw new RepackError('E_USAGE', {
        what: `There is no schema of that name`,
        where: 'command line',
        hint: 'repackenv schema prints that of repackenv.yml, repackenv schema mirror that of a mirror file.',
      });
    }
    const { jsonSchema } = await import('../../config/json-schema.js');
    const schema = jsonSchema(name);
    reporter.result(`${JSON.stringify(schema, undefined, 2)}\n`, { schema }, { answer: true });
    return EXIT.done;
  },
};

const EXAMPLES = `
Examples:
  repackenv schema > repackenv.schema.json
  repackenv schema mirror > mirror.schema.json
and as the first line of the YAML file, for editors that know it:
  # yaml-language-server: $schema=./mirror.schema.json`;
