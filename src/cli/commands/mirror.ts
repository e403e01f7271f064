import type { MirrorRequest } from '../../jobs/mirror/mirror.js';
import { EXIT, RepackError } from '../../base/errors.js';
import type { ExitCode } from '../../base/errors.js';
import {
  MIRROR_SETTINGS,
  buildMirrorRequest,
  declareMirrorFile,
  mirrorLogName,
  takeMirrorSettings,
} from '../build-mirror-request.js';
import type { CliCall, CliCommand } from '../command.js';
import { exitOf, textOption } from '../command.js';

export const mirrorCommand: CliCommand = {
  name: 'mirror',
  summary: 'keep a whole or filtered mirror of channels, as a mirror file says; only what differs is fetched',
  settings: [...MIRROR_SETTINGS, 'replace', 'adopt'],
  declare: (command) =>
    void declareMirrorFile(command)
      .option(
        '--explain <PACKAGE>',
        'say for each file of a package which line takes it or leaves it out; writes nothing',
      )
      .option('--reset', 'forget the last synchronisation: hash every file, fetch every index anew')
      .option(
        '--allow-shrink',
        'accept that more vanished upstream than shrink_limit allows (default 0.1 of the mirror)',
      )
      .option('--keep-going', 'leave out what can’t be fetched or used, tell it, and end with exit code 1')
      .usage('-f FILE [options]')
      .addHelpText('after', MIRROR_HELP),
  token: 'options',
  log: mirrorLogName,
  showsConfig: () => true,
  async run(call) {
    const settings = await takeMirrorSettings(call);
    if (call.options['showConfig'] === true) {
      const { showMirrorConfig } = await import('../../jobs/mirror/mirror-settings.js');
      call.reporter.print(showMirrorConfig(call.rt, settings));
      return EXIT.done;
    }
    const request = await buildMirrorRequest(call, settings);
    const explained = textOption(call, 'explain');
    if (explained !== undefined) return explain(call, request, explained);
    const { mirror } = await import('../../jobs/mirror/mirror.js');
    const report = await mirror(call.rt, request);
    call.reporter.result(
      (await import('../reporter/mirror-text.js')).mirrorText(report, call.rt.machine.platform === 'win32'),
      { ...report },
      { answer: report.published === undefined && report.held === undefined },
    );
    return exitOf(report.findings);
  },
};

async function explain(call: CliCall, request: MirrorRequest, name: string): Promise<ExitCode> {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) {
    throw new RepackError('E_USAGE', {
      what: '--explain takes the name of one package',
      where: `--explain ${name}`,
      hint: 'For example --explain numpy, without version.',
    });
  }
  const { explainMirror } = await import('../../jobs/mirror/explain-mirror.js');
  const { text, ...data } = await explainMirror(call.rt, request, { name });
  call.reporter.result(text, { job: 'explain', ...data }, { answer: true });
  return EXIT.done;
}

const MIRROR_HELP = `
A mirror file (those of cas-mirror and anaconda-server-sync-conda are read as they are):
  channels: [conda-forge, {url: https://conda.anaconda.org/acme, token: true}]
  platforms: [linux-64, win-64]
  mirror_dir: /srv/mirror/main
  license_blacklist: [AGPL, GPL3]
  blacklist: [tensorflow]
  latest: 3

--config names the settings of this program, as everywhere; the mirror file in force is printed by
--show-config.

Every night from cron, with a log of its own each time (exit code 6: the last run is still at work):
  repackenv mirror -f /etc/repackenv/main.yml --token-file /etc/repackenv/token --log-dir /var/log/repackenv --quiet

A changed filter removes nothing: repackenv clean -f FILE does. What vanishes upstream leaves,
within shrink_limit. --policy FILE: what it denies is left out; clean -f takes away what was there.
`;
