import { createHash } from 'node:crypto';
import { packTar, type TarEntry } from 'modern-tar';
import yazl from 'yazl';
import { bzip2Compress } from '../../src/codec/bzip2.js';
import { zstdCompress } from '../../src/codec/zstd.js';
import { canonicalJson } from '../../src/base/json.js';
import type { ArtifactFormat, PackageRecord } from '../../src/conda/record/records.js';

/** A file of a package: text or bytes, or with a mode or as a symlink. */
type FileSpec = string | Uint8Array | { content: string | Uint8Array; mode?: number } | { symlink: string };

export type PackageSpec = {
  name: string;
  version: string;
  /** Default `0`, for noarch python `py_0`. */
  build?: string;
  buildNumber?: number;
  /** Default `noarch`. */
  subdir?: string;
  /** Default for subdir `noarch`: `generic`. In a `python` package, modules are under `site-packages/`. */
  noarch?: 'generic' | 'python';
  depends?: readonly string[];
  constrains?: readonly string[];
  license?: string;
  /** Milliseconds since 1970; default 2024-01-02. Also the time of every archive member. */
  timestamp?: number;
  /** Path in the environment -> content. Default: one small file under `share/`. */
  files?: Readonly<Record<string, FileSpec>>;
  /** Default `conda`. */
  format?: ArtifactFormat;
  /** Laid over the `info/index.json` that is derived from the rest; a member of `undefined` is left out. */
  index?: Readonly<Record<string, unknown>>;
};

export type SamplePackage = {
  /** `numpy-1.26.4-py39_0.conda` */
  distFilename: string;
  subdir: string;
  bytes: Uint8Array;
  /** The same bytes on disk, where they are: a channel then links instead of writing. */
  file?: string;
  /** `info/index.json` as it is inside the archive. */
  indexJson: Record<string, unknown>;
  /** The channel record: `indexJson` less what indexers drop, plus `md5`, `sha256`, `size`. */
  record: PackageRecord;
};

export type ArchiveMember =
  | { name: string; content: Uint8Array | string; mode?: number | undefined }
  | { name: string; symlink: string };

/** Members that the indexers of the field leave out of a channel record. */
const NOT_IN_RECORDS = new Set(['arch', 'has_prefix', 'mtime', 'platform', 'ucs', 'requires_features', 'binstar']);

const DEFAULT_TIMESTAMP = Date.UTC(2024, 0, 2);

/** A genuine conda package in memory; the same spec gives the same bytes everywhere. */
export async function makePackage(spec: PackageSpec): Promise<SamplePackage> {
  const indexJson = indexJsonOf(spec);
  const stem = `${spec.name}-${spec.version}-${String(indexJson['build'])}`;
  const format = spec.format ?? 'conda';
  const timestamp = spec.timestamp ?? DEFAULT_TIMESTAMP;
  const files = filesOf(spec);
  const info = infoMembers(spec, indexJson, files);
  const bytes =
    format === 'conda'
      ? await packConda(stem, { info, pkg: files, timestamp })
      : await packTarBz2([...info, ...files], timestamp);
  return {
    distFilename: `${stem}.${format}`,
    subdir: String(indexJson['subdir']),
    bytes,
    indexJson,
    record: recordOf(indexJson, bytes),
  };
}

/** The record a channel publishes for an artifact with this `info/index.json`. */
export function recordOf(indexJson: Readonly<Record<string, unknown>>, bytes: Uint8Array): PackageRecord {
  const kept = Object.entries(indexJson).filter(([key]) => !NOT_IN_RECORDS.has(key));
  return {
    ...Object.fromEntries(kept),
    md5: digest('md5', bytes),
    sha256: digest('sha256', bytes),
    size: bytes.length,
  } as PackageRecord;
}

/** A `.tar.bz2` of these members, in this order, and nothing else: also for archives that are wrong on purpose. */
export async function packTarBz2(
  members: readonly ArchiveMember[],
  timestamp = DEFAULT_TIMESTAMP,
): Promise<Uint8Array> {
  return bzip2Compress(await tarOf(members, timestamp));
}

/** A `.conda`: a zip of stored members `metadata.json`, `pkg-STEM.tar.zst`, `info-STEM.tar.zst`. */
export async function packConda(
  stem: string,
  parts: { info: readonly ArchiveMember[]; pkg: readonly ArchiveMember[]; timestamp?: number },
): Promise<Uint8Array> {
  const timestamp = parts.timestamp ?? DEFAULT_TIMESTAMP;
  return packZip([
    { name: 'metadata.json', content: '{"conda_pkg_format_version": 2}' },
    { name: `pkg-${stem}.tar.zst`, content: await zstdCompress(await tarOf(parts.pkg, timestamp)) },
    { name: `info-${stem}.tar.zst`, content: await zstdCompress(await tarOf(parts.info, timestamp)) },
  ]);
}

/** A zip of stored members in this order. */
export async function packZip(members: readonly { name: string; content: Uint8Array | string }[]): Promise<Uint8Array> {
  const zip = new yazl.ZipFile();
  for (const { name, content } of members) {
    // Zip times are local: a local date, not too near the first one, gives the same bytes in every time zone.
    const options = { compress: false, mtime: new Date(1980, 0, 3), mode: 0o100644, forceDosTimestamp: true };
    zip.addBuffer(Buffer.from(content as Uint8Array), name, options);
  }
  zip.end();
  const chunks: Uint8Array[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as unknown as Uint8Array);
  return Buffer.concat(chunks);
}

/** An uncompressed tar of these members in this order, owner 0, all with one time. */
export async function tarOf(members: readonly ArchiveMember[], timestamp = DEFAULT_TIMESTAMP): Promise<Uint8Array> {
  const fixed = { mtime: new Date(timestamp), uid: 0, gid: 0, uname: 'root', gname: 'root' };
  const entries = members.map((member): TarEntry => {
    if ('symlink' in member) {
      return {
        header: { ...fixed, name: member.name, size: 0, type: 'symlink', linkname: member.symlink, mode: 0o777 },
      };
    }
    const body = Buffer.from(member.content as Uint8Array);
    return {
      header: { ...fixed, name: member.name, size: body.length, type: 'file', mode: member.mode ?? 0o644 },
      body,
    };
  });
  return packTar(entries);
}

export function digest(algorithm: 'md5' | 'sha256', bytes: Uint8Array | string): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

function indexJsonOf(spec: PackageSpec): Record<string, unknown> {
  const subdir = spec.subdir ?? 'noarch';
  const noarch = spec.noarch ?? (subdir === 'noarch' ? 'generic' : undefined);
  const [platform, arch] = subdir === 'noarch' ? [null, null] : platformAndArch(subdir);
  const merged: Record<string, unknown> = {
    arch,
    build: spec.build ?? (noarch === 'python' ? 'py_0' : '0'),
    build_number: spec.buildNumber ?? 0,
    constrains: spec.constrains === undefined ? undefined : [...spec.constrains],
    depends: [...(spec.depends ?? [])],
    license: spec.license,
    name: spec.name,
    noarch,
    platform,
    subdir,
    timestamp: spec.timestamp ?? DEFAULT_TIMESTAMP,
    version: spec.version,
    ...spec.index,
  };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
}

/** As conda-build names them: `linux-64` -> `linux`, `x86_64`; `osx-arm64` -> `osx`, `arm64`. */
function platformAndArch(subdir: string): [string, string] {
  const [platform = subdir, bits = ''] = subdir.split('-');
  return [platform, { '64': 'x86_64', '32': 'x86' }[bits] ?? bits];
}

function filesOf(spec: PackageSpec): ArchiveMember[] {
  const files = spec.files ?? { [`share/${spec.name}/about.txt`]: `${spec.name} ${spec.version}\n` };
  return Object.keys(files)
    .sort()
    .map((name): ArchiveMember => {
      const file = files[name] as FileSpec;
      if (typeof file === 'string' || file instanceof Uint8Array) return { name, content: file };
      if ('symlink' in file) return { name, symlink: file.symlink };
      return { name, content: file.content, mode: file.mode };
    });
}

function infoMembers(
  spec: PackageSpec,
  indexJson: Record<string, unknown>,
  files: readonly ArchiveMember[],
): ArchiveMember[] {
  const paths = files.map((file) => {
    if ('symlink' in file) {
      // conda's digest of a link whose target is inside the package is the one of the target's bytes; it is never checked.
      return { _path: file.name, path_type: 'softlink', sha256: digest('sha256', ''), size_in_bytes: 0 };
    }
    const body = Buffer.from(file.content as Uint8Array);
    return { _path: file.name, path_type: 'hardlink', sha256: digest('sha256', body), size_in_bytes: body.length };
  });
  const members: ArchiveMember[] = [
    { name: 'info/index.json', content: json(indexJson) },
    { name: 'info/about.json', content: json({ license: spec.license, summary: `${spec.name}, a sample package` }) },
    { name: 'info/files', content: files.map((file) => `${file.name}\n`).join('') },
    { name: 'info/paths.json', content: json({ paths, paths_version: 1 }) },
  ];
  if (spec.noarch === 'python') {
    members.push({
      name: 'info/link.json',
      content: json({ noarch: { type: 'python' }, package_metadata_version: 1 }),
    });
  }
  return members;
}

function json(value: unknown): string {
  return `${canonicalJson(value, 2)}\n`;
}
