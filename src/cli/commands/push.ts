import { EXIT, RepackError } from '../../base/errors.js';
import type { CliCommand, Typed } from '../command.js';
import { LOCK_SETTINGS, OUTPUT_SETTINGS, textOption } from '../command.js';
import { nameOfLabel, rootOfLabel } from '../label-argument.js';

const USAGE = 'repackenv push ROOT/LABEL TARGET   (or push LABEL TARGET --root ROOT)';

export const pushCommand: CliCommand = {
  name: 'push',
  summary: 'send a label folder to a folder, by rsync to a host, or to a bucket, in the right order; only what changed',
  settings: [
    ...LOCK_SETTINGS,
    'adopt',
    'siteFiles',
    'dryRun',
    'allowHttp',
    'proxy',
    'noProxy',
    'caFiles',
    'logDir',
    ...OUTPUT_SETTINGS,
  ],
  declare: (command) =>
    void command
      .argument('<LABEL>', 'ROOT/LABEL, ROOT/LABEL@N, or a mirror; with --root the label alone')
      .argument('<TARGET>', 'a folder or share, user@host:/folder, ssh://user@host:port/folder, s3://bucket/prefix')
      .option('--root <DIR>', 'folder that holds the label folders')
      .option('--site <NAME>', 'note that this site has it now, as `repackenv received` does')
      .option('--endpoint <URL>', 'of a bucket that is not Amazon’s; also taken from AWS_ENDPOINT_URL')
      .option('--allow-rollback', 'push though the target has a newer generation')
      .addHelpText('after', EXAMPLES),
  folders: [0],
  root: rootOfLabel,
  log: nameOfLabel,
  check: (typed) => void targetOf(typed),
  async run(call) {
    const { push } = await import('../../jobs/push.js');
    const { values, options, rt, redactor, reporter } = call;
    const { adopt, dryRun, allowHttp, proxy, noProxy, caFiles, siteFiles, waitLock, takeOverLock } = values;
    const request = {
      adopt,
      dryRun,
      allowHttp,
      proxy,
      noProxy,
      caFiles,
      takeOverLock,
      dir: call.args[0] ?? '',
      target: targetOf(call),
      allowRollback: options['allowRollback'] === true,
      siteFiles: siteFiles === 'on',
      site: textOption(call, 'site'),
      endpoint: textOption(call, 'endpoint'),
      waitLockMs: waitLock * 1000,
    };
    const report = await push(rt, request, (secret) => redactor.register(secret));
    reporter.result((await import('../reporter/push-text.js')).pushText(report), { ...report }, { answer: dryRun });
    return EXIT.done;
  },
};

function targetOf({ args }: Typed): string {
  if (args[1] !== undefined && args[1] !== '') return args[1];
  throw new RepackError('E_USAGE', { what: 'TARGET is missing', where: 'command line', hint: USAGE });
}

const EXAMPLES = `
Examples:
  repackenv push /srv/conda-offline/halkbank /mnt/site/conda      makes /mnt/site/conda/halkbank
  repackenv push /srv/conda-offline/halkbank anna@mirror.example.com:/srv/conda --site ankara
  repackenv push /srv/conda-offline/halkbank s3://acme-deliveries/conda --endpoint https://s3.example.com

The folder of the label, and LABEL.INSTALL.md and the scripts beside it, are made in TARGET. A reader
there never meets a name without its file; a push that broke off is gone on with by the next one.
For a host: rsync and ssh of this machine, with your configuration (RSYNC_RSH, ~/.ssh/config); they may not ask.
For a bucket: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SESSION_TOKEN), or AWS_PROFILE and
~/.aws/credentials; AWS_REGION, AWS_ENDPOINT_URL.
`;
