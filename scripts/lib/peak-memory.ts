import { readFileSync } from 'node:fs';

const EVERY_MS = 50;
/** Of the clock in which /proc counts, on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

/** Undefined where the system does not tell: only Linux does. */
export type Watched = {
  /** The most memory it held at once: resident, in bytes, without its children. */
  peakRss?: number;
  /** Of all its threads; to the last look, so up to a twentieth of a second less than it was. */
  processorSeconds?: number;
};

/** Looks at a running process now and then. The answer ends that. */
export function watchProcess(pid: number): () => Watched {
  let last: Watched = {};
  const look = (): void => {
    last = lookAt(pid) ?? last;
  };
  const timer = process.platform === 'linux' ? setInterval(look, EVERY_MS) : undefined;
  return () => {
    clearInterval(timer);
    return last;
  };
}

function lookAt(pid: number): Watched | undefined {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    if (kilobytes === undefined) return undefined;
    // Behind the name, which may hold anything: the state is the 3rd field, user and system time are the 14th and 15th (man 5 proc_pid_stat).
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { peakRss: Number(kilobytes) * 1024, processorSeconds: ticks / TICKS_A_SECOND };
  } catch {
    // It has ended.
    return undefined;
  }
}

/** The same, of its memory alone. */
export function watchPeakMemory(pid: number): () => number | undefined {
  const ended = watchProcess(pid);
  return () => ended().peakRss;
}
