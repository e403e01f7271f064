import { RepackError } from '../../base/errors.js';
import type { CliCommand } from '../command.js';
import { policyOf } from '../policy-of.js';
import { withRoot } from '../require-root.js';
import { LOCK_SETTINGS, OUTPUT_SETTINGS, exitOf, textOption } from '../command.js';

const EXAMPLES = `
MEDIUM is a folder (a stick), several (several sticks), a NAME.set.json or a part. It is read in
place: nothing is joined, copied whole or deleted there, and read-only media are fine. Everything is
checked before anything is written.

Examples:
  repackenv import /media/usb --root /srv/conda
  repackenv import /media/usb1 /media/usb2 --root /srv/conda --receipt /media/usb1
  repackenv import E:\\ --root D:\\conda --dry-run
  repackenv import /media/usb --root /srv/conda --allowed-signers /etc/repackenv/allowed_signers

Exit codes: 0 done, 2 usage, 4 the medium is incomplete or damaged (what has to be brought again is
named), 5 wrong base, older than the folder, or the disk, 6 another run holds the folder, 8 the
signature or the policy.
`;

const USAGE = 'repackenv import MEDIUM... --root ROOT   (see --help)';

export const importCommand: CliCommand = {
  name: 'import',
  summary: 'take what an export put on media into ROOT/LABEL: checked first, then switched into place',
  settings: [...LOCK_SETTINGS, 'adopt', 'keep', 'siteFiles', 'policyFile', 'dryRun', 'logDir', ...OUTPUT_SETTINGS],
  declare: (command) =>
    void command
      .argument('<MEDIUM...>', 'folders of the medium, a NAME.set.json, or a part')
      .option('--root <DIR>', 'folder that holds the label folders; created when it is not there (else REPACKENV_ROOT)')
      .option('--label <LABEL>', 'which label, where the media hold several')
      .option(
        '--allowed-signers <FILE>',
        'the site’s keys (ssh-keygen, ALLOWED SIGNERS): a set that none of them signed is refused',
      )
      .option('--require-signature', 'refuse to work without --allowed-signers')
      .option('--receipt <FILE>', 'copy of the site receipt, to be sent back: a file, or a folder that is there')
      .option(
        '--allow-rollback',
        'take a set although the folder is newer, another channel of the same generation, or more than 100000 generations behind',
      )
      .addHelpText('after', EXAMPLES),
  root: (typed) => textOption(typed, 'root'),
  log: (typed) => textOption(typed, 'label') ?? '',
  findsRoot: true,
  check: (_typed, found) => {
    if (found === undefined)
      throw new RepackError('E_USAGE', { what: '--root is missing', where: 'command line', hint: USAGE });
  },
  async run(given) {
    const call = withRoot(given, USAGE);
    const { args, options, values, rt, reporter } = call;
    const { importMedia } = await import('../../jobs/import/import.js');
    const report = await importMedia(rt, {
      media: args,
      root: textOption(call, 'root') ?? '',
      label: textOption(call, 'label'),
      dryRun: values.dryRun,
      allowedSigners: textOption(call, 'allowedSigners'),
      requireSignature: options['requireSignature'] === true,
      receipt: textOption(call, 'receipt'),
      allowRollback: options['allowRollback'] === true,
      adopt: values.adopt,
      keep: values.keep,
      siteFiles: values.siteFiles === 'on',
      policyOf: policyOf(rt, { ...call, root: textOption(call, 'root') }, { undeclared: false }),
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
