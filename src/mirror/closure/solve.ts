import { pathOf } from '../../conda/channel/names.js';
import { NOARCH } from '../../conda/channel/channel.js';
import type { Subdir } from '../../conda/channel/channel.js';
import { compareVersions } from '../../conda/spec/version.js';
import type { MirrorFilter } from '../../config/mirror-file/filter.js';
import type { MirrorSource, PickedFile } from '../select/gather.js';
import { rulesOf } from '../select/rules.js';
import type { ExclusionReason, Rules } from '../select/rules.js';

/** What a solver makes of one exact spec on one platform: the files, or why there is no solution. */
export type SolvedFiles =
  | { readonly files: readonly { readonly subdir: Subdir; readonly fn: string }[]; readonly problem?: undefined }
  | { readonly files?: undefined; readonly problem: string; readonly byLists?: true | undefined };

export interface SolveRequest {
  /** A platform, never noarch. */
  readonly subdir: Subdir;
  /** One build, as an entry of `depends`: `numpy 1.26.4 py311h64a7726_0`. */
  readonly exact: string;
}

export interface SolvedClosure {
  readonly added: readonly AddedFile[];
  /** Picked files that can't be installed on any platform from what may be mirrored. */
  readonly unsolvable: readonly UnsolvableFile[];
}

/** A file to add to those picked. */
export interface AddedFile extends PickedFile {
  /** Path of the picked file whose solution it is in. */
  readonly of: string;
  /** What had left it out by itself. */
  readonly leftOutBy: ExclusionReason;
}

export interface UnsolvableFile {
  readonly subdir: Subdir;
  readonly fn: string;
  readonly problem: string;
  /** Without the lists of the mirror file it could be installed. */
  readonly byLists?: true | undefined;
}

/**
 * `with_dependencies: solve`: each picked file must be installable from the mirror, so a solver is asked for each in turn, newest first;
 * a file that came with an earlier solution is not asked for again, nor the other format of a build. A noarch file is asked for on every
 * platform and must do on one. Files are not asked for together: in one environment each holds the others back, and what is taken for
 * `app` alone would be another file. `solve` must see no more than `solverView` shows.
 */
export async function closeBySolving(options: {
  sources: readonly MirrorSource[];
  filter: MirrorFilter;
  picked: readonly PickedFile[];
  platforms: readonly Subdir[];
  solve: (request: SolveRequest) => Promise<SolvedFiles>;
}): Promise<SolvedClosure> {
  const { sources, filter, picked, platforms, solve } = options;
  const rules = rulesOf(filter, [...new Set(sources.map((source) => source.channel))]);
  const present = new Set(picked.map(pathOf));
  const added: AddedFile[] = [];
  const solvable = new Set<string>();
  const problems = new Map<string, Pick<UnsolvableFile, 'problem' | 'byLists'>>();
  const roots = newestFirst(picked, sources);
  for (const platform of platforms) {
    const installable = new Set<string>();
    const answers = new Map<string, SolvedFiles>();
    for (const { file, exact } of roots) {
      const path = pathOf(file);
      if ((file.subdir !== platform && file.subdir !== NOARCH) || installable.has(path)) continue;
      const answer = answers.get(exact) ?? (await solve({ subdir: platform, exact }));
      answers.set(exact, answer);
      if (answer.files === undefined) {
        const byLists = answer.byLists ?? problems.get(path)?.byLists;
        problems.set(path, { problem: answer.problem, byLists });
        continue;
      }
      solvable.add(path);
      for (const solved of answer.files) {
        const solvedPath = pathOf(solved);
        installable.add(solvedPath);
        solvable.add(solvedPath);
        if (present.has(solvedPath)) continue;
        const found = permittedFile(sources, rules, solved);
        if (found === undefined) continue;
        present.add(solvedPath);
        added.push({ ...found, of: path });
      }
    }
  }
  const unsolvable = roots
    .filter(({ file }) => !solvable.has(pathOf(file)) && problems.has(pathOf(file)))
    .map(({ file: { subdir, fn } }) => Object.assign({ subdir, fn }, problems.get(pathOf({ subdir, fn }))!));
  return { added, unsolvable };
}

/** Newest versions and builds first: their solutions hold what older files need too, more often than the other way. */
function newestFirst(
  picked: readonly PickedFile[],
  sources: readonly MirrorSource[],
): { file: PickedFile; exact: string }[] {
  return picked
    .map((file) => {
      const source = sources.find(({ channel, subdir }) => channel === file.channel && subdir === file.subdir)!;
      const { name, version, build, build_number } = source.index.record(file.fn)!;
      return {
        file,
        name,
        version,
        buildNumber: build_number,
        exact: `${name} ${version} ${build}`,
      };
    })
    .sort(
      (a, b) =>
        (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) ||
        compareVersions(b.version, a.version) ||
        b.buildNumber - a.buildNumber ||
        (a.file.fn < b.file.fn ? -1 : 1),
    )
    .map(({ file, exact }) => ({ file, exact }));
}

/** The file of the first channel that has it and may be mirrored, whatever the solver was shown. */
function permittedFile(
  sources: readonly MirrorSource[],
  rules: Rules,
  wanted: { subdir: Subdir; fn: string },
): Omit<AddedFile, 'of'> | undefined {
  for (const { channel, subdir, index } of sources) {
    if (subdir !== wanted.subdir) continue;
    const record = index.record(wanted.fn);
    const judged = record && { record, channel, subdir };
    if (judged === undefined || rules.forbids(judged) !== undefined) continue;
    return {
      channel,
      subdir,
      fn: wanted.fn,
      name: judged.record.name,
      leftOutBy: rules.excludes(judged)?.reason ?? 'latest',
    };
  }
  return undefined;
}
