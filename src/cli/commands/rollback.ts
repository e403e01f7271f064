import path from 'node:path';
import { RepackError } from '../../base/errors.js';
import { workSettings } from '../../config/work-settings.js';
import type { RollbackRequest } from '../../jobs/rollback/rollback.js';
import { appended, LOCK_SETTINGS, NETWORK_SETTINGS, OUTPUT_SETTINGS, textOption, textsOption } from '../command.js';
import type { CliCall, CliCommand, Typed } from '../command.js';
import { finishJob } from '../finish-job.js';
import { declareLabel, labelArgument, nameOfLabel, rootOfLabel } from '../label-argument.js';
import { withRoot } from '../require-root.js';
import { whyOption } from './hold.js';
import { policyOf } from '../policy-of.js';
import { DROP_OPTION, dropOption } from './request-options.js';

const USAGE = 'repackenv rollback LABEL --root ROOT --to N   (or rollback ROOT/LABEL --to N)';

export const rollbackCommand: CliCommand = {
  name: 'rollback',
  summary: 'publish the content of an earlier generation again, under a new number, and hold the label there',
  settings: [
    ...LOCK_SETTINGS,
    'baseUrl',
    'owner',
    ...NETWORK_SETTINGS,
    'cacheDir',
    'prove',
    'enginePath',
    'signKey',
    'papers',
    'siteFiles',
    'policyFile',
    'dryRun',
    'logDir',
    ...OUTPUT_SETTINGS,
  ],
  declare: (command) =>
    void declareLabel(command)
      .option('--to <N>', 'the generation: its number, @-1 (the one before the live one), or a day (2026-11-21, UTC)')
      .option('--why <TEXT>', 'the reason, for whoever meets the hold')
      .option(
        '--from <FOLDER>',
        'a label folder (of a site, of another ROOT) that may have packages which are no longer here (repeatable)',
        appended,
      )
      .addOption(DROP_OPTION)
      .addHelpText('after', EXAMPLES),
  token: 'options',
  root: rootOfLabel,
  labelOfRoot: true,
  log: nameOfLabel,
  findsRoot: true,
  check: (typed) => void (toOption(typed), whyOption(typed)),
  async run(call) {
    const { rollback } = await import('../../jobs/rollback/rollback.js');
    return finishJob(await rollback(call.rt, requestOf(call)), call);
  },
};

function requestOf(call: CliCall): RollbackRequest {
  const { values, token, rt } = call;
  const named = labelArgument(withRoot(call, USAGE), USAGE);
  return {
    ...workSettings(values),
    ...named,
    policyOf: policyOf(rt, { ...call, root: named.root }, { undeclared: true }),
    to: toOption(call),
    why: whyOption(call),
    from: textsOption(call, 'from').map((folder) => path.resolve(rt.machine.cwd, folder)),
    token,
    tokenBaseUrl: values.owner === undefined ? values.baseUrl : `${values.baseUrl}/${values.owner}`,
    drop: dropOption(call),
  };
}

function toOption(typed: Typed): string {
  const to = textOption(typed, 'to')?.trim();
  if (to !== undefined && to !== '') return to;
  throw new RepackError('E_USAGE', {
    what: '--to is missing: which generation?',
    where: 'command line',
    hint: `${USAGE}; repackenv history says which there are.`,
  });
}

const EXAMPLES = `
Examples:
  repackenv rollback halkbank --root /srv/conda-offline --to 3 --why "2.4.1 crashes, ticket 4711"
  repackenv rollback /srv/conda-offline/halkbank --to @-1 --dry-run
  repackenv release /srv/conda-offline/halkbank      afterwards: update may go on

Packages come from the label folder, the store and what ROOT keeps; the channel, and with it a
token, is asked only for what is not there. A label folder that is signed is signed again
(--sign-key), or its signature is let go (--drop signature). Not every client downgrades in an
update: the site's INSTALL.md says how environments go back.

Exit codes: 0 done, 2 no such generation, 4 the generation is no longer complete (what is missing is
named), 5 publish, 6 another run holds the label, 7 upstream, 8 proof failed.
`;
