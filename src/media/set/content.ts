import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import type { DeltaHeader } from './headers.js';
import { checkIndexes } from './indexes.js';
import type { Target } from './target.js';

/** How a set calls itself, from where it leads and to where; a set file says it, and so does `delta.json` in a folder of that name. */
export interface SetHeader extends Omit<DeltaHeader, 'schema' | 'format'> {
  name: string;
  subdirs: readonly string[];
}

/** A file on its way: its content must be taken, or left, before the next one is asked for; a piece is overwritten by the next. */
export interface ContentFile {
  path: string;
  content: AsyncIterable<Uint8Array>;
}

/** What a label folder is to become, and where its bytes come from, whatever the set lies in: checked, every byte of it. */
export interface SetContent {
  target: Target;
  /** Paths whose bytes are at hand. */
  has: (path: string) => boolean;
  /** The wanted files in the order in which they can be read fastest. */
  walk: (wanted: ReadonlySet<string>) => AsyncIterable<ContentFile>;
  /** `repodata.json` of the subdirs whose index is at hand, by path. */
  indexes: ReadonlyMap<string, Uint8Array>;
}

/** Whether the bytes of this file are wanted in memory: an index, in any form. */
export function isKept(path: string): boolean {
  return path.includes('/repodata.json');
}

/**
 * The content of a set whose files were found to have the manifest's digests. `kept`: the bytes of those that {@link isKept}.
 *
 * @throws RepackError E_MEDIUM: an index that is not what the manifest says
 */
export async function checkedContent({
  kept,
  where,
  ...content
}: Omit<SetContent, 'indexes'> & { kept: ReadonlyMap<string, Uint8Array>; where: string }): Promise<SetContent> {
  await checkIndexes({ target: content.target, indexes: kept, where });
  return { ...content, indexes: new Map([...kept].filter(([path]) => path.endsWith('/repodata.json'))) };
}

/** Where header and manifest do not tell the same, as a clause. */
export function contradictionIn(header: Omit<SetHeader, 'name' | 'subdirs'>, target: Target): string | undefined {
  const { label, generation, manifest_sha256, base, added, changed, removed } = header;
  const { manifest } = target;
  if (target.sha256 !== manifest_sha256) return `${MANIFEST_NAME} is not the one that it was made for`;
  if (manifest.label !== label || manifest.generation !== generation)
    return `the manifest is of ${manifest.label} generation ${manifest.generation}`;
  const paths = new Set(manifest.files.map(({ path }) => path));
  if (base === null && (changed.length > 0 || removed.length > 0 || added.length !== paths.size))
    return 'a full set adds every file and changes or removes none';
  const unknown = [...added, ...changed].find((path) => !paths.has(path));
  if (unknown !== undefined) return `${unknown} is to be added and is not in the manifest`;
  const staying = removed.find((path) => paths.has(path));
  return staying === undefined ? undefined : `${staying} is to be removed and is in the manifest`;
}
