import { RepackError } from '../base/errors.js';
import type { Channel, Subdir } from '../conda/channel/channel.js';
import { pathOf } from '../conda/channel/names.js';
import type { PlannedArtifact } from '../conda/plan/plan.js';
import type { RepodataSource } from '../conda/record/repodata-index.js';
import type { LockedPackage, LockFile } from '../config/lock-file/lock-file.js';
import { artifactUrl, bySubdirThenFn, fromChannel, refuseConflicts, upstreamRecord } from './join-records.js';

export interface LockTask {
  lock: LockFile;
  platform: Subdir;
  channels: readonly Channel[];
  /** As published. */
  source: RepodataSource;
}

/**
 * The artifacts that a lock names for one platform, each with the record of the declared channel that it comes from (design D20). What
 * the channel's index has no more is taken by URL, where the lock has its digest. A channel that is declared under another
 * address counts by its name, where it has the very bytes.
 *
 * @throws RepackError E_SOURCE_NOT_ALLOWED, E_ARTIFACT_CHANGED, E_ARTIFACT_MISSING, E_RECORD_CONFLICT
 */
export async function joinLock({ lock, platform, channels, source }: LockTask): Promise<PlannedArtifact[]> {
  const artifacts: PlannedArtifact[] = [];
  const undeclared = new Set<string>();
  const missing: string[] = [];
  const changed: string[] = [];
  for (const locked of lock.packages.get(platform) ?? []) {
    const declared = channelsFor(locked, channels);
    if (declared.length === 0) undeclared.add(locked.channelUrl);
    const found = await lookFor(locked, declared, source);
    if (found === 'other-bytes') changed.push(`${pathOf(locked)} (${locked.where})`);
    else if (found !== undefined) artifacts.push(found);
    else if (declared.length > 0) missing.push(`${pathOf(locked)} in ${declared[0]?.url} (${locked.where})`);
  }
  if (undeclared.size > 0) {
    throw new RepackError('E_SOURCE_NOT_ALLOWED', {
      what: `The lock takes packages from ${undeclared.size === 1 ? 'a channel that is' : `${undeclared.size} channels that are`} not declared`,
      where: lock.file,
      hint: 'Declare what is meant with --channel, --owner or --base-url; the URLs of the lock are matched with the declared channels.',
      details: [
        ...[...undeclared].map((url) => `in the lock: ${url}`),
        ...channels.map(({ url }) => `declared: ${url}`),
      ],
    });
  }
  refuse(lock, 'E_ARTIFACT_CHANGED', changed, {
    what: 'have other bytes in their channel than the lock says',
    hint: 'Somebody replaced them after the lock was made. Find out why, then have the lock made anew.',
  });
  refuse(lock, 'E_ARTIFACT_MISSING', missing, {
    what: 'are in no index of their channel any more, and the lock has no digest by which they could be checked',
    hint: 'Have the lock made anew, with digests.',
  });
  refuseConflicts(artifacts);
  return artifacts.sort(bySubdirThenFn);
}

/** The one of that URL; else those whose name it ends with: a mirror of it. */
function channelsFor({ channelUrl }: LockedPackage, channels: readonly Channel[]): Channel[] {
  const same = channels.filter(({ url }) => url === channelUrl);
  return same.length > 0 ? same : channels.filter(({ name }) => channelUrl.endsWith(`/${name}`));
}

async function lookFor(
  locked: LockedPackage,
  channels: readonly Channel[],
  source: RepodataSource,
): Promise<PlannedArtifact | 'other-bytes' | undefined> {
  const { fn, subdir, sha256, md5 } = locked;
  let other = false;
  for (const channel of channels) {
    const index = await source.repodata(channel, subdir);
    const published = upstreamRecord(index, subdir, locked);
    if (published === undefined) continue;
    const isMeant = channel.url === locked.channelUrl || sha256 !== undefined || md5 !== undefined;
    if (published.same && isMeant) return fromChannel({ channel, subdir, fn }, index, published.record);
    other ||= !published.same;
  }
  if (other) return 'other-bytes';
  const [channel] = channels;
  if (channel === undefined || (sha256 === undefined && md5 === undefined)) return undefined;
  const url = artifactUrl({ channel, subdir, fn }, (await source.repodata(channel, subdir))?.baseUrl);
  return {
    fn,
    subdir,
    channel,
    url,
    record: undefined,
    origin: 'artifact',
    expected: { sha256, md5, size: undefined },
  };
}

function refuse(
  lock: LockFile,
  code: 'E_ARTIFACT_CHANGED' | 'E_ARTIFACT_MISSING',
  lines: readonly string[],
  { what, hint }: { what: string; hint: string },
): void {
  if (lines.length === 0) return;
  const subject = lines.length === 1 ? 'A package of the lock' : `${lines.length} packages of the lock`;
  const told = lines.length === 1 ? what.replace(/^have/, 'has').replace(/^are/, 'is') : what;
  throw new RepackError(code, { what: `${subject} ${told}`, where: lock.file, hint, details: lines });
}
