import type { EventSink } from '../base/events.js';
import type { Redactor } from '../base/redact.js';
import type { Clock } from './clock.js';
import type { Exec } from './exec.js';
import type { FileSystem } from './fs.js';
import type { HttpDoor } from './http.js';
import type { Pace } from './pace.js';
import type { Workers } from './workers.js';

/** The machine, as the stages may see it. Made once by main.ts; tests hand in their own. */
export interface Runtime {
  fs: FileSystem;
  exec: Exec;
  http: HttpDoor;
  workers: Workers;
  clock: Clock;
  pace: Pace;
  events: EventSink;
  /** Knows what must stand in no file that is published. */
  secrets: Pick<Redactor, 'foundIn'>;
  /** Aborted by Ctrl-C, SIGTERM, SIGHUP, a closed window. Long work passes it on; clean-up does not. */
  signal: AbortSignal;
  /** The environment the program was started with; read-only. */
  env: Readonly<Record<string, string | undefined>>;
  machine: Machine;
  /**
   * Named step boundaries (`publish:journal-written`). Does nothing in production; fault tests kill the process there
   * (`REPACKENV_TEST_KILL_AT`), or throw as a bug of ours would (`REPACKENV_TEST_THROW_AT`).
   */
  reach(step: string): Promise<void>;
}

export interface Machine {
  platform: NodeJS.Platform;
  arch: string;
  /** conda's name of this machine's platform: `linux-64`, `win-64`, `osx-arm64`, … */
  subdir: string;
  hostname: string;
  username: string;
  pid: number;
  homedir: string;
  tmpdir: string;
  /** Working folder the program was started in. */
  cwd: string;
  /** Numeric user id, undefined on Windows. */
  uid: number | undefined;
  /** Cores that may be used. */
  cpus: number;
  /** Bytes of memory that may be used, of the machine or of the container. */
  memory: number;
  /** What runs this program: the path of node, and of the file in `bin/`; or that of the single executable. */
  startedAs: readonly string[];
  randomId(): string;
}
