import { append } from '../../base/append.js';
import type { Manifest, ManifestFile } from '../manifest/manifest.js';
import { MANIFEST_NAME, SUMS_NAME } from '../manifest/manifest.js';
import type { Folder } from '../read/read-folder.js';
import type { Indexes } from '../read/read-indexes.js';
import { violation } from './rules.js';
import type { Violation } from './rules.js';

/** The folder against its manifest: missing, changed, left over, and indexes of another generation or another hand. */
export function checkAgainstManifest(folder: Folder, manifest: Manifest, indexes: Indexes): Violation[] {
  const unread = new Set(folder.violations.map(({ subject }) => subject));
  const found: Violation[] = [];
  for (const file of manifest.files) {
    const seen = folder.files.get(file.path);
    if (seen === undefined) {
      if (!unread.has(file.path)) found.push(violation('manifest-missing-file', file.path));
    } else if (file.kind === 'index') {
      if (seen.sha256 !== file.sha256) append(found, otherIndex(file, manifest, indexes));
    } else append(found, differences(file, seen, 'the manifest'));
  }
  const named = new Set(manifest.files.map(({ path }) => path));
  for (const path of folder.files.keys()) {
    if (path.includes('/') && !named.has(path)) found.push(violation('manifest-extra-file', path));
  }
  return found;
}

/** Size and both digests of a file against what is stated of it. */
export function differences(
  stated: Pick<ManifestFile, 'path' | 'size' | 'sha256' | 'md5'>,
  seen: { size: number; sha256: string; md5: string },
  by: string,
): Violation[] {
  const found: Violation[] = [];
  if (seen.size !== stated.size)
    found.push(violation('size-differs', stated.path, { found: seen.size, expected: stated.size, by }));
  for (const algorithm of ['sha256', 'md5'] as const) {
    if (seen[algorithm] === stated[algorithm]) continue;
    found.push(
      violation('digest-differs', stated.path, { algorithm, found: seen[algorithm], expected: stated[algorithm], by }),
    );
  }
  return found;
}

/**
 * An index that the manifest does not know: of another generation (a synchronisation that was cut off, or two that met) where it
 * names other artifacts, else rewritten by another indexer. One that can't be read has been reported.
 */
function otherIndex({ path }: ManifestFile, manifest: Manifest, indexes: Indexes): Violation[] {
  const subdir = path.slice(0, path.lastIndexOf('/'));
  const index = indexes.get(subdir);
  if (index === undefined) return [];
  const stated = new Map(
    manifest.files
      .filter((file) => file.kind === 'artifact' && file.path.startsWith(`${subdir}/`))
      .map((file) => [file.path.slice(subdir.length + 1), file]),
  );
  const added = [...index.allFilenames()].filter((fn) => !stated.has(fn)).length;
  const gone = [...stated.keys()].filter((fn) => !index.has(fn)).length;
  const changed = [...stated].filter(([fn, file]) => {
    const record = index.record(fn);
    return record !== undefined && (record.sha256 ?? file.sha256) !== file.sha256;
  }).length;
  if (added + gone + changed === 0) return [violation('index-rewritten', path)];
  return [violation('generation-mix', path, { generation: manifest.generation, added, gone, changed })];
}

/** `SHA256SUMS` against the manifest where there is one, else against the files. */
export function checkSums(folder: Folder, manifest: Manifest | undefined): Violation[] {
  const bytes = folder.files.get(SUMS_NAME)?.bytes;
  if (bytes === undefined) {
    const said = folder.violations.some(({ subject }) => subject === SUMS_NAME);
    return manifest === undefined || said ? [] : [violation('sums-missing', SUMS_NAME)];
  }
  const { sums, violations } = parseSums(bytes);
  const stated = new Map((manifest?.files ?? []).map((file) => [file.path, file.sha256]));
  for (const [path, said] of sums) {
    const expected = stated.get(path) ?? folder.files.get(path)?.sha256;
    if (expected === undefined) violations.push(violation('sums-missing-file', SUMS_NAME, { path }));
    else if (expected !== said) violations.push(violation('sums-differs', SUMS_NAME, { path, said, expected }));
  }
  const must = manifest === undefined ? [] : [...stated.keys(), MANIFEST_NAME];
  for (const path of must) if (!sums.has(path)) violations.push(violation('sums-unlisted', SUMS_NAME, { path }));
  return violations;
}

/** As `sha256sum` writes and reads it: two blanks, or a blank and `*`; CR LF is taken too. */
function parseSums(bytes: Uint8Array): { sums: Map<string, string>; violations: Violation[] } {
  const sums = new Map<string, string>();
  const violations: Violation[] = [];
  const lines = Buffer.from(bytes).toString('utf8').split(/\r?\n/);
  lines.forEach((line, index) => {
    if (line === '') return;
    const match = /^([0-9a-f]{64}) [ *](?:\.\/)?(.+)$/i.exec(line);
    if (match === null) violations.push(violation('sums-broken', SUMS_NAME, { line: index + 1 }));
    else sums.set(match[2]!, match[1]!.toLowerCase());
  });
  return { sums, violations };
}
