import type { Finding } from '../../base/findings.js';
import { NOARCH } from '../../conda/channel/channel.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { isRepackError } from '../../base/errors.js';
import { parseMatchSpec } from '../../conda/spec/match-spec.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import type { PlannedArtifact, SolvedSubdir } from '../../conda/plan/plan.js';
import type { RepodataIndex, RepodataSource } from '../../conda/record/repodata-index.js';
import type { Runtime } from '../../runtime/runtime.js';
import { recordFromCaches } from '../cache-records.js';
import {
  artifactUrl,
  bySubdirThenFn,
  checkSubdir,
  fromChannel,
  refuseConflicts,
  upstreamRecord,
} from '../join-records.js';
import type { InstalledRecord } from '../prefix-records.js';
import type { NotRepackable } from './pip-installed.js';
import type { InstalledEnvironment } from './read-environment.js';
import { channelPlaceOf } from './record-place.js';

export interface CaptureOptions {
  environment: InstalledEnvironment;
  /** As published; undefined: no channel can be asked, so records come from the caches and the artifacts. */
  source: RepodataSource | undefined;
}

export interface CapturedEnvironment extends SolvedSubdir {
  /** Each installed package, exactly: what the captured folder must be able to install. */
  specs: MatchSpec[];
  /** What pip put there (`exit: true`) and channels that could not be asked. `unpublished` comes from acquire, which reads those artifacts. */
  findings: Finding[];
}

/**
 * Turns an environment into exact artifacts (`capture`). Each record is joined with its channel's by subdir, file name and
 * digest. Where the channel can't be asked, the cache's record counts, else the artifact's own. What was installed from a local file,
 * or is no longer in its channel, has neither channel nor record: its bytes come from the package caches.
 *
 * Throws E_RECORD (an unknown subdir), E_RECORD_CONFLICT, E_TOKEN_REFUSED.
 */
export async function captureEnvironment(
  rt: Pick<Runtime, 'fs'>,
  options: CaptureOptions,
): Promise<CapturedEnvironment> {
  const { environment } = options;
  const upstream = askedOnce(options.source, environment.subdir);
  const artifacts: PlannedArtifact[] = [];
  for (const record of environment.records) artifacts.push(await captured(rt, record, { environment, upstream }));
  refuseConflicts(artifacts);
  return {
    subdir: environment.subdir,
    engine: { kind: 'capture', version: environment.condaVersion ?? 'unknown' },
    priority: 'flexible',
    artifacts: artifacts.sort(bySubdirThenFn),
    specs: environment.records.map(({ name, version, build }) => parseMatchSpec(`${name}=${version}=${build}`)),
    findings: [...environment.notRepackable.map(notRepackableFinding), ...upstream.findings],
  };
}

interface Upstream {
  /** `unreachable`: the channel can't be asked, or not without a token. */
  index(channel: Channel, subdir: Subdir): Promise<RepodataIndex | 'absent' | 'unreachable'>;
  findings: Finding[];
}

async function captured(
  rt: Pick<Runtime, 'fs'>,
  record: InstalledRecord,
  { environment, upstream }: { environment: InstalledEnvironment; upstream: Upstream },
): Promise<PlannedArtifact> {
  const place = channelPlaceOf(record);
  const channel = environment.channels.find((each) => each.url === place?.channelUrl);
  const { fn } = record;
  if (place === undefined || channel === undefined) return unpublished(record, ownSubdir(record, environment.subdir));
  const subdir = checkSubdir(record, place.subdir, environment.subdir);
  const index = await upstream.index(channel, subdir);
  if (index === 'unreachable') {
    const expected = statedDigests(record);
    const cached = await recordFromCaches(rt.fs, environment.packageCaches, record);
    const found = { fn, subdir, channel, url: artifactUrl({ channel, subdir, fn }), expected };
    return cached === undefined
      ? { ...found, record: undefined, origin: 'artifact' }
      : { ...found, record: cached, origin: 'cache-record' };
  }
  const published = index === 'absent' ? undefined : upstreamRecord(index, subdir, record);
  // Another artifact under the same name is not the one that is installed.
  if (index === 'absent' || published?.same !== true) return unpublished(record, subdir);
  return fromChannel({ channel, subdir, fn }, index, published.record);
}

function unpublished(record: InstalledRecord, subdir: Subdir): PlannedArtifact {
  return {
    fn: record.fn,
    subdir,
    channel: undefined,
    url: undefined,
    record: undefined,
    origin: 'artifact',
    expected: statedDigests(record),
  };
}

/** What conda-meta says of the bytes; a package that was installed from a file may have nothing, then the caches must agree. */
function statedDigests({ sha256, md5, size }: InstalledRecord): PlannedArtifact['expected'] {
  return sha256 === undefined && md5 === undefined ? undefined : { sha256, md5, size };
}

/** Local files have no subdir in a channel; their records say for which platform they were built. */
function ownSubdir(record: InstalledRecord, platform: Subdir): Subdir {
  const noarch = typeof record.noarch === 'string' || record.noarch === true;
  return checkSubdir(record, record.subdir ?? (noarch ? NOARCH : platform), platform);
}

/** One question and, where it fails, one finding a channel. */
function askedOnce(source: RepodataSource | undefined, platform: Subdir): Upstream {
  const unreachable = new Set<string>();
  const findings: Finding[] = [];
  const giveUp = (channel: Channel, why: string): void => {
    if (unreachable.has(channel.url)) return;
    unreachable.add(channel.url);
    findings.push({
      code: 'channel-unreachable',
      message: `${channel.name} was not asked (${why}): its packages are delivered with the records of the package caches, or their own`,
      subject: channel.url,
      exit: false,
    });
  };
  return {
    findings,
    async index(channel, subdir) {
      if (source === undefined || unreachable.has(channel.url)) {
        giveUp(channel, 'no channel can be asked');
        return 'unreachable';
      }
      try {
        const index = await source.repodata(channel, subdir);
        if (index !== undefined) return index;
        // A channel that has neither subdir is not there, or not for who asks without a token.
        const other = await source.repodata(channel, subdir === NOARCH ? platform : NOARCH);
        if (other !== undefined) return 'absent';
        giveUp(channel, 'it has no index');
        return 'unreachable';
      } catch (error) {
        if (!isRepackError(error) || !UNREACHABLE.has(error.code)) throw error;
        giveUp(channel, error.what);
        return 'unreachable';
      }
    },
  };
}

/** A refused token is not among them: who gave one wants the channel asked. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'E_UPSTREAM',
  'E_UPSTREAM_NOT_FOUND',
  'E_TLS',
  'E_REDIRECT',
  'E_REPODATA',
  'E_CHANNEL_HTTP',
]);

function notRepackableFinding(item: NotRepackable): Finding {
  const name = item.version === undefined ? item.name : `${item.name} ${item.version}`;
  const texts = {
    pip: ['pip-installed', `${name} was installed by pip, not by conda: it is not in the folder`],
    editable: ['editable-install', `${name} is linked to a working copy: it is not in the folder`],
    odd: ['record-odd', `${name} is not in the folder: ${item.problem ?? ''}`],
    virtual: ['virtual-package', `${name} is a virtual package: it has no artifact`],
  } as const;
  const [code, message] = texts[item.kind];
  return { code, message, subject: item.path ?? item.name, exit: true };
}
