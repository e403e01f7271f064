import { manifestBytes, sumsBytes } from '../../channel/manifest/make-manifest.js';
import { digestsOf } from '../../codec/digests.js';
import { MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../../channel/manifest/manifest.js';
import type { Manifest } from '../../channel/manifest/manifest.js';
import type { SideContent, SideFileEntry } from './side-content.js';

/**
 * The files at the root of a label folder, which its manifest does not list: itself, its signature, and `SHA256SUMS`, which follows from
 * both. `bytes`: of the manifest as it lies there; without, as it is written.
 */
export function rootFilesOf(
  manifest: Manifest,
  { bytes = manifestBytes(manifest), signature }: { bytes?: Uint8Array; signature?: Uint8Array | undefined } = {},
): SideFileEntry[] {
  const own = [
    fileOf(MANIFEST_NAME, bytes),
    ...(signature === undefined ? [] : [fileOf(SIGNATURE_NAME, signature)]),
  ] as const;
  return [...own, fileOf(SUMS_NAME, sumsBytes([...manifest.files, ...own]))];
}

/** Bytes of B's files at the root that A does not have. Only of two folders is it known which of them is signed. */
export function rootBytesToTravel(a: SideContent, b: SideContent, bothFolders: boolean): number {
  const before = new Map([...a.files, ...a.root].map(({ path, sha256 }) => [path, sha256]));
  const [manifest] = b.root;
  if (!bothFolders && manifest !== undefined && before.get(MANIFEST_NAME) === manifest.sha256) return 0;
  return b.root.reduce((sum, { path, size, sha256 }) => (before.get(path) === sha256 ? sum : sum + size), 0);
}

function fileOf(path: string, bytes: Uint8Array): SideFileEntry & { sha256: string } {
  return { path, ...digestsOf(bytes), record: undefined };
}
