import { prepareZstd } from '../../codec/zstd.js';
import type { Channel } from '../../conda/channel/channel.js';
import { compareChannels } from '../../channel/compare-channels.js';
import type { ComparedFile } from '../../channel/compare-channels.js';
import type { Finding } from '../../base/findings.js';
import type { Manifest } from '../../channel/manifest/manifest.js';
import { formatOf } from '../../conda/channel/names.js';
import type { ChannelChanges } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { newestOf } from './newest.js';
import { openSide } from './open-side.js';
import type { Side } from './open-side.js';
import { readUpstream } from './read-upstream.js';
import { rootBytesToTravel } from './root-files.js';
import type { DiffRequest, SideContent, SideFileEntry } from './side-content.js';

export interface DiffSide {
  /** As typed; a channel by its identity URL. */
  given: string;
  kind: 'folder' | 'manifest' | 'receipt' | 'set' | 'generation' | 'channel';
  label: string | null;
  generation: number | null;
  artifacts: number;
}

export interface DiffReport {
  a: DiffSide;
  b: DiffSide;
  equal: boolean;
  /** From A to B. */
  changes: ChannelChanges;
  /** Files that are no packages: indexes, side files. Not compared with an upstream channel. */
  files: { added: string[]; removed: string[]; changed: string[] } | null;
  /** What was asked for, where both sides have a manifest. */
  asked: { what: 'specs' | 'channels' | 'subdirs' | 'profiles'; added: string[]; removed: string[] }[];
  findings: Finding[];
}

/**
 * `repackenv diff A B`: what changes from A to B. Reads only. Throws E_USAGE (no such thing), E_NOT_A_CHANNEL, E_MEDIUM, E_CHANNEL, and
 * what the gateway throws.
 */
export async function diff(rt: Runtime, request: DiffRequest): Promise<DiffReport> {
  await prepareZstd();
  const [a, b] = [await openSide(rt, request, request.a), await openSide(rt, request, request.b)];
  const findings: Finding[] = [];
  const readA = await contentOf(rt, request, { side: a, other: b, findings });
  const readB = await contentOf(rt, request, { side: b, other: a, findings });
  const whole = a.kind !== 'channel' && b.kind !== 'channel' && !request.newest;
  const picked = request.newest
    ? newestOf({ side: a, files: readA.files }, { side: b, files: readB.files })
    : { a: readA.files, b: readB.files };
  const { before, after } = comparable(picked.a, picked.b);
  const changes = compareChannels(before, after);
  if (whole) changes.bytesToTravel += rootBytesToTravel(readA, readB, hasRoot(a) && hasRoot(b));
  else changes.bytesToTravel = changes.bytesOfPackages;
  const files = whole ? otherFiles(readA.files, readB.files) : null;
  const asked = askedDifferently(readA.manifest, readB.manifest);
  const packages = [changes.added, changes.removed, changes.upgraded, changes.downgraded, changes.rerecorded];
  const others = files === null ? [] : [files.added, files.removed, files.changed];
  return {
    a: sideOf(a, readA),
    b: sideOf(b, readB),
    equal: [...packages, ...others, asked].every((list) => list.length === 0),
    changes,
    files,
    asked,
    findings,
  };
}

async function contentOf(
  rt: Runtime,
  request: DiffRequest,
  { side, other, findings }: { side: Side; other: Side; findings: Finding[] },
): Promise<SideContent> {
  if (side.kind !== 'channel') return side.read();
  const theirs = other.kind === 'channel' ? [] : (await other.read()).files.map(({ path }) => path.split('/')[0]!);
  const wanted = request.subdirs.length > 0 ? request.subdirs : theirs.length > 0 ? theirs : [rt.machine.subdir];
  return readUpstream(rt, request, { channels: side.channels, subdirs: wanted, findings });
}

/** Artifacts as `compareChannels` takes them: equal bytes under one sha256, whichever digest a side has; records where both have one. */
function comparable(
  a: readonly SideFileEntry[],
  b: readonly SideFileEntry[],
): { before: ComparedFile[]; after: ComparedFile[] } {
  const [ours, theirs] = [byPath(a), byPath(b)];
  const as = (list: readonly SideFileEntry[], others: ReadonlyMap<string, SideFileEntry>, first: boolean) =>
    list.map((file): ComparedFile => {
      const other = others.get(file.path);
      const { path, size } = file;
      if (other === undefined) return { path, size, sha256: file.sha256 ?? `md5:${file.md5}` };
      const sha256 = sameBytes(file, other) ? 'equal' : first ? 'before' : 'after';
      const bothRecorded = file.record !== undefined && other.record !== undefined;
      return { path, size, sha256, record: bothRecorded ? file.record!() : undefined };
    });
  return { before: as(a, theirs, true), after: as(b, ours, false) };
}

function sameBytes(a: SideFileEntry, b: SideFileEntry): boolean {
  if (a.sha256 !== undefined && b.sha256 !== undefined) return a.sha256 === b.sha256;
  return a.md5 !== undefined && a.md5 === b.md5;
}

function otherFiles(a: readonly SideFileEntry[], b: readonly SideFileEntry[]): NonNullable<DiffReport['files']> {
  const [ours, theirs] = [byPath(a), byPath(b)];
  const others = (list: readonly SideFileEntry[]) => list.filter(({ path }) => formatOf(path) === undefined);
  return {
    added: others(b).flatMap(({ path }) => (ours.has(path) ? [] : [path])),
    removed: others(a).flatMap(({ path }) => (theirs.has(path) ? [] : [path])),
    changed: others(b).flatMap((file) => {
      const was = ours.get(file.path);
      return was === undefined || sameBytes(was, file) ? [] : [file.path];
    }),
  };
}

function askedDifferently(a: Manifest | undefined, b: Manifest | undefined): DiffReport['asked'] {
  if (a === undefined || b === undefined) return [];
  const texts = (manifest: Manifest) => ({
    specs: manifest.specs,
    channels: manifest.channels,
    subdirs: manifest.subdirs,
    profiles: manifest.profiles.map(
      ({ subdir, virtual_packages: virtual, client }) =>
        `${subdir}: ${[...virtual.map(({ name, version, build }) => `${name}=${version}=${build}`), client ?? 'any client'].join(' ')}`,
    ),
  });
  const [before, after] = [texts(a), texts(b)];
  return (['specs', 'channels', 'subdirs', 'profiles'] as const).flatMap((what) => {
    const added = after[what].filter((text) => !before[what].includes(text));
    const removed = before[what].filter((text) => !after[what].includes(text));
    return added.length + removed.length === 0 ? [] : [{ what, added, removed }];
  });
}

function sideOf(side: Side, { files, manifest }: SideContent): DiffSide {
  return {
    given: side.kind === 'channel' ? side.channels.map(({ url }: Channel) => url).join(' ') : side.given,
    kind: side.kind,
    label: manifest?.label ?? null,
    generation: manifest?.generation ?? null,
    artifacts: files.filter(({ path }) => formatOf(path) !== undefined).length,
  };
}

/** A folder, or what was kept of one: whether it is signed is known. */
function hasRoot({ kind }: Side): boolean {
  return kind === 'folder' || kind === 'generation';
}

function byPath(files: readonly SideFileEntry[]): Map<string, SideFileEntry> {
  return new Map(files.map((file) => [file.path, file]));
}
