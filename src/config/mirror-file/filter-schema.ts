import { z } from 'zod';
import { isRepackError } from '../../base/errors.js';
import { nearest } from '../../base/nearest.js';
import { KNOWN_SUBDIRS, formatOf, isPackageName, shown } from '../../conda/channel/names.js';
import { LICENCE_FAMILIES, licenceEntryFamilies, licenceFamilies } from '../../conda/licence/licence-families.js';
import { parseSpecPattern } from '../../conda/spec/spec-entry.js';
import { Wrong, step } from '../yaml/step.js';
import type { DateRule, DependencyRule, LicenceEntry, NameEntry, SpecEntry } from './filter.js';
import { aboutValue, list, text, texts, written } from './values-schema.js';

const MAX_LATEST = 1000;
const DAY = 24 * 60 * 60 * 1000;

/** `blacklist`, `whitelist`: package names, in which `*` stands for any run of characters. */
export function names(key: 'blacklist' | 'whitelist') {
  return texts(key, (name): Omit<NameEntry, 'line'> | Wrong => {
    const pattern = name.toLowerCase();
    if (!isPackageName(pattern.replaceAll('*', 'x')) || formatOf(pattern) !== undefined) return noName(key, name);
    if (pattern.replaceAll('*', '') === '') {
      return new Wrong(
        `has ${shown(name)}, which is every package`,
        key === 'whitelist'
          ? 'Leave the list out: everything is mirrored then.'
          : 'Name the packages that are wanted with `include` instead.',
      );
    }
    if (KNOWN_SUBDIRS.includes(pattern)) {
      return new Wrong(
        `has ${shown(name)}, which is a platform and no package`,
        `Platforms stand under \`platforms:\`, in the first column, with \`  - ${pattern}\` below it.`,
      );
    }
    return { text: name, pattern };
  });
}

function noName(key: 'blacklist' | 'whitelist', written: string): Wrong {
  const specs = key === 'whitelist' ? 'include' : 'exclude';
  if (/^["'“”‘’]|["'“”‘’]$/.test(written)) {
    return new Wrong(`has quotes that YAML takes for letters: ${shown(written)}`, 'Write plain quotes ("…"), or none.');
  }
  if (/\.(conda|tar\.bz2)$/i.test(written)) {
    const name = written.replace(/-[^-]+-[^-]+$/, '');
    return new Wrong(
      `has a file name: ${shown(written)}`,
      `This list holds package names, like ${isPackageName(name) ? name : 'numpy'}. For one build use \`${specs}\`, like "numpy=1.26.4=py311_0".`,
    );
  }
  return /[\s=<>!~[\]:]/.test(written)
    ? new Wrong(
        `has ${shown(written)}, which is more than a package name`,
        `Move it to \`${specs}\`, which takes versions and builds, like "numpy>=1.26,<2".`,
      )
    : new Wrong(`has ${shown(written)}, which is no package name`);
}

/** `license_blacklist`: one family or a list. */
export const licences = texts('license_blacklist', (entry): Omit<LicenceEntry, 'line'> | Wrong => {
  const families = licenceEntryFamilies(entry);
  if (families !== undefined) return { text: entry, families };
  const near = familyMeant(entry);
  return new Wrong(
    `has ${shown(entry)}, which is no family of licences`,
    `${near === undefined ? '' : `Did you mean ${near}? `}Families are ${LICENCE_FAMILIES.join(', ')}; GPL stands for GPL, GPL2 and GPL3.`,
  );
});

/** Of a licence (`MPL-2.0`, `GPL-3.0-only`) the family that its packages are of; else the nearest name. */
function familyMeant(entry: string): string | undefined {
  const [family, ...more] = licenceFamilies({ license: entry });
  if (family !== undefined && family !== 'OTHER') return [family, ...more].join(' and ');
  return nearest(entry, LICENCE_FAMILIES);
}

/** `include`, `exclude`: MatchSpecs, whose name may hold `*`. */
export function specs(key: 'include' | 'exclude') {
  return texts(key, (entry): Omit<SpecEntry, 'line'> | Wrong => {
    try {
      return parseSpecPattern(entry);
    } catch (error) {
      if (!isRepackError(error)) throw error;
      return new Wrong(
        `has ${shown(entry)}, which can't be read: ${error.what.replace(/^package .*? can't be asked for: /, '')}`,
        /^[<>=!~]/.test(entry)
          ? 'A comma without quotes ends an item: put the whole spec in quotes, ["numpy>=1.26,<2"].'
          : 'Write it like ratingpro, "numpy>=1.26,<2", "python=3.11.*=*_cpython", "conda-forge::blas" or "r-*", in quotes where it holds blanks, a comma, ":" or a star in front.',
      );
    }
  });
}

/** `python`: versions in quotes, `"3.10"`. */
export const pythons = list(
  text.pipe(
    step((version: string) =>
      /^[0-9]+\.[0-9]+$/.test(version)
        ? { text: version }
        : new Wrong(
            `has ${shown(version)}, which is no python version of two numbers`,
            'Write for example\n  python: ["3.10", "3.11"]\nPatch releases are chosen with `include` or `exclude`, like "python=3.11.4".',
          ),
    ),
  ),
);

/** `since` and `until`: days in UTC, both included. */
export function day(key: 'since' | 'until') {
  return written.pipe(
    step((value: string | number): Omit<DateRule, 'line'> | Wrong => {
      const date = String(value);
      const time = Date.parse(`${date}T00:00:00Z`);
      const isDay = /^\d{4}-\d{2}-\d{2}$/.test(date) && !Number.isNaN(time);
      if (isDay && new Date(time).toISOString().startsWith(date))
        return { text: date, time: key === 'since' ? time : time + DAY - 1 };
      return new Wrong(`must be a day, not ${shown(date)}`, `Write year, month and day: ${key}: 2024-01-31`);
    }),
  );
}

const COUNT = aboutValue(
  `must be a whole number from 1 to ${MAX_LATEST}`,
  'Write for example `latest: 2`, without quotes: the two newest versions of each package.',
);
const count = z.int(COUNT).min(1, COUNT).max(MAX_LATEST, COUNT);
const PER =
  '`per` is `name` (newest versions of each package) or `name-python` (newest of each package for each python).';
const per = z.enum(['name', 'name-python'], {
  error: ({ input }) => (input === null ? undefined : new Wrong(`counts per ${shown(String(input))}`, PER).message),
});

/** `latest`: a number, or `{count, per: name|name-python}`. */
export const latest = z
  .union([count, z.strictObject({ count, per: per.default('name') })], COUNT)
  .transform((value) => (typeof value === 'number' ? { count: value, per: 'name' as const } : value));

const DEPENDENCIES = aboutValue(
  'must be no, solve or all',
  'Write `with_dependencies: solve` (what a solver takes for each package), `all` (every version that a dependency can mean) or `no`.',
);

/** `with_dependencies`: no, solve or all. */
export const dependencies = z
  .union([z.literal(false), z.string().regex(/^(no|none|false|off|solve|all)$/i, DEPENDENCIES)], DEPENDENCIES)
  .transform((value): DependencyRule => {
    const word = String(value).toLowerCase();
    return word === 'solve' || word === 'all' ? word : 'none';
  });
