import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestStream, digestsOfFile } from '../codec/digests.js';
import type { Digests } from '../codec/digests.js';
import { errnoOf } from '../base/disk-errors.js';
import type { Runtime } from '../runtime/runtime.js';
import { isYoung, keyNow, keyOf, makeLook } from './file-state.js';
import type { ExactStats, Look } from './file-state.js';

export type ServeRuntime = Pick<Runtime, 'fs' | 'clock' | 'events' | 'machine' | 'signal'>;

/** A file whose digests are those of the bytes that are sent: read already, or open. */
export type CheckedFile = SmallFile | OpenFile;

interface Facts {
  digests: Digests;
  mtimeMs: number;
}

export interface SmallFile extends Facts {
  kind: 'small';
  bytes: Uint8Array;
}

/** Whoever is given one closes it. */
export interface OpenFile extends Facts {
  kind: 'open';
  handle: FileHandle;
  /** False where somebody wrote into the file since it was checked. That it was replaced or removed is no matter: this is the old one. */
  unchanged(): Promise<boolean>;
}

/**
 * Why there is none. `absent`: nothing of that name; `odd`: a link, a folder, a device; `busy`: it can't be read now (held by a writer,
 * too many open files, a share that is away), or changed while it was read.
 */
export type NoFile = 'absent' | 'odd' | 'busy';

export interface FileChecker {
  /**
   * `path`: relative, with `/`, one that is served by name. `stated`: what it should be (its md5 is then not computed); a file of
   * another size is `other` without being read.
   */
  open(dir: string, path: string, stated?: Stated): Promise<CheckedFile | NoFile | 'other'>;
  /** Whether this is still what `open` would give, at a look and at once; false also where that takes more than a look. */
  isStill(dir: string, path: string, file: SmallFile): boolean;
  /** Looks at files of the folder. */
  lookIn(dir: string): Look;
}

export interface Stated {
  size?: number | undefined;
  sha256?: string | undefined;
  md5?: string | undefined;
}

/** Up to here a file is read at once, and kept in memory. */
const SMALL = 1 << 16;
/** So many bytes of small files, and what it takes to know each. */
const MEMORY = 64 << 20;
const ENTRY_BYTES = 1024;
/** Digests that are remembered: some 60 MB. */
const REMEMBERED = 200_000;
const HASHED_AT_ONCE = 2;

/**
 * Reads every file once to its end before the first byte of it goes out, and remembers what came out by device, inode, size and times; so
 * no answer carries an ETag of other bytes. A small one is remembered whole, and looked at each time.
 */
export function makeFileChecker(rt: ServeRuntime): FileChecker {
  const known = new Map<string, Digests>();
  const underWay = new Map<string, Promise<Digests | undefined>>();
  const inTurn = lanes(HASHED_AT_ONCE);
  /** By path; who was not asked for the longest stands first. */
  const memory = new Map<string, { key: string; file: SmallFile }>();
  let memoryBytes = 0;
  const looks = new Map<string, Look>();

  /** Undefined where the file changed meanwhile. Nobody who comes between the end and the remembering begins anew. */
  const hashed = (key: string, handle: FileHandle, stated: Stated): Promise<Digests | undefined> => {
    const begun = underWay.get(key);
    if (begun !== undefined) return begun;
    const before = known.get(key);
    if (before !== undefined) return Promise.resolve(before);
    const { sha256, md5 } = stated;
    const work = inTurn(() =>
      digestsOfFile(handle, {
        ...(sha256 === undefined || md5 === undefined ? {} : { stated: { sha256, md5 } }),
        onPiece: () => rt.signal.throwIfAborted(),
      }),
    )
      .then(async (digests) => {
        const stats = await bigStat(handle);
        if (keyOf(stats) !== key || BigInt(digests.size) !== stats.size) return undefined;
        remember(key, digests, stats);
        return digests;
      })
      .finally(() => underWay.delete(key));
    underWay.set(key, work);
    return work;
  };

  const forget = (full: string): void => {
    const entry = memory.get(full);
    if (entry === undefined) return;
    memory.delete(full);
    memoryBytes -= entry.file.bytes.length + ENTRY_BYTES;
  };

  const keep = (full: string, key: string, file: SmallFile): void => {
    forget(full);
    memory.set(full, { key, file });
    memoryBytes += file.bytes.length + ENTRY_BYTES;
    for (const oldest of memory.keys()) {
      if (memoryBytes <= MEMORY) break;
      forget(oldest);
    }
  };

  const lookIn = (dir: string): Look => {
    const look = looks.get(dir) ?? makeLook(rt, dir);
    looks.set(dir, look);
    return look;
  };

  /** Undefined where it is not there, or not what it was. */
  const fromMemory = async (dir: string, full: string, stated: Stated): Promise<SmallFile | undefined> => {
    const entry = memory.get(full);
    if (entry === undefined) return undefined;
    const { key, file } = entry;
    try {
      const looked = await lookIn(dir)(full);
      if (looked !== undefined && keyOf(looked) === key && isStated(file.digests, stated)) {
        if (memory.delete(full)) memory.set(full, entry);
        return file;
      }
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
    forget(full);
    return undefined;
  };

  const remember = (key: string, digests: Digests, stats: ExactStats): void => {
    if (isYoung(stats, rt.clock.now())) return;
    if (known.size >= REMEMBERED) known.delete(known.keys().next().value!);
    known.set(key, digests);
  };

  const check = async (handle: FileHandle, full: string, stated: Stated): Promise<CheckedFile | NoFile | 'other'> => {
    const stats = await bigStat(handle);
    if (!stats.isFile()) return 'odd';
    if (stated.size !== undefined && BigInt(stated.size) !== stats.size) return 'other';
    const key = keyOf(stats);
    const mtimeMs = Number(stats.mtimeMs);
    let digests = known.get(key);
    if (digests === undefined && (await leadsAway(rt, full))) return 'odd';
    if (stats.size <= SMALL) {
      const bytes = await readWhole(handle, Number(stats.size));
      if (bytes === undefined) return 'busy';
      const found = digestsOfBytes(bytes, stated);
      remember(key, found, stats);
      if (differs(found, stated)) return 'other';
      const file: SmallFile = { kind: 'small', bytes, digests: found, mtimeMs };
      // What was read may be newer than what was looked at.
      const after = await bigStat(handle);
      if (keyOf(after) === key && !isYoung(after, rt.clock.now())) keep(full, key, file);
      return file;
    }
    if (digests === undefined) {
      digests = await hashed(key, handle, stated);
      if (digests === undefined) return 'busy';
    }
    if (differs(digests, stated)) return 'other';
    const unchanged = async (): Promise<boolean> => {
      const now = await bigStat(handle);
      return now.size === stats.size && now.mtimeNs === stats.mtimeNs;
    };
    return { kind: 'open', handle, digests, mtimeMs, unchanged };
  };

  return {
    lookIn,
    isStill(dir, path, file) {
      const full = join(dir, path);
      const entry = memory.get(full);
      if (entry?.file !== file || keyNow(lookIn(dir), full) !== entry.key) return false;
      if (memory.delete(full)) memory.set(full, entry);
      return true;
    },
    async open(dir, path, stated = {}) {
      const full = join(dir, path);
      const kept = await fromMemory(dir, full, stated);
      if (kept !== undefined) return kept;
      let handle: FileHandle | undefined;
      let checked: CheckedFile | NoFile | 'other' = 'busy';
      try {
        handle = await rt.fs.openNoFollow(full);
        checked = await check(handle, full, stated);
        return checked;
      } catch (error) {
        if (errnoOf(error) === undefined && !rt.signal.aborted) throw error;
        return reasonOf(error);
      } finally {
        if (typeof checked === 'string' || checked.kind === 'small') await handle?.close();
      }
    },
  };
}

/** For a file that is not sent. */
export async function closeChecked(file: CheckedFile): Promise<void> {
  if (file.kind === 'open') await file.handle.close();
}

/** Undefined where the file has another size by now. */
export async function readWhole(handle: FileHandle, size: number): Promise<Uint8Array | undefined> {
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let position = 0; position < size;) {
    const { bytesRead } = await handle.read(bytes, position, size - position, position);
    if (bytesRead === 0) return undefined;
    position += bytesRead;
  }
  return bytes;
}

function digestsOfBytes(bytes: Uint8Array, { sha256, md5 }: Stated): Digests {
  const stream = digestStream(sha256 === undefined || md5 === undefined ? {} : { md5 });
  stream.update(bytes);
  return stream.digest();
}

/** As `lstatExact`. */
function bigStat(handle: FileHandle): Promise<ExactStats> {
  return handle.stat({ bigint: true });
}

function isStated(found: Digests, stated: Stated): boolean {
  return (stated.size === undefined || stated.size === found.size) && !differs(found, stated);
}

function differs(found: Digests, stated: Stated): boolean {
  return (
    (stated.sha256 !== undefined && found.sha256 !== stated.sha256) ||
    (stated.md5 !== undefined && found.md5 !== stated.md5)
  );
}

/** A link as the file (Windows opens it all the same) or as its folder: what lies outside is not served under any name. */
async function leadsAway(rt: ServeRuntime, full: string): Promise<boolean> {
  const [file, folder] = await Promise.all([rt.fs.lstat(full), rt.fs.lstat(dirname(full))]);
  return !file.isFile() || !folder.isDirectory();
}

function reasonOf(error: unknown): NoFile {
  const errno = errnoOf(error);
  if (errno === 'ENOENT' || errno === 'ENOTDIR') return 'absent';
  return errno === 'ELOOP' || errno === 'EISDIR' || errno === 'ENXIO' ? 'odd' : 'busy';
}

/** At most `count` of them at a time, in the order in which they came. */
function lanes(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = count;
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => void waiting.push(resolve));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
