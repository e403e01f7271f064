import { isDerived } from './derived.js';
import type { Rule, Violation } from '../check/violations.js';

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

interface Advice {
  remedy: Remedy | ((violation: Violation, context: RemedyContext) => Remedy);
  /** What to do now. */
  advice: string | ((context: RemedyContext) => string);
}

const REINDEX =
  'Run again with --repair: the index is written anew out of the artifacts and the records that are right.';
const MENDED: Advice = { remedy: 'mends', advice: REINDEX };
const AGAIN = 'Synchronise the folder again, or make it anew.';

const FROM_SENDER =
  'at a site, import or synchronise what the sender sent once more: that mends it. --repair takes the package out, which makes this a channel of its own: the next delta of the sender no longer applies.';

/** A wrong file is left out of the index; in a folder of ours it then lies there unnamed. */
const WRONG_FILE: Advice = {
  remedy: 'mends',
  advice: ({ ours }) =>
    ours
      ? `Get the file that was published: \`update --replace NAME\`; ${FROM_SENDER}`
      : 'If the file is right and the index is old: --repair. If the file was damaged: fetch it again first.',
};

const ADVICE: Partial<Record<Rule, Advice>> = {
  'index-missing': MENDED,
  'index-empty': MENDED,
  'index-nul': MENDED,
  'index-broken': MENDED,
  'index-version': MENDED,
  'index-subdir': MENDED,
  'index-misfiled': MENDED,
  'index-future': {
    remedy: 'no',
    advice: 'Use the tool that wrote it, or remove that index and run with --repair: what only it knows is then lost.',
  },
  'index-v3': { remedy: 'no', advice: 'Nothing: clients that know the form read it.' },
  'index-base-url': {
    remedy: (_violation, { left }) => (left.size > 0 ? 'no' : 'mends'),
    advice: ({ left }) =>
      left.size > 0
        ? 'Bring the packages that it names into the folder first; then --repair takes the address out.'
        : REINDEX,
  },
  'form-missing': MENDED,
  'form-broken': MENDED,
  'form-differs': {
    remedy: 'mends',
    advice:
      'Run again with --repair, at once: conda and mamba take the .zst first, whatever the repodata.json beside it says.',
  },
  'derived-stale': {
    remedy: 'mends',
    advice: 'Run again with --repair: it removes this file. The indexer that makes it can write it anew.',
  },
  'derived-broken': {
    remedy: 'mends',
    advice: 'Run again with --repair: it removes this file. The indexer that makes it can write it anew.',
  },
  'beside-stale': {
    remedy: 'no',
    advice: 'Let the indexer that made it write it anew, or remove it: --repair leaves it as it is.',
  },
  'record-name': MENDED,
  'file-missing': {
    remedy: 'mends',
    advice: 'Bring the file back (synchronise again); or --repair, which takes it out of the index.',
  },
  'file-unindexed': {
    remedy: ({ subject }, { ours, unusable }) => (ours || unusable.has(subject) ? 'prunes' : 'mends'),
    advice: ({ ours }) =>
      ours
        ? 'Nothing of ours put it there: --repair --prune removes it.'
        : 'If it belongs to the channel: --repair takes it into the index. If it is a leftover: --repair --prune removes it.',
  },
  'file-withdrawn': {
    remedy: 'prunes',
    advice: 'Nothing: --repair leaves it out of the index, as its channel does; --repair --prune removes the file.',
  },
  'size-differs': WRONG_FILE,
  'digest-differs': WRONG_FILE,
  'no-digest': MENDED,
  'case-clash': { remedy: 'no', advice: 'Remove one of the two: Windows and macOS can hold only one.' },
  'twin-formats': { remedy: 'no', advice: 'Nothing, where old clients need the .tar.bz2.' },
  'twin-subdirs': {
    remedy: 'no',
    advice: 'Keep the one that its publisher still offers, remove the other, then --repair.',
  },
  'artifact-corrupt': {
    remedy: 'prunes',
    advice: ({ ours }) =>
      ours
        ? `Fetch it again from its channel; ${FROM_SENDER}`
        : 'Fetch it again from its channel. --repair leaves it out of the index, --repair --prune removes it.',
  },
  'artifact-mislabelled': {
    remedy: ({ subject }, { unusable }) => (unusable.has(subject) ? 'prunes' : 'no'),
    advice:
      'Give it the name, or move it to the subdir, that it has inside. --repair leaves it out of the index unless its channel published it so.',
  },
  hotfixed: { remedy: 'no', advice: 'Nothing: the record of the channel counts, and --repair keeps it.' },
  'open-dependencies': {
    remedy: 'no',
    advice: 'Nothing, where it is used together with the channels that have them; else bring those packages into it.',
  },
  'name-unsafe': {
    remedy: ({ subject }, { unusable }) => (unusable.has(subject) ? 'prunes' : 'no'),
    advice: 'Rename or remove it: not every copy program, web server or file system takes this name.',
  },
  'name-case': {
    remedy: 'no',
    advice:
      'Rename it, or copy the folder again in a way that keeps lower case (CDs without Joliet and old FAT drivers do not). Until then --repair refuses.',
  },
  'partial-file': {
    remedy: 'prunes',
    advice: 'Remove it when no transfer is under way: --repair --prune does.',
  },
  'packages-outside': { remedy: 'no', advice: 'Move the packages into the subdir they are for, then --repair.' },
  'path-too-long': {
    remedy: 'no',
    advice: 'Use a shorter prefix at the site, or switch LongPathsEnabled on there (Windows 10 and later).',
  },
  'placeholder-short': { remedy: 'no', advice: 'Use a shorter prefix at the site, or a newer build of the package.' },
  'run-interrupted': {
    remedy: 'mends',
    advice: 'Repeat the command that was broken off, or --repair: either finishes or undoes it.',
  },
  'unknown-file': { remedy: 'prunes', advice: 'Nothing; --repair --prune removes it.' },
  link: { remedy: 'no', advice: 'Put the file itself there.' },
  special: { remedy: 'no', advice: 'Remove it.' },
  folder: { remedy: 'no', advice: 'Move it away: clients do not look into folders of a subdir.' },
  unreadable: { remedy: 'no', advice: 'Check the rights of this account and the disk, then look again.' },
  stranger: { remedy: 'no', advice: 'Nothing.' },
  'manifest-broken': {
    remedy: 'no',
    advice: 'Run the command that made the folder again; at a site, synchronise again.',
  },
  'manifest-newer': { remedy: 'no', advice: 'Use the newer version of this program.' },
  'manifest-missing-file': {
    remedy: 'mends',
    advice: `Run the command that made the folder; ${FROM_SENDER} Indexes it only writes anew.`,
  },
  'manifest-extra-file': {
    remedy: ({ subject }) => (isIndexFile(subject) ? 'mends' : 'prunes'),
    advice: 'Nothing of ours put it there: --repair --prune removes it, and --repair alone where it is an index.',
  },
  'index-rewritten': MENDED,
  'generation-mix': { remedy: 'mends', advice: `${AGAIN} --repair makes an index of what is here.` },
  'sums-missing': MENDED,
  'sums-broken': {
    remedy: (_violation, { ours }) => (ours ? 'mends' : 'no'),
    advice: 'Have it written anew by whoever made it.',
  },
  'sums-differs': {
    remedy: (_violation, { ours }) => (ours ? 'mends' : 'no'),
    advice: 'Have it written anew by whoever made it.',
  },
  'sums-missing-file': {
    remedy: (_violation, { ours }) => (ours ? 'mends' : 'no'),
    advice: 'Have it written anew by whoever made it.',
  },
  'sums-unlisted': { remedy: 'mends', advice: 'Run again with --repair: it is written with the manifest.' },
  'spec-unreadable': { remedy: 'no', advice: 'Run the command that made the folder again.' },
  unsolvable: { remedy: 'no', advice: 'Run `update` again: the channel lacks what these specs need.' },
};

function isIndexFile(path: string): boolean {
  const fn = path.slice(path.lastIndexOf('/') + 1);
  return isDerived(fn) || fn.startsWith('repodata.json');
}

/** Rules that only a run of ours can break, before anything is published: no folder on disk shows them. */
export const NEVER_ON_DISK: ReadonlySet<Rule> = new Set<Rule>([
  'manifest-differs',
  'plan-missing',
  'plan-extra',
  'record-differs',
  'record-digest',
  'dependency-missing',
  'pip-missing',
]);

/** What can be done about it, in words and as data. */
export function remedyOf(each: Violation, context: RemedyContext): { remedy: Remedy; advice: string } {
  const { remedy, advice } = ADVICE[each.rule] ?? { remedy: 'no', advice: 'See the message.' };
  return {
    remedy: typeof remedy === 'string' ? remedy : remedy(each, context),
    advice: typeof advice === 'string' ? advice : advice(context),
  };
}

export function hasAdvice(rule: Rule): boolean {
  return ADVICE[rule] !== undefined;
}
