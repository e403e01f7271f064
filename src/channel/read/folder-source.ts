import { unpackIndex } from '../index/forms.js';
import { INDEX_NAMES } from '../manifest/manifest.js';
import { isAbsence } from './list-folder.js';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Channel } from '../../conda/channel/channel.js';
import { errnoOf } from '../../base/disk-errors.js';
import type { RepodataIndex, RepodataSource } from '../../conda/record/repodata-index.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import type { ScanOptions } from '../../conda/record/repodata-scan.js';
import type { Runtime } from '../../runtime/runtime.js';

/** A channel folder on this machine as a channel. */
export function folderChannel(dir: string, name: string): Channel {
  return { url: pathToFileURL(dir).href.replace(/\/+$/, ''), name, authenticated: false, role: 'base' };
}

/** The index of a subdir as it lies there; undefined where there is none. Throws E_REPODATA and what reading throws. */
export async function readIndex(
  rt: Pick<Runtime, 'fs'>,
  dir: string,
  subdir: string,
  options: ScanOptions = {},
): Promise<RepodataIndex | undefined> {
  const path = join(dir, subdir, INDEX_NAMES[0]);
  try {
    return scanRepodata(await rt.fs.readFile(path), path, options);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The same where only the packed form lies there, as beside the manifest of an earlier generation. Throws E_DECOMPRESS too. */
export async function readAnyIndex(
  rt: Pick<Runtime, 'fs'>,
  dir: string,
  subdir: string,
): Promise<RepodataIndex | undefined> {
  const plain = await readIndex(rt, dir, subdir, { subdir, mayBeBlank: true });
  if (plain !== undefined) return plain;
  const path = join(dir, subdir, INDEX_NAMES[1]);
  const packed = await rt.fs.readFile(path).catch((error: unknown) => {
    if (isAbsence(error)) return undefined;
    throw error;
  });
  return packed && scanRepodata(await unpackIndex(path, packed), path, { subdir });
}

/**
 * `<dir>/<subdir>/repodata.json`, whatever the channel asked for is called; read once each. Throws E_REPODATA and what reading
 * throws.
 */
export function folderSource(rt: Pick<Runtime, 'fs'>, dir: string): RepodataSource {
  const kept = new Map<string, Promise<RepodataIndex | undefined>>();
  return {
    repodata(_channel, subdir) {
      const index = kept.get(subdir) ?? readIndex(rt, dir, subdir);
      kept.set(subdir, index);
      return index;
    },
  };
}
