import { connectRedis, unreachable } from './redis.js';

/**
 * A host's next free moment in µs, by the clock of Redis: no worker's clock counts. It is forgotten a second after it has passed. Gives how
 * long it is until then.
 */
const NEXT = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local free = at + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', string.format('%.0f', math.ceil((free - now) / 1000) + 1000))
return string.format('%.0f', at - now)
`;

/** So often a lost connection is sought again, 5 s apart in the end, before a request fails. */
const TRIES = 12;

/** `Moments` that all share who name the same Redis, whatever ROOT they work on. Throws E_USAGE, E_UPSTREAM; so does `next`. */
export async function sharedMoments(
  url: string,
  { tries = TRIES }: { tries?: number } = {},
): Promise<{ next(host: string, apartMs: number): Promise<number>; close(): void }> {
  const { connection } = await connectRedis(url, { maxRetriesPerRequest: tries });
  return {
    async next(host, apartMs) {
      const apart = String(Math.round(apartMs * 1000));
      const wait = await connection.eval(NEXT, 1, `repackenv:pace:${host}`, apart).catch((cause: unknown) => {
        throw unreachable(url, cause);
      });
      return Math.ceil(Number(wait) / 1000);
    },
    close: () => connection.disconnect(),
  };
}
