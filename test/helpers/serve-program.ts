import { startOurs, type ProgramOptions, type Ran, type RunningProgram } from './programs.js';

export interface ServeProgram extends RunningProgram {
  port: number;
  /** As printed: of the one channel that is served, else of the server. */
  url: string;
  stop(signal?: NodeJS.Signals): Promise<Ran>;
}

/** `repackenv serve … --port 0`, up. Throws what it printed where it does not come up. */
export async function startServeProgram(args: readonly string[], options: ProgramOptions): Promise<ServeProgram> {
  const program = startOurs('repackenv', ['serve', ...args, '--port', '0'], options);
  await program.says('http://');
  const url = /http:\/\/(?:\[[^\]]+\]|[^\s:]+):(\d+)[^\s"]*/.exec(program.printed());
  if (url === null) throw new Error(program.printed());
  return {
    ...program,
    port: Number(url[1]),
    url: url[0],
    stop: (signal = 'SIGTERM') => {
      program.child.kill(signal);
      return program.ended;
    },
  };
}
