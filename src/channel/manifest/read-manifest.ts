import { z } from 'zod';
import { member } from '../../base/json.js';
import { sha256Of } from '../../codec/digests.js';
import type { FileSystem } from '../../runtime/fs.js';
import { isRepackError } from '../../base/errors.js';
import type { Manifest } from './manifest.js';
import { parseMatchSpec } from '../../conda/spec/match-spec.js';
import { parseLabel, parseSubdir, safeSegment } from '../../conda/channel/names.js';
import { parseClient, virtualPackageProblem } from '../../conda/plan/target.js';
import { parseUrl } from '../../base/parse-url.js';

/** A manifest with the bytes it has on disk. */
export interface StoredManifest {
  manifest: Manifest;
  bytes: Uint8Array;
  /** Of these bytes: by it a generation is known. */
  sha256: string;
}

const digest = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));

/** A text that `read` takes; what it throws is the reason. A manifest may be a stranger's: its texts come into papers and commands. */
function readBy(read: (text: string) => unknown) {
  return z.string().superRefine((text, context) => {
    try {
      read(text);
    } catch (error) {
      if (!isRepackError(error)) throw error;
      context.addIssue({ code: 'custom', message: error.what });
    }
  });
}

/** Relative, with `/`; each segment is one that any system takes, which leaves nothing that leads out. */
const relativePath = readBy((text) => text.split('/').forEach((segment) => safeSegment(segment, 'the part')));

/** Thousands of files in a row are of one channel: the last one that was right is not taken apart again. */
let lastChannel = '';

/** An identity URL as `Channel` has it. */
const channelUrl = z.string().refine(
  (text) => {
    if (text === lastChannel) return true;
    if (!/^(?:https?|file):\/\/[^\s\p{Cc}\p{Cf}"<>`\\?#]+$/u.test(text)) return false;
    const url = parseUrl(text);
    if (url === undefined || url.username !== '' || url.password !== '') return false;
    lastChannel = text;
    return true;
  },
  { error: 'it is not the URL of a channel' },
);

const file = z.object({
  path: relativePath,
  kind: z.enum(['artifact', 'index', 'side', 'paper']),
  size: z.number().int().nonnegative(),
  sha256: digest(64),
  md5: digest(32),
  channel: channelUrl.nullable().optional(),
  record: digest(64).optional(),
});

const virtualPackage = z
  .object({ name: z.string(), version: z.string(), build: z.string() })
  .refine(({ name, version, build }) => virtualPackageProblem(name, version, build) === undefined, {
    error: 'it is not a virtual package',
  });

const manifest = z.object({
  schema: z.literal(1),
  label: readBy(parseLabel),
  generation: z.number().int().positive(),
  previous: digest(64).nullable(),
  specs: z.array(readBy(parseMatchSpec)),
  channels: z.array(channelUrl),
  subdirs: z.array(readBy(parseSubdir)),
  profiles: z.array(
    z.object({
      subdir: readBy(parseSubdir),
      virtual_packages: z.array(virtualPackage),
      client: readBy(parseClient).nullable(),
    }),
  ),
  files: z.array(file),
});

/**
 * - `sound`: a `manifest.json` of this program;
 * - `newer`: of this program, in a schema that this version does not know;
 * - `broken`: empty, cut off, filled with NUL (power loss), or ours by its schema and yet not whole, or with a text that is not what it
 *   stands for; `spec`: the first that is none;
 * - `other`: sound JSON of somebody else.
 */
export type ParsedManifest =
  | ({ kind: 'sound' } & StoredManifest)
  | { kind: 'newer'; schema: number }
  | { kind: 'broken'; reason: string; spec?: string | undefined }
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
  const [schema, label] = [member(value, 'schema'), member(value, 'label')];
  if (typeof label !== 'string' || typeof schema !== 'number') return { kind: 'other' };
  if (schema !== 1) return { kind: 'newer', schema };
  const issue = result.error.issues[0];
  const [key, index] = issue?.path ?? [];
  return {
    kind: 'broken',
    reason: issue === undefined ? 'it is not whole' : `${issue.path.join('.')}: ${issue.message}`,
    spec: key === 'specs' ? (value as { specs?: string[] }).specs?.[Number(index)] : undefined,
  };
}
