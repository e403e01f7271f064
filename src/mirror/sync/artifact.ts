import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { channelFileUrl } from '../../conda/channel/channel.js';
import type { AcquiredArtifact, PlannedArtifact } from '../../conda/plan/plan.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { ExpectedDigest } from '../../conda/plan/artifact-store.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { Dependent } from '../../conda/record/open-dependencies.js';
import { isLossy, keptDependent, statedBytes } from '../../conda/record/stated-bytes.js';
import type { MirrorSource } from '../select/gather.js';

/** Where an artifact of a mirror is published. */
type Place = Pick<MirrorSource, 'channel' | 'subdir' | 'index'>;

/** An artifact of a mirror: its record is parsed out of the index each time it is asked for, for a channel may have half a million. */
export type MirrorArtifact = PlannedArtifact & {
  readonly record: PackageRecord;
  channel: Channel;
  /** What its record states of its bytes. Throws E_RECORD, E_REPODATA. */
  readonly stated: ExpectedDigest;
  /** Its record can't be written as it is. */
  readonly lossy: boolean;
  /** What others ask of its record, where that was parsed when it was picked. */
  readonly dependent: Dependent | undefined;
};

/** A class, and all of them of one source share its place: half a million take 20 MB so. */
class IndexedArtifact implements MirrorArtifact {
  readonly #place: Place;
  readonly fn: string;

  constructor(place: Place, fn: string) {
    this.#place = place;
    this.fn = fn;
  }

  get channel(): Channel {
    return this.#place.channel;
  }

  get subdir(): Subdir {
    return this.#place.subdir;
  }

  get origin(): 'repodata' {
    return 'repodata';
  }

  get url(): string {
    return channelFileUrl(this.channel, this.subdir, this.fn);
  }

  get record(): PackageRecord {
    return recordOf(this.#place.index, this.fn);
  }

  get stated(): ExpectedDigest {
    const stated = statedBytes(this.#place.index, this.fn, this.subdir);
    if (stated === undefined) throw lost(this.fn);
    return stated;
  }

  get lossy(): boolean {
    return isLossy(this.#place.index, this.fn);
  }

  get dependent(): Dependent | undefined {
    return keptDependent(this.#place.index, this.fn, this.subdir);
  }
}

export function mirrorArtifact(place: Place, fn: string): MirrorArtifact {
  return new IndexedArtifact(place, fn);
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
  if (record === undefined) throw lost(fn);
  return record;
}

function lost(fn: string): TypeError {
  return new TypeError(`an index lost its record of ${fn}`);
}
