import { setImmediate } from 'node:timers/promises';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { dependencyName } from '../../conda/spec/dependency.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { channelsOfSpec, specChannelAllowed, specMatches } from '../../conda/spec/match-spec.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import { parseDistFilename } from '../../conda/channel/names.js';
import type { SolveRequest } from '../../conda/plan/plan.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { RepodataIndex, RepodataSource } from '../../conda/record/repodata-index.js';
import { pickedRecord } from '../../conda/record/repodata-record.js';
import { parseVersion } from '../../conda/spec/version.js';

/** A record the solver may choose. */
export interface Candidate {
  channel: Channel;
  /** Place of the channel in the request: 0 is the highest priority. */
  rank: number;
  subdir: Subdir;
  fn: string;
  stem: string;
  record: PackageRecord;
  index: RepodataIndex;
}

/** What may not be delivered is not there to choose from. */
export type Denies = (candidate: Pick<Candidate, 'channel' | 'subdir' | 'record'>) => boolean;

export interface Refusal {
  name: string;
  message: string;
}

export interface Candidates {
  /** Every name that the specs can reach, also those that no channel has (empty list). */
  byName: ReadonlyMap<string, readonly Candidate[]>;
  /** Of a name that some channel has: the highest channel that has it, whatever its versions. */
  topRank: ReadonlyMap<string, number>;
  /** Which build first asked for a name, `pandas 2.2.3`; names of the request itself are not in it. */
  neededBy: ReadonlyMap<string, string>;
  /** Specs that nothing matches, with every version that is there under their name. */
  unmatched: readonly { spec: MatchSpec; versions: readonly string[] }[];
  /** Specs of one name that each match something, and nothing all of them. */
  excluding: readonly { specs: readonly MatchSpec[]; versions: readonly string[] }[];
  /** conda's rule applies: python's depends get `pip` in the solver's view. */
  pipForPython: boolean;
  /** Records that can't be trusted or used, and so were left out (rows B8, B9, B11 of the bad inputs). */
  refused: readonly Refusal[];
  indexes: readonly RepodataIndex[];
}

/** Whoever waits, and whoever wants to stop, has a turn after so many records. */
const AT_ONCE = 2048;

/**
 * Reads what the specs can reach out of the channels, and no more: a channel may have half a million records. Strict priority
 * and the limits that a spec sets on its own package (channel, subdir, version, build) are applied here, the way conda does: a
 * name is strict by what the channels hold, not by what matches. Throws E_SOURCE_NOT_ALLOWED, E_REPODATA.
 */
export async function gatherCandidates(
  request: SolveRequest,
  source: RepodataSource,
  { denies = () => false, signal }: { denies?: Denies | undefined; signal?: AbortSignal } = {},
): Promise<Candidates> {
  const places = await openPlaces(request, source);
  const specs = new Map<string, MatchSpec[]>();
  for (const spec of request.specs) {
    refuseUndeclared(spec, request.channels);
    specs.set(spec.name, [...(specs.get(spec.name) ?? []), spec]);
  }
  const has = (name: string) => places.some(({ index }) => index.filenames(name).length > 0);
  const pipForPython = request.profile.client === undefined ? has('pip') : request.profile.client.injectsPip;
  const byName = new Map<string, Candidate[]>();
  const topRank = new Map<string, number>();
  const neededBy = new Map<string, string>();
  const unmatched: { spec: MatchSpec; versions: string[] }[] = [];
  const excluding: { specs: MatchSpec[]; versions: string[] }[] = [];
  const refused: Refusal[] = [];
  const queue = [...specs.keys()];
  let gathered = 0;
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (byName.has(name)) continue;
    const all = places.flatMap((place) => read(place, name, refused)).filter((each) => !denies(each));
    if (all.length > 0) topRank.set(name, highest(all));
    const asked = specs.get(name) ?? [];
    let kept = matching(all, asked, request);
    if (kept.length === 0 && asked.length > 0) {
      const versions = all.map((each) => each.record.version);
      const idle = asked.length === 1 ? asked : asked.filter((spec) => matching(all, [spec], request).length === 0);
      for (const spec of idle) unmatched.push({ spec, versions });
      if (idle.length === 0) excluding.push({ specs: asked, versions });
    }
    kept = bestTwins(kept);
    byName.set(name, kept);
    gathered += all.length;
    if (gathered >= AT_ONCE) {
      gathered = 0;
      await setImmediate();
      signal?.throwIfAborted();
    }
    const follow = (wanted: string, candidate: Candidate) => {
      if (byName.has(wanted) || wanted.startsWith('__')) return;
      queue.push(wanted);
      if (!neededBy.has(wanted)) neededBy.set(wanted, `${name} ${candidate.record.version}`);
    };
    for (const candidate of kept) {
      for (const text of candidate.record.depends) follow(dependencyName(text), candidate);
      if (pipForPython && name === 'python') follow('pip', candidate);
    }
  }
  const indexes = places.map(({ index }) => index);
  return { byName, topRank, neededBy, unmatched, excluding, pipForPython, refused, indexes };
}

function matching(all: readonly Candidate[], specs: readonly MatchSpec[], request: SolveRequest): Candidate[] {
  const placed = all.filter((each) => specs.every((spec) => placeMatches(spec, each, request.channels)));
  const visible = request.channelPriority === 'strict' ? ofHighest(placed) : placed;
  return visible.filter((each) => specs.every((spec) => specMatches(spec, each.record)));
}

interface Place {
  channel: Channel;
  rank: number;
  subdir: Subdir;
  index: RepodataIndex;
}

async function openPlaces({ channels, profile }: SolveRequest, source: RepodataSource): Promise<Place[]> {
  const subdirs = [...new Set([profile.subdir, NOARCH])];
  const places = await Promise.all(
    channels.flatMap((channel, rank) =>
      subdirs.map(async (subdir) => ({ channel, rank, subdir, index: await source.repodata(channel, subdir) })),
    ),
  );
  return places.filter((place): place is Place => place.index !== undefined);
}

function read({ channel, rank, subdir, index }: Place, name: string, refused: Refusal[]): Candidate[] {
  const candidates: Candidate[] = [];
  for (const fn of index.filenames(name)) {
    try {
      const record = pickedRecord(index, fn, subdir);
      // What has no version by conda's rules can't be ordered: conda and rattler leave it out too.
      if (record === undefined || parseVersion(record.version) === undefined) continue;
      candidates.push({ channel, rank, subdir, fn, stem: parseDistFilename(fn).stem, record, index });
    } catch (error) {
      if (!isRepackError(error)) throw error;
      refused.push({ name, message: `${channel.name}, ${subdir}: ${error.what}` });
    }
  }
  return candidates;
}

/** One entry a build: of twins the `.conda` (conda's and rattler's choice), of equal names in two channels the higher channel's. */
function bestTwins(candidates: readonly Candidate[]): Candidate[] {
  const best = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const key = `${candidate.subdir}/${candidate.stem}`;
    const other = best.get(key);
    const better =
      other === undefined ||
      candidate.rank < other.rank ||
      (candidate.rank === other.rank && candidate.fn.endsWith('.conda'));
    if (better) best.set(key, candidate);
  }
  return [...best.values()];
}

function highest(candidates: readonly Candidate[]): number {
  return candidates.reduce((top, each) => Math.min(top, each.rank), Number.POSITIVE_INFINITY);
}

function ofHighest(candidates: readonly Candidate[]): Candidate[] {
  const top = highest(candidates);
  return candidates.filter((each) => each.rank === top);
}

function placeMatches(spec: MatchSpec, { channel, subdir }: Candidate, channels: readonly Channel[]): boolean {
  return (spec.subdir === undefined || spec.subdir === subdir) && channelsOfSpec(spec, channels).includes(channel);
}

function refuseUndeclared(spec: MatchSpec, channels: readonly Channel[]): void {
  if (specChannelAllowed(spec, channels)) return;
  throw new RepackError('E_SOURCE_NOT_ALLOWED', {
    what: `${spec.text} asks for a channel that is not declared for this label`,
    where: `package ${spec.text}`,
    hint: `Declared are ${channels.map((channel) => channel.name).join(', ')}. Add it with --channel, or leave the channel out of the package.`,
  });
}
