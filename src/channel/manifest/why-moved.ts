import { canonicalJson } from '../../base/json.js';
import type { Manifest, ManifestFile } from './manifest.js';

export type Reason =
  | 'rollback'
  | 'first delivery'
  | 'packages'
  | 'records'
  | 'side files'
  | 'specs'
  | 'channels'
  | 'subdirs'
  | 'profiles';

/** Why the generation of `after` is another than that of `before`, what decides most first; empty where it stayed. */
export function whyMoved(before: Manifest | undefined, after: Manifest): Reason[] {
  if (before === undefined) return ['first delivery'];
  if (before.generation === after.generation) return [];
  const differ = (part: (manifest: Manifest) => unknown): boolean =>
    canonicalJson(part(before)) !== canonicalJson(part(after));
  const files = (kind: ManifestFile['kind']) => (manifest: Manifest) =>
    manifest.files
      .filter((each) => each.kind === kind)
      .map(({ path, sha256, channel }) => [path, sha256, channel ?? null]);
  const paths = [before, after].map((each) => new Set(each.files.map(({ path }) => path)));
  const records = ({ files: all }: Manifest): unknown => {
    const shared = (path: string): boolean => paths.every((each) => each.has(path));
    return all
      .filter(({ path, record }) => record !== undefined && shared(path))
      .map(({ path, record }) => [path, record]);
  };
  const reasons: [Reason, boolean][] = [
    ['packages', differ(files('artifact'))],
    ['records', differ(records)],
    ['side files', differ(files('side'))],
    ['specs', differ(({ specs }) => specs)],
    ['channels', differ(({ channels }) => channels)],
    ['subdirs', differ(({ subdirs }) => subdirs)],
    ['profiles', differ(({ profiles }) => profiles)],
  ];
  return reasons.flatMap(([reason, moved]) => (moved ? [reason] : []));
}
