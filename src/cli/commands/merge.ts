import path from 'node:path';
import { policyOf } from '../policy-of.js';
import type { CliCommand } from '../command.js';
import { LOCK_SETTINGS, OUTPUT_SETTINGS, exitOf } from '../command.js';

const EXAMPLES = `
DELTA is an unpacked delta (it holds delta.json; a mirror with "delta: true" writes it): what it
adds, changes and removes is applied to the channel that it was made for. Or it is any channel
folder: its packages are added, nothing is removed. It is only read. The index is updated, and
records keep what the channels have mended (hotfixes).

Examples:
  repackenv merge /media/usb/main-g6-to-g7 /srv/mirror/main
  repackenv merge /srv/incoming /srv/mirror/main --dry-run
  repackenv merge /srv/extra /srv/channel --adopt --replace numpy-1.26.4-py39_0.conda
`;

export const mergeCommand: CliCommand = {
  name: 'merge',
  summary:
    'fold a delta folder, or the packages of a channel folder, into a channel folder: index updated, removals applied',
  folders: [0, 1],
  settings: [
    ...LOCK_SETTINGS,
    'adopt',
    'replace',
    'siteFiles',
    'signKey',
    'policyFile',
    'dryRun',
    'logDir',
    ...OUTPUT_SETTINGS,
  ],
  declare: (command) =>
    void command
      .argument('<DELTA>', 'an unpacked delta folder, a channel folder, or ROOT/LABEL@N')
      .argument('<CHANNEL>', 'the channel folder that it goes into, ROOT/LABEL')
      .addHelpText('after', EXAMPLES),
  log: ({ args }) => args[1]?.split(/[\\/]/).findLast((part) => part !== '') ?? '',
  async run(call) {
    const { args, values, rt, reporter } = call;
    const root = path.dirname(path.resolve(rt.machine.cwd, args[1] ?? ''));
    const { merge } = await import('../../jobs/merge/merge.js');
    const report = await merge(rt, {
      from: args[0] ?? '',
      channel: args[1] ?? '',
      dryRun: values.dryRun,
      adopt: values.adopt,
      replace: values.replace,
      siteFiles: values.siteFiles === 'on',
      signKey: values.signKey,
      policyOf: policyOf(rt, { ...call, root }, { undeclared: false }),
      waitLockMs: values.waitLock * 1000,
      takeOverLock: values.takeOverLock,
    });
    reporter.result(
      (await import('../reporter/import-text.js')).importText(report),
      { ...report },
      { answer: report.dryRun },
    );
    return exitOf(report.findings);
  },
};
