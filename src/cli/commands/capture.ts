import { refuseSwapped } from '../swapped-arguments.js';
import type { CliCommand, Typed } from '../command.js';
import { textOption } from '../command.js';
import { DROP_OPTION, dropOption } from './request-options.js';
import { policyOf } from '../policy-of.js';
import { withRoot } from '../require-root.js';
import { finishJob } from '../finish-job.js';
import { SETTING_NAMES } from '../../config/settings.js';
import type { SettingName } from '../../config/settings.js';

/** The environment says which channels, packages and platform it is made of. */
const NOT_OF_AN_ENVIRONMENT: ReadonlySet<SettingName> = new Set([
  'subdirs',
  'packagesFile',
  'allowPipSection',
  'channels',
  'labelPath',
  'jobs',
  'notify',
  'recheck',
]);

const USAGE = 'repackenv capture ROOT [--prefix ENV] [--label LABEL]; see --help.';

export const captureCommand: CliCommand = {
  name: 'capture',
  summary: 'repack an environment that exists: --prefix ENV, or the active one by the envinfo.json in this folder',
  settings: SETTING_NAMES.filter((name) => !NOT_OF_AN_ENVIRONMENT.has(name)),
  declare: (command) =>
    void command
      .argument('[ROOT]', 'folder that holds the label folders')
      .option('--root <DIR>', 'the same (else REPACKENV_ROOT)')
      .option('--prefix <ENV>', 'the environment’s folder')
      .option('--label <LABEL>', 'label (default: the environment’s folder name)')
      .addOption(DROP_OPTION),
  token: 'options',
  root: rootOf,
  findsRoot: true,
  log: (typed) => textOption(typed, 'label') ?? '',
  check: (typed) => refuseSwapped({ label: textOption(typed, 'label'), root: rootOf(typed) }),
  async run(call) {
    const root = rootOf(call) ?? textOption(withRoot(call, USAGE), 'root');
    const parts = {
      label: textOption(call, 'label'),
      root,
      prefix: textOption(call, 'prefix'),
      drop: dropOption(call),
    };
    const { buildCaptureRequest } = await import('../build-request.js');
    const request = {
      ...buildCaptureRequest(call.rt, parts, call.values, call.token),
      policyOf: policyOf(call.rt, { ...call, root }, { undeclared: true }),
    };
    const { capture } = await import('../../jobs/capture.js');
    return finishJob(await capture(call.rt, request), call);
  },
};

function rootOf(typed: Typed): string | undefined {
  return typed.args[0] ?? textOption(typed, 'root');
}
