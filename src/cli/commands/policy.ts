import path from 'node:path';
import { EXIT, RepackError } from '../../base/errors.js';
import { nearest } from '../../base/nearest.js';
import { isAllowed } from '../../conda/policy/verdict.js';
import type { CliCommand } from '../command.js';
import { OUTPUT_SETTINGS, textOption } from '../command.js';
import { policyOf } from '../policy-of.js';
import { WHERE } from './question-options.js';
import { whereAsked } from './where-asked.js';

const USAGE = 'repackenv policy check [WHERE] [--policy FILE | --named NAME]';

export const policyCommand: CliCommand = {
  name: 'policy',
  summary: 'policy check: what a policy says of a folder, generation or manifest that is there; changes nothing',
  folders: [1],
  settings: ['policyFile', ...OUTPUT_SETTINGS],
  declare: (command) =>
    void command
      .argument('[ACTION]', 'check')
      .argument('[WHERE]', WHERE)
      .option('--named <NAME>', 'a policy of ROOT/repackenv.yml, beside that of the label')
      .option('--root <DIR>', 'whose repackenv.yml has the policies (default: the folder that WHERE lies in)')
      .addHelpText('after', EXAMPLES),
  check({ args: [action] }) {
    if (action === 'check') return;
    const near = action === undefined ? undefined : nearest(action, ['check']);
    throw new RepackError('E_USAGE', {
      what: action === undefined ? 'What to do is missing' : `Unknown action "${action}"`,
      where: 'command line',
      hint: `${near === undefined ? '' : `Did you mean ${near}? `}Type ${USAGE}.`,
    });
  },
  async run(call) {
    const { rt, at, reporter } = call;
    const { checkPolicy } = await import('../../jobs/policy/check.js');
    const [root, named] = [textOption(call, 'root'), textOption(call, 'named')];
    const report = await checkPolicy(rt, {
      where: await whereAsked(call, 1),
      at,
      policyOf: (beside, label) =>
        policyOf(
          rt,
          { ...call, root: root === undefined ? beside : path.resolve(rt.machine.cwd, root), named },
          { undeclared: label !== undefined },
        )(label),
    });
    const { policyText } = await import('../reporter/policy-text.js');
    reporter.result(policyText(report), { ...report }, { answer: true });
    return report.answers.every(isAllowed) ? EXIT.done : EXIT.findings;
  },
};

const EXAMPLES = `
The policy of a label is the one that it names in ROOT/repackenv.yml; --policy and --named hold
beside it. Ages and ends of exceptions are judged by the clock of this machine.

Examples:
  repackenv policy check /srv/repos/halkbank
  repackenv policy check /srv/repos/halkbank@3 --policy house.yml
  repackenv policy check /srv/mirror/main --named house --root /srv/repos --json

Exit codes: 0 all of it is allowed, 1 something is denied, 2 usage, a policy or advisories that can't
be read, no policy.
`;
