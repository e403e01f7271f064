import { eventRelay, runCli } from './cli/run.js';
import type { ProgramName } from './cli/program.js';
import { explainSystemError } from './base/disk-errors.js';
import { EXIT, isRepackError, type ExitCode } from './base/errors.js';
import { errorText } from './cli/reporter/error-text.js';
import { printable } from './cli/reporter/printable.js';
import { createRedactor } from './base/redact.js';
import { nodeRuntime } from './runtime/node-runtime.js';
import { nodeTerminal } from './runtime/terminal.js';

/**
 * Builds the runtime, runs the program, sets the exit code. The only file that touches `process`. A first signal asks the work to
 * end and clean up; a second one ends the process at once. Before it is called, `bin/start.js` answers them.
 */
export async function main(program: ProgramName): Promise<void> {
  const abortion = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) {
    process.on(signal, () => {
      if (abortion.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
      abortion.abort(signal);
    });
  }
  const relay = eventRelay();
  const redactor = createRedactor();
  const rt = nodeRuntime({ events: relay, secrets: redactor, signal: abortion.signal, process });
  let outputLost = false;
  const { stdout, stderr, stdin, env } = process;
  const terminal = nodeTerminal({ stdout, stderr, stdin, env, onOutputLost: () => void (outputLost = true) });
  const tell = (error: unknown): ExitCode => {
    const explained = explainSystemError(error);
    const text = errorText(explained, { debug: process.argv.includes('--debug') });
    terminal.stderr.write(printable(redactor.redact(text)));
    return isRepackError(explained) ? explained.exitCode : EXIT.bug;
  };
  // What nobody waits for, as what a package starts on its own.
  process.on('uncaughtException', (error) => process.exit(tell(error)));
  let ended = false;
  process.on('exit', () => {
    // Node ends where all that is waited for will never come.
    if (process.exitCode === undefined && !ended) process.exitCode = tell(new Error('it waits for what never comes'));
    if (outputLost && process.exitCode === EXIT.done) process.exitCode = EXIT.publish;
  });
  process.exitCode = await runCli(program, process.argv.slice(2), { rt, relay, terminal, redactor });
  ended = true;
  rt.pace.close();
}
