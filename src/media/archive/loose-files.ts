import type { Digests } from '../../codec/digests.js';
import type { PlannedSet } from './plan-parts.js';
import { SET_FORMAT } from '../set/formats.js';
import type { SetFile } from '../set/headers.js';
import { LIST_SUFFIX, MD5_SUFFIX, SIGNATURE_SUFFIX, looseManifestName, mediumJson, setFileName } from '../set/names.js';

/** A small file beside the parts. */
export interface LooseFile {
  name: string;
  bytes: Uint8Array;
}

/** The small files of a set, the set file last: where it is, all of the set is. */
export function looseFiles(set: PlannedSet, digests: readonly Digests[]): LooseFile[] {
  const manifest = looseManifestName(set.name);
  return [
    ...set.parts.flatMap(({ file, members }, index) => [
      { name: `${file}${LIST_SUFFIX}`, bytes: text(members.map(({ name }) => `${name}\n`).join('')) },
      { name: `${file}${MD5_SUFFIX}`, bytes: text(`${digests[index]!.md5}  ${file}\n`) },
    ]),
    { name: manifest, bytes: set.target.bytes },
    ...(set.signature === undefined ? [] : [{ name: `${manifest}${SIGNATURE_SUFFIX}`, bytes: set.signature }]),
    { name: setFileName(set.name), bytes: mediumJson(setFile(set, digests)) },
  ];
}

/** Names of all that a set puts on a medium. */
export function namesOf(set: PlannedSet): string[] {
  return [
    ...set.parts.map(({ file }) => file),
    ...looseFiles(
      set,
      set.parts.map(() => NOTHING),
    ).map(({ name }) => name),
  ];
}

const NOTHING: Digests = { size: 0, sha256: '', md5: '' };

function setFile(set: PlannedSet, digests: readonly Digests[]): SetFile {
  const { target, base, changes, parts } = set;
  return {
    schema: 1,
    format: SET_FORMAT,
    set: set.id,
    name: set.name,
    label: target.manifest.label,
    generation: target.manifest.generation,
    kind: base === null ? 'full' : 'delta',
    manifest_sha256: target.sha256,
    manifest_size: target.bytes.length,
    base,
    subdirs: target.manifest.subdirs,
    compression: set.compression,
    // In one part it says nothing, and the same set must have the same file.
    part_size: parts.length === 1 ? null : (set.partSize ?? null),
    parts: parts.map(({ file, number }, index) => {
      const { size, sha256, md5 } = digests[index]!;
      return { file, number, size, sha256, md5 };
    }),
    ...changes,
  };
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}
