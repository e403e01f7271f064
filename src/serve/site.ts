import { basename, join } from 'node:path';
import { NOARCH } from '../conda/channel/channel.js';
import { errnoOf } from '../base/disk-errors.js';
import { RepackError, isRepackError } from '../base/errors.js';
import { MANIFEST_NAME } from '../channel/manifest/manifest.js';
import { parseLabel } from '../conda/channel/names.js';
import { parseManifest } from '../channel/manifest/read-manifest.js';
import type { ChannelFolder, FolderContents } from './channel-folder.js';
import { openChannelFolder } from './channel-folder.js';
import { indexedSubdirs, isAbsence } from '../channel/read/list-folder.js';
import type { FileChecker, ServeRuntime } from './checked-file.js';

/** Where a path of segments leads. `rest`: below the channel. */
export type Route =
  | { kind: 'channel'; folder: ChannelFolder; rest: readonly string[] }
  | { kind: 'list'; folders: readonly ChannelFolder[] }
  | { kind: 'none' };

/** The channels that are served. */
export interface Site {
  /** `channel`: DIR is one; `root`: its subfolders are. */
  kind: 'channel' | 'root';
  folders(): Promise<readonly ChannelFolder[]>;
  route(segments: readonly string[]): Promise<Route>;
  /** Whether `route` would lead to it again, told at once; false also where that takes a look at the disk. */
  isServed(folder: ChannelFolder): boolean;
}

/** A label that was published for the first time is served after so long. */
const LIST_MS = 2000;

/**
 * DIR is one channel, a label folder, a mirror or anybody's, served as `/<subdir>/…` and as `/LABEL/<subdir>/…`; or it is a ROOT, whose
 * label folders are served as `/LABEL/<subdir>/…`, new ones too. Links are resolved in DIR itself and nowhere below it.
 * Throws E_NOT_A_CHANNEL.
 */
export async function openSite(
  rt: ServeRuntime,
  { dir, checker }: { dir: string; checker: FileChecker },
): Promise<Site> {
  const real = await realFolder(rt, dir);
  if (await isChannel(rt, real)) return oneChannel(rt, { dir: real, checker });
  const site = manyChannels(rt, { dir: real, checker });
  if ((await site.folders()).length > 0) return site;
  throw new RepackError('E_NOT_A_CHANNEL', {
    what: 'There is no channel in this folder: no manifest, no <subdir>/repodata.json, and no label folder that has one',
    where: dir,
    hint: 'Give the folder of a channel (the one that holds noarch/), or the ROOT that holds the label folders.',
  });
}

async function oneChannel(rt: ServeRuntime, { dir, checker }: { dir: string; checker: FileChecker }): Promise<Site> {
  const opened = openChannelFolder(rt, { dir, name: '', checker });
  const folder = { ...opened, name: nameOf(dir, await opened.contents()) };
  return {
    kind: 'channel',
    folders: async () => [folder],
    isServed: () => true,
    async route(segments) {
      return { kind: 'channel', folder, rest: segments[0] === folder.name ? segments.slice(1) : segments };
    },
  };
}

function manyChannels(rt: ServeRuntime, { dir, checker }: { dir: string; checker: FileChecker }): Site {
  let known = new Map<string, ChannelFolder>();
  let listedAt = -Infinity;
  const list = async (): Promise<ReadonlyMap<string, ChannelFolder>> => {
    if (rt.clock.monotonic() - listedAt < LIST_MS) return known;
    listedAt = rt.clock.monotonic();
    const found = new Map<string, ChannelFolder>();
    for (const name of await labelsIn(rt, dir, known)) {
      found.set(name, known.get(name) ?? openChannelFolder(rt, { dir: join(dir, name), name, checker }));
    }
    known = found;
    return found;
  };
  return {
    kind: 'root',
    folders: async () => [...(await list()).values()],
    isServed: (folder) => rt.clock.monotonic() - listedAt < LIST_MS && known.get(folder.name) === folder,
    async route(segments) {
      const folders = await list();
      const [label, ...rest] = segments;
      if (label === undefined) return { kind: 'list', folders: [...folders.values()] };
      const folder = folders.get(label);
      return folder === undefined ? { kind: 'none' } : { kind: 'channel', folder, rest };
    },
  };
}

/** As the disk spells them: `Acme` is not asked for as `acme`, whatever the file system thinks. Those `before` stay where it can't say. */
async function labelsIn(rt: ServeRuntime, dir: string, before: ReadonlyMap<string, unknown>): Promise<string[]> {
  const entries = await rt.fs.readdir(dir).catch((error: unknown) => (isAbsence(error) ? [] : undefined));
  if (entries === undefined) return [...before.keys()];
  const labels: string[] = [];
  for (const entry of entries) {
    const { name } = entry;
    if (entry.isDirectory() && isLabel(name) && (await isChannel(rt, join(dir, name), before.has(name))))
      labels.push(name);
  }
  return labels.sort();
}

function isLabel(name: string): boolean {
  try {
    parseLabel(name);
    return true;
  } catch (error) {
    if (isRepackError(error)) return false;
    throw error;
  }
}

/** `was`: what counts where the disk can't say now. */
async function isChannel(rt: ServeRuntime, dir: string, was = false): Promise<boolean> {
  if ((await indexedSubdirs(rt, dir, was ? [NOARCH] : [])).length > 0) return true;
  const bytes = await rt.fs
    .readFile(join(dir, MANIFEST_NAME))
    .catch((error: unknown) => (isAbsence(error) ? Buffer.alloc(0) : undefined));
  return bytes === undefined ? was : parseManifest(bytes).kind === 'sound';
}

/** The label of the manifest, else the folder's name; a channel of another name is served at the top only. */
function nameOf(dir: string, { manifest }: FolderContents): string {
  const name = manifest?.label ?? basename(dir);
  return isLabel(name) ? name : '';
}

async function realFolder(rt: ServeRuntime, dir: string): Promise<string> {
  try {
    const real = await rt.fs.realpath(dir);
    if ((await rt.fs.stat(real)).isDirectory()) return real;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new RepackError('E_NOT_A_CHANNEL', {
      what: errno === 'ENOENT' ? 'There is no such folder' : `The folder can't be read (${errno})`,
      where: dir,
      hint: 'Give the folder of a channel, or the ROOT that holds the label folders.',
      cause: error,
    });
  }
  throw new RepackError('E_NOT_A_CHANNEL', {
    what: 'This is no folder',
    where: dir,
    hint: 'Give the folder of a channel, or the ROOT that holds the label folders.',
  });
}
