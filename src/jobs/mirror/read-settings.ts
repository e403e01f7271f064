import path from 'node:path';
import { casFiles, mirrorConfigFiles } from '../../config/mirror-file/cas-files.js';
import { readMirrorFile } from '../../config/mirror-file/read.js';
import type { MirrorSettings } from '../../config/mirror-file/read.js';
import { RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';

/** How the user named the mirror file; exactly one of the three. */
export interface MirrorFileChoice {
  /** `-f FILE` */
  file?: string | undefined;
  /** `--mirror-config NAME|FILE` */
  name?: string | undefined;
  /** `--cas` */
  cas?: boolean | undefined;
  account?: string | undefined;
}

/**
 * Finds and reads the mirror file. A token that stands in it is in the settings as a Secret: register it before anything is printed.
 *
 * @throws RepackError E_USAGE where none or several are named, E_MIRROR_FILE
 */
export async function readMirrorSettings(
  rt: Pick<Runtime, 'fs' | 'machine' | 'env'>,
  choice: MirrorFileChoice,
): Promise<MirrorSettings> {
  const files = candidates(rt, choice);
  for (const file of files) {
    const settings = await readMirrorFile(rt, file);
    if (settings === undefined) continue;
    return choice.account === undefined ? settings : { ...settings, account: choice.account };
  }
  throw new RepackError('E_MIRROR_FILE', {
    what: files.length === 1 ? 'There is no such mirror file' : 'There is no mirror file of that name',
    where: files.join(', '),
    hint: 'Name the mirror file with -f FILE; a minimal one is the lines  channels: [conda-forge]  platforms: [linux-64]  mirror_dir: /srv/mirror/main',
  });
}

function candidates(rt: Pick<Runtime, 'machine' | 'env'>, { file, name, cas }: MirrorFileChoice): string[] {
  const { cwd, homedir: home, platform } = rt.machine;
  const windows = platform === 'win32';
  const given = [
    ...(file === undefined ? [] : ['-f']),
    ...(name === undefined ? [] : ['--mirror-config']),
    ...(cas === true ? ['--cas'] : []),
  ];
  if (given.length !== 1) {
    throw new RepackError('E_USAGE', {
      what: given.length === 0 ? 'No mirror file is named' : `Several mirror files are named: ${given.join(', ')}`,
      where: 'command line',
      hint: 'Give one of -f FILE, --mirror-config NAME, or --cas (the file of cas-mirror: ~/.cas-mirror, /etc/cas-mirror).',
    });
  }
  if (cas === true) return casFiles({ home, windows });
  if (name !== undefined) return mirrorConfigFiles(name, { home, cwd, configDir: configDir(rt), windows });
  return [path.resolve(cwd, file!)];
}

/** Where `mirrors/NAME.yml` is looked for: beside the user's own `repackenv.yml`. */
function configDir({ machine, env }: Pick<Runtime, 'machine' | 'env'>): string {
  const base =
    machine.platform === 'win32'
      ? env['APPDATA'] || path.join(machine.homedir, 'AppData', 'Roaming')
      : env['XDG_CONFIG_HOME'] || path.join(machine.homedir, '.config');
  return path.join(base, 'repackenv');
}
