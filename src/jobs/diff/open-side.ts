import path from 'node:path';
import { sha256Of } from '../../codec/digests.js';
import { formatIn, SET_FORMAT, SITE_RECEIPT_FORMAT } from '../../media/set/formats.js';
import { parseSetFile, parseSiteReceipt } from '../../media/set/headers.js';
import { looseManifestName } from '../../media/set/names.js';
import type { Channel } from '../../conda/channel/channel.js';
import { baseChannel } from '../../conda/channel/declare-channels.js';
import { errnoOf } from '../../base/disk-errors.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { MANIFEST_NAME, SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import type { Manifest } from '../../channel/manifest/manifest.js';
import { manifestOfReceipt, otherFile } from '../../channel/manifest/other-file.js';
import { parseManifest } from '../../channel/manifest/read-manifest.js';
import { manifestOf, namedGeneration, signatureOf } from '../../delivery/generations/named-generation.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { DiffRequest, SideContent } from './side-content.js';
import { readBareFolder } from './read-folder-side.js';
import { rootFilesOf } from './root-files.js';

/** One side, recognised by what it is. */
export type Side =
  | { kind: 'folder' | 'manifest' | 'receipt' | 'set' | 'generation'; given: string; read(): Promise<SideContent> }
  | { kind: 'channel'; channels: readonly Channel[] };

/** More is no manifest: one of a million files has 400 MB. */
const MAX_FILE_BYTES = 500_000_000;

/**
 * What is on disk under this name comes first; a URL, or a name that nothing on disk has, is a channel. Throws E_USAGE, E_MEDIUM,
 * E_CHANNEL, E_NOT_A_CHANNEL, E_GENERATION.
 */
export async function openSide(rt: Runtime, request: DiffRequest, given: string): Promise<Side> {
  if (given.includes('://')) return channelSide(rt, request, given);
  const where = path.resolve(rt.machine.cwd, given);
  const stats = await rt.fs.stat(where).catch((error: unknown) => {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw unreadable(where, error);
  });
  if (stats === undefined) {
    const named = await namedGeneration(rt, given);
    if (named !== undefined) {
      const { manifest, bytes } = manifestOf(named);
      const signature = await signatureOf(rt, named);
      return { kind: 'generation', given, read: async () => ofManifest(manifest, { bytes, signature }) };
    }
    if (/^[A-Za-z0-9_][A-Za-z0-9._-]*(\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/.test(given) && !/\.json$/i.test(given)) {
      rt.events.emit({ type: 'note', message: `there is no file or folder ${where}: ${given} is taken for a channel` });
      return channelSide(rt, request, given);
    }
    throw nothingThere(given);
  }
  if (stats.isDirectory()) return once({ kind: 'folder', given, read: () => readFolderSide(rt, where) });
  if (stats.size > MAX_FILE_BYTES) throw notRecognised(given, 'it is too large');
  const bytes = await rt.fs.readFile(where).catch((error: unknown) => {
    throw unreadable(where, error);
  });
  return once(await fileSide(rt, { given, where, bytes }));
}

function channelSide(rt: Runtime, request: DiffRequest, given: string): Side {
  const { baseUrl, owner, token, subdirs } = request;
  const wanted = subdirs.length > 0 ? subdirs : [rt.machine.subdir];
  try {
    return {
      kind: 'channel',
      channels: baseChannel(given, { baseUrl, owner, hasToken: token !== undefined, subdirs: wanted }),
    };
  } catch (error) {
    if (!isRepackError(error) || error.where !== '--channel') throw error;
    // On this command line it is no option.
    throw new RepackError(error.code, { what: error.what, where: 'A or B', hint: error.hint, cause: error.cause });
  }
}

async function readFolderSide(rt: Runtime, dir: string): Promise<SideContent> {
  const file = path.join(dir, MANIFEST_NAME);
  const bytes = await rt.fs.readFile(file).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw unreadable(file, error);
  });
  const parsed = bytes === undefined ? undefined : parseManifest(bytes);
  // Somebody else's manifest.json says nothing of a channel.
  if (parsed === undefined || parsed.kind === 'other') return readBareFolder(rt, dir);
  const signature = await rt.fs.readFile(path.join(dir, SIGNATURE_NAME)).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw unreadable(path.join(dir, SIGNATURE_NAME), error);
  });
  return ofManifest(sound(parsed, file), { bytes, signature });
}

async function fileSide(
  rt: Runtime,
  { given, where, bytes }: { given: string; where: string; bytes: Buffer },
): Promise<Exclude<Side, { kind: 'channel' }>> {
  switch (formatIn(bytes.toString('utf8'))) {
    case SITE_RECEIPT_FORMAT: {
      const { manifest } = parseSiteReceipt(bytes, where);
      return { kind: 'receipt', given, read: async () => ofManifest(manifest) };
    }
    case SET_FORMAT: {
      const set = parseSetFile(bytes, where);
      const loose = path.join(path.dirname(where), looseManifestName(set.name));
      const manifest = await rt.fs.readFile(loose).catch((error: unknown) => {
        throw unreadable(loose, error);
      });
      if (sha256Of(manifest) !== set.manifest_sha256) {
        throw new RepackError('E_MEDIUM', {
          what: 'The manifest beside the set file is not the one that the set is of',
          where: loose,
          hint: 'Copy both from the same medium again.',
        });
      }
      return {
        kind: 'set',
        given,
        read: async () => ofManifest(sound(parseManifest(manifest), loose), { bytes: manifest }),
      };
    }
    default: {
      const parsed = parseManifest(bytes);
      if (parsed.kind === 'sound')
        return { kind: 'manifest', given, read: async () => ofManifest(parsed.manifest, { bytes }) };
      const ofReceipt = await manifestOfReceipt(rt, { bytes, where });
      if (ofReceipt !== undefined)
        return { kind: 'receipt', given, read: async () => ofManifest(ofReceipt.manifest, { bytes: ofReceipt.bytes }) };
      const other = otherFile(bytes);
      if (other !== undefined) throw notRecognised(given, `it is ${other.is}`, `Give ${other.instead}.`);
      if (parsed.kind === 'other') throw notRecognised(given, 'it is JSON of something else');
      if (parsed.kind === 'broken' && !/^\s*\{/.test(bytes.subarray(0, 64).toString('latin1')))
        throw notRecognised(given, parsed.reason);
      return { kind: 'manifest', given, read: async () => ofManifest(sound(parsed, where), { bytes }) };
    }
  }
}

function sound(parsed: ReturnType<typeof parseManifest>, where: string): Manifest {
  if (parsed.kind === 'sound') return parsed.manifest;
  throw new RepackError('E_NOT_A_CHANNEL', {
    what:
      parsed.kind === 'newer'
        ? `This manifest is of schema ${parsed.schema}, which this version does not know`
        : `This manifest can't be used: ${parsed.kind === 'broken' ? parsed.reason : 'it is JSON of something else'}`,
    where,
    hint:
      parsed.kind === 'newer'
        ? 'Use a newer version of repackenv.'
        : 'Synchronise or copy it again; repackenv verify says more of a folder.',
  });
}

function ofManifest(manifest: Manifest, own: Parameters<typeof rootFilesOf>[1] = {}): SideContent {
  return {
    manifest,
    root: rootFilesOf(manifest, own),
    files: manifest.files.map(({ path: at, size, sha256, md5, record }) => ({
      path: at,
      size,
      sha256,
      md5,
      record: record === undefined ? undefined : () => record,
    })),
  };
}

/** Read once, whoever asks. */
function once<T extends Exclude<Side, { kind: 'channel' }>>(side: T): T {
  let content: Promise<SideContent> | undefined;
  return { ...side, read: () => (content ??= side.read()) };
}

function nothingThere(given: string): RepackError {
  return new RepackError('E_USAGE', {
    what: 'There is nothing to compare under this name',
    where: given,
    hint: 'Give a channel folder, ROOT/LABEL@N, a manifest.json, a site receipt, a set.json, or the URL or name of a channel.',
  });
}

function notRecognised(
  given: string,
  why: string,
  hint = 'Give a channel folder, ROOT/LABEL@N, a manifest.json, a site receipt, a set.json, or the URL or name of a channel.',
): RepackError {
  return new RepackError('E_USAGE', {
    what: `This file is no manifest, site receipt or set file: ${why}`,
    where: given,
    hint,
  });
}

function unreadable(where: string, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  return new RepackError('E_USAGE', {
    what: errno === 'ENOENT' ? 'This file is not there' : `This can't be read (${errno})`,
    where,
    hint: 'Check the path, and that this account may read it.',
    cause: error,
  });
}
