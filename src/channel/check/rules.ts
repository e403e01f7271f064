import { plural } from '../../base/plural.js';
import type { Finding } from '../../base/findings.js';
import { isDerived } from '../index/derived-files.js';

/**
 * What a rule found, as data. `subject` is a path relative to the channel folder, with `/`, or a package. What the values mean is
 * in {@link RULES}, the only place with words.
 */
export interface Violation {
  rule: Rule;
  subject: string;
  values: Values;
}

type Values = Readonly<Record<string, string | number>>;

/**
 * What `repackenv doctor --repair` does about a finding: `mends` it; `prunes`: ends it with `--prune`, which removes the file; `no`: it is for
 * a person.
 */
export type Remedy = 'mends' | 'prunes' | 'no';

/** What the remedy depends on, beside the rule. */
export interface RemedyContext {
  /** The folder has our manifest: that says what belongs in it. Otherwise the files do. */
  ours: boolean;
  /** Paths that no index may name: corrupt, mislabelled, with an unsafe name. */
  unusable: ReadonlySet<string>;
  /** Subdirs whose index is left as it is: it names files at another address. */
  left: ReadonlySet<string>;
}

interface Mending {
  /** Default `no`. */
  remedy?: Remedy | ((violation: Violation, context: RemedyContext) => Remedy);
  /** What to do now. */
  advice: string | ((context: RemedyContext) => string);
}

interface RuleRow extends Partial<Mending> {
  /** With `{name}` where a value goes. */
  text: string | ((values: Values) => string);
  /** Worth saying, and no reason to call the folder bad. */
  harmless?: true | ((values: Values) => boolean);
  /** Only a run of ours can break it, before anything is published: no folder on disk shows it. */
  ownRun?: true;
}

const REINDEX =
  'Run again with --repair: the index is written anew out of the artifacts and the records that are right.';
const MENDED: Mending = { remedy: 'mends', advice: REINDEX };
const AGAIN = 'Synchronise the folder again, or make it anew.';

const FROM_SENDER =
  'at a site, import or synchronise what the sender sent once more: that mends it. --repair takes the package out, which makes this a channel of its own: the next delta of the sender no longer applies.';

/** A wrong file is left out of the index; in a folder of ours it then lies there unnamed. */
const WRONG_FILE: Mending = {
  remedy: 'mends',
  advice: ({ ours }) =>
    ours
      ? `Get the file that was published: \`update --replace NAME\`; ${FROM_SENDER}`
      : 'If the file is right and the index is old: --repair. If the file was damaged: fetch it again first.',
};

const SUMS: Mending = {
  remedy: (_violation, { ours }) => (ours ? 'mends' : 'no'),
  advice: 'Have it written anew by whoever made it.',
};
const DERIVED: Mending = {
  remedy: 'mends',
  advice: 'Run again with --repair: it removes this file. The indexer that makes it can write it anew.',
};

function isIndexFile(path: string): boolean {
  const fn = path.slice(path.lastIndexOf('/') + 1);
  return isDerived(fn) || fn.startsWith('repodata.json');
}

/** Whatever can be wrong with a channel folder: index, files, manifest and sums are one set, and fit every site. */
const TABLE = {
  'index-missing': {
    text: 'is not there: a subdir of a channel needs it (CEP 26; noarch is never left out)',
    ...MENDED,
  },
  'index-empty': {
    text: ({ lone }) =>
      lone === undefined
        ? 'has 0 bytes: written when the power failed, or never synchronised to its end'
        : 'holds nothing: read as an index without packages',
    // Made by hand, as conda's own message tells people to.
    harmless: ({ lone }) => lone !== undefined,
    ...MENDED,
  },
  'index-nul': { text: 'is filled with NUL: written when the power failed', ...MENDED },
  'index-broken': { text: "can't be read: {reason}", ...MENDED },
  'index-version': {
    text: 'has repodata_version {version}; this program writes and knows 1 (2 needs conda 24.5 or later)',
    ...MENDED,
  },
  'index-subdir': { text: 'says that it is the index of {said}', ...MENDED },
  'index-base-url': {
    text: 'sends clients to another address (base_url): offline there is none',
    remedy: (_violation, { left }) => (left.size > 0 ? 'no' : 'mends'),
    advice: ({ left }) =>
      left.size > 0
        ? 'Bring the packages that it names into the folder first; then --repair takes the address out.'
        : REINDEX,
  },
  'form-missing': { text: 'is not there: it is always written together with repodata.json', ...MENDED },
  'form-broken': { text: "can't be unpacked: {reason}", ...MENDED },
  'form-differs': {
    text: 'does not unpack to the repodata.json beside it: clients that take it see another channel',
    remedy: 'mends',
    advice:
      'Run again with --repair, at once: conda and mamba take the .zst first, whatever the repodata.json beside it says.',
  },
  'record-name': { text: 'is named in the index, but {reason}', ...MENDED },
  'file-missing': {
    text: 'is in the index and not on disk',
    remedy: 'mends',
    advice: 'Bring the file back (synchronise again); or --repair, which takes it out of the index.',
  },
  'file-unindexed': {
    text: 'is on disk and not in the index: no client will ever see it',
    remedy: ({ subject }, { ours, unusable }) => (ours || unusable.has(subject) ? 'prunes' : 'mends'),
    advice: ({ ours }) =>
      ours
        ? 'Nothing of ours put it there: --repair --prune removes it.'
        : 'If it belongs to the channel: --repair takes it into the index. If it is a leftover: --repair --prune removes it.',
  },
  'file-withdrawn': {
    text: 'is on disk though its channel has withdrawn it ("removed" in the index): no client sees it',
    harmless: true,
    remedy: 'prunes',
    advice: 'Nothing: --repair leaves it out of the index, as its channel does; --repair --prune removes the file.',
  },
  'size-differs': { text: 'has {found} bytes; {by} says {expected}', ...WRONG_FILE },
  'digest-differs': { text: 'has {algorithm} {found}; {by} says {expected}', ...WRONG_FILE },
  'no-digest': { text: 'has neither sha256 nor md5 in the index: nobody can check it', ...MENDED },
  'case-clash': {
    text: 'is the same file as {other} on Windows and macOS',
    advice: 'Remove one of the two: Windows and macOS can hold only one.',
  },
  link: {
    text: 'is a symbolic link: a copy of this folder would hold something else',
    advice: 'Put the file itself there.',
  },
  special: { text: 'is neither a file nor a folder', advice: 'Remove it.' },
  folder: {
    text: 'is a folder where only files of the channel belong',
    advice: 'Move it away: clients do not look into folders of a subdir.',
  },
  unreadable: {
    text: "can't be read ({errno})",
    advice: 'Check the rights of this account and the disk, then look again.',
  },
  'manifest-broken': {
    text: "can't be used: {reason}",
    advice: 'Run the command that made the folder again; at a site, synchronise again.',
  },
  'manifest-newer': {
    text: 'was written by a newer version of this program (schema {schema}): only index and files were compared',
    harmless: true,
    advice: 'Use the newer version of this program.',
  },
  'manifest-differs': { text: 'is not the manifest of what was staged', ownRun: true },
  'manifest-missing-file': {
    text: 'is in the manifest and not on disk: lost, or not yet synchronised',
    remedy: 'mends',
    advice: `Run the command that made the folder; ${FROM_SENDER} Indexes it only writes anew.`,
  },
  'manifest-extra-file': {
    text: 'is on disk and not in the manifest: left from before, or put there by someone else',
    remedy: ({ subject }) => (isIndexFile(subject) ? 'mends' : 'prunes'),
    advice: 'Nothing of ours put it there: --repair --prune removes it, and --repair alone where it is an index.',
  },
  'index-rewritten': { text: 'was written by another program since: the same packages, another text', ...MENDED },
  'generation-mix': {
    text: 'is not of generation {generation} as the manifest: {added} packages more, {gone} fewer, {changed} changed. Synchronise again',
    remedy: 'mends',
    advice: `${AGAIN} --repair makes an index of what is here.`,
  },
  'sums-missing': { text: 'is not there', ...MENDED },
  'sums-broken': { text: 'line {line} is no "sha256  path"', ...SUMS },
  'sums-differs': { text: 'says sha256 {said} of {path}, which is {expected}', ...SUMS },
  'sums-missing-file': { text: 'names {path}, which is not there', ...SUMS },
  'sums-unlisted': {
    text: 'does not name {path}',
    remedy: 'mends',
    advice: 'Run again with --repair: it is written with the manifest.',
  },
  'plan-missing': { text: 'was planned and is not in the index', ownRun: true },
  'plan-extra': { text: 'is in the index and was not planned', ownRun: true },
  'record-differs': { text: 'has another record than its channel published: {keys}', ownRun: true },
  'record-digest': { text: 'has another record than the manifest says', ownRun: true },
  hotfixed: {
    text: 'says something else of itself than its record, in {keys}: its channel corrected the record',
    harmless: true,
    advice: 'Nothing: the record of the channel counts, and --repair keeps it.',
  },
  'artifact-corrupt': {
    text: "can't be opened: {reason}",
    remedy: 'prunes',
    advice: ({ ours }) =>
      ours
        ? `Fetch it again from its channel; ${FROM_SENDER}`
        : 'Fetch it again from its channel. --repair leaves it out of the index, --repair --prune removes it.',
  },
  'dependency-missing': { text: 'needs "{depends}" on {subdir}, which nothing here satisfies', ownRun: true },
  'open-dependencies': {
    text: (v: Values) =>
      `needs "${v['depends']}", which nothing in this folder satisfies${v['more'] === 0 ? '' : `; ${plural(Number(v['more']), 'more dependency is', 'more dependencies are')} open like this (${v['shown']}${Number(v['more']) > 2 ? ', …' : ''})`}: no fault where the channel is used together with other channels`,
    harmless: true,
    advice: 'Nothing, where it is used together with the channels that have them; else bring those packages into it.',
  },
  'pip-missing': { text: 'needs pip on {subdir}: {client} adds it to what python needs', ownRun: true },
  unsolvable: {
    text: "can't be installed from this folder alone: {reason}",
    advice: 'Run `update` again: the channel lacks what these specs need.',
  },
  'spec-unreadable': {
    text: "is a spec of the manifest that can't be read: {reason}",
    advice: 'Run the command that made the folder again.',
  },
  stranger: { text: 'is not part of the channel; left alone', harmless: true, advice: 'Nothing.' },
  'index-future': {
    text: 'has repodata_version {version}, which this program does not know: written by a newer tool',
    advice: 'Use the tool that wrote it, or remove that index and run with --repair: what only it knows is then lost.',
  },
  'index-v3': {
    text: 'also has {count} records in the form of CEP 48 (v3): carried along as they are, and not judged',
    harmless: true,
    advice: 'Nothing: clients that know the form read it.',
  },
  'index-misfiled': {
    text: 'has {count} .conda files among "packages", the first {fn}: clients that know no .conda stumble over it',
    ...MENDED,
  },
  'derived-stale': { text: 'is not of the repodata.json beside it: {reason}', ...DERIVED },
  'derived-broken': { text: "can't be read: {reason}", ...DERIVED },
  'beside-stale': {
    text: 'does not fit the indexes: {reason}. Clients install without it; build tools and web pages read it',
    harmless: true,
    advice: 'Let the indexer that made it write it anew, or remove it: --repair leaves it as it is.',
  },
  'twin-formats': {
    text: 'is the same build as {other}: clients that read both forms take the .conda',
    harmless: true,
    advice: 'Nothing, where old clients need the .tar.bz2.',
  },
  'twin-subdirs': {
    text: (v: Values) =>
      `is the same build as ${v['other']}${v['equal'] === 1 ? ', byte for byte' : ', with other bytes'}: which of the two a client takes is left to chance`,
    advice: 'Keep the one that its publisher still offers, remove the other, then --repair.',
  },
  'artifact-mislabelled': {
    text: 'says of itself that its {field} is {inside}',
    remedy: ({ subject }, { unusable }) => (unusable.has(subject) ? 'prunes' : 'no'),
    advice:
      'Give it the name, or move it to the subdir, that it has inside. --repair leaves it out of the index unless its channel published it so.',
  },
  'name-unsafe': {
    text: 'has a name that does not travel: {reason}',
    remedy: ({ subject }, { unusable }) => (unusable.has(subject) ? 'prunes' : 'no'),
    advice: 'Rename or remove it: not every copy program, web server or file system takes this name.',
  },
  'name-case': {
    text: 'is written in other letters than clients ask for: they look for {expected}',
    advice:
      'Rename it, or copy the folder again in a way that keeps lower case (CDs without Joliet and old FAT drivers do not). Until then --repair refuses.',
  },
  'partial-file': {
    text: 'is what a broken-off transfer left',
    remedy: 'prunes',
    advice: 'Remove it when no transfer is under way: --repair --prune does.',
  },
  'packages-outside': {
    text: (v: Values) =>
      v['example'] === undefined
        ? 'is a package that lies in no subdir: no client looks there'
        : `is no subdir and holds packages (${v['example']}): no client looks there`,
    advice: 'Move the packages into the subdir they are for, then --repair.',
  },
  'path-too-long': {
    text: 'holds {file}: with a prefix of {prefix} characters that is a path of {length}; Windows takes {limit}',
    advice: 'Use a shorter prefix at the site, or switch LongPathsEnabled on there (Windows 10 and later).',
  },
  'placeholder-short': {
    text: "can't be installed below a prefix of {prefix} characters: {file} has room for {room}",
    advice: 'Use a shorter prefix at the site, or a newer build of the package.',
  },
  'run-interrupted': {
    text: 'is half way: a run of this program was broken off while it published',
    remedy: 'mends',
    advice: 'Repeat the command that was broken off, or --repair: either finishes or undoes it.',
  },
  'unknown-file': {
    text: 'is neither a package nor an index',
    harmless: true,
    remedy: 'prunes',
    advice: 'Nothing; --repair --prune removes it.',
  },
} satisfies Record<string, RuleRow>;

export type Rule = keyof typeof TABLE;

/** By code. */
export const RULES: Readonly<Record<Rule, RuleRow>> = TABLE;

export function violation(rule: Rule, subject: string, values: Values = {}): Violation {
  return { rule, subject, values };
}

export function describe({ rule, subject, values }: Violation): string {
  const { text } = RULES[rule];
  const told =
    typeof text === 'string' ? text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name])) : text(values);
  return `${subject} ${told}`;
}

export function asFinding(each: Violation): Finding {
  const { harmless } = RULES[each.rule];
  const exit = typeof harmless === 'function' ? !harmless(each.values) : harmless !== true;
  return { code: each.rule, message: describe(each), subject: each.subject, exit };
}

/** What can be done about it, in words and as data. */
export function remedyOf(each: Violation, context: RemedyContext): { remedy: Remedy; advice: string } {
  const { remedy = 'no', advice = 'See the message.' } = RULES[each.rule];
  return {
    remedy: typeof remedy === 'string' ? remedy : remedy(each, context),
    advice: typeof advice === 'string' ? advice : advice(context),
  };
}
