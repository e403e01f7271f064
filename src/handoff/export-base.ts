import { join } from 'node:path';
import { sha256Of } from '../codec/digests.js';
import { errnoOf, explainDiskError } from '../model/disk-errors.js';
import { RepackError } from '../model/errors.js';
import { canonicalJson } from '../model/json.js';
import { MANIFEST_NAME, type Manifest } from '../model/manifest.js';
import { parseManifest } from '../model/parse-manifest.js';
import type { Runtime } from '../runtime/runtime.js';
import { publishedAs, restrictedTo, type Published } from './export-manifest.js';
import { SITE_RECEIPT_FORMAT, parseSiteReceipt } from './medium-format.js';

/**
 * What the site has: a `manifest.json` (loose, or the one in a channel folder that is named), or the receipt that the site sent back.
 *
 * @throws RepackError E_USAGE: neither of them. E_MEDIUM: a receipt that was edited. E_DISK.
 */
export async function readBase(rt: Pick<Runtime, 'fs'>, file: string): Promise<Published> {
  const { bytes, path } = await readIt(rt, file);
  const parsed = parseManifest(Buffer.from(bytes).toString('utf8'));
  if (parsed.kind === 'sound') return { manifest: parsed.manifest, bytes, sha256: sha256Of(bytes) };
  if (isReceipt(bytes)) return publishedAs(parseSiteReceipt(bytes, path).manifest);
  const reason = {
    newer: 'it is of a newer version of repackenv',
    broken: parsed.kind === 'broken' ? parsed.reason : '',
    other: 'it is something else',
  }[parsed.kind];
  throw new RepackError('E_USAGE', {
    what: `--since needs a manifest of this label or a receipt of the site: ${reason}`,
    where: path,
    hint: 'Give NAME.manifest.json of the set that was sent last, or the receipt that "repackenv import --receipt" wrote at the site.',
  });
}

/**
 * Holds the base against what is to be sent, both for the same platforms. Undefined: the site has exactly this.
 *
 * @throws RepackError E_WRONG_BASE: another label, a later generation, a generation of another history, or a platform that the base lacks.
 */
export function checkedBase(
  base: Published,
  target: Published,
  { file, only }: { file: string; only: readonly string[] | undefined },
): Published | undefined {
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
  if (same.sha256 === target.sha256) return undefined;
  if (was.generation === generation && contentOf(same.manifest) !== contentOf(target.manifest)) {
    refuse(
      `The site has another generation ${generation} than the folder: their histories parted (the folder was made anew)`,
      'Send a full set.',
    );
  }
  return same;
}

/** What a generation stands for: everything but the encoding of its indexes. */
function contentOf(manifest: Manifest): string {
  return canonicalJson({ ...manifest, previous: null, files: manifest.files.filter(({ kind }) => kind !== 'index') });
}

async function readIt(rt: Pick<Runtime, 'fs'>, file: string): Promise<{ bytes: Uint8Array; path: string }> {
  for (const path of [file, join(file, MANIFEST_NAME)]) {
    try {
      return { bytes: await rt.fs.readFile(path), path };
    } catch (error) {
      if (errnoOf(error) === 'EISDIR') continue;
      throw explainDiskError(error, { doing: 'read what the site has (--since)', path });
    }
  }
  throw new RepackError('E_USAGE', { what: '--since names a folder within a folder', where: file });
}

function isReceipt(bytes: Uint8Array): boolean {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString('utf8')) as { format?: unknown } | null;
    return value?.format === SITE_RECEIPT_FORMAT;
  } catch {
    return false;
  }
}
