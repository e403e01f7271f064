import type { Finding } from '../model/findings.js';
import { RepackError } from '../model/errors.js';
import { shown } from '../model/names.js';
import { LIST_SUFFIX, MD5_SUFFIX, partHeaderName, type SetFile } from './medium-format.js';
import { readSmall, type Media, type MediaRuntime } from './read-media.js';
import type { FoundPart } from './read-part.js';
import { parseList, parseSums } from './read-sums.js';

const MAX_LIST_BYTES = 256 * 1024 * 1024;
const MAX_MD5_BYTES = 64 * 1024;

/** Files that are named as parts of this set and are none: of an older export under the same name, or put there by somebody. */
export function strayParts(set: SetFile, media: Media, parts: readonly FoundPart[]): string[] {
  const known = new Set([...set.parts.map(({ file }) => file), ...parts.map(({ file }) => file.name)]);
  return media.files
    .filter(({ name }) => isPartOf(set.name, name) && !known.has(name))
    .map(({ name, medium }) => `${name} on ${medium} has the name of a part and is not in the set file: take it away`);
}

/**
 * Holds `.list` and `.md5` beside the parts against what the parts hold (bad-inputs G6, G10). They are for other programs and people: a
 * `.list` that names what is not there is refused, since somebody relies on it; an md5 that differs is told, since sha256 decides.
 *
 * @throws RepackError E_MEDIUM
 */
export async function checkSideFiles(
  rt: MediaRuntime,
  { set, media, parts }: { set: SetFile; media: Media; parts: readonly FoundPart[] },
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { part, header } of parts) {
    for (const file of media.files) {
      if (file.name === `${part.file}${LIST_SUFFIX}`) {
        const listed = parseList(Buffer.from(await readSmall(rt, file, MAX_LIST_BYTES)).toString('utf8'));
        const there = [partHeaderName(set.name, part.number), ...header.members.map(({ path }) => path)];
        refuseOtherList(listed, there, file.path);
      }
      if (file.name === `${part.file}${MD5_SUFFIX}`) {
        const sums = parseSums(Buffer.from(await readSmall(rt, file, MAX_MD5_BYTES)).toString('utf8'), 32);
        const stated = 'lines' in sums ? sums.lines.find(({ name }) => name === part.file)?.digest : undefined;
        if (stated === part.md5) continue;
        const message = `${file.name} on ${file.medium} does not have the md5 of ${part.file}; its sha256 decides`;
        findings.push({ code: 'medium-md5-differs', message, subject: file.path, exit: false, warn: true });
      }
    }
  }
  for (const { part, file } of parts) {
    const sums = media.sums.get(file.medium);
    if (sums === undefined || sums.has(part.file)) continue;
    const message = `SHA256SUMS on ${file.medium} does not list ${part.file}; the set file does, and decides`;
    findings.push({ code: 'medium-unlisted', message, subject: file.path, exit: false });
  }
  return findings;
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
  return file.startsWith(`${setName}.`) && /^(?:part\d+\.)?tar(?:\.zst)?$/.test(file.slice(setName.length + 1));
}
