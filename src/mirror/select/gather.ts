import type { Channel, Subdir } from '../../conda/channel/channel.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { Exclusion } from './rules.js';

/** One index of one channel. */
export interface MirrorSource {
  readonly channel: Channel;
  readonly subdir: Subdir;
  readonly index: RepodataIndex;
}

/** A file that belongs in the mirror. Its record is in the index of its channel: `index.record(fn)`. */
export interface PickedFile {
  readonly channel: Channel;
  readonly subdir: Subdir;
  readonly fn: string;
  readonly name: string;
}

/** A file that a channel declared earlier has too, with other bytes. */
export interface ShadowedFile {
  readonly subdir: Subdir;
  readonly fn: string;
  /** Whose file is taken. */
  readonly channel: Channel;
  /** Whose file is not. */
  readonly shadowed: Channel;
}

/** What happened to one file, for `explainName`. */
export type FileFate =
  | {
      readonly kind: 'picked';
      readonly by: 'whitelist' | 'include' | 'all';
      readonly entry: string;
      readonly line: number | undefined;
    }
  | { readonly kind: 'excluded'; readonly exclusion: Exclusion }
  | { readonly kind: 'shadowed'; readonly by: Channel; readonly same: boolean }
  | { readonly kind: 'refused'; readonly problem: string }
  | { readonly kind: 'dependency'; readonly of: string; readonly depends: string }
  | { readonly kind: 'solved'; readonly of: string };

/** Told what happens to each file of one package, more than once where a later rule changes it. */
export interface Watch {
  /** Lower case. */
  readonly name: string;
  readonly tell: (source: MirrorSource, fn: string, fate: FileFate) => void;
}

/** True where somebody wants to be told about this package. */
export function isWatched(watch: Watch | undefined, name: string): watch is Watch {
  return watch !== undefined && watch.name === name.toLowerCase();
}

/** The files picked so far; knows what is shadowed. */
export interface Gatherer {
  /** False where a channel declared earlier has this file, or it is there already. */
  add(source: MirrorSource, fn: string, record: PackageRecord): boolean;
  files(): readonly PickedFile[];
  shadowed(): readonly ShadowedFile[];
  sourceOf(file: PickedFile): MirrorSource;
  /** Drops the files (by their place in `files`) that are not wanted; returns how many. */
  keep(wanted: (at: number) => boolean, dropped: (file: PickedFile, source: MirrorSource) => void): number;
}

/** Nothing picked yet. */
export function gatherer(sources: readonly MirrorSource[], watch: Watch | undefined): Gatherer {
  let files: PickedFile[] = [];
  const shadowed: ShadowedFile[] = [];
  const bySubdir = new Map<Subdir, Map<string, PickedFile>>(sources.map(({ subdir }) => [subdir, new Map()]));
  const sourceOf = new Map(sources.map((source) => [`${source.subdir}\0${source.channel.url}`, source]));
  // One text for each name: a record's own copy would keep the bytes it was parsed from alive.
  const names = new Map<string, string>();

  return {
    files: () => files,
    shadowed: () => shadowed,
    sourceOf: (file) => sourceOf.get(`${file.subdir}\0${file.channel.url}`)!,
    add(source, fn, record) {
      const { channel, subdir } = source;
      const known = bySubdir.get(subdir)!;
      const first = known.get(fn);
      if (first !== undefined) {
        if (first.channel === channel) return false;
        const same = sameBytes(sourceOf.get(`${subdir}\0${first.channel.url}`)!.index.record(fn)!, record);
        if (!same) shadowed.push({ subdir, fn, channel: first.channel, shadowed: channel });
        if (isWatched(watch, record.name)) watch.tell(source, fn, { kind: 'shadowed', by: first.channel, same });
        return false;
      }
      let name = names.get(record.name);
      if (name === undefined) names.set((name = record.name), name);
      const file = { channel, subdir, fn, name };
      known.set(fn, file);
      files.push(file);
      return true;
    },
    keep(wanted, dropped) {
      const before = files.length;
      files = files.filter((file, at) => {
        if (wanted(at)) return true;
        dropped(file, sourceOf.get(`${file.subdir}\0${file.channel.url}`)!);
        bySubdir.get(file.subdir)!.delete(file.fn);
        return false;
      });
      return before - files.length;
    },
  };
}

function sameBytes(file: PackageRecord, record: PackageRecord): boolean {
  if (file.sha256 !== undefined && record.sha256 !== undefined) return file.sha256 === record.sha256;
  return file.md5 !== undefined && file.md5 === record.md5;
}
