import { readFileSync } from 'node:fs';

const EVERY_MS = 50;

/**
 * Looks at a running process now and then. The answer ends that and gives the most memory it held at once (resident, in bytes; without
 * its children), undefined where the system does not tell: only Linux does.
 */
export function watchPeakMemory(pid: number): () => number | undefined {
  let peak: number | undefined;
  const look = (): void => {
    peak = highWaterOf(pid) ?? peak;
  };
  const timer = process.platform === 'linux' ? setInterval(look, EVERY_MS) : undefined;
  return () => {
    clearInterval(timer);
    return peak;
  };
}

function highWaterOf(pid: number): number | undefined {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    // It has ended.
    return undefined;
  }
}
