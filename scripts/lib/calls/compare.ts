import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { snapshot } from '../snapshot.js';

const SHOWN = 12;

/** For each call that differs between two recordings: its folder, its command and the lines that only one side has. */
export function compareRecordings(a: string, b: string): string[] {
  const [left, right] = [snapshot(a), snapshot(b)];
  const paths = [...new Set([...left.keys(), ...right.keys()])].sort();
  const differing = paths.filter((path) => left.get(path)?.sha256 !== right.get(path)?.sha256);
  const calls = [...new Set(differing.map((path) => path.split('/')[0]!))];
  return calls.map((call) => {
    const own = differing.filter((path) => path.startsWith(`${call}/`));
    const command = linesOf(join(existsSync(join(a, call)) ? a : b, call, 'call.txt'))[0] ?? '';
    return [`== ${call}`, `   ${command}`, ...own.flatMap((path) => differences(path, join(a, path), join(b, path)))]
      .map((line) => (line.length > 240 ? `${line.slice(0, 239)}…` : line))
      .join('\n');
  });
}

function differences(path: string, a: string, b: string): string[] {
  const [left, right] = [linesOf(a), linesOf(b)];
  const lines = [
    ...without(left, right).map((line) => `   - ${line}`),
    ...without(right, left).map((line) => `   + ${line}`),
  ];
  const rest = lines.length > SHOWN ? [`   … and ${lines.length - SHOWN} more lines`] : [];
  return [
    `   ${path}`,
    ...(lines.length === 0 ? ['   the same lines in another order'] : lines.slice(0, SHOWN)),
    ...rest,
  ];
}

/** Lines of one that the other has not, or not as often. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
}
