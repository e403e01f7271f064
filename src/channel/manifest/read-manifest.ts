import { z } from 'zod';
import { sha256Of } from '../../codec/digests.js';
import type { FileSystem } from '../../runtime/fs.js';
import type { Manifest } from './manifest.js';

/** A manifest with the bytes it has on disk. */
export interface StoredManifest {
  manifest: Manifest;
  bytes: Uint8Array;
  /** Of these bytes: by it a generation is known. */
  sha256: string;
}

const digest = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));

/** Relative, with `/`, no segment that leads out or that Windows reads as something else. */
const relativePath = z.string().regex(/^(?!\.{1,2}(\/|$))[^/\\:\0]+(\/(?!\.{1,2}(\/|$))[^/\\:\0]+)*$/);

const file = z.object({
  path: relativePath,
  kind: z.enum(['artifact', 'index', 'side']),
  size: z.number().int().nonnegative(),
  sha256: digest(64),
  md5: digest(32),
  channel: z.string().nullable().optional(),
  record: digest(64).optional(),
});

const manifest = z.object({
  schema: z.literal(1),
  label: z.string(),
  generation: z.number().int().positive(),
  previous: digest(64).nullable(),
  specs: z.array(z.string()),
  channels: z.array(z.string()),
  subdirs: z.array(z.string()),
  profiles: z.array(
    z.object({
      subdir: z.string(),
      virtual_packages: z.array(z.object({ name: z.string(), version: z.string(), build: z.string() })),
      client: z.string().nullable(),
    }),
  ),
  files: z.array(file),
});

/**
 * - `sound`: a `manifest.json` of this program;
 * - `newer`: of this program, in a schema that this version does not know;
 * - `broken`: empty, cut off, filled with NUL (power loss), or ours by its schema and yet not whole;
 * - `other`: sound JSON of somebody else.
 */
export type ParsedManifest =
  | ({ kind: 'sound' } & StoredManifest)
  | { kind: 'newer'; schema: number }
  | { kind: 'broken'; reason: string }
  | { kind: 'other' };

/** The manifest in this file; undefined where none of ours is there, whole and to be read. Never throws. */
export async function readManifest(
  rt: { fs: Pick<FileSystem, 'readFile'> },
  file: string,
): Promise<StoredManifest | undefined> {
  const bytes = await rt.fs.readFile(file).catch(() => undefined);
  const parsed = bytes === undefined ? undefined : parseManifest(bytes);
  return parsed?.kind === 'sound' ? parsed : undefined;
}

/** Reads the bytes of a `manifest.json` (design D8). Never throws. */
export function parseManifest(bytes: Uint8Array): ParsedManifest {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const reason = text.length === 0 ? 'it is empty' : /^\0+$/.test(text) ? 'it is filled with NUL' : 'it is not JSON';
    return { kind: 'broken', reason };
  }
  const result = manifest.safeParse(value);
  if (result.success) return { kind: 'sound', manifest: result.data as Manifest, bytes, sha256: sha256Of(bytes) };
  const { schema, label } = (typeof value === 'object' && value !== null ? value : {}) as {
    schema?: unknown;
    label?: unknown;
  };
  if (typeof label !== 'string' || typeof schema !== 'number') return { kind: 'other' };
  if (schema !== 1) return { kind: 'newer', schema };
  const issue = result.error.issues[0];
  return {
    kind: 'broken',
    reason: issue === undefined ? 'it is not whole' : `${issue.path.join('.')}: ${issue.message}`,
  };
}
