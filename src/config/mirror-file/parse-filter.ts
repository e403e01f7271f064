import { isMap, isScalar } from 'yaml';
import type { Node } from 'yaml';
import { isRepackError } from '../../base/errors.js';
import { parseMatchSpec } from '../../conda/spec/match-spec.js';
import { KNOWN_SUBDIRS, formatOf, isPackageName, shown } from '../../conda/channel/names.js';
import { LICENCE_FAMILIES, licenceEntryFamilies, licenceFamilies } from '../../conda/licence/licence-families.js';
import { nearest } from '../../base/nearest.js';
import { itemNodes, readPairs, readText, readTexts, refuse, refuseAt, sourceText } from './parse-values.js';
import type { PlacedText, ReadContext } from './parse-values.js';
import type { DateRule, DependencyRule, LatestRule, LicenceEntry, ListEntry, NameEntry, SpecEntry } from './filter.js';

const MAX_LATEST = 1000;
const DAY = 24 * 60 * 60 * 1000;

/** `blacklist`, `whitelist`: package names, in which `*` stands for any run of characters. */
export function readNames(context: ReadContext): NameEntry[] {
  const { key } = context.entry;
  const ours = key === 'whitelist' ? 'include' : 'exclude';
  return readTexts(context, `${key}: [flask, readline]`).map(({ text, place }) => {
    const pattern = text.toLowerCase();
    if (isPackageName(pattern.replaceAll('*', 'x')) && formatOf(pattern) === undefined) {
      if (pattern.replaceAll('*', '') === '') {
        refuseAt(context, place, {
          what: `has ${shown(text)}, which is every package`,
          hint:
            key === 'whitelist'
              ? 'Leave the list out: everything is mirrored then.'
              : `Name the packages that are wanted with \`include\` instead.`,
        });
      }
      if (KNOWN_SUBDIRS.includes(pattern)) {
        refuseAt(context, place, {
          what: `has ${shown(text)}, which is a platform and no package`,
          hint: `Platforms stand under \`platforms:\`, in the first column, with \`  - ${pattern}\` below it.`,
        });
      }
      return { text, line: place.line, pattern };
    }
    return refuseAt(context, place, nameProblem(key, ours, text));
  });
}

function nameProblem(key: string, ours: string, text: string): { what: string; hint: string } {
  if (/^["'“”‘’]|["'“”‘’]$/.test(text)) {
    return {
      what: `has quotes that YAML takes for letters: ${shown(text)}`,
      hint: 'Write plain quotes ("…"), or none.',
    };
  }
  if (/\.(conda|tar\.bz2)$/i.test(text)) {
    const name = text.replace(/-[^-]+-[^-]+$/, '');
    return {
      what: `has a file name: ${shown(text)}`,
      hint: `This list holds package names, like ${isPackageName(name) ? name : 'numpy'}. For one build use \`${ours}\`, like "numpy=1.26.4=py311_0".`,
    };
  }
  if (/[\s=<>!~[\]:]/.test(text)) {
    return {
      what: `has ${shown(text)}, which is more than a package name`,
      hint: `Move it to \`${ours}\`, which takes versions and builds, like "numpy>=1.26,<2".`,
    };
  }
  return {
    what: `has ${shown(text)}, which is no package name`,
    hint: `Write names like flask or r-*, for example\n  ${key}: [flask, readline]`,
  };
}

/** `license_blacklist`: one family or a list. */
export function readLicences(context: ReadContext): LicenceEntry[] {
  return readTexts(context, 'license_blacklist: [GPL3, AGPL]').map(({ text, place }) => {
    const families = licenceEntryFamilies(text);
    if (families !== undefined) return { text, line: place.line, families };
    const near = familyMeant(text);
    return refuseAt(context, place, {
      what: `has ${shown(text)}, which is no family of licences`,
      hint: `${near === undefined ? '' : `Did you mean ${near}? `}Families are ${LICENCE_FAMILIES.join(', ')}; GPL stands for GPL, GPL2 and GPL3.`,
    });
  });
}

/** Of a licence (`MPL-2.0`, `GPL-3.0-only`) the family that its packages are of; else the nearest name. */
function familyMeant(text: string): string | undefined {
  const [family, ...more] = licenceFamilies({ license: text });
  if (family !== undefined && family !== 'OTHER') return [family, ...more].join(' and ');
  return nearest(text, LICENCE_FAMILIES);
}

/** `include`, `exclude`: MatchSpecs, whose name may hold `*`. */
export function readSpecs(context: ReadContext): SpecEntry[] {
  const { key } = context.entry;
  const entries = readTexts(context, `${key}: [python, "numpy>=1.26,<2"]`).map(({ text, place }) =>
    specEntry(context, { text, place }),
  );
  if (key === 'include' && entries.length === 0) {
    refuse(context, {
      what: 'is there but empty, so it is not clear whether all or nothing is wanted',
      hint: 'Leave the line out for everything, or name what is wanted.',
    });
  }
  return entries;
}

function specEntry(context: ReadContext, { text, place }: PlacedText): SpecEntry {
  const match = /^((?:[^\s=<>!~[]*::)?)([^\s=<>!~[]*)(.*)$/s.exec(text)!;
  const pattern = match[2]!.toLowerCase();
  const starred = pattern.includes('*');
  try {
    // The name's star is ours: MatchSpecs of users name every package.
    const spec = parseMatchSpec(
      starred ? `${match[1]}${pattern.replaceAll('*', 'x').replaceAll(/x+/g, 'x')}${match[3]}` : text,
    );
    return { text, line: place.line, pattern: starred ? pattern : spec.name, spec };
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return refuseAt(context, place, {
      what: `has ${shown(text)}, which can't be read: ${error.what.replace(/^package .*? can't be asked for: /, '')}`,
      hint: /^[<>=!~]/.test(text)
        ? 'A comma without quotes ends an item: put the whole spec in quotes, ["numpy>=1.26,<2"].'
        : 'Write it like ratingpro, "numpy>=1.26,<2", "python=3.11.*=*_cpython", "conda-forge::blas" or "r-*", in quotes where it holds blanks, a comma, ":" or a star in front.',
    });
  }
}

/** `python`: versions in quotes, `"3.10"`. */
export function readPythons(context: ReadContext): ListEntry[] {
  const example = 'python: ["3.10", "3.11"]';
  const versions = itemNodes(context, example).map((node): ListEntry => {
    const place = context.file.place(node);
    if (isScalar(node) && typeof node.value === 'number') {
      const source = sourceText(node);
      return refuse(
        context,
        {
          what: `has ${source} without quotes, which YAML reads as the number ${String(node.value)}`,
          hint: `Write it in quotes: "${source}".`,
        },
        node,
      );
    }
    const { text } = readText(context, example, node);
    if (!/^[0-9]+\.[0-9]+$/.test(text)) {
      return refuse(
        context,
        {
          what: `has ${shown(text)}, which is no python version of two numbers`,
          hint: `Write for example\n  ${example}\nPatch releases are chosen with \`include\` or \`exclude\`, like "python=3.11.4".`,
        },
        node,
      );
    }
    return { text, line: place.line };
  });
  if (versions.length === 0) {
    refuse(context, {
      what: 'is there but empty, so it is not clear whether all or no pythons are wanted',
      hint: `Leave the line out for all of them, or write for example\n  ${example}`,
    });
  }
  return versions;
}

/** `since` and `until`: days in UTC, both included. */
export function readDate(context: ReadContext): DateRule {
  const { key, value, line } = context.entry;
  const example = `${key}: 2024-01-31`;
  const text = isScalar(value) ? sourceText(value) : readText(context, example).text;
  const time = Date.parse(`${text}T00:00:00Z`);
  const real = /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
  if (!real)
    refuse(
      context,
      { what: `must be a day, not ${shown(text)}`, hint: `Write year, month and day: ${example}` },
      value,
    );
  return { line, text, time: key === 'since' ? time : time + DAY - 1 };
}

/** `latest`: a number, or `{count, per: name|name-python}`. */
export function readLatest(context: ReadContext): LatestRule {
  const { value, line } = context.entry;
  const example = 'latest: {count: 2, per: name-python}';
  if (value === undefined)
    return refuse(context, { what: 'has no value', hint: `Write for example \`latest: 2\` or\n  ${example}` });
  if (!isMap(value)) return { line, count: count(context, value), per: 'name' };
  const pairs = readPairs(context, value, ['count', 'per'], example);
  const number = pairs.get('count');
  if (number === undefined)
    return refuse(context, { what: 'has no `count`', hint: `Write for example\n  ${example}` }, value);
  const perNode = pairs.get('per');
  const per = perNode === undefined ? 'name' : readText(context, example, perNode).text;
  if (per !== 'name' && per !== 'name-python') {
    return refuse(
      context,
      {
        what: `counts per ${shown(per)}`,
        hint: '`per` is `name` (newest versions of each package) or `name-python` (newest of each package for each python).',
      },
      perNode,
    );
  }
  return { line, count: count(context, number), per };
}

function count(context: ReadContext, node: Node): number {
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_LATEST) return value;
  return refuse(
    context,
    {
      what: `must be a whole number from 1 to ${MAX_LATEST}${isScalar(node) ? `, not ${shown(sourceText(node))}` : ''}`,
      hint: 'Write for example `latest: 2`, without quotes: the two newest versions of each package.',
    },
    node,
  );
}

/** `with_dependencies`: no, solve or all. */
export function readDependencies(context: ReadContext): DependencyRule {
  const hint =
    'Write `with_dependencies: solve` (what a solver takes for each package), `all` (every version that a dependency can mean) or `no`.';
  const { value } = context.entry;
  if (value === undefined) return refuse(context, { what: 'has no value', hint });
  const text = isScalar(value) ? String(value.value).toLowerCase() : '';
  if (text === 'no' || text === 'none' || text === 'false' || text === 'off') return 'none';
  if (text === 'solve' || text === 'all') return text;
  return refuse(
    context,
    { what: `must be no, solve or all${isScalar(value) ? `, not ${shown(text)}` : ''}`, hint },
    value,
  );
}
