import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';

const WINDOWS = process.platform === 'win32';

/** POSIX: a child gets a session and a process group of its own, so that the whole group can be signalled, and no terminal to prompt on. */
export const inOwnGroup = !WINDOWS;

/** conda undoes a half-made environment on SIGTERM; longer than this it is not given. */
const GRACE_MS = 3_000;
const POLL_MS = 50;

const live = new Set<number>();

/** Remembers a tree for the case that this process exits first. The answer forgets it. */
export function trackTree(pid: number): () => void {
  if (live.size === 0) process.on('exit', endAllNow);
  live.add(pid);
  return () => {
    live.delete(pid);
    if (live.size === 0) process.off('exit', endAllNow);
  };
}

/**
 * Ends the tree that began with `pid`, a child of ours. POSIX: SIGTERM to its group, then SIGKILL. Windows:
 * `taskkill /T /F`, which goes by parent pids, so only while the leader lives.
 */
export async function endTree(pid: number, options: { leaderGone?: boolean } = {}): Promise<void> {
  if (WINDOWS) {
    if (options.leaderGone === true) return;
    const program = join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'taskkill.exe');
    await execa(program, ['/PID', String(pid), '/T', '/F'], { stdio: 'ignore', reject: false, windowsHide: true });
    return;
  }
  // A program that has ended has no more to tidy up: what it left behind gets no grace.
  if (!signalGroup(pid, options.leaderGone === true ? 'SIGKILL' : 'SIGTERM') || options.leaderGone === true) return;
  for (let waited = 0; waited < GRACE_MS; waited += POLL_MS) {
    await delay(POLL_MS);
    if (!signalGroup(pid, 0)) return;
  }
  signalGroup(pid, 'SIGKILL');
}

/** False where the group has no process left. A zombie that nobody has waited for yet counts as one. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

function endAllNow(): void {
  for (const pid of live) {
    if (!WINDOWS) signalGroup(pid, 'SIGKILL');
  }
}
