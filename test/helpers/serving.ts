import { setImmediate as turn } from 'node:timers/promises';
import { serve, SERVE_LIMITS, type ServeReport } from '../../src/jobs/serve.js';
import type { RepackEvent } from '../../src/base/events.js';
import type { Clock } from '../../src/runtime/clock.js';
import type { PublicLimits } from '../../src/runtime/http-door.js';
import { undiciHttp } from '../../src/runtime/http.js';
import type { Access } from '../../src/serve/guard.js';
import { testRuntime, type TestRuntime } from './runtime.js';

export interface Serving {
  port: number;
  /** `http://127.0.0.1:PORT`. */
  url: string;
  events: RepackEvent[];
  /** Told to stop; gives what a command would report. */
  stop(): Promise<ServeReport>;
}

export interface ServingOptions {
  access?: Access;
  host?: string;
  port?: number;
  limits?: Partial<PublicLimits>;
  shards?: boolean;
  stopDeadlineMs?: number;
  /** Laid over the runtime. */
  runtime?: Partial<TestRuntime>;
}

/** `repackenv serve DIR` in this process, on a free port. Rejects where it does not come up. */
export async function startServing(dir: string, options: ServingOptions = {}): Promise<Serving> {
  const { access = {}, host = '127.0.0.1', port = 0, limits = {}, stopDeadlineMs = 5000, shards = false } = options;
  const base = testRuntime({ http: undiciHttp() });
  const rt = { ...base, clock: impatientClock() as TestRuntime['clock'], ...options.runtime };
  let up: (port: number) => void = () => {};
  const listening = new Promise<number>((resolve) => (up = resolve));
  const events = {
    emit: (event: RepackEvent) => {
      base.collected.push(event);
      if (event.type === 'listening') up(event.port);
    },
  };
  const ended = serve(
    { ...rt, events },
    { dir, host, port, access, limits: { ...SERVE_LIMITS, ...limits }, stopDeadlineMs, shards },
  );
  const taken = await Promise.race([listening, ended.then(() => Promise.reject(new Error('it ended')))]);
  return {
    port: taken,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    events: base.collected,
    stop: () => {
      base.abort('SIGTERM');
      return ended;
    },
  };
}

/** The real time, in which sleeping takes none: who waits for a manifest sees it at once, or not at all. */
function impatientClock(): Clock {
  let ahead = 0;
  return {
    now: () => Date.now(),
    monotonic: () => performance.now() + ahead,
    sleep: async (ms) => {
      ahead += ms;
      await turn();
    },
  };
}
