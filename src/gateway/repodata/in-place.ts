import { fileURLToPath } from 'node:url';
import { SETTLED_MS } from '../../base/settled.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import type { RunScan } from '../../conda/record/run-scan.js';
import { locate } from '../file-upstream.js';
import type { IndexFile } from './cache.js';
import { tellProgress, type ShardedAnswer } from './answers.js';
import type { RepodataFetchContext } from './fetch-context.js';
import { marksOf, sameMarks, type KeptScan } from './kept-scan.js';
import { piecesOf, rangedRepodata, scanRuns } from './ranged.js';

interface IndexPlace {
  channel: Channel;
  subdir: Subdir;
  file: IndexFile;
  behindMs?: number | undefined;
}

/** An index that is read by names where it lies on the disk, by a scan of it. */
export function inPlace(
  { fs, cache }: RepodataFetchContext,
  request: IndexPlace & { scan: KeptScan; path: string },
): ShardedAnswer {
  const { channel, subdir, file, scan } = request;
  const url = `${channel.url}/${subdir}`;
  const shards = rangedRepodata({
    ...request,
    fs,
    where: `${url}/${file}`,
    onDamage: () => cache.dropScan(url),
    onDigest: (sha256) => cache.writeScan(url, { ...scan, sha256 }),
  });
  return { found: true, shards };
}

/** The index that the cache has just been given; its scan is kept beside it. Undefined where the cache has not taken it. */
export async function inCache(
  context: RepodataFetchContext,
  request: IndexPlace,
  runs: RunScan,
): Promise<ShardedAnswer | undefined> {
  const url = `${request.channel.url}/${request.subdir}`;
  const body = await context.cache.body(url);
  const marks = body && (await marksOf(context.fs, body.path));
  if (body === undefined || marks === undefined || Number(marks[0]) !== runs.size) return undefined;
  const scan = { ...runs, marks, sha256: body.sha256 };
  await context.cache.writeScan(url, scan);
  return inPlace(context, { ...request, scan, path: body.path });
}

/** The large index of a channel in a folder. Undefined where it must be read whole: it is small, or no index, or changes as it is read. */
export async function inFolder(context: RepodataFetchContext, request: IndexPlace): Promise<ShardedAnswer | undefined> {
  const { channel, subdir, file } = request;
  const { fs, limits, cache, rt } = context;
  const url = `${channel.url}/${subdir}`;
  const path = (await locate(fs, fileURLToPath(channel.url), `${subdir}/${file}`).catch(() => undefined))?.path;
  const marks = path === undefined ? undefined : await marksOf(fs, path);
  if (path === undefined || marks === undefined) return undefined;
  const size = Number(marks[0]);
  if (size < limits.rangedFromBytes || size > Math.min(limits.maxRepodataWireBytes, limits.maxRepodataBytes))
    return undefined;
  const kept = context.fresh === true ? undefined : await cache.readScan(url);
  if (kept !== undefined && sameMarks(kept.scan.marks, marks))
    return inPlace(context, { ...request, path, scan: kept.scan });
  const handle = await fs.openNoFollow(path).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    let told = 0;
    const tell = (bytes: number): void => {
      context.signal.throwIfAborted();
      if (bytes - told < size / 30) return;
      told = bytes;
      tellProgress(context, request, { bytes, of: size });
    };
    const runs = await scanRuns(piecesOf(handle), { subdir, tell });
    if (runs?.size !== size || !sameMarks(marks, await marksOf(fs, path))) return undefined;
    tellProgress(context, request, { bytes: size, of: size });
    rt.events.emit({ type: 'stage-finished', stage: 'index' });
    const scan = { ...runs, marks, sha256: undefined };
    const written = Math.max(Number(marks[1]), Number(marks[2])) / 1e6;
    if (rt.clock.now() - written > SETTLED_MS) await cache.writeScan(url, scan);
    return inPlace(context, { ...request, path, scan });
  } catch (error) {
    context.signal.throwIfAborted();
    rt.events.emit({ type: 'debug', message: `scanning ${url}: ${String(error)}` });
    return undefined;
  } finally {
    await handle.close();
  }
}
