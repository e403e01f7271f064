import { basename, join } from 'node:path';
import { sha256Of } from '../../codec/digests.js';
import { errnoOf, explainDiskError } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { contentOf } from '../../channel/manifest/make-manifest.js';
import { MANIFEST_NAME, type Manifest } from '../../channel/manifest/manifest.js';
import { manifestOfReceipt, otherFile } from '../../channel/manifest/other-file.js';
import { parseManifest, type StoredManifest } from '../../channel/manifest/read-manifest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { restrictedTo } from '../set/changes.js';
import { parseSiteReceipt } from '../set/headers.js';
import { formatIn, SITE_RECEIPT_FORMAT } from '../set/formats.js';
import { mediumJson } from '../set/names.js';

/** What a site has. */
export interface Base extends StoredManifest {
  /** Told by the site itself: it has this and nothing else, whereas a manifest that the vendor kept may be of more than was sent. */
  exact: boolean;
}

/**
 * What the site has: a `manifest.json` (loose, or the one in a channel folder that is named), or the receipt that the site sent back. What
 * mail and editors make of such a file on the way (CRLF, a byte order mark, another indentation) leaves it the manifest that it was.
 *
 * @throws RepackError E_USAGE: neither of them, a number. E_MEDIUM: a receipt that was edited. E_DISK.
 */
export async function readBase(rt: Pick<Runtime, 'fs'>, file: string): Promise<Base> {
  const { bytes, path } = await readIt(rt, file, { doing: 'read what the site has (--since)' });
  const told = toldBy(bytes, path);
  if ('base' in told) return told.base;
  const { parsed } = told;
  const ofReceipt = await manifestOfReceipt(rt, { bytes, where: path });
  if (ofReceipt !== undefined) return { ...ofReceipt, exact: false };
  const other = otherFile(bytes);
  const reason = {
    newer: 'it is of a newer version of repackenv',
    broken: parsed.kind === 'broken' ? parsed.reason : '',
    other: 'it is something else',
  }[parsed.kind];
  const hint =
    'Give NAME.manifest.json of the set that was sent last, or the receipt that "repackenv import --receipt" wrote at the site.';
  throw new RepackError('E_USAGE', {
    what: `--since needs a manifest of this label or a receipt of the site: ${other === undefined ? reason : `this is ${other.is}`}`,
    where: path,
    hint: other === undefined ? hint : `Give ${other.instead}.`,
  });
}

/**
 * What a manifest or the receipt of a site says that the site has; else what came of reading it as a manifest.
 *
 * @throws RepackError E_MEDIUM: a receipt that was edited
 */
export function toldBy(bytes: Uint8Array, path: string): { base: Base } | { parsed: NoManifest } {
  const text = Buffer.from(bytes).toString('utf8').replace(BYTE_ORDER_MARK, '');
  const parsed = parseManifest(Buffer.from(text));
  if (parsed.kind === 'sound') return { base: { ...asPublished(JSON.parse(text), parsed.manifest), exact: false } };
  if (formatIn(text) !== SITE_RECEIPT_FORMAT) return { parsed };
  const { manifest } = JSON.parse(text) as { manifest: unknown };
  return { base: { ...asPublished(manifest, parseSiteReceipt(bytes, path).manifest), exact: true } };
}

type NoManifest = Exclude<ReturnType<typeof parseManifest>, { kind: 'sound' }>;

/**
 * Holds the base against what is to be sent, both for the same platforms. Undefined: the site has exactly this.
 *
 * @throws RepackError E_WRONG_BASE: another label, a later generation, a generation of another history, a platform that the base lacks, or
 * only some of the platforms that the site says it has.
 */
export function checkedBase(
  base: Base,
  target: StoredManifest,
  { file, only }: { file: string; only: readonly string[] | undefined },
): StoredManifest | undefined {
  const refuse = (what: string, hint: string): never => {
    throw new RepackError('E_WRONG_BASE', { what, where: `--since ${file}`, hint });
  };
  const { label, generation } = target.manifest;
  const was = base.manifest;
  if (was.label !== label) {
    refuse(`It is of label ${was.label}, the folder is of label ${label}`, `Give a manifest or receipt of ${label}.`);
  }
  if (was.generation > generation) {
    refuse(
      `The site has generation ${was.generation}, the folder is at ${generation}: a delta never leads back`,
      'Look whether this is the right folder. If the site must go back, send a full set.',
    );
  }
  const absent = only?.find((subdir) => !was.subdirs.includes(subdir));
  if (absent !== undefined) {
    refuse(
      `The site has no ${absent} yet`,
      `Send it a full set of that platform: export --subdir ${absent}, without --since.`,
    );
  }
  // The vendor may have kept the whole manifest where the site was sent some platforms only.
  const same = only === undefined ? base : restrictedTo(base, only);
  if (base.exact && same.sha256 !== base.sha256) {
    refuse(
      `The site has ${was.subdirs.join(', ')}, all in one channel; a delta for ${only!.join(', ')} alone fits no such folder`,
      'Leave out --subdir and --per-platform: what changed on all of its platforms goes into one delta.',
    );
  }
  if (same.sha256 === target.sha256) return undefined;
  if (was.generation === generation && contentOf(same.manifest) !== contentOf(target.manifest)) {
    refuse(
      `The site has another generation ${generation} than the folder: their histories parted (the folder was made anew)`,
      'Send a full set.',
    );
  }
  return same;
}

/** A file, or the manifest of a folder. @throws RepackError E_DISK, E_USAGE */
export async function readIt(
  rt: Pick<Runtime, 'fs'>,
  file: string,
  { doing }: { doing: string },
): Promise<{ bytes: Uint8Array; path: string }> {
  for (const path of [file, join(file, MANIFEST_NAME)]) {
    try {
      return { bytes: await rt.fs.readFile(path), path };
    } catch (error) {
      if (errnoOf(error) === 'EISDIR') continue;
      const generation = /^g?(\d+)$/.exec(basename(file))?.[1];
      if (errnoOf(error) === 'ENOENT' && generation !== undefined) throw noGenerations(file, generation);
      if (errnoOf(error) === 'ENOENT') throw noFile(path, doing);
      throw explainDiskError(error, { doing, path });
    }
  }
  throw new RepackError('E_USAGE', { what: `This is a folder, and its ${MANIFEST_NAME} is one too`, where: file });
}

function noFile(where: string, doing: string): RepackError {
  return new RepackError('E_DISK', {
    what: `Could not ${doing}: there is no such file`,
    where,
    hint: `Give what came back from the site: its ${MANIFEST_NAME} or SHA256SUMS, or the receipt that the import there wrote.`,
  });
}

/** A number is taken for that of a generation. */
function noGenerations(file: string, generation: string): RepackError {
  return new RepackError('E_USAGE', {
    what: `--since names no file; if generation ${generation} is meant, it takes that one's manifest`,
    where: file,
    hint: `Give the file NAME-g${generation}.manifest.json of the set that was sent, a ${MANIFEST_NAME}, or the site's receipt.`,
  });
}

const BYTE_ORDER_MARK = /^\uFEFF/;

/** The bytes that lie in the site's folder: from all that was written, for keys of a later version are the digest's too. */
function asPublished(value: unknown, manifest: Manifest): StoredManifest {
  const bytes = mediumJson(value);
  return { manifest, bytes, sha256: sha256Of(bytes) };
}
