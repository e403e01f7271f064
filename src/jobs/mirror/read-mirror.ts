import path from 'node:path';
import { sha256Of } from '../../codec/digests.js';
import type { Gateway } from '../../gateway/gateway.js';
import type { MirrorSource } from '../../mirror/select/select.js';
import { NOARCH } from '../../conda/channel/channel.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { inParallel } from '../../base/parallel.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import { unpackIndex } from '../../channel/index/forms.js';
import { INDEX_NAMES } from '../../channel/manifest/manifest.js';
import type { LiveFolder } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';

export interface ReadChannels {
  /** Of the platforms that are mirrored, noarch among them: what the filter looks at. */
  sources: MirrorSource[];
  /** Those, and of the subdirs that lie in the mirror and are no longer named. */
  all: MirrorSource[];
  /** Platforms that are mirrored, with noarch. */
  subdirs: Subdir[];
}

/**
 * Every index that matters, once each; a subdir that a channel does not have is no error. Channels in their order, highest priority
 * first.
 */
export async function readChannels(
  rt: Runtime,
  task: { gateway: Gateway; channels: readonly Channel[]; platforms: readonly Subdir[]; live: LiveFolder },
): Promise<ReadChannels> {
  const { gateway, channels, platforms, live } = task;
  const subdirs = [...new Set([...platforms, NOARCH])];
  const former = (live.manifest?.subdirs ?? []).filter((subdir) => !subdirs.includes(subdir));
  rt.events.emit({
    type: 'stage-started',
    stage: 'index',
    detail: `reading ${channels.length === 1 ? channels[0]!.url : `${channels.length} channels`} for ${subdirs.join(', ')}`,
  });
  const wanted = channels.flatMap((channel) => [...subdirs, ...former].map((subdir) => ({ channel, subdir })));
  const read = await inParallel(wanted, 4, async ({ channel, subdir }) => {
    rt.signal.throwIfAborted();
    const index = await gateway.repodata(channel, subdir);
    return index === undefined ? undefined : { channel, subdir, index };
  });
  const all = read.filter((each) => each !== undefined);
  return { all, sources: all.filter(({ subdir }) => subdirs.includes(subdir)), subdirs };
}

/**
 * The mirror's own indexes, for the records of what no declared channel has. Of the forms of an index the one that is as it was published
 * counts; a subdir where none is has no records here.
 */
export async function readLiveIndexes(
  rt: Pick<Runtime, 'fs'>,
  live: LiveFolder,
): Promise<(subdir: Subdir) => RepodataIndex | undefined> {
  const indexes = new Map<Subdir, RepodataIndex>();
  for (const subdir of live.manifest?.subdirs ?? []) {
    const json = await publishedIndex(rt, live, subdir);
    if (json !== undefined) indexes.set(subdir, scanRepodata(json, path.join(live.dir, subdir, 'repodata.json')));
  }
  return (subdir) => indexes.get(subdir);
}

async function publishedIndex(
  rt: Pick<Runtime, 'fs'>,
  live: LiveFolder,
  subdir: Subdir,
): Promise<Uint8Array | undefined> {
  for (const name of INDEX_NAMES) {
    const file = live.manifest?.files.find((each) => each.path === `${subdir}/${name}`);
    if (file === undefined || live.files.get(file.path)?.sha256 !== file.sha256) continue;
    const bytes = await rt.fs.readFile(path.join(live.dir, file.path));
    if (sha256Of(bytes) === file.sha256) return unpackIndex(name, bytes);
  }
  return undefined;
}
