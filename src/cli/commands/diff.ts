import { EXIT, RepackError } from '../../base/errors.js';
import { parseSubdir } from '../../conda/channel/names.js';
import type { CliCommand } from '../command.js';
import { appended, NETWORK_SETTINGS, OUTPUT_SETTINGS, textsOption } from '../command.js';

export const diffCommand: CliCommand = {
  name: 'diff',
  summary: 'what changes from A to B: packages, files, bytes to travel; exit code 1 when they differ',
  folders: [0, 1],
  settings: [...OUTPUT_SETTINGS, ...NETWORK_SETTINGS, 'baseUrl', 'owner', 'cacheDir'],
  declare: (command) =>
    void command
      .argument(
        '<A>',
        'a channel folder, ROOT/LABEL@N, a manifest.json, a site receipt, a set.json, or the URL or name of a channel',
      )
      .argument('<B>', 'the same')
      .option(
        '--subdir <SUBDIR>',
        'platform of an upstream channel, repeatable (default: those of the other side)',
        appended,
      )
      .option(
        '--newest',
        'only packages that both sides have, of a channel the newest version of each: what is newer upstream',
      )
      .addHelpText('after', EXAMPLES),
  token: 'options',
  async run({ args, options, values, token, rt, reporter }) {
    const [a = '', b = ''] = args;
    for (const [name, value] of Object.entries({ A: a, B: b })) {
      if (value.trim() !== '') continue;
      throw new RepackError('E_USAGE', {
        what: `${name} is empty: two things are to be compared`,
        where: 'command line',
        hint: 'repackenv diff A B   (see --help)',
      });
    }
    const { diff } = await import('../../jobs/diff/diff.js');
    const { baseUrl, owner, allowHttp, maxIndexMb, requestsPerSecond, proxy, noProxy, logins } = values;
    const report = await diff(rt, {
      a,
      b,
      newest: options['newest'] === true,
      subdirs: textsOption({ args, options }, 'subdir').map((text) => parseSubdir(text)),
      token,
      baseUrl,
      owner,
      cacheDir: values.cacheDir,
      allowHttp,
      maxIndexMb,
      requestsPerSecond,
      proxy,
      noProxy,
      logins,
      caFiles: values.caFiles,
    });
    reporter.result((await import('../reporter/diff-text.js')).diffText(report), { ...report });
    return report.equal ? EXIT.done : EXIT.findings;
  },
};

const EXAMPLES = `
Examples:
  repackenv diff /srv/repos/halkbank /mnt/site/halkbank     what the next synchronisation changes there
  repackenv diff site-receipt.json /srv/repos/halkbank      what a delta for that site would carry
  repackenv diff /srv/repos/halkbank conda-forge --newest   what is newer upstream
  repackenv diff https://conda.anaconda.org/acme/label/halkbank /srv/halkbank --owner acme --token-env CONDA_TOKEN

A folder with a manifest is taken at its manifest's word (repackenv verify holds the files against
it); one without is read and hashed. With --quiet nothing is printed: the exit code is the answer,
as of cmp.

Exit codes: 0 equal, 1 different, 2 and above: could not be compared.
`;
