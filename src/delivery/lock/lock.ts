import { basename, dirname, join } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { explainDiskErrorOn } from '../../base/disk-errors.js';
import { largest } from '../../base/largest.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { canonicalJson } from '../../base/json.js';
import type { Runtime } from '../../runtime/runtime.js';
import { codeOf } from '../../base/fs-errors.js';
import { claimNumbers, RELEASED_NAME, topClaim, type LockClaim } from './lock-claims.js';
import { describeOwner, ownerState, OWNER_NAME, readOwner, type LockOwner } from './lock-owner.js';

export interface LockOptions {
  /** `ROOT/.repackenv/LABEL`, an existing folder. */
  stateDir: string;
  label: string;
  /** How long to wait for another run; 0: not at all. */
  waitMs: number;
  /** Name of the command, for others to read. Never arguments: one may be a token. */
  command: string;
  /** Take over from a run on another host (or one that can't be judged) once its heartbeat stood still for a minute. */
  takeOver?: boolean;
}

export interface LabelLock {
  readonly owner: LockOwner;
  /** Throws E_LOCK when another run took the lock over. To be called before live files are touched. */
  assertHeld(): Promise<void>;
  /** Gives the lock back if it is still ours. Never throws. */
  release(): Promise<void>;
  /** The same, and no trace of it is left where the state folder holds nothing else. */
  withdraw(): Promise<void>;
}

/**
 * One run per label folder, also on shares and between hosts. The lock is a row of numbered claims, `lock/1/`, `lock/2/`, …: the
 * highest one counts. A claim is a folder made with its `owner.json` and renamed into place, which fails where the name is taken, so
 * it appears whole and once. It is free when `released.json` is in it. Numbers are never used again; a claim that finds a higher
 * number after it was made has lost, and so has one whose lower number is not as it was judged (a run that failed took its own away). So two runs that both see a dead owner can't both follow it, which removing and remaking one
 * lock folder allows.
 *
 * An owner that is provably dead (no such process, pid reused, booted since) is followed at once, with a note. Throws E_LOCKED with
 * the owner when the time is up, E_LOCK when no lock can be made here: never goes on without it (mamba-org/mamba#1292).
 */
export async function lockLabel(rt: Runtime, options: LockOptions): Promise<LabelLock> {
  const dir = join(options.stateDir, 'lock');
  try {
    await openLockFolder(rt, dir, options.label);
    const owner = await describeOwner(rt, options.command);
    const number = await acquire(rt, { ...options, dir, owner });
    return heldLock(rt, { dir, number, owner, label: options.label });
  } catch (error) {
    // What could not be locked, nobody's claim lies in: nothing of it is left.
    await rt.fs.rmdir(dir).catch(() => undefined);
    if (isRepackError(error) || rt.signal.aborted) throw error;
    const explained = await explainDiskErrorOn(rt, error, {
      doing: `lock the label ${options.label}`,
      path: dir,
      folder: options.stateDir,
    });
    if (isRepackError(explained) && explained.code === 'E_DISK_FULL') throw explained;
    throw new RepackError('E_LOCK', {
      what: isRepackError(explained) ? explained.what : `Could not lock the label ${options.label}`,
      where: dir,
      hint: 'Nothing was done. Make that folder writable for this account; without a lock two runs could mix their files.',
      cause: error,
    });
  }
}

async function openLockFolder(rt: Runtime, dir: string, label: string): Promise<void> {
  await rt.fs.mkdirp(dir);
  // Claims elsewhere would be made, and older ones removed, in whatever folder it leads to.
  if (!(await rt.fs.lstat(dir)).isDirectory()) throw lockIsLink(label, dir);
}

function lockIsLink(label: string, dir: string): RepackError {
  return new RepackError('E_LOCK', {
    what: `The lock of label ${label} is a symbolic link`,
    where: dir,
    hint: 'Nothing was done. Remove the link; link ROOT instead, if it is to lie elsewhere.',
  });
}

const HEARTBEAT_MS = 10_000;
const STANDSTILL_MS = 60_000;
/** An owner file that can't be read is left by a crash of the machine; after so long nobody is writing it any more. */
const GARBAGE_MS = 10 * 60_000;
interface Acquisition extends LockOptions {
  dir: string;
  owner: LockOwner;
}

async function acquire(rt: Runtime, request: Acquisition): Promise<number> {
  const deadline = rt.clock.monotonic() + request.waitMs;
  let announced = false;
  let failures = 0;
  for (;;) {
    rt.signal.throwIfAborted();
    const top = await topClaim(rt, request.dir);
    const reason = top.free ? 'free' : await whyTakeable(rt, top, request);
    // Its owner may have given it back and ended between the two looks: then it was no dead run's.
    if (reason !== undefined && !top.free && !(await isStillHeld(rt, top, request.dir))) continue;
    if (reason !== undefined) {
      const number = top.number + 1;
      if (await claim(rt, request, top)) {
        if (reason !== 'free')
          rt.events.emit({ type: 'note', message: `took over the lock of label ${request.label}: ${reason}` });
        return number;
      }
      // Someone was quicker, or the folder can't be renamed to; the second must not go on for ever.
      const after = await topClaim(rt, request.dir);
      failures = after.number >= number ? 0 : failures + 1;
      // A first run that failed takes the folder away with its claim.
      await openLockFolder(rt, request.dir, request.label);
      if (failures > 50) throw new Error(`no claim can be put into ${request.dir}`);
      await rt.clock.sleep(20, rt.signal);
      continue;
    }
    const left = deadline - rt.clock.monotonic();
    if (left <= 0) throw locked(top, request);
    if (!announced) {
      announced = true;
      const seconds = Math.round(request.waitMs / 1000);
      rt.events.emit({
        type: 'waiting',
        reason: `label ${request.label} is locked by ${nameOf(top)}; waiting up to ${seconds} s`,
      });
    }
    await rt.clock.sleep(Math.min(500, left), rt.signal);
  }
}

/** Why the highest claim may be followed though it was not given back; undefined when it may not. */
async function whyTakeable(rt: Runtime, top: LockClaim, request: Acquisition): Promise<string | undefined> {
  const age = rt.clock.now() - top.heartbeatMs;
  if (top.owner === undefined) {
    if (age > GARBAGE_MS) return 'its owner file is not readable and older than ten minutes';
    return request.takeOver === true && (await standsStill(rt, top, request))
      ? 'its owner file is not readable'
      : undefined;
  }
  const state = await ownerState(rt, top.owner, age);
  if (state === 'dead') return `${nameOf(top)} does not run any more`;
  if (state === 'alive' || request.takeOver !== true) return undefined;
  return (await standsStill(rt, top, request))
    ? `${nameOf(top)} gave no sign for a minute, and a takeover was asked for`
    : undefined;
}

/** Watches the heartbeat by our own clock: neither clock has to be right. */
async function standsStill(rt: Runtime, top: LockClaim, request: Acquisition): Promise<boolean> {
  rt.events.emit({
    type: 'waiting',
    reason: `watching the lock of label ${request.label} (${nameOf(top)}) for a minute`,
  });
  await rt.clock.sleep(STANDSTILL_MS, rt.signal);
  const after = await topClaim(rt, request.dir);
  return after.number === top.number && !after.free && after.heartbeatMs === top.heartbeatMs;
}

async function isStillHeld(rt: Runtime, top: LockClaim, dir: string): Promise<boolean> {
  const now = await topClaim(rt, dir);
  return now.number === top.number && !now.free;
}

/** False when another run was quicker. */
async function claim(rt: Runtime, { dir, owner }: Acquisition, top: LockClaim): Promise<boolean> {
  const number = top.number + 1;
  const fresh = join(dir, `new-${owner.run}-${number}`);
  const folder = join(dir, String(number));
  try {
    await rt.fs.remove(fresh);
    await rt.fs.mkdir(fresh);
    await rt.fs.writeNew(join(fresh, OWNER_NAME), `${canonicalJson(owner, 2)}\n`);
    await rt.fs.syncFile(join(fresh, OWNER_NAME));
    await rt.fs.rename(fresh, folder);
  } catch (error) {
    await rt.fs.remove(fresh).catch(() => undefined);
    // POSIX says ENOTEMPTY or EEXIST where the number is taken, Windows EPERM or EACCES; ENOENT: `fresh` was swept by a holder.
    const taken = ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(codeOf(error) ?? '');
    const takenOnWindows = rt.machine.platform === 'win32' && ['EPERM', 'EACCES'].includes(codeOf(error) ?? '');
    if (taken || takenOnWindows) return false;
    throw error;
  }
  try {
    const numbers = await claimNumbers(rt, dir);
    const below = top.number === 0 ? undefined : await readOwner(rt, join(dir, String(top.number)));
    const other = below !== undefined && (top.free || below.owner?.run !== top.owner?.run);
    if (other || numbers.some((each) => each > number)) {
      await rt.fs.remove(folder);
      return false;
    }
    await rt.fs.syncDir(dir);
    await sweepBelow(rt, dir, number);
    return true;
  } catch (error) {
    await rt.fs.rename(join(folder, OWNER_NAME), join(folder, RELEASED_NAME)).catch(() => undefined);
    throw error;
  }
}

/** Older claims and unfinished ones. A run that loses its unfinished claim this way tries again. */
async function sweepBelow(rt: Runtime, dir: string, number: number): Promise<void> {
  for (const entry of await rt.fs.readdir(dir)) {
    const old = /^\d+$/.test(entry.name) ? Number(entry.name) < number : entry.name.startsWith('new-');
    if (entry.isDirectory() && old) await rt.fs.remove(join(dir, entry.name)).catch(() => undefined);
  }
}

function heldLock(rt: Runtime, held: { dir: string; number: number; owner: LockOwner; label: string }): LabelLock {
  const folder = join(held.dir, String(held.number));
  let released = false;
  const stop = (): void => {
    released = true;
    clearInterval(heartbeat);
  };

  const isOurs = async (): Promise<boolean> => {
    const numbers = await claimNumbers(rt, held.dir);
    if (largest(numbers) !== held.number) return false;
    return (await readOwner(rt, folder))?.owner?.run === held.owner.run;
  };

  // Only runs on other hosts look at it, and only when asked to; nothing here relies on it being in time.
  const heartbeat = setInterval(() => {
    const now = rt.clock.now();
    rt.fs.utimes(join(folder, OWNER_NAME), now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();

  return {
    owner: held.owner,
    assertHeld: async () => {
      try {
        if (!released && (await isOurs())) return;
      } catch (error) {
        throw await explainDiskErrorOn(rt, error, {
          doing: `make sure of the lock of label ${held.label}`,
          path: folder,
          folder: held.dir,
        });
      }
      throw new RepackError('E_LOCK', {
        what: `the lock of label ${held.label} was taken over by another run`,
        where: held.dir,
        hint: 'Nothing was published. See which other run is at work, then run the same command again.',
      });
    },
    release: async () => {
      if (released) return;
      stop();
      try {
        if (await isOurs()) await rt.fs.rename(join(folder, OWNER_NAME), join(folder, RELEASED_NAME));
      } catch (error) {
        // The next run sees that this process is gone and follows it.
        rt.events.emit({
          type: 'debug',
          message: `the lock of label ${held.label} could not be given back: ${codeOf(error) ?? ''}`,
        });
      }
    },
    withdraw: async () => {
      try {
        const others = (await rt.fs.readdir(dirname(held.dir))).filter(({ name }) => name !== basename(held.dir));
        if (released || others.length > 0 || !(await isOurs())) return;
        const aside = join(held.dir, `new-${held.owner.run}-withdrawn`);
        await rt.fs.rename(folder, aside);
        stop();
        await rt.fs.remove(aside);
        await rt.fs.rmdir(held.dir);
      } catch {
        // Another run waits for it and has begun its own claim, or the next one finds this process gone.
      }
    },
  };
}

function locked(top: LockClaim, { dir, label }: Acquisition): RepackError {
  const known = top.owner !== undefined;
  return new RepackError('E_LOCKED', {
    what: `another run holds label ${label}: ${nameOf(top)}`,
    where: join(dir, String(top.number)),
    hint: known
      ? 'Nothing was done. Run again when it has finished, or wait for it with --wait-lock SECONDS. If that machine is gone for good: --take-over-lock.'
      : 'Nothing was done. Its owner file is not readable; ten minutes after its last change it counts as left over, with --take-over-lock earlier.',
  });
}

function nameOf({ owner }: LockClaim): string {
  if (owner === undefined) return 'an owner that left no readable name';
  return `${owner.command}, pid ${owner.pid} on ${owner.host}, ${owner.user}, since ${owner.since}`;
}
