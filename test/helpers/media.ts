import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { zstdCompressFrames } from '../../src/codec/zstd-stream.js';
import type { DeltaBase, PartHeader, PartMember, SetFile } from '../../src/media/set/headers.js';
import {
  looseManifestName,
  mediumJson,
  partFileName,
  partHeaderName,
  setFileName,
  setId,
  setName,
  SIGNATURE_SUFFIX,
} from '../../src/media/set/names.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';

/** A member as raw as tar can hold it. */
export interface RawMember {
  path: string;
  bytes?: Uint8Array;
  /** What the header claims; default the size of `bytes`. */
  size?: number;
  /** Default `0`, a regular file. */
  type?: string;
  linkname?: string;
}

export interface MediumOptions {
  /** A label folder. */
  channel: string;
  /** Where the set is written; created. */
  out: string;
  /** The manifest.json bytes of the generation that the delta begins at. */
  since?: Uint8Array;
  /** How many parts the members are dealt out to, in order. */
  parts?: number;
  zstd?: boolean;
  /** Last word on what is in a part (of number 1, …) and in its header, before anything is hashed. */
  tamper?: (part: { number: number; header: PartHeader; members: RawMember[] }) => void;
  /** Last word on the bytes of the manifest. */
  manifest?: (manifest: Manifest) => void;
  /** Bytes behind the archive proper. */
  trailer?: Uint8Array;
}

export interface MadeMedium {
  set: SetFile;
  name: string;
  dir: string;
  /** Absolute paths of the parts. */
  parts: string[];
}

/**
 * Writes a set as an export does, by other code, and with every way to make it wrong that an export does not have. `tamper` changes what
 * is in the parts after the set's id is known, so it makes sets that say of themselves that they are right.
 */
export async function makeMedium(options: MediumOptions): Promise<MadeMedium> {
  const { channel, out, since, parts: count = 1, zstd = false } = options;
  const original = readFileSync(join(channel, 'manifest.json'));
  const manifest = JSON.parse(original.toString('utf8')) as Manifest;
  const before = since === undefined ? undefined : (JSON.parse(Buffer.from(since).toString('utf8')) as Manifest);
  const manifestBytes = options.manifest === undefined ? original : tampered(manifest, options.manifest);
  const files = new Map(manifest.files.map((file) => [file.path, file]));
  const old = new Map((before?.files ?? []).map((file) => [file.path, file]));
  const added = [...files.keys()].filter((path) => !old.has(path)).sort();
  const changed = [...files]
    .filter(([path, { sha256 }]) => old.has(path) && old.get(path)!.sha256 !== sha256)
    .map(([path]) => path)
    .sort();
  const removed = [...old.keys()].filter((path) => !files.has(path)).sort();

  const moved = [...added, ...changed].sort(
    (a, b) => rank(files.get(a)?.kind) - rank(files.get(b)?.kind) || (a < b ? -1 : 1),
  );
  const contents: RawMember[] = moved.map((path) => ({ path, bytes: read(channel, path) }));
  const root: RawMember[] = [{ path: 'manifest.json', bytes: manifestBytes }];
  const signature = read(channel, 'manifest.json.sig');
  if (signature !== undefined) root.push({ path: 'manifest.json.sig', bytes: signature });
  const dealt = deal([...contents, { path: 'SHA256SUMS', bytes: read(channel, 'SHA256SUMS') }], count);
  dealt[0]!.unshift(...root);

  const { label, generation, subdirs } = manifest;
  const base: DeltaBase =
    before === undefined ? null : { generation: before.generation, manifest_sha256: sha256(since!) };
  const name = setName({ label, generation, base });
  const compression = zstd ? 'zstd' : 'none';
  const told = {
    label,
    generation,
    kind: base === null ? ('full' as const) : ('delta' as const),
    manifest_sha256: sha256(manifestBytes),
    base,
  };
  const members = dealt.map((part) =>
    part.map(({ path, bytes = new Uint8Array(0) }): PartMember => ({
      path: `${label}/${path}`,
      size: bytes.length,
      sha256: sha256(bytes),
    })),
  );
  const set = setId({ ...told, subdirs, compression, parts: members });
  mkdirSync(out, { recursive: true });
  const written: SetFile['parts'] = [];
  for (const [index, part] of dealt.entries()) {
    const number = index + 1;
    const header: PartHeader = {
      schema: 1,
      format: 'repackenv-part',
      set,
      name,
      ...told,
      number,
      of: count,
      members: members[index]!,
    };
    const raw = part.map((member) => Object.assign({}, member, { path: `${label}/${member.path}` }));
    options.tamper?.({ number, header, members: raw });
    const tar = Buffer.concat([
      tarArchive([{ path: partHeaderName(name, number), bytes: mediumJson(header) }, ...raw]),
      options.trailer ?? Buffer.alloc(0),
    ]);
    const bytes = zstd ? await packed(tar) : tar;
    const file = partFileName(name, { number, of: count, compression });
    writeFileSync(join(out, file), bytes);
    const listed = [partHeaderName(name, number), ...members[index]!.map(({ path }) => path)];
    writeFileSync(join(out, `${file}.list`), listed.map((line) => `${line}\n`).join(''));
    writeFileSync(join(out, `${file}.md5`), `${md5(bytes)}  ${file}\n`);
    written.push({ file, number, size: bytes.length, sha256: sha256(bytes), md5: md5(bytes) });
  }
  const setFile: SetFile = {
    schema: 1,
    format: 'repackenv-set',
    set,
    name,
    ...told,
    manifest_size: manifestBytes.length,
    subdirs,
    compression,
    part_size: null,
    parts: written,
    added,
    changed,
    removed,
  };
  writeFileSync(join(out, looseManifestName(name)), manifestBytes);
  if (signature !== undefined) writeFileSync(join(out, `${looseManifestName(name)}${SIGNATURE_SUFFIX}`), signature);
  writeFileSync(join(out, setFileName(name)), mediumJson(setFile));
  return { set: setFile, name, dir: out, parts: written.map(({ file }) => join(out, file)) };
}

/** A tar archive of ustar members, each as raw as it is given. */
export function tarArchive(members: readonly RawMember[]): Uint8Array {
  return Buffer.concat([...members.flatMap(tarMember), Buffer.alloc(1024)]);
}

/** Unpacks a made medium into an unpacked delta folder, as a mirror with `delta: true` writes it. */
export function makeDeltaFolder({
  channel,
  out,
  since,
  name,
}: {
  channel: string;
  out: string;
  since: Uint8Array;
  name: string;
}): string {
  const bytes = readFileSync(join(channel, 'manifest.json'));
  const manifest = JSON.parse(bytes.toString('utf8')) as Manifest;
  const before = JSON.parse(Buffer.from(since).toString('utf8')) as Manifest;
  const old = new Map(before.files.map(({ path, sha256: digest }) => [path, digest]));
  const dir = join(out, name);
  rmSync(dir, { recursive: true, force: true });
  const put = (path: string, content: Uint8Array): void => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  };
  const now = new Set(manifest.files.map(({ path }) => path));
  const added = manifest.files.filter(({ path }) => !old.has(path)).map(({ path }) => path);
  const changed = manifest.files
    .filter((file) => old.has(file.path) && old.get(file.path) !== file.sha256)
    .map(({ path }) => path);
  for (const path of [...added, ...changed]) put(path, readFileSync(join(channel, path)));
  put('manifest.json', bytes);
  put(
    'delta.json',
    mediumJson({
      schema: 1,
      format: 'repackenv-delta',
      label: manifest.label,
      base: { generation: before.generation, manifest_sha256: sha256(since) },
      generation: manifest.generation,
      manifest_sha256: sha256(bytes),
      added,
      changed,
      removed: [...old.keys()].filter((path) => !now.has(path)),
    }),
  );
  return dir;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

function tarMember({
  path,
  bytes = new Uint8Array(0),
  size = bytes.length,
  type = '0',
  linkname = '',
}: RawMember): Uint8Array[] {
  const header = Buffer.alloc(512);
  const long = Buffer.byteLength(path) > 100;
  const cut = long ? path.lastIndexOf('/', 154) : -1;
  header.write(long ? path.slice(cut + 1) : path, 0, 100);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write(linkname, 157, 100);
  header.write('ustar\u000000', 257);
  if (long) header.write(path.slice(0, cut), 345, 155);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
}

async function packed(tar: Uint8Array): Promise<Uint8Array> {
  const frames: Uint8Array[] = [];
  for await (const frame of zstdCompressFrames(
    (async function* () {
      yield tar;
    })(),
  ))
    frames.push(Uint8Array.from(frame));
  return Buffer.concat(frames);
}

function tampered(manifest: Manifest, change: (manifest: Manifest) => void): Uint8Array {
  change(manifest);
  return mediumJson(manifest);
}

function deal<T>(items: readonly T[], count: number): T[][] {
  const each = Math.ceil(items.length / count);
  return Array.from({ length: count }, (_, index) => items.slice(index * each, (index + 1) * each));
}

function rank(kind: string | undefined): number {
  return kind === 'index' ? 1 : 0;
}

function read(channel: string, path: string): Uint8Array | undefined {
  try {
    return readFileSync(join(channel, path));
  } catch {
    return undefined;
  }
}
