import { z } from 'zod';
import type { PackageRecord } from '../conda/record/records.js';

/** Where a channel keeps the attestations of an artifact: the names it may have, and what they are called in ours. */
export interface AttestationPlace {
  /** Asked for at the channel. */
  name: string;
  /** Stated by the record; other bytes are refused. */
  sha256: string | undefined;
  /** Names under which it is carried. */
  carriedAs: readonly string[];
}

/** The bundles in one side file. Well formed says that it can be read and is about this artifact; whether a signature holds, nobody has looked. */
export type AttestationCheck = { state: 'well formed'; bundles: number } | { state: 'malformed'; reason: string };

export const MAX_ATTESTATION_BYTES = 8 * 1024 * 1024;
/** CEP 27 */
const PUBLISH = 'https://schemas.conda.org/attestations-publish-1.schema.json';
const MAX_BUNDLES = 100;

/**
 * Channels that state `attestations_sha256` in a record have `<fn>.sigs.<sha256>`, and the same bytes as `<fn>.sigs` (conda/ceps#142, which has
 * mirrors carry both); others, `<fn>.v0.sigs`. Undefined where the stated digest is none.
 */
export function attestationPlace(fn: string, record: PackageRecord): AttestationPlace | undefined {
  const stated = record['attestations_sha256'];
  if (stated === undefined || stated === null)
    return { name: `${fn}.v0.sigs`, sha256: undefined, carriedAs: [`${fn}.v0.sigs`] };
  if (typeof stated !== 'string' || !/^[0-9a-f]{64}$/.test(stated)) return undefined;
  const name = `${fn}.sigs.${stated}`;
  return { name, sha256: stated, carriedAs: [`${fn}.sigs`, name] };
}

const base64 = z.string().regex(/^[A-Za-z0-9+/_-]+={0,2}$/);

const bundle = z.object({
  mediaType: z.string().startsWith('application/vnd.dev.sigstore.bundle'),
  verificationMaterial: z.record(z.string(), z.unknown()),
  dsseEnvelope: z.object({
    payload: base64,
    payloadType: z.literal('application/vnd.in-toto+json'),
    signatures: z.array(z.object({ sig: base64 })).min(1),
  }),
});

const statement = z.object({
  _type: z.string().regex(/^https:\/\/in-toto\.io\/Statement\/v(0\.1|1)$/),
  subject: z
    .array(z.object({ name: z.string(), digest: z.record(z.string(), z.string()) }))
    .min(1)
    .max(10_000),
  predicateType: z.string().min(1),
  predicate: z.unknown().optional(),
});

const publishPredicate = z
  .object({ targetChannel: z.url().regex(/[^/]$/) })
  .nullable()
  .optional();

/**
 * Holds a side file against its artifact: a JSON array of Sigstore bundles, each a DSSE envelope with an in-toto statement that has the
 * artifact's sha256 among its subjects; a publish attestation by the rules of CEP 27 (one subject, the file name, sha256 alone). No
 * signature, certificate or log entry is looked at.
 */
export function checkAttestations(bytes: Uint8Array, artifact: { fn: string; sha256: string }): AttestationCheck {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return malformed(bytes.length === 0 ? 'it is empty' : 'it is not JSON');
  }
  if (!Array.isArray(value)) return malformed('it is no list of bundles');
  if (value.length === 0) return malformed('it lists no bundle');
  if (value.length > MAX_BUNDLES)
    return malformed(`it lists ${value.length} bundles, at most ${MAX_BUNDLES} are taken`);
  for (const [index, each] of value.entries()) {
    const problem = bundleProblem(each, artifact);
    if (problem !== undefined) return malformed(`bundle ${index + 1}: ${problem}`);
  }
  return { state: 'well formed', bundles: value.length };
}

function bundleProblem(value: unknown, { fn, sha256 }: { fn: string; sha256: string }): string | undefined {
  const parsed = bundle.safeParse(value);
  if (!parsed.success) return `it is no Sigstore bundle with an in-toto statement (${issueOf(parsed.error)})`;
  let payload: unknown;
  try {
    payload = JSON.parse(Buffer.from(parsed.data.dsseEnvelope.payload, 'base64').toString('utf8'));
  } catch {
    return 'its payload is not JSON';
  }
  const stated = statement.safeParse(payload);
  if (!stated.success) return `its payload is no in-toto statement (${issueOf(stated.error)})`;
  const { subject, predicateType, predicate } = stated.data;
  if (!subject.some(({ digest }) => digest['sha256']?.toLowerCase() === sha256))
    return `it is about other bytes than those of ${fn}`;
  if (predicateType !== PUBLISH) return undefined;
  const [only, ...more] = subject;
  if (more.length > 0 || only!.name !== fn) return `its subject is not ${fn} alone (CEP 27)`;
  if (Object.keys(only!.digest).length !== 1) return 'its subject has other digests beside sha256 (CEP 27)';
  const wish = publishPredicate.safeParse(predicate);
  return wish.success ? undefined : `its targetChannel is no URL without a slash at its end (CEP 27)`;
}

function issueOf(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue === undefined || issue.path.length === 0 ? 'its shape' : issue.path.join('.');
}

function malformed(reason: string): AttestationCheck {
  return { state: 'malformed', reason };
}
