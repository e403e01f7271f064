import { RepackError, isRepackError, type ErrorCode } from './errors.js';

/** What was going on when the disk said no. Sizes in bytes. */
export interface DiskContext {
  /** As a clause for a sentence: `write the staged channel`, `read the package cache`. */
  doing: string;
  /** Absolute path of the file or folder it is about. */
  path: string;
  /** What this step still has to write, and what the volume says is free (`statfs`: `bavail * bsize`). */
  needed?: number | undefined;
  free?: number | undefined;
  /** Inodes that are free (`statfs`: `ffree`); some file systems report 0 of 0. */
  freeInodes?: number | undefined;
  /** Account the program runs under, for questions of permission. */
  account?: string | undefined;
}

interface Advice {
  code: ErrorCode;
  /** Why it failed, as a clause after "Could not …:". */
  why: (context: DiskContext) => string;
  hint: (context: DiskContext) => string;
}

const who = (context: DiskContext): string =>
  context.account === undefined ? '' : ` for the account ${context.account}`;

const TRY_AGAIN = 'Then run the same command again: it goes on where it is safe to.';

/** One advice an errno (bad-inputs E4); the names are libuv's, so Windows errors come as the same ones. */
const ADVICE: Readonly<Record<string, Advice>> = {
  ENOSPC: {
    code: 'E_DISK_FULL',
    why: fullReason,
    hint: (context) =>
      outOfInodes(context)
        ? `Remove files nobody needs from that volume, or raise the quota of the account. ${TRY_AGAIN}`
        : `Free some space on that volume or choose another one. ${TRY_AGAIN}`,
  },
  EDQUOT: {
    code: 'E_DISK_FULL',
    why: (context) => `the disk quota${who(context)} is used up${amounts(context)}`,
    hint: () =>
      `Raise the quota or remove files that count against it; free space of the volume does not help. ${TRY_AGAIN}`,
  },
  EFBIG: {
    code: 'E_DISK_FULL',
    why: () => 'the file is larger than this file system allows',
    hint: () => 'FAT32 ends at 4 GiB a file: use a volume with NTFS, exFAT, ext4 or the like.',
  },
  EROFS: {
    code: 'E_DISK',
    why: () => 'the volume is mounted read-only',
    hint: () =>
      'Mount it writable, or choose a folder on another volume. A volume that turned read-only by itself has a defect.',
  },
  EACCES: {
    code: 'E_DISK',
    why: (context) => `permission denied${who(context)}`,
    hint: () =>
      'Give this account the right to it, or run under the account that owns it; on Windows also look at a virus scanner.',
  },
  EPERM: {
    code: 'E_DISK',
    why: (context) => `the operation is not permitted${who(context)}`,
    hint: () =>
      'The file may be marked read-only or immutable, belong to another account, or be held by a virus scanner.',
  },
  EBUSY: {
    code: 'E_DISK',
    why: () => 'another program holds it open',
    hint: () =>
      'Close what uses it (an editor, a copy job, a web server, a virus scanner), then run the same command again.',
  },
  EMFILE: {
    code: 'E_DISK',
    why: () => 'this program has too many files open',
    hint: () => 'Raise the limit of open files (`ulimit -n 4096`), then run the same command again.',
  },
  EAGAIN: {
    code: 'E_DISK',
    why: () => 'the system gives this account no further process or thread',
    hint: () => 'End programs that are not needed, or raise the limit (`ulimit -u`), then run the same command again.',
  },
  ENFILE: {
    code: 'E_DISK',
    why: () => 'the whole machine has too many files open',
    hint: () => 'End programs that are not needed or raise the limit of the system (`fs.file-max`).',
  },
  ENAMETOOLONG: {
    code: 'E_DISK',
    why: (context) =>
      `the path is too long (${context.path.length} characters; a name may have 255 bytes, on Windows without long paths the whole path 259 characters)`,
    hint: () => 'Choose a shorter ROOT or cache folder, or enable long paths on Windows.',
  },
  EXDEV: {
    code: 'E_DISK',
    why: () => 'source and target are on different volumes',
    hint: () =>
      'Put both folders on one volume: ROOT and everything below it must not be split by a mount or a junction.',
  },
  ESTALE: {
    code: 'E_DISK',
    why: () => 'the network share lost the file (stale handle)',
    hint: () =>
      'The server restarted or the folder was moved there: mount the share again, then run the same command again.',
  },
  EIO: {
    code: 'E_DISK',
    why: () => 'the disk or the share failed to read or write',
    hint: () => 'Do not trust that volume: look at the system log and check the disk before the next run.',
  },
  ENOENT: {
    code: 'E_DISK',
    why: () => 'it is not there (any more)',
    hint: () => 'See whether the volume is still mounted and whether another program cleans up there.',
  },
  ENOTDIR: {
    code: 'E_DISK',
    why: () => 'a part of the path is a file, not a folder',
    hint: () => 'Move that file away or choose another folder.',
  },
  EISDIR: {
    code: 'E_DISK',
    why: () => 'it is a folder where a file is expected',
    hint: () => 'Move that folder away.',
  },
  EEXIST: {
    code: 'E_DISK',
    why: () => 'something is there already',
    hint: () =>
      'Another program wrote there at the same time: look at it, move it away, then run the same command again.',
  },
  ELOOP: {
    code: 'E_DISK',
    why: () => 'it is a symbolic link, or links lead in a circle',
    hint: () => 'Replace the link by a real file or folder.',
  },
  ENOTEMPTY: {
    code: 'E_DISK',
    why: () => 'the folder is not empty',
    hint: () => 'Another program wrote there at the same time: look at what it left, then run the same command again.',
  },
};

/**
 * A disk error as the user should read it: which file, why, what to do now. ENOSPC and the like become E_DISK_FULL, other errno
 * values E_DISK. What is a RepackError already, and what is no disk error at all, is given back as it is: `throw explainDiskError(…)`.
 */
export function explainDiskError(error: unknown, context: DiskContext): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || isRepackError(error)) return error;
  const advice = ADVICE[errno];
  return new RepackError(advice?.code ?? 'E_DISK', {
    what: `Could not ${context.doing}: ${advice?.why(context) ?? messageOf(error)} (${errno})`,
    where: context.path,
    hint: advice?.hint(context) ?? 'Look at that file or folder and its volume, then run the same command again.',
    cause: error,
  });
}

/** Why the disk said no, for a sentence of somebody else: `permission denied (EACCES)`. */
export function diskReason(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === undefined) return messageOf(error);
  const { path = '' } = error as { path?: string };
  return `${ADVICE[errno]?.why({ doing: '', path }) ?? messageOf(error)} (${errno})`;
}

/** What {@link explainDiskErrorOn} needs of a Runtime. */
export interface DiskQuestions {
  fs: { statfs(path: string): Promise<{ bavail: number; bsize: number; files: number; ffree: number }> };
  machine: { username: string; uid: number | undefined };
}

/** As {@link explainDiskError}, asking the volume of `folder` (an existing one) what is free, and naming the account. */
export async function explainDiskErrorOn(
  runtime: DiskQuestions,
  error: unknown,
  { folder, ...context }: DiskContext & { folder: string },
): Promise<unknown> {
  const errno = errnoOf(error);
  if (errno === undefined || isRepackError(error)) return error;
  const space = errno === 'ENOSPC' || errno === 'EDQUOT' ? await freeSpace(runtime.fs, folder) : {};
  return explainDiskError(error, { account: accountOf(runtime.machine), ...space, ...context });
}

/**
 * An error as it came from the disk, the memory or a thread, wherever that was: E_DISK, E_DISK_FULL or E_MEMORY. Whatever else it is, is
 * given back as it is. For the outermost catch: who knows what was going on says so in words of its own, nearer to the call.
 */
export function explainSystemError(error: unknown): unknown {
  if (isRepackError(error) || !(error instanceof Error)) return error;
  if (isOutOfMemory(error)) return outOfMemory(error);
  const part = missingPart(error);
  if (part !== undefined) return programGone(part, error);
  const { path, dest, syscall = '' } = error as NodeJS.ErrnoException & { dest?: unknown };
  const where = errnoOf(error) === 'ENOENT' ? path : (dest ?? path);
  if (typeof where !== 'string') return error;
  return explainDiskError(error, { doing: `work on the disk${syscall === '' ? '' : ` (${syscall})`}`, path: where });
}

/** V8's words for WebAssembly and buffers, a thread that could not be started or has outgrown its heap, and the system's own. */
function isOutOfMemory(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOMEM' || code === 'ERR_WORKER_INIT_FAILED' || code === 'ERR_WORKER_OUT_OF_MEMORY') return true;
  return error instanceof RangeError && /out of memory|could not allocate|allocation failed/i.test(error.message);
}

export function outOfMemory(cause: Error): RepackError {
  return new RepackError('E_MEMORY', {
    what: `There is not enough memory: ${cause.message}`,
    where: 'this program',
    hint:
      'See what limits it: `ulimit -v` (WebAssembly sets 10 GB of address space aside; with Node 20 ' +
      '`NODE_OPTIONS=--disable-wasm-trap-handler` does without), `ulimit -u`, the limit of a container. ' +
      TRY_AGAIN,
    cause,
  });
}

/** A file that only the program itself asks for: a module (Node's words, also those of a thread), or WebAssembly that a package reads. */
function missingPart(error: Error): string | undefined {
  const { code, path, message } = error as NodeJS.ErrnoException;
  const isModule = code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND';
  if (isModule) return path ?? message.split('\n')[0];
  return code === 'ENOENT' && path?.endsWith('.wasm') === true ? path : undefined;
}

/** What is loaded only when it is needed was found at the start, or would have been: somebody installs or builds while this runs. */
export function programGone(part: string, cause?: Error): RepackError {
  return new RepackError('E_DISK', {
    what: 'A part of the program is gone: it was replaced or removed while it ran, or is not whole',
    where: part,
    hint:
      'Run the same command again: it goes on where it is safe to. If it says so again, install the program again. ' +
      'The published folder is complete, as before or as new.',
    cause,
  });
}

/** Bytes and inodes that this account may still use; empty where the file system does not say. */
export async function freeSpace(
  fs: DiskQuestions['fs'],
  folder: string,
): Promise<{ free?: number; freeInodes?: number }> {
  try {
    const { bavail, bsize, files, ffree } = await fs.statfs(folder);
    return { free: bavail * bsize, ...(files > 0 ? { freeInodes: ffree } : {}) };
  } catch {
    return {};
  }
}

/** How the account is called in messages; containers have accounts without a name. */
export function accountOf({ username, uid }: DiskQuestions['machine']): string | undefined {
  if (username !== '') return username;
  return uid === undefined ? undefined : `with the id ${uid}`;
}

/** The errno name (`ENOSPC`) of an error that came from the system; undefined for every other value. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' && /^(E[A-Z0-9]+|UNKNOWN)$/.test(code) ? code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function fullReason(context: DiskContext): string {
  if (outOfInodes(context)) return `inodes or the quota are used up, though bytes are free${amounts(context)}`;
  const { needed, free } = context;
  if (needed !== undefined && free !== undefined && free > needed)
    return `the volume was full a moment ago, or a quota is used up${amounts(context)}`;
  return `the volume is full${amounts(context)}`;
}

/** "No space" while there is space: then it is the number of files, or a quota (bad-inputs E5). */
function outOfInodes({ needed, free, freeInodes }: DiskContext): boolean {
  if (freeInodes !== undefined) return freeInodes <= 0 && free !== undefined && free > 0;
  return needed !== undefined && free !== undefined && free > needed;
}

function amounts({ needed, free }: DiskContext): string {
  const parts = [
    needed === undefined ? undefined : `${needed} bytes needed`,
    free === undefined ? undefined : `${free} bytes free`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : `, ${parts.join(', ')}`;
}
