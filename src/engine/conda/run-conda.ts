import { RepackError } from '../../model/errors.js';
import type { ExecResult } from '../../runtime/exec.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { SealedHouse } from './sealed-house.js';

/** Asking for configuration or information. */
export const ASK_TIMEOUT_MS = 120_000;

/**
 * Runs conda in its house. Returns what it did, whatever that was; throws E_ENGINE_NOT_FOUND where it can't be started,
 * E_ENGINE_TIMEOUT, and the signal's reason on abort. The process tree is gone when this returns.
 */
export async function runConda(
  rt: Pick<Runtime, 'exec' | 'signal' | 'events'>,
  house: SealedHouse,
  command: { args: readonly string[]; timeoutMs: number },
): Promise<ExecResult> {
  const { engine } = house;
  rt.events.emit({ type: 'debug', message: `${engine.path} ${command.args.join(' ')}` });
  const result = await rt.exec.run({
    file: engine.path,
    args: command.args,
    env: house.env,
    cwd: house.dir,
    timeoutMs: command.timeoutMs,
    signal: rt.signal,
  });
  rt.signal.throwIfAborted();
  if (result.startError !== undefined) {
    throw new RepackError('E_ENGINE_NOT_FOUND', {
      what: `conda could not be started (${result.startError})`,
      where: engine.path,
      hint: 'Name another conda with --engine-path, or use --engine embedded, which needs none.',
    });
  }
  if (result.timedOut) {
    throw new RepackError('E_ENGINE_TIMEOUT', {
      what: `conda ${engine.version} did not finish within ${minutes(command.timeoutMs)} and was ended`,
      where: `${engine.path} ${command.args[0] ?? ''}`,
      hint: 'Run again; if it hangs each time, use --engine embedded or another conda with --engine-path.',
    });
  }
  return result;
}

function minutes(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} minutes`;
}
