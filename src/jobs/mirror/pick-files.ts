import { plural } from '../../base/plural.js';
import { append } from '../../base/append.js';
import { inSteps } from '../../base/steps.js';
import { sha256Of } from '../../codec/digests.js';
import { nameInFilename } from '../../conda/channel/names.js';
import { dependencyName } from '../../conda/spec/dependency.js';
import type { UnsolvableFile } from '../../mirror/closure/closure.js';
import type { ForbiddenDependency, MirrorSource, PickedFile, Selection } from '../../mirror/select/select.js';
import { selectingForMirror } from '../../mirror/select/select.js';
import { RepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { shown } from '../../conda/channel/names.js';
import type { Runtime } from '../../runtime/runtime.js';
import { listed } from '../../delivery/collect-findings.js';
import type { MirrorRequest } from './mirror-request.js';

/** A file by its place; its record is in the index of its channel. */
export type ChosenFile = Pick<PickedFile, 'channel' | 'subdir' | 'fn'>;

export interface Choice {
  picked: readonly ChosenFile[];
  excluded: Readonly<Record<string, number>>;
  /** Records that can't be mirrored, by path. */
  refused: { path: string; problem: string }[];
  findings: Finding[];
  /** False where a solver broke down, for want of memory perhaps: the next run may find more. */
  final: boolean;
}

/** What the mirror file's filter takes of the channels, with the dependencies where it asks for them. */
export async function pickFiles(
  rt: Runtime,
  request: MirrorRequest,
  sources: readonly MirrorSource[],
): Promise<Choice> {
  const { filter } = request.settings;
  const selection = await inSteps(selectingForMirror({ sources, filter }), rt.signal);
  const findings = [...shadowFindings(selection), ...listFindings(selection)];
  let { picked } = selection;
  const excluded = new Map<string, number>(selection.excluded);
  let final = true;
  if (filter.dependencies === 'solve') {
    const { solveClosure } = await import('./solve-closure.js');
    const { added, unsolvable, brokeDown } = await solveClosure(rt, request, { sources, picked });
    append(findings, unsolvableFindings(unsolvable, picked.length));
    for (const { leftOutBy } of added) excluded.set(leftOutBy, (excluded.get(leftOutBy) ?? 0) - 1);
    picked = [...picked, ...added];
    final = !brokeDown;
  }
  refuseEmpty(request, sources, { ...selection, picked }, findings);
  return {
    picked,
    excluded: Object.fromEntries([...excluded].filter(([, count]) => count > 0)),
    refused: selection.refused.map(({ subdir, fn, problem }) => ({ path: `${subdir}/${fn}`, problem })),
    findings,
    final,
  };
}

/**
 * Out of channels that have packages a filter takes some; one that takes none is misspelt, unless all that it takes is refused.
 * Throws E_MIRROR_FILE, E_RECORD.
 */
function refuseEmpty(
  { settings }: MirrorRequest,
  sources: readonly MirrorSource[],
  { picked, refused }: Pick<Selection, 'picked' | 'refused'>,
  findings: readonly Finding[],
): void {
  const published = sources.reduce((sum, { index }) => sum + index.size, 0);
  if (picked.length > 0 || published === 0) return;
  if (refused.length > 0) {
    throw new RepackError('E_RECORD', {
      what: `Nothing can be mirrored: ${refused.length === published ? `all ${published}` : `the ${refused.length} wanted`} records of the channels are refused`,
      where: [...new Set(refused.map(({ channel }) => channel.url))].join(', '),
      hint: 'Report it to the owner of the channel. Nothing was changed.',
      details: reasonsOf(refused),
    });
  }
  throw new RepackError('E_MIRROR_FILE', {
    what: `The filter takes nothing of the ${plural(published, 'package')} in the channels`,
    where: settings.file,
    hint: 'Look how the lists are spelt; --explain NAME shows for each file of a package which line leaves it out. Nothing was changed.',
    details: findings.map(({ message }) => message),
  });
}

const EXAMPLES = 5;
const REASONS = 20;

/** Most frequent first: `12 records: it has neither sha256 nor md5 (linux-64/a-1-0.conda, …)`. */
function reasonsOf(refused: Selection['refused']): string[] {
  const groups = new Map<string, string[]>();
  for (const { subdir, fn, problem } of refused) {
    // Each record's own values and places would make each a reason of its own.
    const reason = problem
      .replaceAll(shown(fn), '…')
      .replace(/^the record … /, '')
      .replace(/^is refused: (.*)/s, (_, why: string) => why.replaceAll(/"[^"]*"/g, '…'))
      .replace(/^(can't be read): .*/s, '$1');
    const paths = groups.get(reason) ?? [];
    paths.push(`${subdir}/${fn}`);
    groups.set(reason, paths);
  }
  const lines = [...groups]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([reason, paths]) => {
      return `${plural(paths.length, 'record')}: ${reason} (${listed(paths.slice(0, EXAMPLES), paths.length)})`;
    });
  return lines.length <= REASONS
    ? lines
    : [...lines.slice(0, REASONS), `and ${plural(lines.length - REASONS, 'more reason')}`];
}

/** What the user's own lists take from a file is the user's wish, not a fault. */
function unsolvableFindings(unsolvable: readonly UnsolvableFile[], total: number): Finding[] {
  const told = (files: readonly UnsolvableFile[], from: string): string => {
    const shown = files.slice(0, EXAMPLES).map(({ subdir, fn, problem }) => `${subdir}/${fn}: ${problem}`);
    return `${files.length} of ${plural(total, 'picked file')} can't be installed from ${from}: ${listed(shown, files.length, ' | ')}`;
  };
  const wished = unsolvable.filter(({ byLists }) => byLists === true);
  const faulty = unsolvable.filter(({ byLists }) => byLists !== true);
  const findings: Finding[] = [];
  if (faulty.length > 0)
    findings.push({ code: 'not-installable', message: told(faulty, 'what may be mirrored'), exit: true });
  if (wished.length > 0)
    findings.push({
      code: 'dependency-forbidden',
      message: told(wished, 'what the lists of the mirror file allow'),
      subject: 'solve',
      exit: false,
      warn: true,
      topic: topicOf(wished.map(({ fn }) => nameInFilename(fn) ?? fn)),
    });
  return findings;
}

/** Of names, in whatever order and however often: the next night brings other versions of them. */
function topicOf(names: readonly string[]): string {
  return sha256Of([...new Set(names)].sort().join('\n')).slice(0, 16);
}

/** One finding a pair of channels: a whole channel may lie in another's shadow. */
function shadowFindings({ shadowed }: Selection): Finding[] {
  const groups = new Map<string, { of: string; by: string; files: string[] }>();
  for (const { subdir, fn, channel, shadowed: other } of shadowed) {
    const key = `${channel.url}\n${other.url}`;
    const group = groups.get(key) ?? { of: other.url, by: channel.url, files: [] };
    group.files.push(`${subdir}/${fn}`);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ of, by, files }) => ({
    code: 'shadowed',
    message: `${plural(files.length, 'file')} of ${of} ${files.length === 1 ? 'lies' : 'lie'} in the shadow of ${by}, which is declared first and has other bytes under the same names: ${listed(files.slice(0, EXAMPLES), files.length)}`,
    subject: `${of} lie in the shadow of ${by}`,
    exit: false,
    warn: true,
    topic: topicOf(files.map((file) => nameInFilename(file) ?? file)),
  }));
}

function listFindings({ unmatched, forbidden }: Selection): Finding[] {
  const idle = unmatched.map(({ key, text, line }): Finding => ({
    code: 'filter-unmatched',
    message: `${key}: "${text}"${line === undefined ? '' : ` (line ${line})`} matches nothing in the channels; is it spelt as the package is?`,
    subject: `${key} ${text}`,
    exit: false,
    warn: true,
  }));
  const entries = new Map<
    string,
    Pick<ForbiddenDependency, 'reason' | 'entry' | 'line'> & { needs: string[]; names: string[] }
  >();
  for (const { subdir, fn, depends, reason, entry, line } of forbidden) {
    const key = `${reason}\n${entry}\n${line ?? ''}`;
    const group = entries.get(key) ?? { reason, entry, line, needs: [], names: [] };
    group.needs.push(`${subdir}/${fn} needs ${depends}`);
    group.names.push(`${nameInFilename(fn) ?? fn} ${dependencyName(depends)}`);
    entries.set(key, group);
  }
  const closed = [...entries.values()].map(({ reason, entry, line, needs, names }): Finding => ({
    code: 'dependency-forbidden',
    message: `${reason} "${entry}"${line === undefined ? '' : ` (line ${line})`} forbids what is needed: ${listed(needs.slice(0, EXAMPLES), needs.length)}`,
    subject: `${reason} ${entry}`,
    exit: false,
    warn: true,
    topic: topicOf(names),
  }));
  return [...idle, ...closed];
}
