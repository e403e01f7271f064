import { sha256Of } from '../codec/digests.js';
import { isRepackError, RepackError } from '../model/errors.js';
import type { Finding } from '../model/findings.js';
import { MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../model/manifest.js';
import { shown } from '../model/names.js';
import { readTarget, type Target, type TargetParts } from './import-target.js';
import { looseManifestName, setId, SIGNATURE_SUFFIX, type SetFile, type SetPart } from './medium-format.js';
import { checkSideFiles, strayParts } from './import-side-files.js';
import {
  readSmall,
  refuseOtherSum,
  type FoundSet,
  type Media,
  type MediaRuntime,
  type MediumFile,
} from './read-media.js';
import { readPartStart, type FoundPart, type PartStart } from './read-part.js';
import { TarFault } from './read-tar.js';

/** A set that is complete by its names, sizes and headers; no content has been read yet. */
export interface OpenedSet {
  set: SetFile;
  /** The set file that was read. */
  file: MediumFile;
  parts: readonly FoundPart[];
  target: Target;
  /** The bytes that were signed by it are the manifest's; from part 1, else the loose one. */
  signature: Uint8Array | undefined;
  findings: Finding[];
}

const MAX_MANIFEST_BYTES = 512 * 1024 * 1024;
const MAX_SIGNATURE_BYTES = 64 * 1024;

/**
 * Finds all parts of a set on the media and reads their headers: what is missing, cut off, swapped, repeated, renamed, or of another
 * set is known, all of it at once, before the long reading begins (bad-inputs G5, G11). Then the manifest, and that manifest, parts
 * and set file tell the same.
 *
 * @throws RepackError E_MEDIUM, E_ARCHIVE_MEMBER
 */
export async function openSet(
  rt: MediaRuntime,
  { found, media, sumsBytes }: { found: FoundSet; media: Media; sumsBytes: TargetParts['sumsBytes'] },
): Promise<OpenedSet> {
  const { set, file } = found;
  const parts: FoundPart[] = [];
  const problems: string[] = [];
  let start: PartStart | undefined;
  for (const part of set.parts) {
    rt.signal.throwIfAborted();
    const looked = await findPart(rt, { set, part, media });
    if ('problem' in looked) problems.push(looked.problem);
    else {
      parts.push(looked);
      if (part.number === 1) start = looked.start;
    }
  }
  problems.push(...strayParts(set, media, parts));
  if (problems.length > 0) throw incomplete({ set, media, problems, lacking: set.parts.length - parts.length });
  const findings = await checkSideFiles(rt, { set, media, parts });

  const { bytes, where } = await findManifest(rt, { found, media, start, findings });
  const loose = await looseSignature(rt, found, media);
  const target = readTarget({ manifestBytes: bytes, signature: start?.signature, where, sumsBytes });
  refuseContradictions(set, { target, parts, where: file.path });
  return { set, file, parts, target, signature: start?.signature ?? loose, findings };
}

/** @throws RepackError E_MEDIUM that names each part, its medium, and what has to be brought. */
export function incomplete({
  set,
  media,
  problems,
  lacking,
}: {
  set: SetFile;
  media: Media;
  problems: readonly string[];
  /** How many parts are to be brought again. */
  lacking: number;
}): RepackError {
  const good = set.parts.length - lacking;
  const rest =
    lacking === 0
      ? ''
      : good === 0
        ? ''
        : ` The other ${good === 1 ? 'part is' : `${good} parts are`} right and need not be copied again.`;
  return new RepackError('E_MEDIUM', {
    what:
      problems.length === 1
        ? `${problems[0]}`
        : `Set ${set.name} can't be imported: ${problems.length} things are wrong on the media`,
    where: media.places.join(', '),
    hint: `Bring what is named here from the sender or another copy, and give all media of the set in one command.${rest} Nothing was changed.`,
    details: problems.length === 1 ? [] : problems,
  });
}

/** `part 2 of 3 (acme-g7.part002.tar)`. */
export function partTitle(set: SetFile, { number, file }: SetPart): string {
  return set.parts.length === 1 ? `The archive ${file}` : `Part ${number} of ${set.parts.length} (${file})`;
}

type Looked = FoundPart & { start: PartStart };

async function findPart(
  rt: MediaRuntime,
  { set, part, media }: { set: SetFile; part: SetPart; media: Media },
): Promise<Looked | { problem: string }> {
  const title = partTitle(set, part);
  const problems: string[] = [];
  const named = media.files.filter((file) => file.named && file.name !== part.file && file.size === part.size);
  for (const file of [...media.files.filter(({ name }) => name === part.file), ...named]) {
    const looked = await lookAt(rt, { set, part, media, file });
    if (typeof looked !== 'string') return looked;
    if (file.name === part.file) problems.push(`${title} on ${file.medium} ${looked}`);
  }
  if (problems.length > 0) return { problem: problems.join('; ') };
  for (const file of media.files) {
    if (file.size !== part.size || set.parts.some((each) => each.file === file.name)) continue;
    if (typeof (await lookAt(rt, { set, part, media, file })) === 'string') continue;
    return {
      problem: `${title} is on ${file.medium} under another name, ${file.name}: rename it, or give it itself: ${file.path}`,
    };
  }
  return { problem: `${title} is on none of the media: ${media.places.join(', ')}` };
}

/** The part, or a clause that says why this file is not it. */
async function lookAt(
  rt: MediaRuntime,
  { set, part, media, file }: { set: SetFile; part: SetPart; media: Media; file: MediumFile },
): Promise<Looked | string> {
  if (file.size === 0) return 'is empty (0 bytes)';
  const length =
    file.size < part.size
      ? `was cut off: ${file.size} of ${part.size} bytes are there`
      : file.size > part.size
        ? `has ${file.size - part.size} bytes more than it should`
        : undefined;
  let start: PartStart;
  try {
    start = await readPartStart(rt, file);
  } catch (error) {
    if (isRepackError(error) && error.code === 'E_MEDIUM' && error.cause !== undefined) return lower(error.what);
    if (error instanceof TarFault || isRepackError(error)) {
      return length ?? 'does not begin as a part does: it was damaged on the way, or is something else';
    }
    throw error;
  }
  const { header } = start;
  if (header.set !== set.set) {
    return `is of another set: part ${header.number} of ${header.of} of ${header.name}`;
  }
  if (header.number !== part.number) return `holds part ${header.number} under this name: the parts were swapped`;
  if (length !== undefined) return length;
  refuseOtherSum(media, { ...file, name: part.file }, part.sha256);
  return { part, file, header, start };
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** The loose copy, on whichever medium it is sound, else the one in part 1. */
async function findManifest(
  rt: MediaRuntime,
  {
    found: { set },
    media,
    start,
    findings,
  }: { found: FoundSet; media: Media; start: PartStart | undefined; findings: Finding[] },
): Promise<{ bytes: Uint8Array; where: string }> {
  const inPart = start?.manifest;
  if (inPart === undefined || sha256Of(inPart) !== set.manifest_sha256 || inPart.length !== set.manifest_size) {
    throw contradiction(`${MANIFEST_NAME} in part 1 is not the one that the set file names`, set.name);
  }
  for (const file of media.files.filter(({ name }) => name === looseManifestName(set.name))) {
    const bytes = await readSmall(rt, file, MAX_MANIFEST_BYTES);
    if (sha256Of(bytes) === set.manifest_sha256) return { bytes, where: file.path };
    findings.push({
      code: 'medium-copy-damaged',
      message: `${file.name} on ${file.medium} is not the manifest of this set; the one in part 1 is used`,
      subject: file.path,
      exit: false,
      warn: true,
    });
  }
  return { bytes: inPart, where: `${set.parts[0]!.file}, member ${set.label}/${MANIFEST_NAME}` };
}

async function looseSignature(rt: MediaRuntime, { set }: FoundSet, media: Media): Promise<Uint8Array | undefined> {
  const file = media.files.find(({ name }) => name === `${looseManifestName(set.name)}${SIGNATURE_SUFFIX}`);
  return file === undefined ? undefined : readSmall(rt, file, MAX_SIGNATURE_BYTES);
}

/**
 * Set file, part headers and manifest are three tellings of one thing. What is in the parts is exactly what the manifest has (a full
 * set) or what the set file calls added and changed (a delta), each once, with the manifest's size and digest.
 */
function refuseContradictions(
  set: SetFile,
  { target, parts, where }: { target: Target; parts: readonly FoundPart[]; where: string },
): void {
  const { manifest } = target;
  if (manifest.label !== set.label || manifest.generation !== set.generation) {
    throw contradiction(`the manifest is of ${manifest.label} generation ${manifest.generation}`, where);
  }
  for (const { header, part, file } of parts) {
    const told = { ...set, of: set.parts.length };
    for (const key of ['name', 'label', 'generation', 'kind', 'manifest_sha256', 'of'] as const) {
      if (header[key] !== told[key])
        throw contradiction(`"${key}" in the header of part ${part.number} is another`, file.path);
    }
  }
  const id = setId({ ...set, parts: parts.map(({ header }) => header.members) });
  if (id !== set.set) throw contradiction('the id of the set is not that of its contents', where);
  refuseMembers(set, { target, parts });
  refuseLists(set, target, where);
}

function refuseMembers(set: SetFile, { target, parts }: { target: Target; parts: readonly FoundPart[] }): void {
  const seen = new Set<string>();
  for (const { header, file } of parts) {
    for (const member of header.members) {
      const refuse = (problem: string): RepackError =>
        new RepackError('E_ARCHIVE_MEMBER', {
          what: `${shown(member.path)} in ${file.name} is refused: ${problem}`,
          where: file.path,
          hint: 'Nothing was written. This is not a set that repackenv made: find out where the medium comes from.',
        });
      const prefix = `${set.label}/`;
      const path = member.path.startsWith(prefix) ? member.path.slice(prefix.length) : undefined;
      const expected = path === undefined ? undefined : target.files.get(path);
      if (path === undefined || expected === undefined) throw refuse('the manifest does not have it');
      if (seen.has(path)) throw refuse('it is there twice');
      if (member.size !== expected.size || member.sha256 !== expected.sha256) {
        throw refuse(
          path === SUMS_NAME ? 'it is not what the manifest comes to' : 'the manifest has another size or sha256',
        );
      }
      seen.add(path);
    }
  }
  const moved = new Set([...set.added, ...set.changed]);
  for (const [path, { kind }] of target.files) {
    const wanted =
      set.kind === 'full' || moved.has(path) || kind === 'manifest' || kind === 'sums' || kind === 'signature';
    if (wanted && !seen.has(path)) throw contradiction(`none of the parts holds ${path}`, set.name);
    if (!wanted && seen.has(path))
      throw contradiction(`${path} is in a part and not among what is added or changed`, set.name);
  }
}

function refuseLists(set: SetFile, target: Target, where: string): void {
  const paths = target.manifest.files.map(({ path }) => path);
  const here = new Set(paths);
  if (set.kind === 'full' && (set.changed.length > 0 || set.removed.length > 0 || set.added.length !== paths.length)) {
    throw contradiction('a full set adds every file and changes or removes none', where);
  }
  for (const path of [...set.added, ...set.changed]) {
    if (!here.has(path)) throw contradiction(`${path} is to be added and is not in the manifest`, where);
  }
  for (const path of set.removed) {
    if (here.has(path)) throw contradiction(`${path} is to be removed and is in the manifest`, where);
  }
}

function contradiction(problem: string, where: string): RepackError {
  return new RepackError('E_MEDIUM', {
    what: `Set file, parts and manifest do not belong together: ${problem}`,
    where,
    hint: `Nothing was written. Copy the set again from its source; ${SIGNATURE_NAME} on it tells whether it is the sender’s.`,
  });
}
