import { readdirSync, readFileSync } from 'node:fs';
import { clearInterval, setInterval } from 'node:timers';

/** What a process could tell to everybody on the machine (arguments) and to its owner (environment). */
export interface SeenProcess {
  pid: number;
  /** Field 22 of `/proc/PID/stat`: tells it from a later process with the same pid. */
  startTicks: string;
  /** With blanks instead of NUL; the last that was seen. */
  args: string;
  environment: string;
}

export interface ProcessWatch {
  /** Descendants of the process, itself left out. */
  seen: ReadonlyMap<string, SeenProcess>;
  stop(): void;
}

const EVERY_MS = 10;

/** Looks through `/proc` again and again at all that descends from a process; one that lives shorter than a look is missed. */
export function watchDescendants(pid: number): ProcessWatch {
  const seen = new Map<string, SeenProcess>();
  const look = (): void => {
    const own = describe(pid)?.args;
    for (const child of descendants(pid)) {
      const found = describe(child);
      // Between fork and exec a child is its parent, who may know what the child must not.
      if (found === undefined || found.args === own) continue;
      const key = `${found.pid}-${found.startTicks}`;
      const before = seen.get(key);
      // exec changes both: what was there before counts too.
      if (before === undefined) seen.set(key, found);
      else if (!before.args.includes(found.args))
        seen.set(key, {
          ...found,
          args: `${before.args} | ${found.args}`,
          environment: before.environment + found.environment,
        });
    }
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  return { seen, stop: () => clearInterval(timer) };
}

/** Those that still run. */
export function stillRunning(processes: Iterable<SeenProcess>): SeenProcess[] {
  return [...processes].filter(({ pid, startTicks }) => {
    const now = stat(pid);
    return now !== undefined && now.startTicks === startTicks && now.state !== 'Z';
  });
}

export function descendants(pid: number): number[] {
  const children = childrenOf(pid);
  return children.concat(children.flatMap(descendants));
}

function childrenOf(pid: number): number[] {
  return attempt(() => readdirSync(`/proc/${pid}/task`), []).flatMap((thread) =>
    attempt(() => readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1'), '')
      .split(' ')
      .filter((text) => text !== '')
      .map(Number),
  );
}

function describe(pid: number): SeenProcess | undefined {
  const found = stat(pid);
  if (found === undefined) return undefined;
  const read = (name: string): string =>
    attempt(() => readFileSync(`/proc/${pid}/${name}`, 'latin1'), '').replaceAll('\0', ' ');
  return { pid, startTicks: found.startTicks, args: read('cmdline'), environment: read('environ') };
}

function stat(pid: number): { state: string; startTicks: string } | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'), '');
  // The second field is the command in brackets and may hold blanks and brackets itself (proc(5)).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return text === '' ? undefined : { state: fields[0]!, startTicks: fields[19]! };
}

/** Processes end while they are looked at. */
function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
