import * as disk from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { monotonicMs } from './clock.js';

/**
 * The way to the thread pool and back takes ten times as long as the kernel needs to look up a name or to take a few bytes: thousands of
 * small files are little else. So such calls are made in this thread, as long as the disk answers at once.
 */
const SLOW_MS = 4;
/** So many calls go to the pool after a slow one: a network drive holds up nothing else. */
const PATIENT_CALLS = 100;
/** Flushes join each other on their way to a disk: from the pool four at a time, where one takes longer than the way there. */
const SLOW_FLUSH_MS = 0.25;
/** After so long, timers, signals and sockets get their turn. */
const TURN_MS = 10;
/** Longer reads and writes go to the pool: the processor has better to do meanwhile. */
const FEW_BYTES = 64 * 1024;

interface Patience {
  slowMs: number;
  /** So many calls still go to the pool. */
  left: number;
}

const calls: Patience = { slowMs: SLOW_MS, left: 0 };
const flushes: Patience = { slowMs: SLOW_FLUSH_MS, left: 0 };
let turned = 0;

/** Does `here`; for a while after a slow call `pooled`, which is the same in the thread pool. */
async function quickly<T>(here: () => T, pooled?: () => Promise<T>, patience = calls): Promise<T> {
  if (monotonicMs() - turned > TURN_MS) {
    await new Promise((resolve) => setImmediate(resolve));
    turned = monotonicMs();
  }
  if (patience.left > 0 && pooled !== undefined) {
    patience.left -= 1;
    return pooled();
  }
  const began = monotonicMs();
  try {
    return here();
  } finally {
    if (monotonicMs() - began > patience.slowMs) patience.left = PATIENT_CALLS;
  }
}

type AnyCall = (...args: unknown[]) => unknown;
type PooledCall = (...args: unknown[]) => Promise<unknown>;

const NAMES = ['chmod', 'link', 'lstat', 'mkdir', 'readdir', 'rename', 'rmdir', 'stat', 'unlink', 'utimes'] as const;

/** Those of `fs/promises`. */
export const quickDisk = Object.fromEntries(
  NAMES.map((name) => {
    const [here, pooled] = [disk[`${name}Sync`] as AnyCall, disk.promises[name] as PooledCall];
    const call = (...args: unknown[]) =>
      quickly(
        () => here(...args),
        () => pooled(...args),
      );
    return [name, call];
  }),
) as unknown as Pick<typeof disk.promises, (typeof NAMES)[number]>;

const pool = {
  appendFile: promisify(disk.appendFile),
  close: promisify(disk.close),
  fsync: promisify(disk.fsync),
  ftruncate: promisify(disk.ftruncate),
  open: promisify(disk.open) as (path: string, flags: string | number, mode?: number) => Promise<number>,
  read: promisify(disk.read),
  readFile: promisify(disk.readFile),
  write: promisify(disk.write),
};

/** Opens a file; in the pool where that may wait for another program, as at the end of a pipe. Gives what is used here of a `FileHandle`. */
export async function openQuickly(path: string, flags: string | number, mode?: number): Promise<FileHandle> {
  const fd = await quickly(
    () => (mayWait(path, flags) ? undefined : disk.openSync(path, flags, mode)),
    async () => undefined,
  );
  return new OpenFile(fd ?? (await pool.open(path, flags, mode)), path) as unknown as FileHandle;
}

function mayWait(path: string, flags: string | number): boolean {
  if (flags === 'wx') return false;
  if (typeof flags === 'number' && (flags & disk.constants.O_NONBLOCK) !== 0) return false;
  return disk.statSync(path, { throwIfNoEntry: false })?.isFile() === false;
}

/** Node's errors of reading, writing and syncing leave the path out: whatever fails says in `path` what it was about. */
export function withPath(error: unknown, path: unknown): unknown {
  if (error instanceof Error && typeof path === 'string' && !('path' in error)) Object.assign(error, { path });
  return error;
}

/** No file has it: calls fail with EBADF. */
const CLOSED = -1;

class OpenFile {
  #fd: number;
  readonly #underWay = new Set<Promise<unknown>>();

  readonly #path: string;

  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number | null) {
    const args = [this.#fd, buffer, offset, length, position] as const;
    return this.#moved(
      length,
      () => ({ bytesRead: disk.readSync(...args), buffer }),
      () => pool.read(...args),
    );
  }

  write(buffer: Uint8Array, offset: number, length: number, position: number | null) {
    const args = [this.#fd, buffer, offset, length, position] as const;
    return this.#moved(
      length,
      () => ({ bytesWritten: disk.writeSync(...args), buffer }),
      () => pool.write(...args),
    );
  }

  stat(options?: disk.StatOptions) {
    return this.#kept(quickly(() => disk.fstatSync(this.#fd, options)));
  }

  utimes(atime: number, mtime: number) {
    return this.#kept(quickly(() => disk.futimesSync(this.#fd, atime, mtime)));
  }

  truncate(length: number) {
    return this.#kept(pool.ftruncate(this.#fd, length));
  }

  sync() {
    const pooled = (): Promise<void> => pool.fsync(this.#fd);
    const here = (): boolean => {
      const isSmall = disk.fstatSync(this.#fd).size <= FEW_BYTES;
      if (isSmall) disk.fsyncSync(this.#fd);
      return isSmall;
    };
    const flushed = quickly(here, () => pooled().then(() => true), flushes);
    return this.#kept(flushed.then((done) => (done ? undefined : pooled())));
  }

  readFile() {
    return this.#kept(pool.readFile(this.#fd));
  }

  appendFile(text: string | Uint8Array) {
    return this.#kept(pool.appendFile(this.#fd, text));
  }

  /** Waits for what is under way, and does it once: afterwards the number is another file's. */
  async close() {
    await Promise.allSettled(this.#underWay);
    const fd = this.#fd;
    if (fd === CLOSED) return;
    this.#fd = CLOSED;
    await quickly(
      () => disk.closeSync(fd),
      () => pool.close(fd),
    ).catch((error: unknown) => {
      throw withPath(error, this.#path);
    });
  }

  #moved<T>(length: number, here: () => T, pooled: () => Promise<T>): Promise<T> {
    return this.#kept(length <= FEW_BYTES ? quickly(here, pooled) : pooled());
  }

  async #kept<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    try {
      return await work;
    } catch (error) {
      throw withPath(error, this.#path);
    } finally {
      this.#underWay.delete(work);
    }
  }
}
