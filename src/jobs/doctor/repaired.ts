import type { LiveFile, LiveFolder } from '../../channel/staged.js';
import type { Manifest } from '../../channel/manifest/manifest.js';
import type { Examination } from '../../channel/doctor/doctor.js';
import type { Rule } from '../../channel/check/rules.js';
import { sha256Of } from '../../codec/digests.js';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';

/** What a repair did. Paths relative to the folder, with `/`. */
export interface Repaired {
  written: string[];
  removed: string[];
  /** Records that are those of the index before. */
  kept: number;
  /** Artifacts whose record was read out of them. */
  read: string[];
  /** Artifacts that lie there and are in no index. */
  leftOut: { path: string; reason: string }[];
  /** Of a folder of ours, afterwards. */
  generation: number | undefined;
}

/** Something lies there, and it could not be looked at. */
export function isUnjudged(rule: Rule): boolean {
  return rule === 'link' || rule === 'unreadable';
}

/** What was seen, in the form that publishing takes. `manifest`: where it is not the one on disk. */
export function liveFolder({ folder, manifest }: Examination, copy?: Manifest): LiveFolder {
  const files = new Map<string, LiveFile>();
  for (const [path, { size, sha256, md5, mtimeMs }] of folder.files) files.set(path, { size, sha256, md5, mtimeMs });
  const known = manifest ?? copy;
  const bytes = folder.files.get(MANIFEST_NAME)?.bytes;
  return {
    dir: folder.dir,
    state: known === undefined ? 'foreign-channel' : 'ours',
    manifest: known,
    manifestSha256: manifest === undefined || bytes === undefined ? undefined : sha256Of(bytes),
    files,
    strangers: folder.strangers,
  };
}
