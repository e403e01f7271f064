import { z } from 'zod';
import { sha256Of } from '../../codec/digests.js';
import { RepackError } from '../../base/errors.js';
import { canonicalJson } from '../../base/json.js';
import type { Manifest } from '../../channel/manifest/manifest.js';
import { DELTA_FORMAT, PART_FORMAT, SET_FORMAT, SITE_RECEIPT_FORMAT } from './formats.js';
import { safeSegment, shown } from '../../conda/channel/names.js';
import { parseManifest } from '../../channel/manifest/read-manifest.js';

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
  format: z.literal(PART_FORMAT),
  set: sha256,
  name: segment,
  ...ends,
  kind,
  number: z.number().int().positive(),
  of: z.number().int().positive(),
  members: z.array(z.strictObject({ path, size, sha256 })),
});

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

const deltaSchema = z.strictObject({ schema, format: z.literal(DELTA_FORMAT), ...header });

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

/** @throws RepackError E_MEDIUM: not a part header of format 1. `where` names file and medium in the message. */
export function parsePartHeader(bytes: Uint8Array, where: string): PartHeader {
  const header = parsed(bytes, { schema: partHeaderSchema, format: PART_FORMAT, where, what: 'part header' });
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
  return parsed(bytes, { schema: deltaSchema, format: DELTA_FORMAT, where, what: 'delta.json' });
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
  throw notReadable(where, what, `it is not whole (${issue?.path.join('.')}: ${issue?.message})`);
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
