import { z } from 'zod';
import { sha256Of } from '../../codec/digests.js';
import { RepackError } from '../../base/errors.js';
import { canonicalJson } from '../../base/json.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { MANIFEST_NAME, type Manifest } from '../../channel/manifest/manifest.js';
import { safeSegment, shown } from '../../conda/channel/names.js';
import { parseManifest } from '../../channel/manifest/read-manifest.js';

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

const schema = z.literal(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const md5 = z.string().regex(/^[0-9a-f]{32}$/);
const size = z.number().int().nonnegative();
const generation = z.number().int().positive();
/** Relative, with `/`, every segment one that we would write ourselves (design D11). */
const path = z.string().max(1024).refine(isSafePath, 'is not a safe path');
const segment = z.string().refine(isSafeSegment, 'is not a safe name');
const base = z.object({ generation, manifest_sha256: sha256 }).nullable();
const kind = z.enum(['full', 'delta']);

/** From which manifest to which. */
const ends = { label: segment, generation, manifest_sha256: sha256, base };
/** And what the way is. */
const header = { ...ends, added: z.array(path), changed: z.array(path), removed: z.array(path) };

const partHeaderSchema = z.strictObject({
  schema,
  format: z.literal('repackenv-part'),
  set: sha256,
  name: segment,
  ...ends,
  kind,
  number: z.number().int().positive(),
  of: z.number().int().positive(),
  members: z.array(z.strictObject({ path, size, sha256 })),
});

export const SET_FORMAT = 'repackenv-set';

const setFileSchema = z.strictObject({
  schema,
  format: z.literal(SET_FORMAT),
  ...header,
  set: sha256,
  name: segment,
  kind,
  manifest_size: size,
  subdirs: z.array(segment),
  compression: z.enum(['none', 'zstd']),
  part_size: z.number().int().positive().nullable(),
  parts: z.array(z.strictObject({ file: segment, number: z.number().int().positive(), size, sha256, md5 })).min(1),
});

export const DELTA_NAME = 'delta.json';
export const DELTA_FORMAT = 'repackenv-delta';

const deltaSchema = z.strictObject({ schema, format: z.literal(DELTA_FORMAT), ...header });

export const SITE_RECEIPT_FORMAT = 'repackenv-site-receipt';

const siteReceiptSchema = z.object({
  schema,
  format: z.literal(SITE_RECEIPT_FORMAT),
  label: segment,
  generation,
  manifest_sha256: sha256,
  manifest: z.record(z.string(), z.unknown()),
  set: sha256.nullable(),
  /** ISO 8601, UTC. */
  imported_at: z.string(),
  host: z.string(),
  verified: z.object({ signature: z.string() }),
});

/**
 * What a set or a delta folder leads to, and how: `added`, `changed`, `removed` are paths in the folder as the manifest has them (without
 * `<label>/`), sorted; a full set has every path in `added`.
 */
export type DeltaHeader = z.infer<typeof deltaSchema>;
export type SetKind = z.infer<typeof kind>;
export type Compression = SetFile['compression'];
/** The generation that a delta applies to; the digest is of that manifest.json's bytes. Null for a full set. */
export type DeltaBase = z.infer<typeof base>;
/** A file in a part. `path` is the tar member's name, `<label>/<path in the folder>`. Size in bytes. */
export type PartMember = PartHeader['members'][number];
/** First member of each part. `members` are those behind it, in their order. */
export type PartHeader = z.infer<typeof partHeaderSchema>;
/** `NAME.set.json`, the same on every medium of the set. `part_size` is the limit that was asked for, bytes. */
export type SetFile = z.infer<typeof setFileSchema>;
export type SetPart = SetFile['parts'][number];
/** What a site sends back: `manifest` is the whole one it has now, digest and all (`manifest_sha256`). */
export interface SiteReceipt extends Omit<z.infer<typeof siteReceiptSchema>, 'manifest'> {
  manifest: Manifest;
}

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

export const SIGNATURE_SUFFIX = '.sig';
export const LIST_SUFFIX = '.list';
export const MD5_SUFFIX = '.md5';
/** The most parts a set may have: their numbers have three digits. */
export const MAX_PARTS = 999;

/** Canonical, indented, with a line feed at the end: the bytes of part headers, set files and manifests. */
export function mediumJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${canonicalJson(value, 2)}\n`);
}

/** @throws RepackError E_MEDIUM: not a part header of format 1. `where` names file and medium in the message. */
export function parsePartHeader(bytes: Uint8Array, where: string): PartHeader {
  const header = parsed(bytes, { schema: partHeaderSchema, format: 'repackenv-part', where, what: 'part header' });
  if (header.number > header.of) {
    throw notReadable(where, 'part header', `it is number ${header.number} of ${header.of}`);
  }
  return header;
}

/** @throws RepackError E_MEDIUM: not a set file of format 1, or parts that are not numbered 1, 2, …. */
export function parseSetFile(bytes: Uint8Array, where: string): SetFile {
  const set = parsed(bytes, { schema: setFileSchema, format: SET_FORMAT, where, what: 'set file' });
  const astray = set.parts.find((part, index) => part.number !== index + 1);
  if (astray !== undefined) throw notReadable(where, 'set file', `part ${astray.number} is out of order`);
  if ((set.kind === 'delta') !== (set.base !== null)) {
    throw notReadable(where, 'set file', 'a delta has a base, a full set has none');
  }
  return set;
}

/** @throws RepackError E_MEDIUM: not a `delta.json` of format 1. */
export function parseDeltaHeader(bytes: Uint8Array, where: string): DeltaHeader {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw deltaRefused(where, `${DELTA_NAME} is not JSON`, error);
  }
  const result = deltaSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw deltaRefused(where, `${DELTA_NAME} is not whole (${issue?.path.join('.')}: ${issue?.message})`);
}

export function deltaRefused(where: string, problem: string, cause?: unknown): RepackError {
  return new RepackError('E_MEDIUM', {
    what: `The delta folder can't be used: ${problem}`,
    where,
    hint: 'Nothing was changed. Copy the folder from its source again, whole.',
    cause,
  });
}

/**
 * A site's receipt, its manifest held against the digest in it.
 *
 * @throws RepackError E_MEDIUM: not a receipt of format 1, or edited.
 */
export function parseSiteReceipt(bytes: Uint8Array, where: string): SiteReceipt {
  const what = 'site receipt';
  const receipt = parsed(bytes, { schema: siteReceiptSchema, format: SITE_RECEIPT_FORMAT, where, what });
  const text = `${canonicalJson(receipt.manifest, 2)}\n`;
  if (sha256Of(text) !== receipt.manifest_sha256) {
    throw notReadable(where, what, 'the manifest in it is not the one whose digest it states');
  }
  const manifest = parseManifest(Buffer.from(text));
  if (manifest.kind !== 'sound') throw notReadable(where, what, `the manifest in it is ${manifest.kind}`);
  return { ...receipt, manifest: manifest.manifest };
}

function parsed<S extends z.ZodType>(
  bytes: Uint8Array,
  { schema: shape, format, where, what }: { schema: S; format: string; where: string; what: string },
): z.infer<S> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const reason =
      bytes.length === 0 ? 'it is empty' : bytes.every((byte) => byte === 0) ? 'only NUL' : 'it is not JSON';
    throw notReadable(where, what, reason, error);
  }
  const stated = (typeof value === 'object' && value !== null ? value : {}) as { schema?: unknown; format?: unknown };
  if (stated.format === format && typeof stated.schema === 'number' && stated.schema > 1) {
    throw new RepackError('E_MEDIUM', {
      what: `The ${what} is of format ${stated.schema}; this version reads format 1`,
      where,
      hint: 'Use the version of repackenv that made the medium, or a newer one.',
    });
  }
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw notReadable(where, what, issue === undefined ? 'it is not whole' : `${issue.path.join('.')}: ${issue.message}`);
}

function notReadable(where: string, what: string, reason: string, cause?: unknown): RepackError {
  return new RepackError('E_MEDIUM', {
    what: `The ${what} can't be used: ${reason}`,
    where,
    hint: 'Copy this file from the medium again; if it stays so, ask the sender for it.',
    cause,
  });
}

function isSafePath(text: string): boolean {
  return text !== '' && text.split('/').every(isSafeSegment);
}

function isSafeSegment(text: string): boolean {
  try {
    safeSegment(text, shown(text));
    return true;
  } catch {
    return false;
  }
}

function threeDigits(number: number): string {
  return String(number).padStart(3, '0');
}
