import type { FileSystem } from '../../src/runtime/fs.js';
import { nodeFileSystem } from '../../src/runtime/fs.js';

/** One call that the code under test made on the disk. */
export interface FsCall {
  /** `rename`, `syncDir`, …; calls on an open file are `handle.read`, `handle.write`, `handle.sync`, `handle.close`, …. */
  name: string;
  args: readonly unknown[];
  /** 0, 1, …: position among all calls. */
  index: number;
}

export type FaultCode =
  | 'ENOSPC'
  | 'EIO'
  | 'EACCES'
  | 'EPERM'
  | 'EBUSY'
  | 'EXDEV'
  | 'EROFS'
  | 'EDQUOT'
  | 'EMFILE'
  | 'ENAMETOOLONG'
  | 'ESTALE'
  | 'EEXIST'
  | 'ENOENT'
  | 'ENOSYS'
  /** Of a write on an open file: only a part of it is taken. Other calls go through. */
  | 'SHORT';

export interface FaultFs {
  fs: FileSystem;
  /** Every call made so far, in order, failed ones too. */
  calls: FsCall[];
}

/**
 * A file system whose calls fail with a code whenever `fault` answers one; other calls go to `base`. A file opened through it counts
 * and fails the same way in its handle's calls.
 */
export function faultFs(fault: (call: FsCall) => FaultCode | undefined, base: FileSystem = nodeFileSystem()): FaultFs {
  const calls: FsCall[] = [];

  const guarded =
    (name: string, run: (...args: unknown[]) => unknown, path?: unknown) =>
    async (...args: unknown[]): Promise<unknown> => {
      const call = { name, args, index: calls.length };
      calls.push(call);
      const code = fault(call);
      const short = code === 'SHORT' && name === 'handle.write';
      if (code !== undefined && code !== 'SHORT') {
        // A close that reports a failure has closed all the same (close(2)).
        if (name === 'handle.close') await run(...args);
        throw faultError(code, call, path);
      }
      const result = await run(...(short ? shorter(args) : args));
      return name === 'open' || name === 'openNoFollow' ? guardedHandle(result as object, args[0]) : result;
    };

  const guardedHandle = (handle: object, path: unknown): object =>
    new Proxy(handle, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        const bound = (value as (...args: unknown[]) => unknown).bind(target);
        return typeof key === 'string' && HANDLE_CALLS.has(key) ? guarded(`handle.${key}`, bound, path) : bound;
      },
    });

  const fs = Object.fromEntries(
    Object.entries(base).map(([name, run]) => [
      name,
      MADE_OF_OTHERS.has(name) ? run : guarded(name, run as (...args: unknown[]) => unknown),
    ]),
  ) as unknown as FileSystem;
  return { fs, calls };
}

/** Arguments of `write(bytes, from, length, at)`, with half the length. */
function shorter(args: readonly unknown[]): unknown[] {
  const [bytes, from = 0, length = (bytes as Uint8Array).length - Number(from), at] = args;
  return [bytes, from, Math.max(1, Math.floor(Number(length) / 2)), at];
}

/** Fails the calls that `matches` accepts, `times` times (default: for ever). */
export function failWhere(
  matches: (call: FsCall) => boolean,
  code: FaultCode,
  times = Number.POSITIVE_INFINITY,
): (call: FsCall) => FaultCode | undefined {
  let left = times;
  return (call) => {
    if (left <= 0 || !matches(call)) return undefined;
    left -= 1;
    return code;
  };
}

/** Calls that change something on disk. */
export function isWrite(call: FsCall): boolean {
  return WRITES.has(call.name);
}

/** Says in `path` which file it is about, as the real door does: for a call on an open file, the one that was opened. */
export function faultError(
  code: FaultCode,
  call: Pick<FsCall, 'name' | 'args'>,
  opened?: unknown,
): NodeJS.ErrnoException {
  const path = [opened, call.args[0]].find((each) => typeof each === 'string');
  const error: NodeJS.ErrnoException = new Error(`${code}: injected, ${call.name} '${path ?? ''}'`);
  error.code = code;
  error.syscall = call.name;
  if (path !== undefined) error.path = path;
  return error;
}

/** They call the guarded ones. */
const MADE_OF_OTHERS = new Set(['writeAll', 'writeWhole', 'settle']);
const HANDLE_CALLS = new Set([
  'read',
  'write',
  'sync',
  'datasync',
  'close',
  'stat',
  'truncate',
  'utimes',
  'readFile',
  'writeFile',
  'appendFile',
]);
const WRITES = new Set([
  'writeFile',
  'writeNew',
  'mkdirp',
  'mkdir',
  'rename',
  'unlink',
  'rmdir',
  'remove',
  'link',
  'copyNew',
  'utimes',
  'chmod',
  'syncFile',
  'syncDir',
  'handle.write',
  'handle.sync',
  'handle.writeFile',
  'handle.truncate',
  'handle.utimes',
]);
