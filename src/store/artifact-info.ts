import { dirname, join } from 'node:path';
import { readArtifactInfo, type ArtifactInfo } from '../archive/artifact-info.js';
import { isRepackError } from '../base/errors.js';
import { isObject, objectIn } from '../base/json.js';
import { openArtifact } from '../channel/read/artifact.js';
import type { Runtime } from '../runtime/runtime.js';

/** An artifact whose bytes are at hand: `path` is the file, its digest known. */
export interface ArtifactAtHand {
  fn: string;
  sha256: string;
  path: string;
}

/** Moves when more is read out of an artifact. */
const FORM = 1;

const LISTS = ['licenseFiles', 'linkScripts', 'activateScripts', 'menus'] as const;

/**
 * What `info/` of an artifact says, read once for each sha256 and kept beside the store, in `<store>/info/AB/SHA256`; `storeDir` is the store's
 * folder. Undefined where the artifact is no package that can be read: its channel has it so.
 *
 * Throws what the disk says of the artifact. That nothing can be kept is no error.
 */
export async function artifactInfo(
  rt: Runtime,
  storeDir: string,
  { fn, sha256, path }: ArtifactAtHand,
): Promise<ArtifactInfo | undefined> {
  const kept = await keptArtifactInfo(rt, storeDir, sha256);
  if (kept !== undefined) return kept;
  try {
    const info = await openArtifact(rt, path, (source) => readArtifactInfo(source, fn));
    await keep(rt, storeDir, { sha256, info });
    return info;
  } catch (error) {
    if (!isRepackError(error)) throw error;
    rt.events.emit({ type: 'debug', message: `${path}: ${error.what}` });
    return undefined;
  }
}

/** The same for an artifact whose bytes may not be at hand (`plan`): undefined where they were never read. */
export async function keptArtifactInfo(
  rt: Pick<Runtime, 'fs'>,
  storeDir: string,
  sha256: string,
): Promise<ArtifactInfo | undefined> {
  if (!/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  const value = objectIn(await rt.fs.readText(keptPath(storeDir, sha256)).catch(() => ''));
  return isKept(value) ? value.info : undefined;
}

function keptPath(storeDir: string, sha256: string): string {
  return join(storeDir, 'info', sha256.slice(0, 2), sha256);
}

function isKept(value: unknown): value is { form: number; info: ArtifactInfo } {
  if (!isObject(value) || value['form'] !== FORM || !isObject(value['info'])) return false;
  const info = value['info'];
  return LISTS.every((key) => Array.isArray(info[key]) && info[key].every((each) => typeof each === 'string'));
}

/** Two runs may write it at once, the same; a torn one is read again. */
async function keep(
  rt: Runtime,
  storeDir: string,
  { sha256, info }: { sha256: string; info: ArtifactInfo },
): Promise<void> {
  const path = keptPath(storeDir, sha256);
  // Where the store sweeps what a killed run leaves.
  const aside = join(storeDir, 'tmp', `${rt.machine.pid}-${rt.machine.randomId()}-info.part`);
  try {
    await rt.fs.mkdirp(dirname(aside), 0o700);
    await rt.fs.mkdirp(dirname(path), 0o700);
    await rt.fs.writeWhole(path, `${JSON.stringify({ form: FORM, info })}\n`, { aside, mode: 0o600, durable: false });
  } catch (error) {
    rt.events.emit({ type: 'debug', message: `not kept: ${path}: ${String(error)}` });
  }
}
