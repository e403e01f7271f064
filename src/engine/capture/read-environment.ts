import { NOARCH } from '../../conda/channel/channel.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { RepackError } from '../../base/errors.js';
import { isSubdir, isVirtualPackageName } from '../../conda/channel/names.js';
import type { Runtime } from '../../runtime/runtime.js';
import { linkedFrom, readableCaches } from '../package-caches.js';
import { readPrefixRecords } from '../prefix-records.js';
import type { InstalledRecord } from '../prefix-records.js';
import type { ActiveEnvironment } from './envinfo.js';
import { labelOf } from './envinfo.js';
import { findNotRepackable } from './pip-installed.js';
import type { NotRepackable } from './pip-installed.js';
import { channelPlaceOf } from './record-place.js';

/** An environment as it lies on disk: what `captureEnvironment` turns into a plan once the channels can be asked. */
export interface InstalledEnvironment {
  prefix: string;
  /** The environment's folder name; not checked as a label yet. */
  label: string;
  /** The platform its packages are for. */
  subdir: Subdir;
  /** Of the conda that was asked, where one was. */
  condaVersion: string | undefined;
  records: readonly InstalledRecord[];
  /** The channels that the records name, token-free: these count as declared. In the order of {@link channelsOf}. */
  channels: readonly Channel[];
  /** Folders that are there, to look for archives in: those of `conda info`, then those the packages were linked from. */
  packageCaches: string[];
  notRepackable: readonly NotRepackable[];
}

/**
 * Reads an environment: its records, its channels, its package caches, and what pip put into it. Throws E_RECORD, and
 * E_NO_ACTIVE_ENV where nothing is installed in it.
 */
export async function readEnvironment(
  rt: Pick<Runtime, 'fs' | 'machine'>,
  active: ActiveEnvironment,
): Promise<InstalledEnvironment> {
  const { prefix, info } = active;
  const odd: NotRepackable[] = [];
  const all = await readPrefixRecords(rt.fs, prefix, (file, { what }) => {
    const name = file.replace(/\.json$/, '');
    odd.push({ kind: 'odd', name, version: undefined, path: `conda-meta/${file}`, problem: what });
  });
  const records = all.filter((record) => !isVirtualPackageName(record.name));
  if (records.length === 0) {
    throw new RepackError('E_NO_ACTIVE_ENV', {
      what: 'The environment has no conda package in it',
      where: prefix,
      hint: 'Name the environment that is meant with --prefix.',
    });
  }
  const virtual = all.filter((record) => isVirtualPackageName(record.name));
  return {
    prefix,
    label: labelOf(prefix),
    subdir: platformOf(records, info?.platform, rt.machine.subdir),
    condaVersion: info?.condaVersion,
    records,
    channels: channelsOf(records),
    packageCaches: await readableCaches(rt.fs, [...(info?.pkgsDirs ?? []), ...linkedFrom(records)]),
    notRepackable: [
      ...odd.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      ...(await findNotRepackable(rt.fs, prefix, records)),
      ...virtual.map(({ name, version }): NotRepackable => ({ kind: 'virtual', name, version, path: undefined })),
    ],
  };
}

/** The packages know best; an environment of noarch packages only is of the platform that `conda info` or this machine has. */
function platformOf(records: readonly InstalledRecord[], platform: string | undefined, host: Subdir): Subdir {
  const stated = records
    .map((record) => channelPlaceOf(record)?.subdir ?? record.subdir)
    .find((subdir) => subdir !== undefined && subdir !== NOARCH && isSubdir(subdir));
  return stated ?? (platform !== undefined && isSubdir(platform) ? platform : host);
}

/**
 * Highest priority first, as this program declares them (design D2a): what was reached with a token above what was not, a label above the rest of
 * its owner. Told by the records alone: `conda info` knows the order in the user's configuration of today, and only where it was asked, while
 * the same environment must give the same manifest. Nothing is solved by it: what is installed is exact.
 */
function channelsOf(records: readonly InstalledRecord[]): Channel[] {
  const authenticated = new Map<string, boolean>();
  for (const record of records) {
    const place = channelPlaceOf(record);
    if (place !== undefined)
      authenticated.set(place.channelUrl, (authenticated.get(place.channelUrl) ?? false) || place.hadSecret);
  }
  const rank = (url: string): number => (authenticated.get(url) === true ? 0 : 2) + (url.includes('/label/') ? 0 : 1);
  return [...authenticated.keys()]
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map((url) => ({
      url,
      name: nameOf(url),
      authenticated: authenticated.get(url)!,
      role: authenticated.get(url)! ? 'owner' : 'base',
    }));
}

function nameOf(url: string): string {
  const { protocol, pathname } = new URL(url);
  return protocol === 'file:' ? url : decodeURIComponent(pathname).replace(/^\/+/, '');
}
