import { isSea } from 'node:sea';
import type { Redis } from 'ioredis';
import { RepackError } from '../base/errors.js';

const CONNECT_MS = 10_000;

/** Two packages that only a fleet of hosts wants: they are not installed with this program. */
async function loadPackages() {
  return { bullmq: await import('bullmq'), ioredis: await import('ioredis') };
}

export type LoadPackages = typeof loadPackages;

/**
 * A connection that is there, and that is sought again for ever where it is lost.
 *
 * @throws RepackError E_USAGE: the packages are not installed. E_UPSTREAM: nobody answers there, or not as Redis
 */
export async function connectRedis(
  url: string,
  {
    maxRetriesPerRequest,
    load = loadPackages,
  }: { maxRetriesPerRequest: number | null; load?: LoadPackages | undefined },
): Promise<{ connection: Redis } & Awaited<ReturnType<LoadPackages>>> {
  const packages = await load().catch((cause: unknown) => {
    throw new RepackError('E_USAGE', {
      what: 'A queue needs two packages that are not installed with repackenv: bullmq and ioredis',
      where: '--queue',
      hint: isSea()
        ? 'The single executable can’t have them: install the npm package instead (repackenv help install).'
        : 'npm install -g bullmq ioredis   (where repackenv is installed without -g: npm install bullmq ioredis, in the same folder)',
      cause,
    });
  });
  let connected = false;
  const connection = new packages.ioredis.Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest,
    connectTimeout: CONNECT_MS,
    retryStrategy: (times) => (connected ? Math.min(times * 200, 5_000) : null),
  });
  connection.on('error', () => undefined);
  try {
    await connection.connect();
    await connection.ping();
    connected = true;
  } catch (cause) {
    connection.disconnect();
    throw unreachable(url, cause);
  }
  return { connection, ...packages };
}

export function unreachable(url: string, cause: unknown): RepackError {
  return new RepackError('E_UPSTREAM', {
    what: `The queue can’t be reached (${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)})`,
    where: withoutLogin(url),
    hint: 'Check host, port, user and password of the URL, and that Redis runs there: redis-cli -u URL ping',
    cause,
  });
}

function withoutLogin(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
