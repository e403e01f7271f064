import type { LiveFolder } from '../../channel/staged.js';
import type { Manifest } from '../../channel/manifest/manifest.js';
import type { Examination } from '../../channel/doctor/doctor.js';
import type { Rule } from '../../channel/check/rules.js';
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
  const known = manifest ?? copy;
  return {
    dir: folder.dir,
    state: known === undefined ? 'foreign-channel' : 'ours',
    manifest: known,
    manifestSha256: manifest && folder.files.get(MANIFEST_NAME)?.sha256,
    files: folder.files,
    strangers: folder.strangers,
  };
}
