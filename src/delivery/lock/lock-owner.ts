import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { objectIn } from '../../base/json.js';
import type { Runtime } from '../../runtime/runtime.js';
import { isMissing } from '../../base/fs-errors.js';

/** Who holds a lock; `owner.json` of a claim. Nothing secret: `command` is a name (`update`), never an argument list. */
export interface LockOwner {
  schema: 1;
  pid: number;
  /** Linux: field 22 of `/proc/PID/stat`, clock ticks since boot. Elsewhere null. */
  startTicks: string | null;
  host: string;
  /** Changes at each boot (Linux), else null. */
  boot: string | null;
  /** Digest of the machine's id (Linux), else null: a host name alone may be shared. */
  machine: string | null;
  /** PID namespace (Linux), else null: pids of another container say nothing here. */
  pidSpace: string | null;
  user: string;
  run: string;
  command: string;
  /** ISO 8601, UTC. */
  since: string;
}

/**
 * `dead` only where it is certain. `elsewhere`: on another machine or in another container, so its process can't be asked about.
 * `unknown`: it can't be told here.
 */
export type OwnerState = 'alive' | 'dead' | 'elsewhere' | 'unknown';

/** A description of this process, to be put into a lock or a staging folder. */
export async function describeOwner(rt: Runtime, command: string): Promise<LockOwner> {
  const { machine, clock } = rt;
  return {
    schema: 1,
    pid: machine.pid,
    startTicks: (await readProcess(rt, machine.pid))?.startTicks ?? null,
    host: machine.hostname,
    ...(await describeSystem(rt)),
    user: machine.username,
    run: machine.randomId(),
    command,
    since: new Date(clock.now()).toISOString(),
  };
}

/** Undefined for anything that is not the whole `owner.json` of this program. */
export function parseOwner(text: string): LockOwner | undefined {
  const owner: Partial<Record<keyof LockOwner, unknown>> | undefined = objectIn(text);
  if (owner === undefined) return undefined;
  const texts = [owner.host, owner.user, owner.run, owner.command, owner.since];
  const optional = [owner.startTicks, owner.boot, owner.machine, owner.pidSpace];
  const sound =
    owner.schema === 1 &&
    Number.isSafeInteger(owner.pid) &&
    texts.every((text) => typeof text === 'string') &&
    optional.every((text) => text === null || typeof text === 'string');
  return sound ? (owner as LockOwner) : undefined;
}

/**
 * Whether the process that wrote `owner` still runs. A pid that was given to another process is told by its start time; a machine
 * that was booted since has no process of before, which counts only once `heartbeatAgeMs` passes a minute (two machines may share a
 * name and, cloned, even an id).
 */
export async function ownerState(rt: Runtime, owner: LockOwner, heartbeatAgeMs: number): Promise<OwnerState> {
  if (owner.host !== rt.machine.hostname) return 'elsewhere';
  const here = await describeSystem(rt);
  if (owner.boot !== null && here.boot !== null) {
    if (owner.machine !== here.machine) return 'elsewhere';
    if (owner.boot !== here.boot) return owner.machine !== null && heartbeatAgeMs > 60_000 ? 'dead' : 'elsewhere';
    if (owner.pidSpace !== here.pidSpace) return 'elsewhere';
    return processState(rt, owner);
  }
  return rt.machine.platform === 'win32' ? stateOnWindows(rt, owner) : stateByPs(rt, owner);
}

async function processState(rt: Runtime, owner: LockOwner): Promise<OwnerState> {
  const found = await readProcess(rt, owner.pid);
  if (found !== undefined) {
    if (found.state === 'Z' || found.state === 'X') return 'dead';
    return owner.startTicks === null || owner.startTicks === found.startTicks ? 'alive' : 'dead';
  }
  // With /proc mounted `hidepid` other users' processes are not to be seen, process 1 among them.
  return (await readProcess(rt, 1)) === undefined ? 'unknown' : 'dead';
}

/** State letter and start time; undefined where there is no such process (or no /proc). */
async function readProcess(rt: Runtime, pid: number): Promise<{ state: string; startTicks: string } | undefined> {
  if (rt.machine.platform !== 'linux') return undefined;
  let text: string;
  try {
    text = await rt.fs.readText(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  // The second field is the command in brackets and may hold blanks and brackets itself (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state === undefined || startTicks === undefined ? undefined : { state, startTicks };
}

async function describeSystem(rt: Runtime): Promise<Pick<LockOwner, 'boot' | 'machine' | 'pidSpace'>> {
  if (rt.machine.platform !== 'linux') return { boot: null, machine: null, pidSpace: null };
  const [boot, id, space] = await Promise.all([
    rt.fs.readText('/proc/sys/kernel/random/boot_id').catch(() => undefined),
    rt.fs.readText('/etc/machine-id').catch(() => undefined),
    rt.fs.stat('/proc/self/ns/pid').catch(() => undefined),
  ]);
  return {
    boot: boot?.trim() ?? null,
    // machine-id(5): not to be shown to others as it is.
    machine:
      id === undefined || id.trim() === '' ? null : createHash('sha256').update(id.trim()).digest('hex').slice(0, 16),
    pidSpace: space === undefined ? null : String(space.ino),
  };
}

/** macOS, BSD: `ps` gives the start time of a process; one that started after the lock was taken is another. */
async function stateByPs(rt: Runtime, owner: LockOwner): Promise<OwnerState> {
  const result = await ask(rt, '/bin/ps', ['-o', 'lstart=', '-p', String(owner.pid)], { LC_ALL: 'C', TZ: 'UTC' });
  if (result === undefined) return 'unknown';
  if (result.text === '') return result.exitCode === 1 ? 'dead' : 'unknown';
  return startedLater(Date.parse(`${result.text} UTC`), owner) ? 'dead' : 'alive';
}

async function stateOnWindows(rt: Runtime, owner: LockOwner): Promise<OwnerState> {
  const systemRoot = rt.env['SystemRoot'] ?? rt.env['SYSTEMROOT'] ?? 'C:\\Windows';
  const shell = join(systemRoot, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  const question = `$p = Get-Process -Id ${owner.pid} -ErrorAction SilentlyContinue; if ($p) { 'found'; try { $p.StartTime.ToUniversalTime().ToString('o') } catch {} } else { 'none' }`;
  const result = await ask(rt, shell, ['-NoProfile', '-NonInteractive', '-Command', question], {
    SystemRoot: systemRoot,
  });
  const [found, started] = result?.text.split(/\r?\n/) ?? [];
  if (found === 'none') return 'dead';
  if (found !== 'found') return 'unknown';
  return started !== undefined && startedLater(Date.parse(started), owner) ? 'dead' : 'alive';
}

/** Two seconds of grace: `ps` counts whole seconds. */
function startedLater(startedMs: number, owner: LockOwner): boolean {
  return startedMs > Date.parse(owner.since) + 2000;
}

async function ask(
  rt: Runtime,
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ text: string; exitCode: number | undefined } | undefined> {
  try {
    const result = await rt.exec.run({ file, args, env, cwd: rt.machine.tmpdir, timeoutMs: 20_000 });
    if (result.startError !== undefined || result.timedOut || result.exitCode === undefined) return undefined;
    return { text: Buffer.from(result.stdout).toString('utf8').trim(), exitCode: result.exitCode };
  } catch {
    return undefined;
  }
}

/** `owner.json` of a folder: its text, parsed form and heartbeat (mtime, ms); undefined where there is no such file. */
export async function readOwner(
  rt: Runtime,
  folder: string,
): Promise<{ owner: LockOwner | undefined; heartbeatMs: number } | undefined> {
  const path = join(folder, OWNER_NAME);
  try {
    const stats = await rt.fs.lstat(path);
    // Never written as a link: whatever it leads to says nothing of who holds the lock.
    const text = stats.isFile() ? await rt.fs.readText(path) : '';
    return { owner: parseOwner(text), heartbeatMs: stats.mtimeMs };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export const OWNER_NAME = 'owner.json';
