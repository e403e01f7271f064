import { basename, dirname, join } from 'node:path';
import { RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import { codeOf, isMissing } from '../../base/fs-errors.js';
import { hashFile } from '../hash-file.js';
import { PHASES, type Operation, type PutOperation } from './operations.js';
import { giveOperations, type Giving } from './give.js';
import { isHeldOpen, RETRY_MS, withRetry } from './retry.js';

export interface SwitchContext {
  labelDir: string;
  stagingDir: string;
  /** Ends waiting for files that are held open; left out for clean-up. */
  signal?: AbortSignal | undefined;
  /** False: folders are not fsynced. */
  durable?: boolean;
  /** Where bytes go that are kept; left out for clean-up and for a way back. */
  giving?: Giving | undefined;
}

/** How far a switch came; filled while it runs, so it tells also after a failure. */
export interface SwitchProgress {
  /** No failed fsync is tried again (its data may be gone though a second one succeeds): what is on disk is then unsure. */
  syncFailed: boolean;
  /** Removal of what no index names any more has begun: there is no way back. */
  leaving: boolean;
  /** Paths that are held open by another program and stay until the next run. */
  stuck: string[];
}

/**
 * Carries out operations in their order; each phase is on disk (folders fsynced) before the next begins. An artifact never goes over
 * an existing name: equal bytes are skipped, others stop with E_PUBLISH. Does not go back by itself.
 */
export async function runSwitch(
  rt: Runtime,
  context: SwitchContext,
  operations: readonly Operation[],
  progress: SwitchProgress,
): Promise<void> {
  for (const phase of PHASES) {
    const part = operations.filter((operation) => operation.phase === phase);
    if (part.length === 0) continue;
    progress.leaving ||= phase === 'leaving-out';
    const touched = new Set<string>();
    if (context.giving !== undefined) await giveOperations(rt, context.giving, part);
    const leavingDeadlineMs = rt.clock.monotonic() + RETRY_MS;
    for (const operation of part) {
      if (operation.kind === 'put') await put(rt, context, operation, touched);
      else if (phase === 'leaving-out')
        await retire(rt, { context, operation, progress, deadlineMs: leavingDeadlineMs });
      else await remove(rt, context, operation.path, rt.clock.monotonic() + RETRY_MS);
      touched.add(dirname(join(context.labelDir, operation.path)));
      await rt.reach(`publish:${phase}`);
    }
    const emptied = await removeEmpty(rt, context.labelDir, part);
    for (const folder of emptied) touched.add(dirname(folder));
    for (const folder of touched) {
      if (context.durable !== false && !emptied.has(folder)) await sync(rt, folder, progress);
    }
  }
}

async function put(rt: Runtime, context: SwitchContext, operation: PutOperation, touched: Set<string>): Promise<void> {
  const from = join(context.stagingDir, operation.from);
  const to = join(context.labelDir, operation.path);
  if (operation.phase === 'artifact-in') {
    const there = await hashFile(rt, to);
    if (there?.sha256 === operation.sha256) return;
    if (there !== undefined) {
      throw new RepackError('E_PUBLISH', {
        what: 'a package appeared in the label folder while this run was at work, with other bytes',
        where: to,
        hint: 'Find out who wrote it and move it away, then run the same command again.',
        details: [`expected sha256 ${operation.sha256}, found ${there.sha256}`],
      });
    }
  }
  if (!touched.has(dirname(to))) await makeFolder(rt, dirname(to), touched);
  await replace(rt, context, { from, to, mtimeMs: operation.mtimeMs });
}

/** Missing folders down to the wanted one; each one made has to be synced in its parent. */
async function makeFolder(rt: Runtime, folder: string, touched: Set<string>): Promise<void> {
  try {
    await rt.fs.mkdir(folder);
    touched.add(dirname(folder));
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT') throw error;
    await makeFolder(rt, dirname(folder), touched);
    await makeFolder(rt, folder, touched);
  }
}

async function replace(
  rt: Runtime,
  context: SwitchContext,
  move: { from: string; to: string; mtimeMs: number },
): Promise<void> {
  await makeWritable(rt, move.to);
  const deadlineMs = rt.clock.monotonic() + RETRY_MS;
  const rename = (from: string): Promise<void> =>
    patiently(rt, context, move.to, deadlineMs, () => rt.fs.rename(from, move.to));
  try {
    await rename(move.from);
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw error;
    // A subdir that is a mount of its own: the copy is made beside the target, under a name that no index has.
    const aside = join(dirname(move.to), `.repackenv-${basename(move.to)}`);
    await rt.fs.remove(aside);
    await rt.fs.copyNew(move.from, aside);
    await rt.fs.utimes(aside, move.mtimeMs, move.mtimeMs);
    await rt.fs.syncFile(aside);
    await rename(aside);
    await rt.fs.unlink(move.from);
  }
}

async function remove(rt: Runtime, context: SwitchContext, path: string, deadlineMs: number): Promise<void> {
  const target = join(context.labelDir, path);
  await makeWritable(rt, target);
  try {
    await patiently(rt, context, target, deadlineMs, () => rt.fs.unlink(target));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** A package that no index names does no harm: one that is held open stays for the next run. */
async function retire(
  rt: Runtime,
  {
    context,
    operation,
    progress,
    deadlineMs,
  }: { context: SwitchContext; operation: Operation; progress: SwitchProgress; deadlineMs: number },
): Promise<void> {
  try {
    await remove(rt, { ...context, signal: undefined }, operation.path, deadlineMs);
  } catch (error) {
    if (!isHeldOpen(error)) throw error;
    progress.stuck.push(operation.path);
  }
}

function patiently(
  rt: Runtime,
  context: SwitchContext,
  path: string,
  deadlineMs: number,
  work: () => Promise<void>,
): Promise<void> {
  return withRetry(
    rt,
    { deadlineMs, signal: context.signal, reason: `another program holds ${path}; trying for a minute` },
    work,
  );
}

/** Windows neither replaces nor removes a file that is marked read-only; POSIX looks at the folder's rights only. */
async function makeWritable(rt: Runtime, path: string): Promise<void> {
  if (rt.machine.platform !== 'win32') return;
  try {
    if (((await rt.fs.lstat(path)).mode & 0o222) === 0) await rt.fs.chmod(path, 0o666);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Folders that the removals of this phase emptied, the label folder itself never among them. Gives those that are gone. */
async function removeEmpty(rt: Runtime, labelDir: string, operations: readonly Operation[]): Promise<Set<string>> {
  const gone = new Set<string>();
  for (const operation of operations) {
    if (operation.kind !== 'remove') continue;
    for (let folder = dirname(operation.path); folder !== '.'; folder = dirname(folder)) {
      const path = join(labelDir, folder);
      if (gone.has(path)) continue;
      const removed = await rt.fs.rmdir(path).then(() => true, isMissing);
      if (!removed) break;
      gone.add(path);
    }
  }
  return gone;
}

async function sync(rt: Runtime, folder: string, progress: SwitchProgress): Promise<void> {
  try {
    await rt.fs.syncDir(folder);
  } catch (error) {
    progress.syncFailed = true;
    throw error;
  }
}
