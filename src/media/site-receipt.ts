import { dirname, join } from 'node:path';
import { explainDiskErrorOn } from '../base/disk-errors.js';
import { isRepackError } from '../base/errors.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Target } from './set/target.js';
import { SITE_RECEIPT_FORMAT } from './set/formats.js';
import { parseSiteReceipt, type SiteReceipt } from './set/headers.js';
import { mediumJson } from './set/names.js';

/** Below the label's state folder: one receipt per generation that was imported. */
export const SITE_RECEIPTS_NAME = 'site-receipts';

export interface SiteReceiptInput {
  target: Target;
  /** Id of the set; null for what was merged from a folder. */
  set: string | null;
  /** `verified by …`, `well formed, not verified`, `absent`. */
  signature: string;
}

/**
 * What the site sends back: which generation it has, whole manifest and digest, so that the sender can make the next delta for it. Written once
 * for a generation; an import that is repeated leaves it as it is, unless the signature was checked with another outcome. Gives its path.
 *
 * @throws RepackError E_DISK, E_DISK_FULL
 */
export async function writeSiteReceipt(
  rt: Runtime,
  { stateDir, target, set, signature }: SiteReceiptInput & { stateDir: string },
): Promise<string> {
  const { manifest, bytes, sha256: manifestSha256 } = target;
  const path = join(stateDir, SITE_RECEIPTS_NAME, `g${manifest.generation}.json`);
  const there = await readSiteReceipt(rt, path);
  if (there?.manifest_sha256 === manifestSha256 && there.verified.signature === signature) return path;
  const receipt: SiteReceipt = {
    schema: 1,
    format: SITE_RECEIPT_FORMAT,
    label: manifest.label,
    generation: manifest.generation,
    manifest_sha256: manifestSha256,
    // From the bytes: keys of a later version are the digest's too.
    manifest: JSON.parse(Buffer.from(bytes).toString('utf8')) as Manifest,
    set,
    imported_at: new Date(rt.clock.now()).toISOString(),
    host: rt.machine.hostname,
    verified: { signature },
  };
  await putFile(rt, path, mediumJson(receipt));
  return path;
}

/** A copy of the receipt, to be sent back; equal bytes are left. `to` is a file, or a folder that is there. Gives its path. */
export async function copySiteReceipt(
  rt: Runtime,
  { from, to, label, generation }: { from: string; to: string; label: string; generation: number },
): Promise<string> {
  const folder = await rt.fs.stat(to).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  const path = folder ? join(to, `${label}-g${generation}.receipt.json`) : to;
  const bytes = await rt.fs.readFile(from);
  const same = await rt.fs.readFile(path).then(
    (there) => there.equals(bytes),
    () => false,
  );
  if (!same) await putFile(rt, path, bytes);
  return path;
}

async function readSiteReceipt(rt: Pick<Runtime, 'fs'>, path: string): Promise<SiteReceipt | undefined> {
  try {
    return parseSiteReceipt(await rt.fs.readFile(path), path);
  } catch (error) {
    if (isRepackError(error) || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function putFile(rt: Runtime, path: string, bytes: Uint8Array): Promise<void> {
  try {
    await rt.fs.mkdirp(dirname(path));
    await rt.fs.writeWhole(path, bytes);
  } catch (error) {
    throw await explainDiskErrorOn(rt, error, { doing: 'write the site receipt', path, folder: dirname(path) });
  }
}
