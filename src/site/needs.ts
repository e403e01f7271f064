import { openDependencies } from '../conda/record/open-dependencies.js';
import { dependencyName } from '../conda/spec/dependency.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import type { SiteRecord } from './choose.js';
import { code } from './markdown.js';

/** Dependencies of a channel folder's packages that nothing in it satisfies. */
export interface OpenNeeds {
  count: number;
  example: { path: string; depends: string };
  /** By the names alone, one of the label's own specs may need it. */
  ofSpecs: boolean;
}

/** Undefined where there are none. Every record is looked at: of a mirror of 100,000 packages that takes two seconds. */
export function openNeeds(names: readonly string[], records: readonly SiteRecord[]): OpenNeeds | undefined {
  const open = openDependencies(records);
  const [example] = open;
  if (example === undefined) return undefined;
  const needed = neededNames(names, records);
  const paths = new Set(open.map(({ path }) => path));
  const ofSpecs =
    needed.size > 0 &&
    records.some(({ subdir, fn, record }) => paths.has(`${subdir}/${fn}`) && needed.has(record.name.toLowerCase()));
  return { count: open.length, example, ofSpecs };
}

/** Of packages, and of all that they may need, whichever version it is. */
function neededNames(names: readonly string[], records: readonly SiteRecord[]): Set<string> {
  const needed = new Set(names.map((name) => name.toLowerCase()));
  if (needed.size === 0) return needed;
  const needs = new Map<string, string[]>();
  for (const { record } of records) {
    const name = record.name.toLowerCase();
    needs.set(name, [...(needs.get(name) ?? []), ...record.depends.map(dependencyName)]);
  }
  // A set is walked through to what is added meanwhile.
  for (const name of needed) for (const other of needs.get(name) ?? []) needed.add(other);
  return needed;
}

const ENOUGH = 'No internet is needed, and no other channel.';
const MIRROR_ENOUGH = `All that its packages need is in it. ${ENOUGH}`;
const OPEN = 'Some packages in it need what is not in it: ';
const OPEN_OF_SPECS = 'Not all that they may need is in it: ';

/** Whether the folder is enough by itself: what it holds decides, not how it was made. */
export function needsLine({ specs }: Pick<Manifest, 'specs'>, open: OpenNeeds | undefined): string {
  if (open === undefined) return specs.length === 0 ? MIRROR_ENOUGH : ENOUGH;
  const { count, example, ofSpecs } = open;
  const number = count === 1 ? '1 dependency is' : `${count} dependencies are`;
  const text = [example.path, example.depends].map((each) => code(each.length > 120 ? `${each.slice(0, 120)}…` : each));
  return `${ofSpecs ? OPEN_OF_SPECS : OPEN}${number} open, for example of ${text[0]}: ${text[1]}. Install those together with a channel that has it.`;
}

/** The same as a page of a mirror says it; undefined for one that an older version wrote. */
export function needsLineIn(page: string): string | undefined {
  return page.split('\n', 4).find((line) => line === MIRROR_ENOUGH || line.startsWith(OPEN));
}

/** Whether this line casts doubt on what the label itself asks for. */
export function mayLackNeeds(line: string): boolean {
  return line.startsWith(OPEN_OF_SPECS);
}
