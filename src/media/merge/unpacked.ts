import { basename, dirname, join } from 'node:path';
import { RepackError } from '../../base/errors.js';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import { readManifest } from '../../channel/manifest/read-manifest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { objectIn } from '../../base/json.js';
import { PART_FORMAT } from '../set/formats.js';
import { listFolder } from '../../channel/read/list-folder.js';
import { noFolder, refuseOdd } from '../folder-errors.js';

/** More is no header that is worth the look. */
const MAX_HEADER_BYTES = 256 * 1024 * 1024;

/**
 * Refuses a set of `export` or `delta` that somebody took out of its tar: it looks like a channel folder, but as one its removals would not be
 * applied, and the outcome would not be the sender's channel. Known by the part header in the folder or beside it, or by a manifest of
 * ours whose packages are not all there.
 *
 * @throws RepackError E_MEDIUM, E_ARCHIVE_MEMBER
 */
export async function refuseUnpackedSet(rt: Pick<Runtime, 'fs'>, dir: string): Promise<void> {
  const header =
    (await findPartHeader(rt, dir, () => true)) ??
    (await findPartHeader(rt, dirname(dir), (label) => label === basename(dir)));
  if (header !== undefined) throw refused(dir, 'This is a set of export or delta, taken out of its tar', [header]);
  const manifest = (await readManifest(rt, join(dir, MANIFEST_NAME)))?.manifest;
  if (manifest === undefined) return;
  const listing = await listFolder(rt, dir, { manifest }).catch((error: unknown) => {
    throw noFolder(dir, error);
  });
  refuseOdd(listing, { all: false });
  const there = new Set(listing.paths);
  const lacking = manifest.files.filter(({ path, kind }) => kind === 'artifact' && !there.has(path));
  if (lacking.length === 0) return;
  throw refused(
    dir,
    `${lacking.length} of the packages in ${MANIFEST_NAME} are not in the folder: it is part of a channel, such as a delta taken out of its tar`,
    lacking.slice(0, 20).map(({ path }) => `${path}: missing`),
  );
}

/** Path of a file that is a part header of a label that is wanted; what is something else, or can't be read, is none. */
async function findPartHeader(
  rt: Pick<Runtime, 'fs'>,
  dir: string,
  wanted: (label: unknown) => boolean,
): Promise<string | undefined> {
  const entries = await rt.fs.readdir(dir).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile() || !/\.part\d{3,}\.json$/.test(entry.name)) continue;
    const path = join(dir, entry.name);
    // Gone, or not to be read: nobody's header.
    const size = await rt.fs.stat(path).then(
      (stats) => stats.size,
      () => Infinity,
    );
    const header = size > MAX_HEADER_BYTES ? undefined : objectIn(await rt.fs.readText(path).catch(() => ''));
    if (header?.['format'] === PART_FORMAT && wanted(header['label'])) return path;
  }
  return undefined;
}

function refused(where: string, what: string, details: string[]): RepackError {
  return new RepackError('E_MEDIUM', {
    what,
    where,
    hint: 'Nothing was changed. Give the medium (the folder with the .tar and the .set.json) to `repackenv import`.',
    details,
  });
}
