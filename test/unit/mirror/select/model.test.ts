import fc from 'fast-check';
import { expect, it } from 'vitest';
import { selectForMirror } from '../../../../src/mirror/select/select.js';
import { channel, filterOf, sourcesOf } from '../mirror-sample.js';
import type { Sample, SampleRecord } from '../mirror-sample.js';

/*
 * The documented rules a second time, naively, over whole lists: no index, no cache, no code of the selection. Versions are 1.N, constraints
 * `>=1.N`, `<1.N` or none, so that comparing them needs no library.
 */

interface Row {
  channel: string;
  subdir: string;
  stem: string;
  name: string;
  minor: number;
  family: string;
  day: number | undefined;
  python: string | undefined;
  depends: string[];
}

interface Lists {
  white: string[];
  black: string[];
  families: string[];
  include: string[];
  exclude: string[];
  pythons: string[];
  since: number | undefined;
  until: number | undefined;
  latest: { count: number; per: string } | undefined;
  closed: boolean;
}

const PYTHONS = ['3.9', '3.10'];
const NAMES = ['a', 'b', 'c', 'd'];

const spec = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom('', '>=1.', '<1.'), fc.integer({ min: 0, max: 4 }))
  .map(([name, operator, minor]) => `${name}${operator === '' ? '' : ` ${operator}${minor}`}`);

const row: fc.Arbitrary<Row> = fc
  .record({
    channel: fc.constantFrom('one', 'two'),
    subdir: fc.constantFrom('linux-64', 'noarch'),
    name: fc.constantFrom(...NAMES),
    minor: fc.integer({ min: 0, max: 4 }),
    build: fc.integer({ min: 0, max: 1 }),
    family: fc.constantFrom('GPL', 'GPL2', 'LGPL', 'MIT', 'Other', ''),
    day: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    python: fc.option(fc.constantFrom(...PYTHONS), { nil: undefined }),
    depends: fc.array(spec, { maxLength: 2 }),
  })
  .map(({ build, ...rest }) => Object.assign(rest, { stem: `${rest.name}-1.${rest.minor}-${build}` }));

const some = (values: readonly string[]) => fc.uniqueArray(fc.constantFrom(...values), { maxLength: 2 });
const day = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined });
const lists: fc.Arbitrary<Lists> = fc.record({
  white: some(NAMES),
  black: some(NAMES),
  families: some(['GPL', 'GPL2', 'LGPL', 'MIT', 'OTHER', 'NONE']),
  include: fc.uniqueArray(spec, { maxLength: 2 }),
  exclude: fc.uniqueArray(spec, { maxLength: 2 }),
  pythons: some(PYTHONS),
  since: day,
  until: day,
  latest: fc.option(fc.record({ count: fc.integer({ min: 1, max: 2 }), per: fc.constantFrom('name', 'name-python') }), {
    nil: undefined,
  }),
  closed: fc.boolean(),
});

function matches(text: string, { name, minor }: Row): boolean {
  const [wanted, constraint] = text.split(' ');
  if (wanted !== name) return false;
  if (constraint === undefined) return true;
  const limit = Number(constraint.split('.')[1]);
  return constraint.startsWith('<') ? minor < limit : minor >= limit;
}

/** Licence list, blacklist and whitelist over both, exclude, python. */
function permitted(each: Row, by: Lists): boolean {
  const barred = by.families.flatMap((family) => (family === 'GPL' ? ['GPL', 'GPL2', 'GPL3'] : [family]));
  const family = each.family === '' ? 'NONE' : each.family.toUpperCase();
  if (!by.white.includes(each.name) && (barred.includes(family) || by.black.includes(each.name))) return false;
  if (by.exclude.some((text) => matches(text, each))) return false;
  return by.pythons.length === 0 || each.python === undefined || by.pythons.includes(each.python);
}

function inTime(each: Row, { since, until }: Lists): boolean {
  if (since !== undefined && (each.day === undefined || each.day < since)) return false;
  return until === undefined || each.day === undefined || each.day <= until;
}

/** The newest versions of a group of rows. */
function newest(rows: readonly Row[], latest: Lists['latest']): Row[] {
  if (latest === undefined) return [...rows];
  const groupOf = (each: Row): string =>
    [each.subdir, each.name, latest.per === 'name' ? '' : (each.python ?? '')].join(' ');
  return rows.filter((each) => {
    const newer = rows.filter((other) => groupOf(other) === groupOf(each) && other.minor > each.minor);
    return new Set(newer.map(({ minor }) => minor)).size < latest.count;
  });
}

const placeOf = ({ subdir, stem }: Row): string => `${subdir}/${stem}`;

/** One row a place: the first channel's. */
function unshadowed(rows: readonly Row[]): Row[] {
  return rows.filter((each, at) => rows.findIndex((other) => placeOf(other) === placeOf(each)) === at);
}

function modelled(rows: readonly Row[], by: Lists): string[] {
  const wanted = rows.filter(
    (each) =>
      permitted(each, by) &&
      (by.include.length === 0 || by.white.includes(each.name) || by.include.some((text) => matches(text, each))) &&
      inTime(each, by),
  );
  const chosen = newest(unshadowed(wanted), by.latest);
  if (by.closed) {
    const free = rows.filter((each) => permitted(each, by));
    const within = newest(
      free.filter((each) => inTime(each, by)),
      by.latest,
    );
    for (const file of chosen) {
      for (const text of file.depends) {
        const all = free.filter((each) => matches(text, each));
        const limited = within.filter((each) => matches(text, each));
        const versions = [...new Set(all.map(({ minor }) => minor))].sort((x, y) => y - x);
        const last = new Set(versions.slice(0, by.latest?.count ?? 1));
        const bare = by.latest === undefined && by.since === undefined && by.until === undefined;
        const taken = bare ? all : limited.length > 0 ? limited : all.filter(({ minor }) => last.has(minor));
        for (const each of taken) if (!chosen.some((other) => placeOf(other) === placeOf(each))) chosen.push(each);
      }
    }
  }
  return chosen.map((each) => `${each.channel}:${placeOf(each)}`).sort();
}

function mirrorText(by: Lists): string {
  const list = (key: string, items: readonly string[]): string =>
    items.length === 0 ? '' : `${key}: ${JSON.stringify(items)}\n`;
  const date = (key: string, on: number | undefined): string => (on === undefined ? '' : `${key}: 2024-01-0${on}\n`);
  return [
    list('whitelist', by.white),
    list('blacklist', by.black),
    list('license_blacklist', by.families),
    list('include', by.include),
    list('exclude', by.exclude),
    list('python', by.pythons),
    date('since', by.since),
    date('until', by.until),
    by.latest === undefined ? '' : `latest: {count: ${by.latest.count}, per: ${by.latest.per}}\n`,
    `with_dependencies: ${by.closed ? 'all' : 'no'}\n`,
  ].join('');
}

function recordOf(each: Row): SampleRecord {
  const { subdir, family, python, depends } = each;
  return {
    subdir,
    ...(family === '' ? {} : { license_family: family }),
    ...(each.day === undefined ? {} : { timestamp: Date.UTC(2024, 0, each.day, 12) }),
    depends: [...depends, ...(python === undefined ? [] : [`python ${python}.*`])],
  };
}

it('picks what a naive reading of the documented rules picks, for any channels and any lists', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 24 }), lists, (made, by) => {
      fc.pre(by.since === undefined || by.until === undefined || by.since <= by.until);
      const keyOf = (each: Row): string => `${each.channel} ${placeOf(each)}`;
      const once = made.filter((each, at) => made.findIndex((other) => keyOf(other) === keyOf(each)) === at);
      // In the order of the sources: channels, then subdirs as a channel's rows first name them.
      const rows = ['one', 'two'].flatMap((name) => once.filter((each) => each.channel === name));
      const sources = ['one', 'two'].flatMap((name) =>
        ['linux-64', 'noarch'].flatMap((subdir) => {
          const own = rows.filter((each) => each.channel === name && each.subdir === subdir);
          const sample: Sample = Object.fromEntries(own.map((each) => [each.stem, recordOf(each)]));
          return sourcesOf(CHANNELS[name]!, sample);
        }),
      );
      fc.pre(sources.some(({ subdir }) => subdir === 'linux-64'));
      const selection = selectForMirror({ sources, filter: filterOf(mirrorText(by)) });
      const picked = selection.picked.map(
        (each) => `${each.channel.name}:${each.subdir}/${each.fn.replace('.conda', '')}`,
      );
      expect(picked.sort(), mirrorText(by)).toEqual(modelled(rows, by));
    }),
    { numRuns: 150 },
  );
});

const CHANNELS = { one: channel('one'), two: channel('two') } as Record<string, ReturnType<typeof channel>>;
