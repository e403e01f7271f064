import { z } from 'zod';
import type { Subdir } from '../../conda/channel/channel.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { isSubdir } from '../../conda/channel/names.js';
import { checked } from '../yaml/check.js';
import type { YamlFile } from '../yaml/read-yaml.js';
import type { LockFile, LockedPackage, LockSource, NotConda } from './lock-file.js';
import { isLocked, isNotConda, lockedPackage } from './locked-package.js';
import { lockWords } from './words.js';

const written = z.union([z.string(), z.number()]).optional().nullable();

/** What stands for a package, in an environment and in the list of all: `conda:`, `pypi:`, from version 7 `conda_source:`. */
const reference = { conda: z.string().optional(), conda_source: z.string().optional(), pypi: z.string().optional() };

/** rattler's `crates/rattler_lock/src/parse`: versions 4 and 5 have `kind:` and `url:`, 6 and 7 one key for both. */
const SCHEMA = z.object({
  version: z.number(),
  platforms: z.array(z.object({ name: z.string(), subdir: z.string().optional() })).optional(),
  environments: z.record(
    z.string(),
    z.object({ packages: z.record(z.string(), z.array(z.object(reference))).optional() }),
  ),
  packages: z
    .array(
      z.object({
        ...reference,
        kind: z.string().optional(),
        url: z.string().optional(),
        name: written,
        sha256: written,
        md5: written,
      }),
    )
    .default([]),
});

type Lock = z.output<typeof SCHEMA>;

const VERSIONS = [4, 5, 6, 7];
/** The same as 6, under a number of its own (conda-incubator/conda-workspaces). */
const WORKSPACES = 1;

/** A `pixi.lock`, or the `conda.lock` of conda-workspaces. */
export function fromRattlerLock(yaml: YamlFile, source: LockSource): Omit<LockFile, 'file' | 'secrets'> {
  const lock = checked(yaml, SCHEMA, lockWords);
  if (![WORKSPACES, ...VERSIONS].includes(lock.version)) {
    throw yaml.error(yaml.at(['version']), {
      what: `Version ${lock.version} of this lock is not known here`,
      hint: `Known are the versions ${VERSIONS.join(', ')} of pixi.lock, and 1 of conda.lock.`,
    });
  }
  const listed = new Map(lock.packages.map((each, at) => [each.conda ?? each.url ?? '', { each, at }]));
  const names = new Map(lock.packages.map((each) => [each.pypi ?? each.url ?? '', each.name]));
  const environment = chosen(yaml, lock, source);
  const packages = new Map<Subdir, LockedPackage[]>();
  const notConda = new Map<string, NotConda>();
  for (const [platform, references] of Object.entries(lock.environments[environment]?.packages ?? {})) {
    const path = ['environments', environment, 'packages', platform];
    const subdir = subdirOf(yaml, lock, platform, path);
    if (packages.has(subdir)) {
      throw yaml.error(yaml.keyAt(path), {
        what: `Two platforms of this lock are ${subdir}, and only one of them can be delivered`,
        hint: 'Take one of them out of the workspace, or out of this environment, and lock again.',
      });
    }
    const entries = references.map((each, at) => {
      if (each.pypi !== undefined)
        return { name: String(names.get(each.pypi) ?? each.pypi), kind: 'a package of PyPI' };
      if (each.conda === undefined) return { name: each.conda_source ?? platform, kind: 'a source package' };
      const found = listed.get(each.conda);
      const { where } = found === undefined ? yaml.at([...path, at]) : yaml.at(['packages', found.at]);
      return lockedPackage({ url: each.conda, sha256: found?.each.sha256, md5: found?.each.md5, where }, source);
    });
    for (const each of entries.filter(isNotConda)) notConda.set(each.name, each);
    packages.set(subdir, entries.filter(isLocked));
  }
  return {
    form: lock.version === WORKSPACES ? 'conda.lock' : 'pixi.lock',
    version: String(lock.version),
    packages,
    notConda: [...notConda.values()],
  };
}

function chosen(yaml: YamlFile, lock: Lock, { environment = 'default' }: LockSource): string {
  if (Object.hasOwn(lock.environments, environment)) return environment;
  throw yaml.error(yaml.at(['environments']), {
    what: `The lock has no environment ${environment}`,
    hint: `Name one with --lock-environment: ${Object.keys(lock.environments).join(', ')}.`,
  });
}

/** From version 7 a platform has a name of its own. */
function subdirOf(yaml: YamlFile, lock: Lock, platform: string, path: readonly string[]): Subdir {
  const subdir = lock.platforms?.find(({ name }) => name === platform)?.subdir ?? platform;
  if (subdir !== NOARCH && isSubdir(subdir)) return subdir;
  throw yaml.error(yaml.keyAt(path), {
    what: 'This platform is no subdir of conda',
    hint: 'It must be one like linux-64 or win-64.',
  });
}
