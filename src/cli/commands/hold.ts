import { EXIT, RepackError, type ExitCode } from '../../base/errors.js';
import type { HoldReport, HoldRequest } from '../../jobs/hold.js';
import type { CliCall, CliCommand, Typed } from '../command.js';
import { LOCK_SETTINGS, OUTPUT_SETTINGS, textOption } from '../command.js';
import { declareLabel, labelArgument, nameOfLabel, rootOfLabel } from '../label-argument.js';
import { withRoot } from '../require-root.js';

const HOLD_USAGE = 'repackenv hold LABEL --root ROOT --why TEXT   (or hold ROOT/LABEL --why TEXT)';
const RELEASE_USAGE = 'repackenv release LABEL --root ROOT   (or release ROOT/LABEL)';
const SETTINGS = [...LOCK_SETTINGS, 'logDir', ...OUTPUT_SETTINGS] as const;

export const holdCommand: CliCommand = {
  name: 'hold',
  summary: 'keep a label as it is: update and mirror say so, change nothing and end with 0, until it is released',
  settings: SETTINGS,
  declare: (command) =>
    void declareLabel(command)
      .option('--why <TEXT>', 'the reason, for whoever meets the hold')
      .addHelpText('after', EXAMPLES),
  root: rootOfLabel,
  labelOfRoot: true,
  log: nameOfLabel,
  findsRoot: true,
  check: (typed) => void whyOf(typed),
  async run(call) {
    const { hold } = await import('../../jobs/hold.js');
    return finish(call, await hold(call.rt, { ...requestOf(call, HOLD_USAGE), why: whyOf(call) }));
  },
};

export const releaseCommand: CliCommand = {
  name: 'release',
  summary: 'let a label that is held, by hand or by a rollback, change again',
  settings: SETTINGS,
  declare: (command) => void declareLabel(command),
  root: rootOfLabel,
  labelOfRoot: true,
  log: nameOfLabel,
  findsRoot: true,
  async run(call) {
    const { release } = await import('../../jobs/hold.js');
    return finish(call, await release(call.rt, requestOf(call, RELEASE_USAGE)));
  },
};

function requestOf(call: CliCall, usage: string): HoldRequest {
  const { waitLock, takeOverLock } = call.values;
  return { ...labelArgument(withRoot(call, usage), usage), waitLockMs: waitLock * 1000, takeOverLock };
}

function whyOf(typed: Typed): string {
  const why = whyOption(typed);
  if (why !== undefined) return why;
  throw new RepackError('E_USAGE', {
    what: '--why is missing: a hold tells everybody who meets it what it is for',
    where: 'command line',
    hint: HOLD_USAGE,
  });
}

/** One line. @throws RepackError E_USAGE */
export function whyOption(typed: Typed): string | undefined {
  const why = textOption(typed, 'why')?.trim().replaceAll(/\s+/g, ' ');
  if (why === undefined || (why !== '' && why.length <= LONGEST_WHY)) return why;
  throw new RepackError('E_USAGE', {
    what: why === '' ? '--why is empty' : `--why is longer than ${LONGEST_WHY} characters`,
    where: '--why',
    hint: 'Give the reason in a sentence: --why "2.4.1 crashes at the customer, ticket 4711"',
  });
}

const LONGEST_WHY = 500;

async function finish({ reporter, rt }: CliCall, report: HoldReport): Promise<ExitCode> {
  reporter.result((await import('../reporter/hold-text.js')).holdText(report, rt.machine.platform === 'win32'), {
    ...report,
  });
  return EXIT.done;
}

const EXAMPLES = `
Examples:
  repackenv hold halkbank --root /srv/conda-offline --why "audit until Friday"
  repackenv release /srv/conda-offline/halkbank

capture, import and merge into a label that is held are refused (exit 5): they bring what somebody
chose, and that it did not go in must not look like success.
`;
