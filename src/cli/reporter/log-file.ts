import path from 'node:path';
import { RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Redactor } from '../../base/redact.js';
import type { Terminal } from '../../runtime/terminal.js';
import { logPathParts } from './format.js';
import { printable } from './printable.js';

export interface LogFile {
  path: string;
  write(text: string): void;
  /** Waits until everything is on disk; a full disk never ends the job, it is reported as the result. */
  close(): Promise<Error | undefined>;
}

/** `DIR/YYYY/MM/DD/HH.MM-COMMAND-NAME.log`; a second run in the same minute goes on in the same file. */
export async function openLogFile(
  rt: Pick<Runtime, 'fs' | 'clock'>,
  options: { dir: string; job: string; label: string },
): Promise<LogFile> {
  const { folders, time } = logPathParts(rt.clock.now());
  const folder = path.join(options.dir, ...folders);
  const file = path.join(folder, `${time}-${options.job}-${options.label}.log`);
  const opened = rt.fs.mkdirp(folder).then(async () => rt.fs.open(file, 'a', 0o640));
  const handle = await opened.catch((cause: Error) => {
    const what = `The log file can’t be written: ${cause.message}`;
    throw new RepackError('E_CONFIG', {
      what,
      where: file,
      hint: 'Give another --log-dir, or make it writable.',
      cause,
    });
  });
  let failure: Error | undefined;
  let queue: Promise<void> = Promise.resolve();
  return {
    path: file,
    write(text) {
      queue = queue.then(async () => {
        if (failure === undefined) await handle.appendFile(text);
      });
      queue = queue.catch((error: unknown) => {
        failure = error as Error;
      });
    },
    async close() {
      await queue;
      await handle.close();
      return failure;
    },
  };
}

/** The last look (design D10): false where the token stands in the log, which nothing but a bug of ours can bring about. */
export async function closedClean(
  log: LogFile,
  { rt, terminal, redactor }: { rt: Pick<Runtime, 'fs'>; terminal: Terminal; redactor: Redactor },
): Promise<boolean> {
  const failure = await log.close();
  if (failure !== undefined)
    terminal.stderr.write(printable(`warning: the log file is incomplete: ${failure.message}\n`));
  const bytes = await rt.fs.readFile(log.path).catch(() => Buffer.alloc(0));
  if (!(await redactor.foundIn(bytes))) return true;
  terminal.stderr.write(
    printable(
      `error: the token stands in the log file [E_SECRET_LEAK]\n  where: ${log.path}\n  hint: Remove that file, have the token replaced, and report this as a bug.\n`,
    ),
  );
  return false;
}
