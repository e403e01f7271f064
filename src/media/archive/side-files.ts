import type { Finding } from '../../base/findings.js';
import { RepackError } from '../../base/errors.js';
import { caseFold, shown } from '../../conda/channel/names.js';
import type { SetFile, SetPart } from '../set/headers.js';
import { LIST_SUFFIX, MD5_SUFFIX, partHeaderName } from '../set/names.js';
import {
  isCalled,
  listedSum,
  readSmall,
  type FoundSet,
  type Media,
  type MediaRuntime,
  type MediumFile,
} from './read-media.js';
import { readPartStart, type FoundPart } from './read-part.js';
import { parseList, parseSums } from './read-sums.js';

const MAX_LIST_BYTES = 256 * 1024 * 1024;
const MAX_MD5_BYTES = 64 * 1024;

/**
 * Files that are named as parts of this set and are none: of an older export under the same name, or put there by somebody. Those of another
 * set with its set file on the media (the same generation, split or packed in another way) are that one's matter.
 */
export async function strayParts(
  rt: MediaRuntime,
  {
    set,
    others,
    media,
    parts,
  }: { set: SetFile; others: readonly FoundSet[]; media: Media; parts: readonly FoundPart[] },
): Promise<string[]> {
  const ids = new Set(others.map((other) => other.set.set).filter((id) => id !== set.set));
  const stray: string[] = [];
  for (const file of media.files) {
    if (!isPartOf(set.name, file.name) || set.parts.some((part) => isCalled(file, part.file))) continue;
    if (parts.some((part) => part.file === file)) continue;
    if (ids.size > 0 && ids.has((await setOf(rt, file)) ?? '')) continue;
    stray.push(`${file.name} on ${file.medium} has the name of a part and is not in the set file: take it away`);
  }
  return stray;
}

async function setOf(rt: MediaRuntime, file: MediumFile): Promise<string | undefined> {
  return readPartStart(rt, file).then(
    ({ header }) => header.set,
    () => undefined,
  );
}

/**
 * Holds `.list` and `.md5` beside the parts against what the parts hold (bad-inputs G6, G10). They are for other programs and people: a
 * `.list` that names what is not there is refused, since somebody relies on it; an md5 that differs is reported, since sha256 decides.
 *
 * @throws RepackError E_MEDIUM
 */
export async function checkSideFiles(
  rt: MediaRuntime,
  { set, media, parts }: { set: SetFile; media: Media; parts: readonly FoundPart[] },
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { part, header, file: taken } of parts) {
    for (const file of media.files) {
      if (isBesideAnother(file, { part, taken, media })) continue;
      if (isCalled(file, `${part.file}${LIST_SUFFIX}`)) {
        const listed = parseList(Buffer.from(await readSmall(rt, file, MAX_LIST_BYTES)).toString('utf8'));
        const there = [partHeaderName(set.name, part.number), ...header.members.map(({ path }) => path)];
        refuseOtherList(listed, there, file.path);
      }
      if (isCalled(file, `${part.file}${MD5_SUFFIX}`)) {
        const sums = parseSums(Buffer.from(await readSmall(rt, file, MAX_MD5_BYTES)).toString('utf8'), 32);
        const stated =
          'lines' in sums ? sums.lines.find(({ name }) => caseFold(name) === caseFold(part.file))?.digest : undefined;
        if (stated === part.md5) continue;
        const message = `${file.name} on ${file.medium} does not have the md5 of ${part.file}; its sha256 decides`;
        findings.push({ code: 'medium-md5-differs', message, subject: file.path, exit: false, warn: true });
      }
    }
  }
  for (const { part, file } of parts) {
    if (!media.sums.has(file.medium) || listedSum(media, file.medium, part.file) !== undefined) continue;
    const message = `SHA256SUMS on ${file.medium} does not list ${part.file}; the set file does, and decides`;
    findings.push({ code: 'medium-unlisted', message, subject: file.path, exit: false });
  }
  return findings;
}

/** It lies with another file of the part's name than the one that was taken: a damaged copy, or the part of another set. */
function isBesideAnother(
  file: MediumFile,
  { part, taken, media }: { part: SetPart; taken: MediumFile; media: Media },
): boolean {
  if (file.medium === taken.medium) return false;
  return media.files.some((each) => each.medium === file.medium && isCalled(each, part.file));
}

function refuseOtherList(listed: readonly string[], there: readonly string[], where: string): void {
  const held = new Set(there);
  const named = new Set(listed);
  const foreign = listed.find((name) => !held.has(name));
  const lacking = there.find((name) => !named.has(name));
  if (foreign === undefined && lacking === undefined) return;
  throw new RepackError('E_MEDIUM', {
    what:
      foreign === undefined
        ? `The list of this part lacks ${shown(lacking ?? '')}, which is in it`
        : `The list of this part names ${shown(foreign)}, which is not in it`,
    where,
    hint: 'Copy the .list file again from the export this part is of.',
  });
}

function isPartOf(setName: string, file: string): boolean {
  const folded = caseFold(file);
  return (
    folded.startsWith(`${caseFold(setName)}.`) && /^(?:part\d+\.)?tar(?:\.zst)?$/.test(folded.slice(setName.length + 1))
  );
}
