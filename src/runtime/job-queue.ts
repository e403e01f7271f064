import { isSea } from 'node:sea';
import { RepackError } from '../base/errors.js';

/** Work that waits in Redis for whoever takes it (design D22). Opened by commands, which hand it to their work. */
export interface JobQueue {
  /** Told once for each job of this run, when it has ended; `result` is what the worker gave back. */
  onEnded(told: (end: { id: string; result: unknown } | { id: string; failure: string }) => void): Promise<void>;
  /** An id that is in the queue already is ignored. */
  add(jobs: readonly { id: string; data: Record<string, string> }[]): Promise<void>;
  /** Takes those that wait out again. */
  takeBack(ids: readonly string[]): Promise<void>;
  /** Until `signal` is aborted. A job whose `run` throws goes back and is begun again, by any worker, three times at most. */
  work(options: WorkOptions, run: (job: { id: string; data: unknown }) => Promise<unknown>): Promise<void>;
  close(): Promise<void>;
}

export interface WorkOptions {
  atOnce: number;
  /** A worker that gave no sign for so long counts as dead, and its jobs are taken over. */
  leaseMs: number;
  signal: AbortSignal;
  onError(message: string): void;
}

const CONNECT_MS = 10_000;
/** So often a job is begun again whose worker died under it. */
const MOST_TAKEOVERS = 5;

/** Two packages that only a fleet of hosts wants: they are not installed with this program. */
async function loadPackages() {
  return { bullmq: await import('bullmq'), ioredis: await import('ioredis') };
}

/**
 * @throws RepackError E_USAGE: the packages are not installed. E_UPSTREAM: nobody answers there, or not as Redis
 */
export async function openJobQueue(
  { url, name }: { url: string; name: string },
  load: typeof loadPackages = loadPackages,
): Promise<JobQueue> {
  const { bullmq, ioredis } = await load().catch((cause: unknown) => {
    throw new RepackError('E_USAGE', {
      what: 'A queue needs two packages that are not installed with repackenv: bullmq and ioredis',
      where: '--queue',
      hint: isSea()
        ? 'The single executable can’t have them: install the npm package instead (repackenv help install).'
        : 'npm install -g bullmq ioredis   (where repackenv is installed without -g: npm install bullmq ioredis, in the same folder)',
      cause,
    });
  });
  const where = withoutLogin(url);
  const connection = new ioredis.Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: null,
    connectTimeout: CONNECT_MS,
    retryStrategy: (times) => (connected ? Math.min(times * 200, 5_000) : null),
  });
  let connected = false;
  connection.on('error', () => undefined);
  try {
    await connection.connect();
    await connection.ping();
    connected = true;
  } catch (cause) {
    connection.disconnect();
    throw new RepackError('E_UPSTREAM', {
      what: `The queue can’t be reached (${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)})`,
      where,
      hint: 'Check host, port, user and password of the URL, and that Redis runs there: redis-cli -u URL ping',
      cause,
    });
  }
  const queue = new bullmq.Queue(name, { connection });
  queue.on('error', () => undefined);
  const closing: (() => Promise<void>)[] = [];
  /** What is handed in is not ended by BullMQ, and would keep the process alive. */
  const another = () => {
    const own = connection.duplicate();
    own.on('error', () => undefined);
    closing.push(async () => own.disconnect());
    return own;
  };

  return {
    async onEnded(told) {
      const events = new bullmq.QueueEvents(name, { connection: another() });
      closing.unshift(() => events.close());
      events.on('error', () => undefined);
      events.on('completed', ({ jobId, returnvalue }) => told({ id: jobId, result: returnvalue }));
      events.on('failed', ({ jobId, failedReason }) => told({ id: jobId, failure: failedReason }));
      await events.waitUntilReady();
    },
    async add(jobs) {
      // Nothing of it stays: the same label may be asked for again at once.
      const opts = { removeOnComplete: true, removeOnFail: true, attempts: 3 };
      await queue.addBulk(jobs.map(({ id, data }) => ({ name: 'update', data, opts: { ...opts, jobId: id } })));
    },
    async takeBack(ids) {
      for (const id of ids) await queue.remove(id).catch(() => undefined);
    },
    async work({ atOnce, leaseMs, signal, onError }, run) {
      const worker = new bullmq.Worker(name, (job) => run({ id: job.id ?? '', data: job.data as unknown }), {
        connection: another(),
        concurrency: atOnce,
        lockDuration: leaseMs,
        stalledInterval: leaseMs,
        maxStalledCount: MOST_TAKEOVERS,
      });
      worker.on('error', (error) => onError(error.message.split('\n')[0]!));
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      // Waits for those at work, which end by the same signal.
      await worker.close();
    },
    async close() {
      for (const each of closing) await each().catch(() => undefined);
      await queue.close().catch(() => undefined);
      connection.disconnect();
    },
  };
}

function withoutLogin(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
