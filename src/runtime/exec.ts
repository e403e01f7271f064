import type { Subprocess } from 'execa';
import { execa } from 'execa';
import { outputTail } from './output-tail.js';
import { endTree, inOwnGroup, trackTree } from './process-tree.js';

/** Child processes. Real implementation: `execa`, in its own process group, standard input closed or given whole, never a shell. */
export interface Exec {
  run(command: ExecCommand): Promise<ExecResult>;
}

export interface ExecCommand {
  file: string;
  args: readonly string[];
  /** The whole environment of the child: nothing is inherited. */
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** Milliseconds; then the process tree (own pids only) is ended. */
  timeoutMs: number;
  /** The same where it prints nothing for so long. */
  silentMs?: number;
  signal?: AbortSignal;
  /** Standard input; closed without. */
  input?: Uint8Array;
  /** Cap on what is kept of each stream; more is dropped from the front and `truncated` set. */
  maxOutputBytes?: number;
  onStdout?: (chunk: Uint8Array) => void;
  onStderr?: (chunk: Uint8Array) => void;
}

export interface ExecResult {
  /** Undefined when ended by a signal or never started. */
  exitCode: number | undefined;
  signal: string | undefined;
  stdout: Uint8Array;
  stderr: Uint8Array;
  truncated: boolean;
  timedOut: boolean;
  aborted: boolean;
  /** `ENOENT`, `EACCES`, … when it could not be started. */
  startError: string | undefined;
}

const DEFAULT_OUTPUT_CAP = 32 * 1024 * 1024;
/** How long output may go on after the process itself has ended: only a stray grandchild can still hold the pipe. */
const DRAIN_MS = 2_000;

/**
 * Runs programs so that nothing of them is left behind: each in a process group of its own, which is ended as a whole on timeout,
 * on abort, after a normal end (for what it left in the background) and when this process exits. Never throws for what the
 * program does: the result says it.
 */
export function execaExec(): Exec {
  return { run: runCommand };
}

async function runCommand(command: ExecCommand): Promise<ExecResult> {
  const stdout = outputTail(command.maxOutputBytes ?? DEFAULT_OUTPUT_CAP);
  const stderr = outputTail(command.maxOutputBytes ?? DEFAULT_OUTPUT_CAP);
  if (command.signal?.aborted === true) return { ...notStarted(undefined), aborted: true };

  const child = execa(command.file, command.args, {
    env: command.env,
    extendEnv: false,
    cwd: command.cwd,
    ...(command.input === undefined ? { stdin: 'ignore' } : { input: command.input }),
    buffer: false,
    reject: false,
    shell: false,
    windowsHide: true,
    detached: inOwnGroup,
  });
  let silence: NodeJS.Timeout | undefined;
  child.stdout.on('data', (chunk: Uint8Array) => {
    silence?.refresh();
    stdout.push(chunk);
    command.onStdout?.(chunk);
  });
  child.stderr.on('data', (chunk: Uint8Array) => {
    silence?.refresh();
    stderr.push(chunk);
    command.onStderr?.(chunk);
  });
  const pid = child.pid;
  if (pid === undefined) {
    const failure = await child;
    return notStarted(failure.code ?? 'ENOENT');
  }

  const ending = { timedOut: false, aborted: false };
  const untrack = trackTree(pid);
  let ended: Promise<void> | undefined;
  const end = (why: keyof typeof ending): void => {
    if (ended !== undefined) return;
    ending[why] = true;
    ended = endTree(pid);
  };
  const timer = setTimeout(() => end('timedOut'), command.timeoutMs);
  if (command.silentMs !== undefined) silence = setTimeout(() => end('timedOut'), command.silentMs);
  const onAbort = (): void => end('aborted');
  command.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const { exitCode, signal } = await exitOf(child);
    await ended;
    // What it left running in the background goes too, and with it the last holders of the pipes.
    await endTree(pid, { leaderGone: true });
    await drained(child);
    return {
      exitCode,
      signal,
      stdout: stdout.bytes(),
      stderr: stderr.bytes(),
      truncated: stdout.truncated() || stderr.truncated(),
      ...ending,
      startError: undefined,
    };
  } finally {
    clearTimeout(timer);
    clearTimeout(silence);
    command.signal?.removeEventListener('abort', onAbort);
    untrack();
  }
}

function exitOf(child: Subprocess): Promise<{ exitCode: number | undefined; signal: string | undefined }> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ exitCode: code ?? undefined, signal: signal ?? undefined }));
  });
}

/** Waits for the rest of the output; a grandchild that left the group can't hold us longer than {@link DRAIN_MS}. */
async function drained(child: Subprocess): Promise<void> {
  const cut = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, DRAIN_MS);
  await child;
  clearTimeout(cut);
}

function notStarted(startError: string | undefined): ExecResult {
  return {
    exitCode: undefined,
    signal: undefined,
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
    truncated: false,
    timedOut: false,
    aborted: false,
    startError,
  };
}
