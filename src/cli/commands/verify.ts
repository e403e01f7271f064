import type { CliCommand } from '../command.js';
import { OUTPUT_SETTINGS, exitOf, textOption } from '../command.js';

export const verifyCommand: CliCommand = {
  name: 'verify',
  summary: 'check a channel folder: index = files = manifest, every digest, installable offline; changes nothing',
  folders: [0],
  settings: OUTPUT_SETTINGS,
  declare: (command) =>
    void command
      .argument('<DIR>', 'a label folder, ROOT/LABEL@N, or any channel folder')
      .option(
        '--allowed-signers <FILE>',
        'the keys that you trust (ssh-keygen, ALLOWED SIGNERS): who signed the manifest?',
      ),
  async run(call) {
    const { args, rt, reporter } = call;
    const { verify } = await import('../../jobs/verify.js');
    const report = await verify(rt, { dir: args[0] ?? '.', allowedSigners: textOption(call, 'allowedSigners') });
    reporter.result((await import('../reporter/verify-text.js')).verifyText(report), { ...report });
    return exitOf(report.findings);
  },
};
