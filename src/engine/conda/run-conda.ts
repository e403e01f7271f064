import { RepackError } from '../../base/errors.js';
import { engineTitle } from './conda-engine.js';
import { PROGRAM_TRAITS } from './programs.js';
import type { ExecResult } from '../../runtime/exec.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { IsolatedEnvironment } from './isolated-environment.js';

/** Asking for configuration or information. */
export const ASK_TIMEOUT_MS = 120_000;

/**
 * Runs a conda, mamba or micromamba in its isolated environment; `args` begin with the command. Returns what it did, whatever that was; throws E_ENGINE_NOT_FOUND where it can't be started,
 * E_ENGINE_TIMEOUT, and the signal's reason on abort. The process tree is gone when this returns.
 */
export async function runConda(
  rt: Pick<Runtime, 'exec' | 'signal' | 'events'>,
  isolated: IsolatedEnvironment,
  command: { args: readonly string[]; timeoutMs: number },
): Promise<ExecResult> {
  const { engine } = isolated;
  const args = [...command.args, ...configArguments(isolated)];
  rt.events.emit({ type: 'debug', message: `${engine.path} ${args.join(' ')}` });
  const result = await rt.exec.run({
    file: engine.path,
    args,
    env: isolated.env,
    cwd: isolated.dir,
    timeoutMs: command.timeoutMs,
    signal: rt.signal,
  });
  rt.signal.throwIfAborted();
  if (result.startError !== undefined) {
    throw new RepackError('E_ENGINE_NOT_FOUND', {
      what: `${engine.program} could not be started (${result.startError})`,
      where: engine.path,
      hint: 'Name another one with --engine-path, or use --engine embedded, which needs none.',
    });
  }
  if (result.timedOut) {
    throw new RepackError('E_ENGINE_TIMEOUT', {
      what: `${engineTitle(engine)} did not finish within ${minutes(command.timeoutMs)} and was ended`,
      where: `${engine.path} ${command.args[0] ?? ''}`,
      hint: 'Run again; if it hangs each time, use --engine embedded or another program with --engine-path.',
    });
  }
  return result;
}

/** mamba takes it only after the command; conda is told by a variable. */
function configArguments({ engine, condarcPath }: IsolatedEnvironment): string[] {
  return PROGRAM_TRAITS[engine.program].configuredBy === '--rc-file' ? ['--rc-file', condarcPath] : [];
}

function minutes(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} minutes`;
}
