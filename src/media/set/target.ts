import { digestsOf } from '../../codec/digests.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import {
  INDEX_NAMES,
  INSTALLERS_NAME,
  MANIFEST_NAME,
  PAPERS_NAME,
  SIGNATURE_NAME,
  SUMS_NAME,
  type Manifest,
  type ManifestFile,
} from '../../channel/manifest/manifest.js';
import { caseFold, parseDistFilename, safeSegment, shown } from '../../conda/channel/names.js';
import type { StagedFile } from '../../channel/staged.js';
import { sumsBytes } from '../../channel/manifest/make-manifest.js';
import { parseManifest, type StoredManifest } from '../../channel/manifest/read-manifest.js';

/** A file that the label folder is to hold, as the manifest says (and for the three files at its root, as follows from it). */
export type TargetFile = Omit<StagedFile, 'mtimeMs' | 'change' | 'linked'>;

/** The channel that a set or a delta leads to: everything about it but the bytes. */
export interface Target extends StoredManifest {
  signature: Uint8Array | undefined;
  sums: Uint8Array;
  /** By path in the label folder. */
  files: ReadonlyMap<string, TargetFile>;
}

export interface TargetParts {
  bytes: Uint8Array;
  signature: Uint8Array | undefined;
  /** Where the manifest was read, for messages. */
  where: string;
}

/**
 * Reads the manifest of what is to be imported, and refuses every path that this program would not have written itself: bad-inputs G1
 * (leading out, absolute, drives, backslashes, empty), G3 (two that are one on a case-folding disk, or one twice).
 *
 * @throws RepackError E_MEDIUM (no manifest of ours), E_ARCHIVE_MEMBER (its paths)
 */
export function readTarget({ bytes, signature, where }: TargetParts): Target {
  const parsed = parseManifest(bytes);
  if (parsed.kind === 'newer') {
    throw refused(
      where,
      `it is of schema ${parsed.schema}, which this version does not know`,
      'Use the version of repackenv that made it, or a newer one.',
    );
  }
  if (parsed.kind !== 'sound') {
    throw refused(
      where,
      parsed.kind === 'broken' ? parsed.reason : 'it is somebody else’s',
      'Copy it from its source again.',
    );
  }
  const { manifest } = parsed;
  refusePaths(manifest, where);
  const root: TargetFile[] = [{ path: MANIFEST_NAME, kind: 'manifest', ...digestsOf(bytes) }];
  if (signature !== undefined) root.push({ path: SIGNATURE_NAME, kind: 'signature', ...digestsOf(signature) });
  // It follows from the manifest, and is not taken from anywhere else.
  const sums = sumsBytes([...manifest.files, ...root]);
  root.push({ path: SUMS_NAME, kind: 'sums', ...digestsOf(sums) });
  const files = new Map([...manifest.files, ...root].map((file) => [file.path, file]));
  return { manifest, bytes, sha256: parsed.sha256, signature, sums, files };
}

function refusePaths(manifest: Manifest, where: string): void {
  const seen = new Map<string, string>();
  if (!manifest.subdirs.includes(NOARCH)) throw refused(where, 'it has no noarch', 'Ask the sender for a sound set.');
  for (const file of manifest.files) {
    const problem = pathProblem(file, manifest.subdirs);
    if (problem !== undefined) throw badPath(where, file.path, problem);
    const folded = caseFold(file.path);
    const other = seen.get(folded);
    if (other === file.path) throw badPath(where, file.path, 'it is there twice');
    if (other !== undefined) {
      throw badPath(where, file.path, `it differs from ${shown(other)} in upper and lower case only`);
    }
    seen.set(folded, file.path);
  }
}

/** Undefined for a path that a channel of ours can have. */
function pathProblem({ path, kind }: ManifestFile, subdirs: readonly string[]): string | undefined {
  const [folder = '', name = '', ...more] = path.split('/');
  try {
    // A path of one segment has no name in a folder.
    for (const segment of [folder, name]) safeSegment(segment, 'path');
    if (more.length > 0) return 'it lies in a folder within a folder';
    if (kind === 'side' && folder === INSTALLERS_NAME) return undefined;
    if (kind === 'paper')
      return folder === PAPERS_NAME ? undefined : `a paper lies in ${PAPERS_NAME}/, and nowhere else`;
    if (!subdirs.includes(folder)) return `${shown(folder)} is no subdir of the channel`;
    if (kind === 'artifact') parseDistFilename(name);
    if (kind === 'index' && !isIndexName(name)) return 'it is no index that this version knows';
    if (kind === 'side' && isIndexName(name)) return 'it has the name of an index';
    return undefined;
  } catch (error) {
    if (isRepackError(error)) return error.what;
    throw error;
  }
}

function isIndexName(name: string): boolean {
  return (INDEX_NAMES as readonly string[]).includes(name);
}

function refused(where: string, reason: string, hint: string): RepackError {
  return new RepackError('E_MEDIUM', { what: `The manifest can't be used: ${reason}`, where, hint });
}

function badPath(where: string, path: string, problem: string): RepackError {
  return new RepackError('E_ARCHIVE_MEMBER', {
    what: `The manifest names ${shown(path)}, which is refused: ${problem}`,
    where,
    hint: 'Nothing was written. This is not a set that repackenv made: find out where the medium comes from.',
  });
}
