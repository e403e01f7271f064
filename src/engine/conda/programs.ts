import { OLDEST_CONDA, condaSemver, isSupportedConda } from './abilities.js';

/** The programs that one driver works with. */
export type FamilyProgram = 'conda' | 'mamba' | 'micromamba';

/**
 * What differs between the programs of conda's family. Sources: recordings of real runs, and for mamba
 * `libmamba/src/api/configuration.cpp`, `info.cpp`.
 */
export interface ProgramTraits {
  /** How every environment is created: no questions, and without what a user's configuration adds or pins. */
  create: readonly string[];
  /**
   * How it is told its configuration file. conda merges the file that `CONDARC` names with the user's and the system's; mamba reads none but
   * the one after `--rc-file`.
   */
  configuredBy: 'CONDARC' | '--rc-file';
  /** What it is asked to learn which settings are in force. */
  readBack: 'config --show' | 'info';
  /**
   * Offline it still reads channels that are folders. mamba 2.0 does not ("TODO load local channels even when offline",
   * `libmamba/src/core/subdirdata.cpp`), 2.8 does: all of them are kept off the network by a proxy where nothing listens.
   */
  offlineReadsFolders: boolean;
  /**
   * Reads a channel in a folder whose path has a blank. mamba 2.0 and 2.8, unlike micromamba 1.5, take no spelling of it ("Failed to parse URL
   * … Bad path").
   */
  readsFoldersWithBlanks: boolean;
  /** Variables that lead it to its root, where its own configuration would lie. */
  rootVariables: readonly string[];
  variables: Readonly<Record<string, string>>;
  /** `major.minor` of the releases whose real runs were recorded; undefined: every one from OLDEST_CONDA on. */
  series: readonly string[] | undefined;
}

const LIBMAMBA: Omit<ProgramTraits, 'series'> = {
  // It knows no default packages.
  create: ['create', '--yes', '--json', '--quiet', '--no-pin'],
  configuredBy: '--rc-file',
  readBack: 'info',
  offlineReadsFolders: false,
  readsFoldersWithBlanks: false,
  rootVariables: ['MAMBA_ROOT_PREFIX'],
  // It gives up a download that stands still for a minute, which one that the gateway still fetches does.
  variables: { MAMBA_NO_LOW_SPEED_LIMIT: '1' },
};

export const PROGRAM_TRAITS: Readonly<Record<FamilyProgram, ProgramTraits>> = {
  conda: {
    create: ['create', '--yes', '--json', '--quiet', '--no-default-packages', '--no-pin'],
    configuredBy: 'CONDARC',
    readBack: 'config --show',
    offlineReadsFolders: true,
    readsFoldersWithBlanks: true,
    // Where conda looks for the installation's own .condarc (all of 4.3 to 26 set it only where it is unset): an empty folder. Newer ones
    // look beside the active environment too, and take the installation for it where none is.
    rootVariables: ['CONDA_ROOT', 'CONDA_PREFIX'],
    variables: {},
    series: undefined,
  },
  mamba: { ...LIBMAMBA, series: ['2.0', '2.3', '2.8'] },
  // mamba 1 is a conda with another solver, micromamba 1.5 a program of its own.
  micromamba: { ...LIBMAMBA, series: ['1.5', '2.0', '2.3', '2.8'] },
};

export function isFamilyProgram(name: string): name is FamilyProgram {
  return Object.hasOwn(PROGRAM_TRAITS, name);
}

/** Why a version can't be used, as a clause without a stop; undefined: it can. */
export function versionProblem(program: FamilyProgram, version: string): string | undefined {
  const { series } = PROGRAM_TRAITS[program];
  if (series === undefined) {
    return isSupportedConda(version) ? undefined : `conda ${version} is too old, ${OLDEST_CONDA} or newer is needed`;
  }
  const [major, minor] = (condaSemver(version) ?? '').split('.');
  if (series.includes(`${major}.${minor}`)) return undefined;
  return `${program} ${version} is found, not supported: of ${program}, ${listed(series)} ${series.length === 1 ? 'is' : 'are'}`;
}

function listed(series: readonly string[]): string {
  return new Intl.ListFormat('en').format(series.map((each) => `${each}.x`));
}
