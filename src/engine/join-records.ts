import { channelFileUrl, NOARCH } from '../conda/channel/channel.js';
import type { Channel, Subdir } from '../conda/channel/channel.js';
import { RepackError } from '../base/errors.js';
import { isSubdir, shown } from '../conda/channel/names.js';
import type { PlannedArtifact } from '../conda/plan/plan.js';
import type { PackageRecord, PrefixRecord } from '../conda/record/records.js';
import type { RepodataIndex } from '../conda/record/repodata-index.js';
import { pickedRecord } from '../conda/record/repodata-record.js';
import { publishedAt, tokenFreeUrl } from '../conda/channel/token-free-url.js';
import { parseUrl } from '../base/parse-url.js';

/** An artifact's place among the declared channels. */
export interface ChannelPlace {
  channel: Channel;
  subdir: Subdir;
  fn: string;
}

/**
 * Finds the declared channel that a PrefixRecord was installed from, by its `url`, else by its `channel`. `told` pairs each channel
 * with the URL the engine knows it by. Undefined where none of them is meant.
 */
export function placeOf(
  record: PrefixRecord,
  told: readonly { channel: Channel; url: string }[],
): ChannelPlace | undefined {
  const byUrl = publishedAt(record.url);
  if (byUrl !== undefined && byUrl.fn !== record.fn) return undefined;
  const channelUrl = byUrl?.channelUrl ?? withoutSubdir(record.channel);
  if (channelUrl === undefined) return undefined;
  const match = told.find((each) => (tokenFreeUrl(each.url)?.url ?? each.url) === channelUrl);
  const subdir = byUrl?.subdir ?? record.subdir;
  return match === undefined || subdir === undefined ? undefined : { channel: match.channel, subdir, fn: record.fn };
}

/** B11: an artifact lies in `noarch` or in the platform's own folder, wherever its record says it belongs. Throws E_RECORD. */
export function checkSubdir(record: PrefixRecord, subdir: string, platform: Subdir): Subdir {
  if (subdir === NOARCH || (subdir === platform && isSubdir(subdir))) return subdir;
  throw new RepackError('E_RECORD', {
    what: `${record.fn} claims to be of the subdir ${shown(subdir)}, where only ${platform} and noarch can be`,
    where: `record ${record.fn}`,
    hint: 'Nothing of this name is fetched or written. Make the environment anew, or report it to the owner of the channel.',
  });
}

/** What an environment or a lock says of an artifact. */
type StatedArtifact = Pick<PrefixRecord, 'fn' | 'sha256' | 'md5'>;

/** The channel's record for such an artifact, and whether it is about the same bytes. Throws E_RECORD, E_REPODATA. */
export function upstreamRecord(
  index: RepodataIndex | undefined,
  subdir: Subdir,
  record: StatedArtifact,
): { record: PackageRecord; same: boolean } | undefined {
  const published = index === undefined ? undefined : pickedRecord(index, record.fn, subdir);
  return published === undefined ? undefined : { record: published, same: sameDigest(record, published) };
}

/** sha256 where both have it, else md5; what states neither can't be told apart and counts as the same: the channel's decides. */
function sameDigest(installed: StatedArtifact, published: PackageRecord): boolean {
  if (installed.sha256 !== undefined && published.sha256 !== undefined)
    return installed.sha256 === published.sha256.toLowerCase();
  if (installed.md5 !== undefined && published.md5 !== undefined) return installed.md5 === published.md5.toLowerCase();
  return true;
}

/** An artifact with the record its channel publishes; its address follows the channel's `base_url` (CEP 15). */
export function fromChannel(
  place: ChannelPlace,
  index: RepodataIndex | undefined,
  record: PackageRecord,
): PlannedArtifact {
  return { ...place, url: artifactUrl(place, index?.baseUrl), record, origin: 'repodata' };
}

export function artifactUrl({ channel, subdir, fn }: ChannelPlace, baseUrl?: string): string {
  const plain = channelFileUrl(channel, subdir, fn);
  const base = baseUrl === undefined ? undefined : parseUrl(baseUrl, plain);
  return base === undefined ? plain : `${base.href.replace(/\/+$/, '')}/${fn}`;
}

/** What is known of an artifact's bytes without the channel. Throws E_RECORD where that is nothing (B9). */
export function expectedOf(record: PrefixRecord): {
  sha256?: string | undefined;
  md5?: string | undefined;
  size?: number | undefined;
} {
  const { sha256, md5, size } = record;
  if (sha256 !== undefined || md5 !== undefined) return { sha256, md5, size };
  throw new RepackError('E_RECORD', {
    what: `Nothing states a digest of ${record.fn}, so its bytes could not be checked`,
    where: `record ${record.fn}`,
    hint: 'Reinstall the package from a channel, or publish it in one that is declared.',
  });
}

/** B10: one file name, two artifacts. Throws E_RECORD_CONFLICT with both sources. */
export function refuseConflicts(artifacts: readonly PlannedArtifact[]): void {
  const seen = new Map<string, PlannedArtifact>();
  for (const artifact of artifacts) {
    const name = `${artifact.subdir}/${artifact.fn}`;
    const other = seen.get(name);
    seen.set(name, other ?? artifact);
    if (other === undefined || digestOf(other) === digestOf(artifact)) continue;
    throw new RepackError('E_RECORD_CONFLICT', {
      what: `Two different artifacts are both called ${name}`,
      where: name,
      hint: 'Have one of them rebuilt under another build number, or leave one of the channels out.',
      details: [other, artifact].map((each) => `${each.url ?? 'no channel'}: ${digestOf(each)}`),
    });
  }
}

export function bySubdirThenFn(a: PlannedArtifact, b: PlannedArtifact): number {
  const left = `${a.subdir}/${a.fn}`;
  const right = `${b.subdir}/${b.fn}`;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function digestOf({ record, expected }: PlannedArtifact): string {
  const known = record ?? expected ?? {};
  return (known.sha256 ?? known.md5 ?? 'no digest').toLowerCase();
}

/** `channel` of a record: with subdir (conda 4.3 to 26) or without (mamba); a name or `<unknown>` says nothing. */
function withoutSubdir(channel: string | undefined): string | undefined {
  const clean = channel === undefined ? undefined : tokenFreeUrl(channel)?.url;
  if (clean === undefined) return undefined;
  const last = clean.slice(clean.lastIndexOf('/') + 1);
  return isSubdir(last) ? clean.slice(0, -(last.length + 1)) : clean;
}
