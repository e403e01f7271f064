import { crc32 } from 'node:zlib';
import type { FileHandle } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { RepackError } from '../../base/errors.js';
import { JsonBytesError, eachMember, joinedBytes, skipValue } from '../../base/json-bytes.js';
import type { Subdir } from '../../conda/channel/channel.js';
import { parsedList, textLists } from '../../conda/record/record-bytes.js';
import { MAX_DEPTH } from '../../conda/record/index-limits.js';
import { scanRepodata } from '../../conda/record/repodata-scan.js';
import { runScanner, type Run, type RunScan } from '../../conda/record/run-scan.js';
import { dependencyName } from '../../conda/spec/dependency.js';
import type { FileSystem } from '../../runtime/fs.js';
import type { CachedFile } from './cache.js';
import { marksOf, sameMarks, type KeptScan } from './kept-scan.js';
import type { ShardedRepodata } from './answers.js';

const PIECE = 2 << 20;
/** What a piece leaves over is put before the next one: a record, or a list of removed files. */
const MOST_LEFT = 4 << 20;
const encoder = new TextEncoder();

/** Undefined for what must be scanned whole: then `scanRepodata` says what it is. Throws what `next` throws; its bytes may be used again. */
export async function scanRuns(
  next: () => Promise<Uint8Array>,
  { subdir, tell = () => {} }: { subdir: Subdir; tell?: (done: number) => void },
): Promise<RunScan | undefined> {
  const scanner = runScanner((bytes, before) => crc32(bytes, before));
  const room = new Uint8Array(MOST_LEFT + PIECE);
  let [base, left] = [0, 0];
  try {
    for (let coming = next(); ;) {
      const piece = await coming;
      // The disk works while this thread does.
      coming = piece.length === 0 ? coming : next();
      coming.catch(() => undefined);
      if (left + piece.length > room.length) return undefined;
      room.set(piece, left);
      const bytes = room.subarray(0, left + piece.length);
      const taken = scanner.push(bytes, base, piece.length === 0);
      if (piece.length === 0) break;
      room.copyWithin(0, taken, bytes.length);
      base += taken;
      left = bytes.length - taken;
      tell(base);
    }
    const scan = scanner.done();
    // What is no index in another way, such as one of an unknown version, is refused as such by the other.
    scanRepodata(documentOf(scan, []), '', { subdir });
    return scan;
  } catch (error) {
    if (error instanceof JsonBytesError || error instanceof RepackError) return undefined;
    throw error;
  }
}

/** Pieces of a file, one after the other; empty at its end. Two in turn, so that one is read while the other is looked at. */
export function piecesOf(handle: FileHandle): () => Promise<Uint8Array> {
  const buffers = [new Uint8Array(PIECE), new Uint8Array(PIECE)] as const;
  let [at, turn] = [0, 0];
  return async () => {
    const buffer = buffers[(turn ^= 1) as 0 | 1];
    const { bytesRead } = await handle.read(buffer, 0, PIECE, at);
    at += bytesRead;
    return buffer.subarray(0, bytesRead);
  };
}

/** The same of bytes that are in memory. */
export function slicesOf(bytes: Uint8Array): () => Promise<Uint8Array> {
  let at = 0;
  return async () => bytes.subarray(at, (at += PIECE));
}

export interface RangedRequest {
  fs: FileSystem;
  /** Of the index, unpacked. */
  path: string;
  scan: KeptScan;
  file: CachedFile;
  subdir: Subdir;
  /** For messages, as of the whole index. */
  where: string;
  behindMs?: number | undefined;
  /** It is not what was scanned. */
  onDamage: () => Promise<void>;
  /** Of an index whose digest is not known; kept for the next time. */
  onDigest: (sha256: string) => Promise<void>;
}

/** An index on the disk, read by package names. What it gives is what a scan of the whole gives for these names. */
export function rangedRepodata(request: RangedRequest): ShardedRepodata {
  const { fs, path, scan, file, subdir, where } = request;
  const runsOf = new Map<string, Run[]>();
  for (const run of scan.runs) {
    const runs = runsOf.get(run.name);
    if (runs === undefined) runsOf.set(run.name, [run]);
    else runs.push(run);
  }
  const names = [...new Set(scan.runs.filter(({ odd }) => !odd).map(({ name }) => name))];
  const asked = new Set<string>();
  const loaded = new Map<Run, Uint8Array>();
  let begun = false;

  const damaged = async (): Promise<RepackError> => {
    await request.onDamage();
    return new RepackError('E_REPODATA', {
      what: 'The index on the disk is no longer what was scanned',
      where,
      hint: 'Run it again.',
    });
  };

  const opened = async <T>(use: (handle: FileHandle) => Promise<T>): Promise<T> => {
    const handle = await fs.openNoFollow(path).catch(() => undefined);
    if (handle === undefined) throw await damaged();
    try {
      if (!sameMarks(scan.marks, await marksOf(fs, path))) throw await damaged();
      return await use(handle);
    } finally {
      await handle.close();
    }
  };

  /** What a name may mean: its own records; and where there are none, those of file names that begin with it, for a message. */
  const runsFor = (name: string): Run[] =>
    runsOf.get(name) ?? scan.runs.filter((run) => run.name.startsWith(`${name}-`));

  const read = async (handle: FileHandle, run: Run): Promise<Uint8Array> => {
    const bytes = new Uint8Array(run.end - run.start);
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await handle.read(bytes, done, bytes.length - done, run.start + done);
      if (bytesRead === 0) throw await damaged();
      done += bytesRead;
    }
    if (crc32(bytes) !== run.sum) throw await damaged();
    return bytes;
  };

  return {
    names,
    async load(wanted) {
      const fresh = [...wanted].filter((name) => !asked.has(name));
      const runs = new Set(fresh.flatMap(runsFor));
      // Files whose names tell no package are looked at when something is not found.
      if (!begun) for (const run of scan.runs) if (run.odd) runs.add(run);
      const needs = new Set<string>();
      const lists = new Set<string>();
      await opened(async (handle) => {
        for (const run of runs) {
          if (loaded.has(run)) continue;
          const bytes = await read(handle, run);
          loaded.set(run, bytes);
          needsOf(bytes, lists, needs);
        }
      });
      begun = true;
      for (const name of fresh) asked.add(name);
      return needs;
    },
    answer() {
      const runs = [...loaded.keys()].sort((a, b) => a.start - b.start);
      const document = documentOf(scan, runs, loaded);
      const index = scanRepodata(document, where, { subdir, names, published: scan.records });
      return {
        found: true,
        file,
        behindMs: request.behindMs,
        index,
        sha256: async () => {
          if (scan.sha256 !== undefined) return scan.sha256;
          const digest = await opened(digestOfFile);
          if (!sameMarks(scan.marks, await marksOf(fs, path))) throw await damaged();
          await request.onDigest(digest);
          return digest;
        },
      };
    },
  };
}

async function digestOfFile(handle: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  const next = piecesOf(handle);
  for (let piece = await next(); piece.length > 0; piece = await next()) hash.update(piece);
  return hash.digest('hex');
}

/** What the records of a run depend on. Builds of one package mostly share their list: each is read once. */
function needsOf(run: Uint8Array, lists: Set<string>, needs: Set<string>): void {
  const object = joinedBytes([encoder.encode('{'), run, encoder.encode('}')]);
  eachMember(object, 0, (_keyStart, _keyEnd, valueStart) => {
    const end = skipValue(object, valueStart, MAX_DEPTH);
    for (const list of textLists(object.subarray(valueStart, end), ['depends'])) {
      if (lists.has(list)) continue;
      lists.add(list);
      for (const text of parsedList(list)) needs.add(dependencyName(text));
    }
    return end;
  });
}

/** A `repodata.json` of these runs, in the order of the whole. */
function documentOf({ info, repodata_version }: RunScan, runs: readonly Run[], bytes?: ReadonlyMap<Run, Uint8Array>) {
  const pieces: (string | Uint8Array)[] = [`{"info":${info ?? '{}'}`];
  const maps = [...new Set(runs.map(({ map }) => map))];
  for (const map of maps.length === 0 ? ['packages'] : maps) {
    pieces.push(`,"${map}":{`);
    const own = runs.filter((run) => run.map === map);
    for (const [at, run] of own.entries()) pieces.push(at === 0 ? '' : ',', bytes!.get(run)!);
    pieces.push('}');
  }
  pieces.push(repodata_version === undefined ? '}' : `,"repodata_version":${repodata_version}}`);
  return joinedBytes(pieces.map((piece) => (typeof piece === 'string' ? encoder.encode(piece) : piece)));
}
