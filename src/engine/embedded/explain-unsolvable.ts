import { fewLines } from '../../base/few-lines.js';
import { machinesHint } from '../machines-hint.js';
import type { SolveRequest } from '../../conda/plan/plan.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { pickedRecord } from '../../conda/record/repodata-record.js';
import { compareVersions } from '../../conda/spec/version.js';
import type { Candidates, Refusal } from './candidates.js';
import { nameInFilename } from '../../conda/channel/names.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import { similarNames } from './similar-names.js';

const MAX_DETAILS = 60;

/**
 * When a spec of the request has no candidate: throws E_RECORD where its records had to be left out, E_NO_BASE_CHANNEL where it is
 * python, else E_PACKAGE_NOT_FOUND; all names at once. E_UNSOLVABLE where specs of one name exclude each other.
 */
export function refuseMissing(request: SolveRequest, candidates: Candidates): void {
  const virtual = new Set(request.profile.virtualPackages.map((each) => each.name));
  const missing = candidates.unmatched.filter(({ spec }) => !virtual.has(spec.name));
  if (missing.length === 0) return refuseExcluding(request, candidates);
  const refused = [
    ...candidates.refused.filter(({ name }) => missing.some(({ spec }) => spec.name === name)),
    ...missing.flatMap(({ spec, versions }) => (versions.length === 0 ? misnamed(spec.name, candidates) : [])),
  ];
  if (refused.length > 0) {
    throw new RepackError('E_RECORD', {
      what: `The channel's records of ${[...new Set(refused.map(({ name }) => name))].join(', ')} can't be used`,
      where: channelsOf(request),
      hint: 'Have the channel re-indexed by its owner.',
      details: refused.map(({ message }) => message),
    });
  }
  const unknown = missing.filter(({ versions }) => versions.length === 0).map(({ spec }) => spec.name);
  if (unknown.includes('python')) throw noBaseChannel(request, 'It is one of the packages asked for');
  const similar = similarNames(unknown, candidates.indexes);
  throw new RepackError('E_PACKAGE_NOT_FOUND', {
    what: `No declared channel has ${missing.map(({ spec }) => spec.text).join(', ')} for ${request.profile.subdir}`,
    where: channelsOf(request),
    hint: `Check the spelling, the token and the label (private packages show only with the right ones), and --channel.${strictHint(request)}`,
    details: missing.map(({ spec, versions }) => {
      if (versions.length > 0) return `${spec.text}: no build matches; there are ${listed(versions)}`;
      if (inV3Only(spec.name, candidates))
        return `${spec.name}: published in the form of repodata v3 (CEP 48) only, which is not read here`;
      const near = similar.get(spec.name) ?? [];
      return near.length === 0
        ? `${spec.name}: no such package`
        : `${spec.name}: no such package; did you mean ${near.join(' or ')}?`;
    }),
  });
}

function refuseExcluding(request: SolveRequest, { excluding }: Candidates): void {
  if (excluding.length === 0) return;
  const texts = (specs: readonly MatchSpec[]): string => specs.map(({ text }) => text).join(' and ');
  throw new RepackError('E_UNSOLVABLE', {
    what: `These specs exclude each other: ${excluding.map(({ specs }) => texts(specs)).join('; ')}`,
    where: channelsOf(request),
    hint: `Ask for each package once, or loosen a version.${strictHint(request)}`,
    details: excluding.map(
      ({ specs, versions }) => `${specs[0]!.name}: no build matches ${texts(specs)}; there are ${listed(versions)}`,
    ),
  });
}

/**
 * Records of a package whose file names do not tell its name, such as `libxgboost-0.6+218_omp_0.tar.bz2`. conda reads names in records only; to
 * rattler the package is not there, or no index is with it.
 */
function misnamed(name: string, { indexes }: Candidates): Refusal[] {
  return indexes.flatMap((index) =>
    [...index.allFilenames()]
      .filter((fn) => fn.startsWith(`${name}-`) && nameInFilename(fn) !== name)
      .flatMap((fn): Refusal[] => {
        try {
          if (index.record(fn)?.name === name) pickedRecord(index, fn, index.subdir ?? NOARCH);
          return [];
        } catch (error) {
          if (!isRepackError(error)) throw error;
          return [{ name, message: error.what }];
        }
      }),
  );
}

function inV3Only(name: string, { indexes }: Candidates): boolean {
  return indexes.some((index) => index.v3Filenames().some((fn) => nameInFilename(fn) === name));
}

/** rattler's words as an error: E_UNSOLVABLE, E_NO_BASE_CHANNEL where python is what is missing, E_ENGINE_FAILED for what is no verdict. */
export function unsolvable(request: SolveRequest, candidates: Candidates, failure: string): RepackError {
  const { profile } = request;
  const verdict = /^Cannot solve the request because of: ([^]*)$/.exec(failure);
  if (verdict === null) {
    return new RepackError('E_ENGINE_FAILED', {
      what: 'The embedded solver could not read what it was given',
      where: `${profile.subdir}: ${request.specs.map((spec) => spec.text).join(', ')}`,
      hint: 'Use --engine conda, and report this.',
      details: [failure],
    });
  }
  const lines = verdict[1]!
    .split('\n')
    .map(readable)
    .filter((line) => line !== '');
  const lacks = (name: string) =>
    candidates.byName.get(name)?.length === 0 && lines.some((line) => mentions(line, name));
  if (lacks('python')) {
    const by = candidates.neededBy.get('python');
    return noBaseChannel(request, by === undefined ? 'It is one of the packages asked for' : `${by} needs it`);
  }
  return new RepackError('E_UNSOLVABLE', {
    what: `These packages can't be installed together on ${profile.subdir}: ${request.specs.map((spec) => spec.text).join(', ')}`,
    where: channelsOf(request),
    hint: hintFor(request, { candidates, lines, lacks }),
    details: fewLines(lines, MAX_DETAILS),
  });
}

function hintFor(
  request: SolveRequest,
  seen: { candidates: Candidates; lines: readonly string[]; lacks: (name: string) => boolean },
): string {
  const { profile } = request;
  const hints: string[] = [];
  const absent = [...seen.candidates.byName.keys()].filter((name) => name !== 'pip' && seen.lacks(name));
  if (absent.length > 0)
    hints.push(`No declared channel has ${absent.join(', ')}: add the channel that does with --channel.`);
  if (seen.lacks('pip') && seen.candidates.pipForPython) {
    hints.push(
      `No declared channel has pip, which ${profile.client?.name ?? 'conda'} adds to what python needs: add a channel with it.`,
    );
  }
  const machines = machinesHint(profile, seen.lines);
  if (machines !== undefined) hints.push(machines);
  if (seen.lines.some((line) => line.includes('failed to parse')))
    hints.push('What can not be read is for the owner of the channel to mend: ask for another version or build.');
  if (hints.length === 0) hints.push('Loosen a version, or add a channel with --channel.');
  return hints.join(' ') + strictHint(request);
}

function noBaseChannel(request: SolveRequest, why: string): RepackError {
  return new RepackError('E_NO_BASE_CHANNEL', {
    what: `No declared channel has python for ${request.profile.subdir}. ${why}`,
    where: channelsOf(request),
    hint: 'Name the channel python comes from: --channel conda-forge, --channel defaults, or --channel URL.',
  });
}

function channelsOf(request: SolveRequest): string {
  return `channels ${request.channels.map((channel) => channel.name).join(', ')}`;
}

function strictHint(request: SolveRequest): string {
  return request.channelPriority === 'strict'
    ? ' Strict priority hides what lower channels have: try --channel-priority flexible.'
    : '';
}

/** rattler writes `name *` for a name without a constraint. */
function readable(line: string): string {
  return line.replaceAll(/(?<=[a-z0-9]) \*(?=[ ,.]|$)/g, '').trimEnd();
}

function mentions(line: string, name: string): boolean {
  const words = line.split(/[\s,]+/);
  return words.includes(name) || words.includes(`${name}.`);
}

function listed(versions: readonly string[]): string {
  const distinct = [...new Set(versions)].sort((a, b) => compareVersions(b, a));
  return distinct.length > 8
    ? `${distinct.slice(0, 8).join(', ')} and ${distinct.length - 8} more`
    : distinct.join(', ');
}
