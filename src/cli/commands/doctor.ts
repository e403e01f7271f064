import type { DoctorRequest } from '../../jobs/doctor/doctor.js';
import { EXIT, RepackError } from '../../base/errors.js';
import path from 'node:path';
import { policyOf } from '../policy-of.js';
import type { CliCommand, Typed } from '../command.js';
import { LOCK_SETTINGS, OUTPUT_SETTINGS, textOption } from '../command.js';

export const doctorCommand: CliCommand = {
  name: 'doctor',
  summary: 'say what is wrong with any channel folder and what to do; --repair writes its indexes anew',
  folders: [0],
  settings: [...LOCK_SETTINGS, 'policyFile', ...OUTPUT_SETTINGS],
  declare: (command) =>
    void command
      .argument('<DIR>', 'a channel folder, made by this program or by any other, or ROOT/LABEL@N')
      .option('--repair', 'write indexes anew out of the artifacts, under lock and journal; no package is removed')
      .option('--prune', 'with --repair: also remove corrupt packages, packages that no index names, and leftovers')
      .option('--site-prefix <PATH>', 'where environments lie at the site: are the packages’ paths too long for it?')
      .option('--prefix-length <N>', 'the same, by the length of that path')
      .addHelpText('after', EXAMPLES),
  root: ({ args }) => args[0],
  check: (typed) => void requestOf(typed),
  async run(call) {
    const { args, options, values, rt, reporter } = call;
    const { doctor } = await import('../../jobs/doctor/doctor.js');
    const report = await doctor(rt, {
      ...requestOf({ args, options }),
      policyOf: policyOf(
        rt,
        { ...call, root: path.dirname(path.resolve(rt.machine.cwd, args[0] ?? '.')) },
        { undeclared: true },
      ),
      waitLockMs: values.waitLock * 1000,
      takeOverLock: values.takeOverLock,
    });
    reporter.result((await import('../reporter/doctor-text.js')).doctorText(report), { ...report });
    return report.ok ? EXIT.done : EXIT.findings;
  },
};

function requestOf(typed: Typed): Omit<DoctorRequest, 'waitLockMs' | 'takeOverLock'> {
  const [repair, prune] = [typed.options['repair'] === true, typed.options['prune'] === true];
  if (prune && !repair) throw usage('--prune removes files only together with --repair', 'Give --repair --prune.');
  return { dir: typed.args[0] ?? '.', repair, prune, site: siteOf(typed) };
}

function siteOf(typed: Typed): DoctorRequest['site'] {
  const [prefix, length] = [textOption(typed, 'sitePrefix'), textOption(typed, 'prefixLength')];
  if (prefix !== undefined && length !== undefined)
    throw usage('Both --site-prefix and --prefix-length are given', 'Give one of them.');
  if (prefix !== undefined) {
    const windows = /^[A-Za-z]:[\\/]|^\\\\/.test(prefix);
    if (!windows && !prefix.startsWith('/'))
      throw usage(
        `--site-prefix ${prefix} is no absolute path`,
        'Give the whole path of an environment at the site: C:\\ProgramData\\miniforge3\\envs\\prod, /opt/conda/envs/prod.',
      );
    return { length: prefix.replace(/[\\/]+$/, '').length, windows };
  }
  if (length === undefined) return undefined;
  if (!/^[1-9]\d{0,3}$/.test(length))
    throw usage(
      `--prefix-length ${length} is no number of characters`,
      'Give the length of an environment’s path at the site, e.g. 40.',
    );
  return { length: Number(length), windows: undefined };
}

function usage(what: string, hint: string): RepackError {
  return new RepackError('E_USAGE', { what, where: 'command line', hint });
}

const EXAMPLES = `
Examples:
  repackenv doctor /srv/conda-offline/halkbank
  repackenv doctor /srv/mirror/main --repair
  repackenv doctor D:\\channel --site-prefix C:\\ProgramData\\miniforge3\\envs\\prod

Exit codes: 0 nothing wrong (or all of it mended), 1 findings, 2 no channel folder, 5 the folder
could not be written, 6 another run holds it.
`;
