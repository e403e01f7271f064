import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { channelFileUrl } from '../../conda/channel/channel.js';
import type { AcquiredArtifact, PlannedArtifact } from '../../conda/plan/plan.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';

/** An artifact of a mirror: its record is parsed out of the index each time it is asked for, for a channel may have half a million. */
export type MirrorArtifact = PlannedArtifact & { readonly record: PackageRecord; channel: Channel };

export function mirrorArtifact(options: {
  channel: Channel;
  subdir: Subdir;
  fn: string;
  index: RepodataIndex;
}): MirrorArtifact {
  const { channel, subdir, fn, index } = options;
  return {
    channel,
    subdir,
    fn,
    url: channelFileUrl(channel, subdir, fn),
    origin: 'repodata',
    get record() {
      return recordOf(index, fn);
    },
  };
}

/** The same artifact with the place of its bytes. */
export function withBytes(
  artifact: MirrorArtifact,
  bytes: Pick<AcquiredArtifact, 'storePath' | 'size' | 'sha256' | 'md5' | 'source'>,
): AcquiredArtifact {
  const { subdir, fn, channel, url, origin } = artifact;
  const { storePath, size, sha256, md5, source } = bytes;
  return {
    subdir,
    fn,
    channel,
    url,
    origin,
    storePath,
    size,
    sha256,
    md5,
    source,
    get record() {
      return artifact.record;
    },
  };
}

function recordOf(index: RepodataIndex, fn: string): PackageRecord {
  const record = index.record(fn);
  if (record === undefined) throw new TypeError(`an index lost its record of ${fn}`);
  return record;
}
