import { channelAt, type Channel, type Subdir } from '../../conda/channel/channel.js';
import { isRepackError } from '../../base/errors.js';
import type { ManifestFile } from '../../channel/manifest/manifest.js';
import { statedBytes } from '../../conda/record/stated-bytes.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { LiveFile, LiveFolder } from '../../channel/staged.js';
import type { ExpectedDigest } from '../../conda/plan/artifact-store.js';
import type { MirrorSource, PickedFile } from '../select/select.js';
import { mirrorArtifact, type MirrorArtifact } from './artifact.js';

export interface SyncTask {
  live: LiveFolder;
  /** The declared channels' indexes, highest priority first, of every subdir that is mirrored or lies in the mirror. */
  sources: readonly MirrorSource[];
  declared: readonly Channel[];
  /** What the filter picks. */
  picked: readonly Pick<PickedFile, 'channel' | 'subdir' | 'fn'>[];
  /** The mirror's own index of a subdir, for what no declared channel has any more. */
  liveIndex: (subdir: Subdir) => RepodataIndex | undefined;
}

/** What the mirror is to hold, and what of it lies there already. */
export interface SyncPlan {
  /** Lies in the mirror with the bytes its record states. */
  present: { artifact: MirrorArtifact; live: LiveFile }[];
  /** To be fetched: not there, or there with other bytes. */
  wanted: MirrorArtifact[];
  /** Paths in the mirror that the filter does not pick and that stay all the same (a changed filter removes nothing). */
  kept: KeptFile[];
  /** Paths in the mirror that their channel no longer publishes: they leave. */
  withdrawn: string[];
  /** Picked files whose records can't be used (bad-inputs B8, B9, B11). */
  refused: { path: string; problem: string }[];
}

export interface KeptFile {
  path: string;
  /** `filter`: still published, no longer picked. `channel`: its channel is no longer declared. */
  because: 'filter' | 'channel';
}

/**
 * Compares what the filter picks with what lies in the mirror. Pure, without a look at any artifact.
 *
 * What lies there and is not picked: as long as a declared channel publishes the same bytes, it stays, with that channel's record of
 * today; what came from a channel that is no longer declared stays with the record it has; what its channel has withdrawn, or replaced,
 * leaves. Only `clean` takes away what a narrower filter no longer matches.
 */
export function planSync({ live, sources, declared, picked, liveIndex }: SyncTask): SyncPlan {
  const plan: SyncPlan = { present: [], wanted: [], kept: [], withdrawn: [], refused: [] };
  const bySubdir = groupBySubdir(sources);
  const lying = (live.manifest?.files ?? []).filter(({ kind }) => kind === 'artifact');
  const paths = new Set(lying.map(({ path }) => path));
  /** Of what lies there only: the others are many in the first run. */
  const places = new Set<string>();

  for (const { channel, subdir, fn } of picked) {
    const source = bySubdir.get(subdir)?.find((each) => each.channel.url === channel.url);
    if (source === undefined) throw new TypeError(`picked from an index that was not read: ${channel.url}/${subdir}`);
    const path = `${subdir}/${fn}`;
    const expected = usable(source, fn);
    if ('problem' in expected) {
      plan.refused.push({ path, problem: expected.problem });
      continue;
    }
    if (paths.has(path)) places.add(path);
    const artifact = mirrorArtifact(source, fn);
    const there = live.files.get(path);
    if (there !== undefined && hasBytes(there, expected)) plan.present.push({ artifact, live: there });
    else plan.wanted.push(artifact);
  }

  for (const file of lying) {
    if (places.has(file.path)) continue;
    const there = live.files.get(file.path);
    if (there !== undefined) placeUnpicked(plan, { file, there, bySubdir, declared, liveIndex });
  }
  return plan;
}

interface Unpicked {
  file: ManifestFile;
  there: LiveFile;
  bySubdir: ReadonlyMap<Subdir, readonly MirrorSource[]>;
  declared: readonly Channel[];
  liveIndex: SyncTask['liveIndex'];
}

function placeUnpicked(plan: SyncPlan, { file, there, bySubdir, declared, liveIndex }: Unpicked): void {
  const { subdir, fn } = splitPath(file.path);
  const publisher = (bySubdir.get(subdir) ?? []).find((source) => publishes(source, fn, there));
  if (publisher !== undefined) {
    plan.kept.push({ path: file.path, because: 'filter' });
    plan.present.push({ artifact: mirrorArtifact(publisher, fn), live: there });
    return;
  }
  const stillDeclared = declared.some(({ url }) => url === file.channel);
  const index = stillDeclared ? undefined : liveIndex(subdir);
  if (index?.has(fn) !== true) {
    plan.withdrawn.push(file.path);
    return;
  }
  plan.kept.push({ path: file.path, because: 'channel' });
  plan.present.push({ artifact: mirrorArtifact({ channel: formerChannel(file), subdir, index }, fn), live: there });
}

/** One that is declared no more: its name in the manifest is all that is known of it, and nothing is asked of it. */
function formerChannel({ channel }: ManifestFile): Channel {
  const url = channel ?? 'unknown';
  return channelAt(url);
}

function publishes({ index, subdir }: MirrorSource, fn: string, there: LiveFile): boolean {
  if (!index.has(fn)) return false;
  const expected = usable({ index, subdir }, fn);
  return !('problem' in expected) && hasBytes(there, expected);
}

/** What its record states of a file, when the record may be used. */
function usable(
  { index, subdir }: Pick<MirrorSource, 'index' | 'subdir'>,
  fn: string,
): ExpectedDigest | { problem: string } {
  try {
    return statedBytes(index, fn, subdir) ?? { problem: 'it is not in the index' };
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return { problem: error.what };
  }
}

/** Every digest that is stated must be right, as when the file was taken in. */
function hasBytes(there: LiveFile, { sha256, md5, size }: ExpectedDigest): boolean {
  return (
    (sha256 ?? there.sha256) === there.sha256 && (md5 ?? there.md5) === there.md5 && (size ?? there.size) === there.size
  );
}

function groupBySubdir(sources: readonly MirrorSource[]): Map<Subdir, MirrorSource[]> {
  const groups = new Map<Subdir, MirrorSource[]>();
  for (const source of sources) groups.set(source.subdir, [...(groups.get(source.subdir) ?? []), source]);
  return groups;
}

function splitPath(path: string): { subdir: Subdir; fn: string } {
  const slash = path.indexOf('/');
  return { subdir: path.slice(0, slash), fn: path.slice(slash + 1) };
}
