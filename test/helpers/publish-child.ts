import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface ChildResult {
  lines: string[];
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Starts `test/fault/publish-child.mjs`. `onLine` gets each line of its standard output as it comes. */
export function startChild(
  compiled: string,
  task: object,
  onLine: (line: string) => void = () => undefined,
): { pid: number; kill(): void; ended: Promise<ChildResult> } {
  const script = fileURLToPath(new URL('../fault/publish-child.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, compiled, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    for (const line of parts) {
      lines.push(line);
      onLine(line);
    }
  });
  const ended = new Promise<ChildResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ lines, code, signal }));
  });
  return { pid: child.pid!, kill: () => child.kill('SIGKILL'), ended };
}
