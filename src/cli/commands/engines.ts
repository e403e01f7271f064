import { EXIT } from '../../base/errors.js';
import { workSettings } from '../../config/work-settings.js';
import type { CliCommand } from '../command.js';
import { OUTPUT_SETTINGS } from '../command.js';

export const enginesCommand: CliCommand = {
  name: 'engines',
  summary: 'list the engines that were found and what each can do here',
  settings: ['engine', 'enginePath', ...OUTPUT_SETTINGS],
  async run({ rt, values, reporter }) {
    const { listEngines } = await import('../../jobs/engines.js');
    const engines = await listEngines(rt, workSettings(values));
    reporter.result((await import('../reporter/engines-text.js')).enginesText(engines), { engines }, { answer: true });
    return EXIT.done;
  },
};
