import { canonicalJson } from '../../base/json.js';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import { sha256Of } from '../../codec/digests.js';
import { NOARCH } from '../../conda/channel/channel.js';
import type { Compression, DeltaBase, PartMember, SetKind } from './headers.js';

/**
 * Medium format 1: what lies on a USB stick, a DVD or an archive server between the vendor and a site without a line. Everything in
 * it depends on the channel's bytes and the options alone, never on time, host or tool version. The files of one set:
 *
 * - `NAME.tar` or `NAME.part001.tar`, `NAME.part002.tar`, … (`.tar.zst` when packed): each a complete tar. Its first member is
 *   `NAME.partNNN.json` ({@link PartHeader}; `NAME.part001.json` in a single one); in part 1 `<label>/manifest.json` follows, with
 *   `<label>/manifest.json.sig` where the folder is signed; then `<label>/<path>`. No file is split over parts;
 *   With `.zst` the tar is packed in independent frames of 4 MiB each (`codec/zstd-stream.ts`);
 * - `<part>.list`: the names of all its members in their order, as `tar tf` prints them; `<part>.md5`: `md5  file`;
 * - `NAME.manifest.json` (+ `.sig`): the manifest's bytes, loose;
 * - `NAME.set.json` ({@link SetFile});
 * - `SHA256SUMS` over all files of the folder, whatever set they are of.
 *
 * The same without the tar, as a mirror with `delta: true` leaves it, is a folder `NAME` with `delta.json` ({@link DeltaHeader}), the
 * target's `manifest.json` (+ `.sig`), and the added and changed files under their paths.
 */

export const DELTA_NAME = 'delta.json';
export const SIGNATURE_SUFFIX = '.sig';
export const LIST_SUFFIX = '.list';
export const MD5_SUFFIX = '.md5';
/** The most parts a set may have: their numbers have three digits. */
export const MAX_PARTS = 999;

/** What tells sets apart: everything that is known before a part is written. */
export interface SetContents {
  label: string;
  generation: number;
  kind: SetKind;
  manifest_sha256: string;
  base: DeltaBase;
  subdirs: readonly string[];
  compression: Compression;
  /** Members behind the part header, part by part. */
  parts: readonly (readonly PartMember[])[];
}

/** The id of a set: sha256 of the canonical JSON of its contents. */
export function setId(contents: SetContents): string {
  const { label, generation: moved, kind: what, manifest_sha256, base: from, subdirs, compression, parts } = contents;
  return sha256Of(
    canonicalJson({ label, generation: moved, kind: what, manifest_sha256, base: from, subdirs, compression, parts }),
  );
}

/** `acme-g7`, `acme-g6-to-g7`, with the platforms behind where the set is for some only: `acme-g7-linux-64`. */
export function setName(set: {
  label: string;
  generation: number;
  base: DeltaBase;
  /** Undefined: all of the label. `noarch` goes without saying. */
  only?: readonly string[] | undefined;
}): string {
  const steps = set.base === null ? `g${set.generation}` : `g${set.base.generation}-to-g${set.generation}`;
  const only = (set.only ?? []).filter((subdir) => subdir !== NOARCH);
  const suffix = set.only === undefined ? '' : `-${only.length === 0 ? NOARCH : [...only].sort().join('+')}`;
  return `${set.label}-${steps}${suffix}`;
}

/** `NAME.tar`, or `NAME.part002.tar` where there are several; with `.zst` when packed. */
export function partFileName(name: string, part: { number: number; of: number; compression: Compression }): string {
  const tar = part.compression === 'zstd' ? 'tar.zst' : 'tar';
  return part.of === 1 ? `${name}.${tar}` : `${name}.part${threeDigits(part.number)}.${tar}`;
}

/** Name of the part header's member, also where there is one part only. */
export function partHeaderName(name: string, number: number): string {
  return `${name}.part${threeDigits(number)}.json`;
}

export function setFileName(name: string): string {
  return `${name}.set.json`;
}

export function looseManifestName(name: string): string {
  return `${name}.${MANIFEST_NAME}`;
}

/** Canonical, indented, with a line feed at the end: the bytes of part headers, set files and manifests. */
export function mediumJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${canonicalJson(value, 2)}\n`);
}

function threeDigits(number: number): string {
  return String(number).padStart(3, '0');
}
