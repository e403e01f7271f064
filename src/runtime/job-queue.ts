import { connectRedis, type LoadPackages } from './redis.js';

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

/** So often a job is begun again whose worker died under it. */
const MOST_TAKEOVERS = 5;

/** @throws RepackError as `connectRedis` */
export async function openJobQueue(
  { url, name }: { url: string; name: string },
  load?: LoadPackages,
): Promise<JobQueue> {
  const { connection, bullmq } = await connectRedis(url, { maxRetriesPerRequest: null, load });
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
