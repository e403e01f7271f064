import { z } from 'zod';
import type { Subdir } from '../../conda/channel/channel.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { isSubdir } from '../../conda/channel/names.js';
import { checked } from '../yaml/check.js';
import type { YamlFile } from '../yaml/read-yaml.js';
import type { LockFile, LockedPackage, LockSource, NotConda } from './lock-file.js';
import { isLocked, lockedPackage } from './locked-package.js';
import { lockWords } from './words.js';

/** What everybody needs; the others are extras of a developer's. */
const MAIN = 'main';

const written = z.union([z.string(), z.number()]).optional().nullable();

/** conda-lock's `conda_lock/lockfile/v1/models.py`. */
const SCHEMA = z.object({
  version: z.number(),
  package: z.array(
    z.object({
      name: z.string(),
      manager: z.string().default('conda'),
      platform: z.string(),
      url: z.string(),
      hash: z.object({ md5: written, sha256: written }).default({}),
      category: z.string().default(MAIN),
    }),
  ),
});

/** A `conda-lock.yml`: what is of the category `main`, and of the one that `--lock-environment` names. */
export function fromCondaLock(yaml: YamlFile, source: LockSource): Omit<LockFile, 'file' | 'secrets'> {
  const lock = checked(yaml, SCHEMA, lockWords);
  if (lock.version !== 1) {
    throw yaml.error(yaml.at(['version']), {
      what: `Version ${lock.version} of this lock is not known here`,
      hint: 'Known is version 1 of conda-lock.yml: have it made anew by conda-lock.',
    });
  }
  const wanted = new Set([MAIN, source.environment ?? MAIN]);
  const categories = new Set(lock.package.map(({ category }) => category));
  const unknown =
    source.environment !== undefined && source.environment !== 'default' && !categories.has(source.environment);
  if (unknown) {
    throw yaml.error(yaml.at(['package']), {
      what: `No package of the lock is of the category ${source.environment}`,
      hint: `Name one with --lock-environment: ${[...categories].join(', ')}.`,
    });
  }
  const packages = new Map<Subdir, LockedPackage[]>();
  const notConda = new Map<string, NotConda>();
  for (const [at, { name, manager, platform, url, hash, category }] of lock.package.entries()) {
    if (!isSubdir(platform) || platform === NOARCH) {
      throw yaml.error(yaml.at(['package', at, 'platform']), {
        what: 'This platform is no subdir of conda',
        hint: 'It must be one like linux-64 or win-64.',
      });
    }
    if (!packages.has(platform)) packages.set(platform, []);
    if (!wanted.has(category)) continue;
    const { where } = yaml.at(['package', at]);
    const each =
      manager === 'conda' ? lockedPackage({ url, ...hash, where }, source) : { name, kind: 'a package of PyPI' };
    if (isLocked(each)) packages.get(platform)?.push(each);
    else notConda.set(each.name, each);
  }
  const left = [...categories].filter((each) => !wanted.has(each));
  return {
    form: 'conda-lock.yml',
    version: '1',
    packages,
    notConda: [...notConda.values()],
    leftOut: left.length === 0 ? undefined : `its ${left.join(', ')} packages (--lock-environment NAME takes one)`,
  };
}
