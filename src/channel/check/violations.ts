import type { Finding } from '../../base/findings.js';

/**
 * What a rule found, as data. `subject` is a path relative to the channel folder, with `/`, or a package. What the values mean is
 * in {@link TEXTS}, the only place with words.
 */
export interface Violation {
  rule: Rule;
  subject: string;
  values: Readonly<Record<string, string | number>>;
}

type Values = Violation['values'];

const TEXTS = {
  'index-missing': () => 'is not there: a subdir of a channel needs it (CEP 26; noarch is never left out)',
  'index-empty': () => 'has 0 bytes: written when the power failed, or never synchronised to its end',
  'index-nul': () => 'is filled with NUL: written when the power failed',
  'index-broken': (v: Values) => `can't be read: ${v['reason']}`,
  'index-version': (v: Values) =>
    `has repodata_version ${v['version']}; this program writes and knows 1 (2 needs conda 24.5 or later)`,
  'index-subdir': (v: Values) => `says that it is the index of ${v['said']}`,
  'index-base-url': () => 'sends clients to another address (base_url): offline there is none',
  'form-missing': () => 'is not there: it is always written together with repodata.json',
  'form-broken': (v: Values) => `can't be unpacked: ${v['reason']}`,
  'form-differs': () => 'does not unpack to the repodata.json beside it: clients that take it see another channel',
  'record-name': (v: Values) => `is named in the index, but ${v['reason']}`,
  'file-missing': () => 'is in the index and not on disk',
  'file-unindexed': () => 'is on disk and not in the index: no client will ever see it',
  'file-withdrawn': () => 'is on disk though its channel has withdrawn it ("removed" in the index): no client sees it',
  'size-differs': (v: Values) => `has ${v['found']} bytes; ${v['by']} says ${v['expected']}`,
  'digest-differs': (v: Values) => `has ${v['algorithm']} ${v['found']}; ${v['by']} says ${v['expected']}`,
  'no-digest': () => 'has neither sha256 nor md5 in the index: nobody can check it',
  'case-clash': (v: Values) => `is the same file as ${v['other']} on Windows and macOS`,
  link: () => 'is a symbolic link: a copy of this folder would hold something else',
  special: () => 'is neither a file nor a folder',
  folder: () => 'is a folder where only files of the channel belong',
  unreadable: (v: Values) => `can't be read (${v['errno']})`,
  'manifest-broken': (v: Values) => `can't be used: ${v['reason']}`,
  'manifest-newer': (v: Values) =>
    `was written by a newer version of this program (schema ${v['schema']}): only index and files were compared`,
  'manifest-differs': () => 'is not the manifest of what was staged',
  'manifest-missing-file': () => 'is in the manifest and not on disk: lost, or not yet synchronised',
  'manifest-extra-file': () => 'is on disk and not in the manifest: left from before, or put there by someone else',
  'index-rewritten': () => 'was written by another program since: the same packages, another text',
  'generation-mix': (v: Values) =>
    `is not of generation ${v['generation']} as the manifest: ${v['added']} packages more, ${v['gone']} fewer, ${v['changed']} changed. Synchronise again`,
  'sums-missing': () => 'is not there',
  'sums-broken': (v: Values) => `line ${v['line']} is no "sha256  path"`,
  'sums-differs': (v: Values) => `says sha256 ${v['said']} of ${v['path']}, which is ${v['expected']}`,
  'sums-missing-file': (v: Values) => `names ${v['path']}, which is not there`,
  'sums-unlisted': (v: Values) => `does not name ${v['path']}`,
  'plan-missing': () => 'was planned and is not in the index',
  'plan-extra': () => 'is in the index and was not planned',
  'record-differs': (v: Values) => `has another record than its channel published: ${v['keys']}`,
  'record-digest': () => 'has another record than the manifest says',
  hotfixed: (v: Values) =>
    `says something else of itself than its record, in ${v['keys']}: its channel corrected the record`,
  'artifact-corrupt': (v: Values) => `can't be opened: ${v['reason']}`,
  'dependency-missing': (v: Values) => `needs "${v['depends']}" on ${v['subdir']}, which nothing here satisfies`,
  'open-dependencies': (v: Values) =>
    `needs "${v['depends']}", which nothing in this folder satisfies${v['more'] === 0 ? '' : `; ${v['more']} more dependencies are open like this (${v['shown']}${Number(v['more']) > 2 ? ', …' : ''})`}: no fault where the channel is used together with other channels`,
  'pip-missing': (v: Values) => `needs pip on ${v['subdir']}: ${v['client']} adds it to what python needs`,
  unsolvable: (v: Values) => `can't be installed from this folder alone: ${v['reason']}`,
  'spec-unreadable': (v: Values) => `is a spec of the manifest that can't be read: ${v['reason']}`,
  stranger: () => 'is not part of the channel; left alone',
  'index-future': (v: Values) =>
    `has repodata_version ${v['version']}, which this program does not know: written by a newer tool`,
  'index-v3': (v: Values) =>
    `also has ${v['count']} records in the form of CEP 48 (v3): carried along as they are, and not judged`,
  'index-misfiled': (v: Values) =>
    `has ${v['count']} .conda files among "packages", the first ${v['fn']}: clients that know no .conda stumble over it`,
  'derived-stale': (v: Values) => `is not of the repodata.json beside it: ${v['reason']}`,
  'derived-broken': (v: Values) => `can't be read: ${v['reason']}`,
  'beside-stale': (v: Values) =>
    `does not fit the indexes: ${v['reason']}. Clients install without it; build tools and web pages read it`,
  'twin-formats': (v: Values) => `is the same build as ${v['other']}: clients that read both forms take the .conda`,
  'twin-subdirs': (v: Values) =>
    `is the same build as ${v['other']}${v['equal'] === 1 ? ', byte for byte' : ', with other bytes'}: which of the two a client takes is left to chance`,
  'artifact-mislabelled': (v: Values) => `says of itself that its ${v['field']} is ${v['inside']}`,
  'name-unsafe': (v: Values) => `has a name that does not travel: ${v['reason']}`,
  'name-case': (v: Values) => `is written in other letters than clients ask for: they look for ${v['expected']}`,
  'partial-file': () => 'is what a broken-off transfer left',
  'packages-outside': (v: Values) =>
    v['example'] === undefined
      ? 'is a package that lies in no subdir: no client looks there'
      : `is no subdir and holds packages (${v['example']}): no client looks there`,
  'path-too-long': (v: Values) =>
    `holds ${v['file']}: with a prefix of ${v['prefix']} characters that is a path of ${v['length']}; Windows takes ${v['limit']}`,
  'placeholder-short': (v: Values) =>
    `can't be installed below a prefix of ${v['prefix']} characters: ${v['file']} has room for ${v['room']}`,
  'run-interrupted': () => 'is half way: a run of this program was broken off while it published',
  'unknown-file': () => 'is neither a package nor an index',
} satisfies Record<string, (values: Values) => string>;

export type Rule = keyof typeof TEXTS;

export const RULES = Object.keys(TEXTS) as readonly Rule[];

/** Worth saying, and no reason to call the folder bad. */
const HARMLESS: ReadonlySet<Rule> = new Set<Rule>([
  'stranger',
  'manifest-newer',
  'hotfixed',
  'open-dependencies',
  'index-v3',
  'twin-formats',
  'beside-stale',
  'unknown-file',
  'file-withdrawn',
]);

export function violation(rule: Rule, subject: string, values: Values = {}): Violation {
  return { rule, subject, values };
}

export function describe({ rule, subject, values }: Violation): string {
  return `${subject} ${TEXTS[rule](values)}`;
}

export function asFinding(each: Violation): Finding {
  return { code: each.rule, message: describe(each), subject: each.subject, exit: !HARMLESS.has(each.rule) };
}
