import { join } from 'node:path';
import { channelFolderInCache } from '../conda/channel/cache-layout.js';
import { EXIT, isRepackError, type RepackError } from '../base/errors.js';
import type { Finding } from '../base/findings.js';
import { inParallel } from '../base/parallel.js';
import { parseDistFilename, parseSubdir } from '../conda/channel/names.js';
import type { SourceCounts } from '../base/events.js';
import type { AcquiredArtifact, PlannedArtifact } from '../conda/plan/plan.js';
import type { PackageRecord } from '../conda/record/records.js';
import type { ArtifactStore, ExpectedDigest, FetchArtifact, StoredFile } from '../conda/plan/artifact-store.js';
import type { LiveFolder } from '../channel/staged.js';
import type { Runtime } from '../runtime/runtime.js';
import { expectedDigest } from '../conda/record/expected-digest.js';
import { openCaches, takeFromCache } from './package-cache.js';
import { acquireProgress } from './progress.js';
import { isProblem, linesOf, missing, throwProblems, type Problem } from './problems.js';
import type { Sources } from './sources.js';

export interface AcquireOptions {
  artifacts: readonly PlannedArtifact[];
  store: ArtifactStore;
  /** The label folder as it was looked at, every byte hashed: what is right there already is used where it lies. */
  live?: Pick<LiveFolder, 'dir' | 'files'> | undefined;
  /** Package caches (`pkgs_dirs`), the best one first; read, never written. Missing ones are passed over. */
  caches: readonly string[];
  /** Undefined: nothing can be downloaded (no network wanted, no token for a masked channel). */
  fetch?: FetchArtifact | undefined;
  /** sha256 of what came into the store from upstream earlier in this run, for an engine: it counts as a download. */
  downloaded?: ReadonlySet<string> | undefined;
  /** Artifacts at the same time; default 8. */
  concurrency?: number | undefined;
  /** What can't be had is left out and given in `problems`. Default: then everything fails. */
  keepGoing?: boolean | undefined;
}

export interface Acquired {
  /** In the order of the plan. */
  artifacts: AcquiredArtifact[];
  counts: SourceCounts;
  /** Codes: `md5-only`, `unpublished`, `cache-record`, `cache-copy-refused`, `cache-not-private`. */
  findings: Finding[];
  /** Only with `keepGoing`: the artifacts that are missing here, with the lines that say why. */
  problems: { subject: string; lines: string[] }[];
}

/**
 * Brings the bytes of every planned artifact into reach: from the label folder, the store, then the package caches, then by download.
 * Every byte is hashed as it is written (design D5); a source with wrong bytes is passed over with a finding.
 *
 * Goes on past artifacts that can't be had, so that all of them are named at once.
 *
 * @throws RepackError E_ARTIFACT_MISSING, E_ARTIFACT_DIGEST, E_ARTIFACT_CORRUPT, E_ARTIFACT_MISLABELLED, E_RECORD, E_RECORD_CONFLICT
 *   with one line for each artifact in `details`; what is about the upstream or the disk as a whole (E_UPSTREAM, E_TLS, E_DISK_FULL, …)
 *   as it comes, at once
 */
export async function acquire(rt: Runtime, options: AcquireOptions): Promise<Acquired> {
  const { artifacts, store, fetch } = options;
  const { caches, findings } = await openCaches(rt, options.caches);
  const progress = acquireProgress(rt, artifacts);
  const { downloaded = new Set<string>() } = options;
  const sources: Sources = { store, live: options.live, caches, fetch, findings, progress, downloaded };
  const conflicts = conflictingNames(artifacts);
  const outcomes = await inParallel(artifacts, options.concurrency ?? 8, async (artifact) => {
    rt.signal.throwIfAborted();
    return conflicts.get(nameOf(artifact)) ?? collectProblem(artifact, () => acquireOne(rt, artifact, sources));
  });
  const problems = outcomes.filter(isProblem);
  if (options.keepGoing !== true) throwProblems(problems, artifacts.length);
  const bySubject = (a: Finding, b: Finding) => compare(a.subject ?? '', b.subject ?? '') || compare(a.code, b.code);
  const inHand = outcomes.filter((each): each is AcquiredArtifact => !isProblem(each));
  const counts = countSources(inHand);
  rt.events.emit({ type: 'acquire-finished', ...counts });
  return {
    artifacts: inHand,
    counts,
    findings: findings.sort(bySubject),
    problems: problems.map((problem) => ({ subject: problem.subject, lines: linesOf(problem) })),
  };
}

function countSources(artifacts: readonly AcquiredArtifact[]): SourceCounts {
  const none = { artifacts: 0, bytes: 0 };
  const counts: SourceCounts = { download: { ...none }, cache: { ...none }, store: { ...none } };
  for (const { source, size } of artifacts) {
    counts[source].artifacts += 1;
    counts[source].bytes += size;
  }
  return counts;
}

async function acquireOne(
  rt: Runtime,
  artifact: PlannedArtifact,
  sources: Sources,
): Promise<AcquiredArtifact | Problem> {
  // Of a mirror's artifact these are no members to be spread.
  const { subdir, fn, channel, url, origin, expected, record } = artifact;
  parseDistFilename(fn);
  parseSubdir(subdir);
  const outcome =
    record === undefined
      ? // What reads archives is loaded only where there is one without a record.
        await (await import('./unpublished.js')).acquireUnpublished(rt, artifact, sources)
      : await acquireRecorded(rt, { subdir, fn, channel, url, origin, expected, record }, sources);
  if (!isProblem(outcome)) {
    sources.progress.done(outcome);
    rt.events.emit({
      type: 'artifact-acquired',
      fn: outcome.fn,
      subdir: outcome.subdir,
      bytes: outcome.size,
      source: outcome.source,
    });
  }
  return outcome;
}

async function acquireRecorded(
  rt: Runtime,
  artifact: PlannedArtifact & { record: PackageRecord },
  sources: Sources,
): Promise<AcquiredArtifact | Problem> {
  const { fn, record } = artifact;
  const expected = expectedDigest(fn, record);
  const found = await fromAnySource(rt, artifact, sources, expected);
  if (isProblem(found)) return found;
  if (expected.sha256 === undefined) {
    sources.findings.push({
      code: 'md5-only',
      message: `${fn}: the channel states md5 only; it was checked, and the sha256 ${found.file.sha256} is computed here`,
      subject: `${artifact.subdir}/${fn}`,
      exit: false,
    });
  }
  if (artifact.origin === 'cache-record') {
    sources.findings.push({
      code: 'cache-record',
      message: `${fn}: the channel has no record of it; the one that the package cache kept is used`,
      subject: `${artifact.subdir}/${fn}`,
      exit: false,
    });
  }
  return acquired(artifact, found);
}

type Found = { file: StoredFile; source: AcquiredArtifact['source'] };

async function fromAnySource(
  rt: Runtime,
  artifact: PlannedArtifact,
  sources: Sources,
  expected: ExpectedDigest,
): Promise<Found | Problem> {
  const { fn } = artifact;
  const { store, caches, fetch, progress, downloaded } = sources;
  const standing = standingFile(artifact, sources.live, expected);
  if (standing !== undefined) return { file: standing, source: 'store' };
  const stored = await store.find(expected, artifact);
  if (stored !== undefined) return { file: stored, source: downloaded.has(stored.sha256) ? 'download' : 'store' };

  const refusals: string[] = [];
  const extractedIn: string[] = [];
  for (const cache of caches.flatMap((each) => foldersIn(each, artifact))) {
    const answer = await takeFromCache(rt, { cache, fn, expected, store });
    if (answer.kind === 'stored') return { file: answer.file, source: 'cache' };
    if (answer.kind === 'absent') {
      if (answer.extracted) extractedIn.push(cache);
      continue;
    }
    refusals.push(`${answer.path}: ${answer.reason}`);
    sources.findings.push({
      code: 'cache-copy-refused',
      message: `${answer.path} was not used: ${answer.reason}`,
      subject: answer.path,
      exit: false,
    });
  }

  if (fetch !== undefined && artifact.channel !== undefined && artifact.url !== undefined) {
    const onBytes = (bytes: number): void => progress.more(artifact, bytes);
    try {
      const { file, brought } = await store.bringOnce(expected, rt.signal, () =>
        fetch(artifact, { store, signal: rt.signal, onBytes }),
      );
      return { file, source: brought ? 'download' : 'store' };
    } catch (error) {
      if (isAboutArtifact(error)) return { problem: error.code, subject: nameOf(artifact), error, reasons: refusals };
      if (!isGoneChannel(artifact, error)) throw error;
      return missing(artifact, { refusals, extractedIn, caches, failure: error });
    }
  }
  return missing(artifact, { refusals, extractedIn, caches });
}

/** Every digest and size that is stated must be right, as for what is taken in. */
function standingFile(
  artifact: PlannedArtifact,
  live: Sources['live'],
  expected: ExpectedDigest,
): StoredFile | undefined {
  const path = nameOf(artifact);
  const file = live?.files.get(path);
  if (live === undefined || file === undefined) return undefined;
  const { size, sha256, md5 } = file;
  const isIt = (['size', 'sha256', 'md5'] as const).every((key) => (expected[key] ?? file[key]) === file[key]);
  return isIt ? { path: join(live.dir, path), size, sha256, md5 } : undefined;
}

/** Flat, as conda keeps them, then as mamba does from 2.6 on. */
function foldersIn(cache: string, { channel, subdir }: PlannedArtifact): string[] {
  return channel === undefined ? [cache] : [cache, join(cache, channelFolderInCache(channel.url, subdir))];
}

function acquired(artifact: PlannedArtifact & { record: PackageRecord }, { file, source }: Found): AcquiredArtifact {
  const { path: storePath, size, sha256, md5 } = file;
  return { ...artifact, storePath, size, sha256, md5, source };
}

/** Errors about this artifact become a line of the final one; all others end the run. */
async function collectProblem(
  artifact: PlannedArtifact,
  work: () => Promise<AcquiredArtifact | Problem>,
): Promise<AcquiredArtifact | Problem> {
  try {
    return await work();
  } catch (error) {
    if (!isAboutArtifact(error)) throw error;
    return { problem: error.code, subject: nameOf(artifact), error };
  }
}

function isAboutArtifact(error: unknown): error is RepackError {
  return isRepackError(error) && error.exitCode === EXIT.artifact;
}

/** A captured artifact whose channel had no index either: the run goes on, so that each one that is missing is named. */
function isGoneChannel({ origin }: PlannedArtifact, error: unknown): error is RepackError {
  return origin === 'cache-record' && isRepackError(error) && error.exitCode === EXIT.upstream;
}

/** Two entries of one name with different digests (bad-inputs B10): a plan that can't be delivered. */
function conflictingNames(artifacts: readonly PlannedArtifact[]): Map<string, Problem> {
  const first = new Map<string, PlannedArtifact>();
  const conflicts = new Map<string, Problem>();
  for (const artifact of artifacts) {
    const name = nameOf(artifact);
    const other = first.get(name);
    first.set(name, other ?? artifact);
    if (other === undefined || other.record === undefined || artifact.record === undefined) continue;
    const [a, b] = [other, artifact].map(({ record }) => String(record?.sha256 ?? record?.md5).toLowerCase());
    if (a === b) continue;
    const lines = [`${other.channel?.url ?? 'no channel'}: ${a}`, `${artifact.channel?.url ?? 'no channel'}: ${b}`];
    conflicts.set(name, {
      problem: 'E_RECORD_CONFLICT',
      subject: name,
      reasons: ['two channels have different bytes under this name', ...lines],
    });
  }
  return conflicts;
}

function nameOf(artifact: PlannedArtifact): string {
  return `${artifact.subdir}/${artifact.fn}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
