import coerce from 'semver/functions/coerce.js';
import gte from 'semver/functions/gte.js';
import type { Subdir } from '../channel/channel.js';
import { RepackError } from '../../base/errors.js';
import { isVirtualPackageName, shown } from '../channel/names.js';
import type { ClientName, TargetClient, TargetProfile, VirtualPackage } from './profile.js';
import { parseVersion } from '../spec/version.js';

const CLIENTS: readonly ClientName[] = ['conda', 'mamba', 'micromamba', 'pixi', 'rattler'];

/**
 * Virtual packages of the customer's machines where nothing is said (design D3), by operating system; never the build
 * host's. glibc 2.17 is CentOS 7, the oldest that conda-forge builds for.
 */
const DEFAULT_VIRTUAL: Readonly<Record<string, readonly (readonly [name: string, version: string])[]>> = {
  linux: [
    ['__unix', '0'],
    ['__linux', '4.18'],
    ['__glibc', '2.17'],
  ],
  osx: [
    ['__unix', '0'],
    ['__osx', '11.0'],
  ],
  win: [['__win', '10']],
};

/** Build string of `__archspec` (version 1), where packages ask for it. */
const ARCHSPEC: Readonly<Record<string, string>> = {
  'linux-64': 'x86_64',
  'linux-aarch64': 'aarch64',
  'linux-ppc64le': 'ppc64le',
};

/** `--client "conda 4.4"`: name and version, from which follows what it can read (facts: conda's CHANGELOG). Throws E_CLIENT. */
export function parseClient(text: string): TargetClient {
  const match = /^([a-z]+)\s*[\s=@]\s*v?([0-9]+(?:\.[0-9]+)*[0-9a-z.+-]*)$/i.exec(text.trim());
  const name = CLIENTS.find((client) => client === match?.[1]?.toLowerCase());
  const version = match?.[2] ?? '';
  const known = coerce(version);
  if (name === undefined || known === null) {
    throw new RepackError('E_CLIENT', {
      what: `${shown(text)} is not a client with its version`,
      where: `client ${shown(text)}`,
      hint: `Write it like "conda 4.4" or "pixi 0.40"; known are ${CLIENTS.join(', ')}.`,
    });
  }
  const from = (least: string): boolean => name !== 'conda' || gte(known, least);
  return {
    name,
    version,
    readsCondaFormat: from('4.7.0'),
    knowsVirtualPackages: from('4.7.0'),
    needsBz2Index: !from('4.4.0'),
    // mamba 2 too: it is in its solutions, though not in the records it writes (recordings: create --json of 2.0.5).
    injectsPip: name === 'conda' || name === 'mamba' || name === 'micromamba',
  };
}

/** `__glibc=2.17`, `__archspec=1=x86_64`, `__unix`. Without a version: 0; without a build string: 0. Throws E_PROFILE. */
export function parseVirtualPackage(text: string): VirtualPackage {
  const [name = '', version = '0', build = '0', ...more] = text.trim().split('=');
  const problem =
    virtualPackageProblem(name, version, build) ??
    (more.length > 0 ? 'it has more than a name, a version and a build' : undefined);
  if (problem === undefined) return { name, version, build };
  throw new RepackError('E_PROFILE', {
    what: `${shown(text)} is not a virtual package: ${problem}`,
    where: `virtual package ${shown(text)}`,
    hint: 'Write it like __glibc=2.28, __cuda=12.4 or __archspec=1=x86_64_v3.',
  });
}

export interface TargetProfileOptions {
  subdir: Subdir;
  /** Laid over the defaults by name; those of another operating system than the subdir's have no effect on it. */
  virtualPackages: readonly VirtualPackage[];
  client: TargetClient | undefined;
}

/** What the machines of one subdir are like (design D3). Virtual packages sorted by name. Throws E_PROFILE for `noarch`. */
export function targetProfile({ subdir, virtualPackages, client }: TargetProfileOptions): TargetProfile {
  if (!subdir.includes('-')) {
    throw new RepackError('E_PROFILE', {
      what: `${shown(subdir)} is no platform, so nothing can be installed for it alone`,
      where: `subdir ${shown(subdir)}`,
      hint: 'Name the subdirs of the machines, like linux-64: their noarch packages come with them.',
    });
  }
  const byName = new Map(defaultVirtualPackages(subdir).map((each) => [each.name, each]));
  for (const each of virtualPackages) if (virtualPackageFits(each.name, subdir)) byName.set(each.name, each);
  return { subdir, virtualPackages: [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)), client };
}

/** Is this virtual package one that machines of the subdir can have? `__glibc` on `win-64` is not. */
function virtualPackageFits(name: string, subdir: Subdir): boolean {
  const system = subdir.split('-')[0];
  switch (name) {
    case '__glibc':
    case '__musl':
    case '__linux':
      return system === 'linux';
    case '__osx':
      return system === 'osx';
    case '__win':
      return system === 'win';
    case '__unix':
      return system !== 'win';
    default:
      return true;
  }
}

function defaultVirtualPackages(subdir: Subdir): VirtualPackage[] {
  const system = subdir.split('-')[0] ?? '';
  const defaults = (DEFAULT_VIRTUAL[system] ?? []).map(([name, version]) => ({ name, version, build: '0' }));
  const archspec = ARCHSPEC[subdir];
  return archspec === undefined ? defaults : [...defaults, { name: '__archspec', version: '1', build: archspec }];
}

/** Why these are not the parts of a virtual package; undefined where they are. */
export function virtualPackageProblem(name: string, version: string, build: string): string | undefined {
  if (!name.startsWith('__')) return `its name must begin with "__", like ${shown(`__${name.replace(/^_/, '')}`)}`;
  if (!isVirtualPackageName(name)) return 'its name has other than lower case letters, digits, "_", "-" and "."';
  if (version === '' || version.length > 64 || parseVersion(version) === undefined)
    return `${shown(version)} is not a version`;
  return /^[A-Za-z0-9_.+]{1,64}$/.test(build) ? undefined : `${shown(build)} is not a build string`;
}
