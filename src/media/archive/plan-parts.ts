import { digestsOf } from '../../codec/digests.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { RepackError } from '../../base/errors.js';
import { canonicalJson } from '../../base/json.js';
import { MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME, type ManifestFile } from '../../channel/manifest/manifest.js';
import { sumsBytes } from '../../channel/manifest/make-manifest.js';
import type { StoredManifest } from '../../channel/manifest/read-manifest.js';
import { changesSince, deltaBase, type ManifestChanges } from '../set/changes.js';
import { PART_FORMAT } from '../set/formats.js';
import type { Compression, DeltaBase, PartHeader, PartMember } from '../set/headers.js';
import { MAX_PARTS, mediumJson, partFileName, partHeaderName, setId, setName } from '../set/names.js';
import { maxBytesAround, maxMemberBytes, maxPartBytes } from './write-part.js';

/** A member of a part: bytes that are made here, or a file of the channel folder. */
export interface PlannedMember {
  /** Name in the tar. */
  name: string;
  size: number;
  mtimeMs: number;
  from: { bytes: Uint8Array } | { file: ManifestFile };
}

export interface PlannedPart {
  file: string;
  number: number;
  /** The part header first. */
  members: PlannedMember[];
  /** It comes to no more than this. */
  maxBytes: number;
}

/** A set, whole, before anything is written. */
export interface PlannedSet {
  id: string;
  name: string;
  target: StoredManifest;
  signature: Uint8Array | undefined;
  base: DeltaBase;
  compression: Compression;
  partSize: number | undefined;
  parts: PlannedPart[];
  changes: ManifestChanges;
}

export interface SetWish {
  /** What the site has afterwards. */
  target: StoredManifest;
  /** Detached signature over the target's bytes. */
  signature: Uint8Array | undefined;
  /** What the site has now: then it is a delta. */
  base: StoredManifest | undefined;
  /** The platforms in the set's name; undefined: it is not told by them. */
  only: readonly string[] | undefined;
  compression: Compression;
  /** No part larger than this, bytes. */
  partSize: number | undefined;
}

/**
 * Which bytes go into which part. Files keep their order (artifacts and side files by path, then indexes, then `SHA256SUMS`), so a part is
 * a stretch of it. Sizes are reckoned before they are packed, since artifacts come out no smaller.
 *
 * @throws RepackError E_PART_SIZE: a file (named) is larger than a part may be, or there would be more than 999 parts.
 */
export function planSet(wish: SetWish): PlannedSet {
  const { target, signature, compression, partSize } = wish;
  const { label, generation } = target.manifest;
  const base = deltaBase(wish.base);
  const name = setName({ label, generation, base, only: wish.only });
  const changes = changesSince(wish.base?.manifest, target.manifest);
  const header = {
    schema: 1 as const,
    format: PART_FORMAT,
    name,
    label,
    generation,
    kind: base === null ? ('full' as const) : ('delta' as const),
    manifest_sha256: target.sha256,
    base,
  };
  const stretches = splitInParts({
    lead: leadMembers(target, signature),
    files: channelMembers({ target, signature, changes }),
    headerOf: (members) => largestHeader(header, members),
    headerName: partHeaderName(name, MAX_PARTS),
    compression,
    partSize,
  });
  const listed = stretches.map((members) => members.map(({ name: path, ...rest }) => ({ path, ...digestOf(rest) })));
  const { kind, manifest_sha256 } = header;
  const subdirs = target.manifest.subdirs;
  const id = setId({ label, generation, kind, manifest_sha256, base, subdirs, compression, parts: listed });
  const of = stretches.length;
  const parts = stretches.map((members, index): PlannedPart => {
    const number = index + 1;
    const partHeader: PartHeader = { ...header, set: id, number, of, members: listed[index]! };
    const bytes = mediumJson(partHeader);
    const first = { name: partHeaderName(name, number), size: bytes.length, mtimeMs: EPOCH_MS, from: { bytes } };
    const all = [first, ...members];
    return {
      file: partFileName(name, { number, of, compression }),
      number,
      members: all,
      maxBytes: maxPartBytes(all, compression),
    };
  });
  return { id, name, target, signature, base, compression, partSize, parts, changes };
}

/**
 * Times in a tar are for those who unpack it by hand, and must not depend on this machine: artifacts have one time for ever, other files a
 * later one with each generation, so that rsync and robocopy see a changed index (design D7).
 */
const EPOCH_MS = Date.UTC(1980, 0, 2);
const GENERATION_MS = 2000;

function leadMembers({ manifest, bytes }: StoredManifest, signature: Uint8Array | undefined): PlannedMember[] {
  const own = (name: string, content: Uint8Array): PlannedMember => ownMember(manifest, name, content);
  return [own(MANIFEST_NAME, bytes), ...(signature === undefined ? [] : [own(SIGNATURE_NAME, signature)])];
}

function channelMembers({
  target,
  signature,
  changes,
}: {
  target: StoredManifest;
  signature: Uint8Array | undefined;
  changes: ManifestChanges;
}): PlannedMember[] {
  const { manifest } = target;
  const travels = new Set([...changes.added, ...changes.changed]);
  const files = manifest.files.filter(({ path }) => travels.has(path));
  const member = (file: ManifestFile): PlannedMember => ({
    name: `${manifest.label}/${file.path}`,
    size: file.size,
    mtimeMs: file.kind === 'index' ? indexTime(manifest.generation) : EPOCH_MS,
    from: { file },
  });
  const sums = sumsBytes([
    ...manifest.files,
    { path: MANIFEST_NAME, sha256: target.sha256 },
    ...(signature === undefined ? [] : [{ path: SIGNATURE_NAME, sha256: digestsOf(signature).sha256 }]),
  ]);
  return [
    ...files.filter(({ kind }) => kind !== 'index').map(member),
    ...files.filter(({ kind }) => kind === 'index').map(member),
    ownMember(manifest, SUMS_NAME, sums),
  ];
}

function ownMember(
  { label, generation }: { label: string; generation: number },
  name: string,
  bytes: Uint8Array,
): PlannedMember {
  return { name: `${label}/${name}`, size: bytes.length, mtimeMs: indexTime(generation), from: { bytes } };
}

function indexTime(generation: number): number {
  return EPOCH_MS + generation * GENERATION_MS;
}

function digestOf({ size, from }: Omit<PlannedMember, 'name'>): Omit<PartMember, 'path'> {
  return { size, sha256: 'bytes' in from ? digestsOf(from.bytes).sha256 : from.file.sha256 };
}

interface Splitting {
  /** Members of part 1 that go before the channel's files. */
  lead: readonly PlannedMember[];
  files: readonly PlannedMember[];
  /** Bytes of a part header over these members, at most. */
  headerOf(members: readonly PlannedMember[]): number;
  headerName: string;
  compression: Compression;
  partSize: number | undefined;
}

function splitInParts(splitting: Splitting): PlannedMember[][] {
  const { lead, files, headerOf, headerName, compression, partSize } = splitting;
  if (partSize === undefined) return [[...lead, ...files]];
  const sizeOf = (members: readonly PlannedMember[]): number =>
    maxPartBytes([{ name: headerName, size: headerOf(members) }, ...members], compression);
  refuseTooLarge([lead, ...files.map((file) => [file])], { sizeOf, partSize });

  const parts: PlannedMember[][] = [];
  let current: PlannedMember[] = [];
  // Adding up keeps this linear: a mirror has a hundred thousand files. The header is summed apart, for it is padded as a whole.
  const emptyHeader = headerOf([]);
  let header = emptyHeader;
  let content = 0;
  const add = (member: PlannedMember): void => {
    current.push(member);
    header += entryBytes(member);
    content += maxMemberBytes(member.name, member.size);
  };
  const hasRoomFor = ({ name, size }: PlannedMember): boolean => {
    const bytes = content + maxMemberBytes(name, size);
    const headerBytes = maxMemberBytes(headerName, header + entryBytes({ name, size }));
    return maxBytesAround(headerBytes + bytes, compression) <= partSize;
  };
  lead.forEach(add);
  for (const file of files) {
    if (!hasRoomFor(file)) {
      parts.push(current);
      current = [];
      header = emptyHeader;
      content = 0;
    }
    add(file);
  }
  parts.push(current);
  if (parts.length <= MAX_PARTS) return parts;
  throw new RepackError('E_PART_SIZE', {
    what: `With parts of ${partSize} bytes there would be ${parts.length} of them; a set has at most ${MAX_PARTS}`,
    where: `--part-size ${partSize}`,
    hint: 'Choose a larger size.',
  });
}

function refuseTooLarge(
  alone: readonly (readonly PlannedMember[])[],
  { sizeOf, partSize }: { sizeOf(members: readonly PlannedMember[]): number; partSize: number },
): void {
  const tooLarge = alone
    .map((members) => ({ name: members[0]!.name, size: members[0]!.size, needs: sizeOf(members) }))
    .filter(({ needs }) => needs > partSize)
    .sort((a, b) => b.needs - a.needs);
  const [largest] = tooLarge;
  if (largest === undefined) return;
  const more = tooLarge.length === 1 ? '' : `; nor do ${tooLarge.length - 1} smaller ones`;
  throw new RepackError('E_PART_SIZE', {
    what: `${largest.name} with ${largest.size} bytes does not fit into a part of ${partSize} bytes, and no file is split${more}`,
    where: `--part-size ${partSize}`,
    hint: `Choose at least ${largest.needs} bytes, which that file needs with what goes with it.`,
    details: tooLarge.slice(0, 20).map(({ name, size }) => `${name}  ${size} bytes`),
  });
}

/** As large as the header can get: the set's id is as long as any, the numbers have three digits at most. */
function largestHeader(
  header: Omit<PartHeader, 'set' | 'number' | 'of' | 'members'>,
  members: readonly PlannedMember[],
): number {
  const empty = mediumJson({ ...header, set: '0'.repeat(64), number: MAX_PARTS, of: MAX_PARTS, members: [] });
  return members.reduce((sum, member) => sum + entryBytes(member), empty.length + 8);
}

/** What a member adds to the part header: its entry, each of its five lines indented by 4, with comma and line feed. */
function entryBytes({ name, size }: Pick<PlannedMember, 'name' | 'size'>): number {
  return Buffer.byteLength(canonicalJson({ path: name, size, sha256: '0'.repeat(64) }, 2)) + 5 * 4 + 2;
}

/** Platforms that get a set of their own: each but `noarch`, which goes along with every one. */
export function platformsOf(subdirs: readonly string[]): string[] {
  const own = subdirs.filter((subdir) => subdir !== NOARCH);
  return own.length === 0 ? [NOARCH] : own;
}
