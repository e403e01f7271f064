import type { Runtime } from '../../runtime/runtime.js';

export interface Notice {
  /** The program and its arguments, as `--notify` has them. */
  command: string;
  /** Free of secrets. */
  report: Record<string, unknown>;
  /** Variables that hold tokens; those whose value is a known secret are left out in any case. */
  secretVariables: readonly string[];
}

const LONGEST_MS = 60_000;
const OUTPUT_BYTES = 4_000;

/**
 * Runs a program with the report of a run as JSON on its standard input. No shell reads the command: blanks part it into words, quotes ('…' or
 * "…") keep blanks in one, and nothing else has a meaning. What goes wrong with it is a warning.
 */
export async function notify(rt: Runtime, { command, report, secretVariables }: Notice): Promise<void> {
  const warn = (what: string): void =>
    rt.events.emit({ type: 'warning', message: `the program of --notify ${what}: ${command}` });
  if (await isSecret(rt, command)) return warn('was not run, for the token stands in it');
  const [file, ...args] = wordsOf(command);
  if (file === undefined) return warn('has no name');
  const result = await rt.exec.run({
    file,
    args,
    env: await environment(rt, secretVariables),
    cwd: rt.machine.cwd,
    timeoutMs: LONGEST_MS,
    signal: rt.signal,
    input: Buffer.from(`${JSON.stringify(report)}\n`),
    maxOutputBytes: OUTPUT_BYTES,
  });
  const said = [result.stdout, result.stderr].map((bytes) => Buffer.from(bytes).toString('utf8').trim());
  for (const text of said) if (text !== '') rt.events.emit({ type: 'debug', message: `notify: ${text}` });
  const [, complaint = ''] = said;
  const last = complaint === '' ? '' : ` (${complaint.split('\n').at(-1) ?? ''})`;
  if (result.startError !== undefined) warn(`could not be started, ${result.startError}`);
  else if (result.timedOut) warn(`was ended after ${LONGEST_MS / 1000} s`);
  else if (result.exitCode !== 0 && !result.aborted) warn(`ended with ${result.exitCode ?? result.signal}${last}`);
}

/** The words of a command line: `'` and `"` keep what is between them together; a backslash is one, as in paths of Windows. */
export function wordsOf(command: string): string[] {
  const parts = command.match(/(?:'[^']*'|"[^"]*"|[^\s'"]|['"])+/g) ?? [];
  return parts.map((part) =>
    part.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
  );
}

async function environment(rt: Runtime, secretVariables: readonly string[]): Promise<Record<string, string>> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(rt.env)) {
    if (value === undefined || secretVariables.includes(name) || (await isSecret(rt, value))) continue;
    passed[name] = value;
  }
  return passed;
}

function isSecret(rt: Runtime, text: string): Promise<boolean> {
  return rt.secrets.foundIn(Buffer.from(text));
}
