import { EXIT, isRepackError, type RepackError } from '../base/errors.js';
import { fileHandleSource } from '../archive/source.js';
import { recordFromArtifact } from '../archive/record-from-artifact.js';
import type { AcquiredArtifact, PlannedArtifact } from '../conda/plan/plan.js';
import type { PackageRecord } from '../conda/record/records.js';
import type { StoredFile } from '../conda/plan/artifact-store.js';
import type { Runtime } from '../runtime/runtime.js';
import { takeFromCache } from './package-cache.js';
import { missing, type Problem } from './problems.js';
import type { Sources } from './sources.js';

/**
 * An artifact that no channel has a record of (installed from a local file, or withdrawn since): its bytes come from the package caches, its
 * record out of itself. Where the environment's PrefixRecord states a digest, only those bytes count; else the caches must agree.
 *
 * @throws RepackError E_ARTIFACT_CORRUPT, E_ARTIFACT_MISLABELLED from the archive
 */
export async function acquireUnpublished(
  rt: Runtime,
  artifact: PlannedArtifact,
  sources: Sources,
): Promise<AcquiredArtifact | Problem> {
  const { fn, subdir, expected = {} } = artifact;
  const { caches, store, findings } = sources;
  const copies: { path: string; file: StoredFile }[] = [];
  const refusals: string[] = [];
  const extractedIn: string[] = [];
  for (const cache of caches) {
    const answer = await takeFromCache(rt, { cache, fn, expected, store });
    if (answer.kind === 'stored') copies.push(answer);
    else if (answer.kind === 'refused') refusals.push(`${answer.path}: ${answer.reason}`);
    else if (answer.extracted) extractedIn.push(cache);
  }
  const [copy] = copies;
  let downloaded = false;
  if (copy === undefined) {
    const kept =
      expected.sha256 === undefined && expected.md5 === undefined ? undefined : await store.find(expected, artifact);
    const file = kept ?? (await byUrl(rt, artifact, sources));
    if (file === undefined || isRepackError(file))
      return missing(artifact, { refusals, extractedIn, caches, ...(file === undefined ? {} : { failure: file }) });
    downloaded = kept === undefined;
    copies.push({ path: file.path, file });
  }
  const { file } = copies[0]!;
  if (copies.some((other) => other.file.sha256 !== file.sha256)) return conflict(artifact, copies);
  const record = await readRecord(rt, artifact, file);
  findings.push({
    code: 'unpublished',
    message: `${fn} is ${artifact.channel === undefined ? 'in no declared channel' : 'no longer in the index of its channel'}: its record was read out of the artifact, so no hotfix of a channel is in it`,
    subject: `${subdir}/${fn}`,
    exit: false,
  });
  const { path: storePath, size, sha256, md5 } = file;
  return {
    ...artifact,
    origin: 'artifact',
    record,
    storePath,
    size,
    sha256,
    md5,
    source: downloaded ? 'download' : copy === undefined ? 'store' : 'cache',
  };
}

/** A lock names channel and digest of what its channel's index has no more. */
async function byUrl(
  rt: Runtime,
  artifact: PlannedArtifact,
  { fetch, store, progress }: Sources,
): Promise<StoredFile | RepackError | undefined> {
  if (fetch === undefined || artifact.channel === undefined || artifact.expected === undefined) return undefined;
  try {
    return await fetch(artifact, { store, signal: rt.signal, onBytes: (bytes) => progress.more(artifact, bytes) });
  } catch (error) {
    if (isRepackError(error) && error.exitCode === EXIT.upstream) return error;
    throw error;
  }
}

async function readRecord(rt: Runtime, { fn, subdir }: PlannedArtifact, file: StoredFile): Promise<PackageRecord> {
  const handle = await rt.fs.openNoFollow(file.path);
  try {
    const { sha256, md5, size } = file;
    return await recordFromArtifact(fileHandleSource(handle, size), {
      distFilename: fn,
      subdir,
      published: true,
      sha256,
      md5,
      size,
    });
  } finally {
    await handle.close().catch(() => undefined);
  }
}

function conflict({ fn, subdir }: PlannedArtifact, copies: readonly { path: string; file: StoredFile }[]): Problem {
  return {
    problem: 'E_RECORD_CONFLICT',
    subject: `${subdir}/${fn}`,
    reasons: [
      'the package caches have different bytes under this name, and nothing says which were installed',
      ...copies.map(({ path, file }) => `${path}: sha256 ${file.sha256}`),
    ],
  };
}
