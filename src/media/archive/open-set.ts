import { sha256Of } from '../../codec/digests.js';
import { isRepackError, RepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../../channel/manifest/manifest.js';
import { shown } from '../../conda/channel/names.js';
import { readTarget, type Target } from '../set/target.js';
import type { SetFile } from '../set/headers.js';
import { looseManifestName, setId, SIGNATURE_SUFFIX } from '../set/names.js';
import { contradictionIn } from '../set/content.js';
import { findPart, incomplete, readParts, type LookedPart } from './parts.js';
import { checkSideFiles, strayParts } from './side-files.js';
import { isCalled, readSmall, type FoundSet, type Media, type MediaRuntime } from './read-media.js';
import type { FoundPart, PartStart } from './read-part.js';

/** A set that is complete by its names, sizes and headers; no content has been read yet. */
export interface OpenedSet extends FoundSet {
  parts: readonly LookedPart[];
  target: Target;
  /** The bytes that were signed by it are the manifest's; from part 1, else the loose one. */
  signature: Uint8Array | undefined;
  findings: Finding[];
}

const MAX_MANIFEST_BYTES = 512 * 1024 * 1024;
const MAX_SIGNATURE_BYTES = 64 * 1024;

/**
 * Finds all parts of a set on the media and reads their headers: what is missing, cut off, swapped, repeated, renamed, or of another
 * set is known before the long reading begins (bad-inputs G5, G11); where something is, the other parts are read whole, so that what is
 * damaged is reported along with it. Then the manifest, and that manifest, parts and set file tell the same.
 *
 * @throws RepackError E_MEDIUM, E_ARCHIVE_MEMBER
 */
export async function openSet(rt: MediaRuntime, { found, others, media }: SetOnMedia): Promise<OpenedSet> {
  const { set } = found;
  const parts: LookedPart[] = [];
  const lacking = new Map<number, string>();
  for (const part of set.parts) {
    rt.signal.throwIfAborted();
    const looked = await findPart(rt, { found, part, media });
    if ('problem' in looked) lacking.set(part.number, looked.problem);
    else parts.push(looked);
  }
  const stray = await strayParts(rt, { set, others, media, parts });
  if (lacking.size > 0 || stray.length > 0) {
    // Who has to fetch a part should not be sent again for another: the parts that are there are read too, before any is called right.
    const { damaged } = await readParts(rt, { found, media, parts });
    throw incomplete({ set, media, wrong: new Map([...lacking, ...damaged]), stray });
  }
  try {
    return await opened(rt, { found, media, parts });
  } catch (error) {
    if (!isRepackError(error) || !CONTRADICTIONS.has(error.code)) throw error;
    // What says nonsense may have been damaged on the way: then it is that part which has to be brought, or is on another medium.
    const { sound, damaged } = await readParts(rt, { found, media, parts });
    if (damaged.size > 0) throw incomplete({ set, media, wrong: damaged });
    if (sound.every((part, index) => part.file === parts[index]!.file)) throw error;
    return opened(rt, { found, media, parts: sound });
  }
}

const CONTRADICTIONS: ReadonlySet<string> = new Set(['E_MEDIUM', 'E_ARCHIVE_MEMBER']);

export interface SetOnMedia {
  found: FoundSet;
  /** All sets whose set file lies on the media. */
  others: readonly FoundSet[];
  media: Media;
}

async function opened(
  rt: MediaRuntime,
  { found, media, parts }: Omit<SetOnMedia, 'others'> & { parts: readonly LookedPart[] },
): Promise<OpenedSet> {
  const { set, file } = found;
  const { start } = parts[0]!;
  const findings = await checkSideFiles(rt, { set, media, parts });
  const { bytes, where } = await findManifest(rt, { found, media, start, findings });
  const loose = await looseSignature(rt, found, media);
  const target = readTarget({ bytes, signature: start.signature, where });
  refuseContradictions(set, { target, parts, where: file.path });
  return { ...found, parts, target, signature: start.signature ?? loose, findings };
}

/** The loose copy, on whichever medium it is sound, else the one in part 1. */
async function findManifest(
  rt: MediaRuntime,
  {
    found: { set, file },
    media,
    start,
    findings,
  }: { found: FoundSet; media: Media; start: PartStart; findings: Finding[] },
): Promise<{ bytes: Uint8Array; where: string }> {
  const inPart = start.manifest;
  if (inPart === undefined || sha256Of(inPart) !== set.manifest_sha256 || inPart.length !== set.manifest_size) {
    throw contradiction(`${MANIFEST_NAME} in part 1 is not the one that the set file names`, file.path);
  }
  for (const loose of media.files.filter((each) => isCalled(each, looseManifestName(set.name)))) {
    const bytes = await readSmall(rt, loose, MAX_MANIFEST_BYTES);
    if (sha256Of(bytes) === set.manifest_sha256) return { bytes, where: loose.path };
    findings.push({
      code: 'medium-copy-damaged',
      message: `${loose.name} on ${loose.medium} is not the manifest of this set; the one in part 1 is used`,
      subject: loose.path,
      exit: false,
      warn: true,
    });
  }
  return { bytes: inPart, where: `${set.parts[0]!.file}, member ${set.label}/${MANIFEST_NAME}` };
}

async function looseSignature(rt: MediaRuntime, { set }: FoundSet, media: Media): Promise<Uint8Array | undefined> {
  const file = media.files.find((each) => isCalled(each, `${looseManifestName(set.name)}${SIGNATURE_SUFFIX}`));
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
  const problem = contradictionIn(set, target);
  if (problem !== undefined) throw contradiction(problem, where);
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

function contradiction(problem: string, where: string): RepackError {
  return new RepackError('E_MEDIUM', {
    what: `Set file, parts and manifest do not belong together: ${problem}`,
    where,
    hint: `Nothing was written. Copy the set again from its source; ${SIGNATURE_NAME} on it tells whether it is the sender’s.`,
  });
}
