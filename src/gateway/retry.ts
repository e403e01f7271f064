import { isRepackError } from '../base/errors.js';
import type { EventSink } from '../base/events.js';
import type { Clock } from '../runtime/clock.js';
import type { GatewayLimits } from './limits.js';

/** What went wrong with a transfer that reached the server: statuses, lengths, ranges, speed. */
export class TransferFailure extends Error {
  /** `HTTP_503`, `SHORT`, `WRONG_SIZE`, … */
  readonly code: string;
  readonly retryAfter: string | undefined;

  constructor(code: string, message: string, retryAfter?: string) {
    super(message);
    this.name = 'TransferFailure';
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

const RETRIABLE_STATUS = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

export function isRetriableStatus(status: number): boolean {
  return RETRIABLE_STATUS.has(status);
}

const RETRIABLE_CODES = new Set([
  // the network
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ANSWER_TIMEOUT',
  'READER_BEHIND',
  'PROXY_502',
  'PROXY_503',
  'PROXY_504',
  // the transfer
  'SHORT',
  'TOO_SLOW',
  'RANGE_WRONG',
  'RANGE_REFUSED',
]);

/**
 * The one place that decides whether trying again can help. Certificates, redirects, unknown hosts: it can not. A file of another
 * size than stated (WRONG_SIZE, TOO_LONG) is for the caller to ask for again, past the caches on the way.
 */
export function isRetriable(error: unknown): boolean {
  if (isRepackError(error)) return false;
  const code = failureCode(error);
  if (code === undefined) return false;
  if (code.startsWith('HTTP_')) return isRetriableStatus(Number(code.slice(5)));
  // HPE_…: the server's answer is not HTTP, as after a connection that was cut and joined wrongly.
  return RETRIABLE_CODES.has(code) || code.startsWith('HPE_');
}

/** The innermost `code` of an error and its causes: undici wraps what the socket said. */
export function failureCode(error: unknown): string | undefined {
  let code: string | undefined;
  let current = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    const own = (current as { code?: unknown }).code;
    if (typeof own === 'string') code = own;
    // undici leaves the code out for what does not even begin like HTTP.
    else if (current.name === 'HTTPParserError') code = 'HPE_INVALID';
    current = current instanceof AggregateError ? current.errors[0] : current.cause;
  }
  return code;
}

export interface Retry {
  /**
   * Waits as long as is right before the next try. Rethrows `error` where another try can not help or none is left. `gained`:
   * bytes by which the transfer is further than at the last call.
   */
  wait(error: unknown, gained: number): Promise<void>;
}

export interface RetryOptions {
  clock: Clock;
  events: EventSink;
  limits: GatewayLimits;
  /** 0 up to, not including, 1. */
  random: () => number;
  signal: AbortSignal;
  /** Token-free, for the event. */
  url: string;
  /** Hosts of which a failure was reported and that have not answered since; of all transfers together. */
  down: Set<string>;
}

/** Exponential backoff with jitter, counted anew whenever the transfer has got on (bad-inputs N2, N3). */
export function startRetry({ clock, events, limits, random, signal, url, down }: RetryOptions): Retry {
  let failed = 0;
  let since = clock.monotonic();
  return {
    async wait(error, gained) {
      signal.throwIfAborted();
      if (!isRetriable(error)) throw error;
      if (gained >= limits.progressBytes) {
        failed = 0;
        since = clock.monotonic();
      }
      failed += 1;
      if (failed >= limits.attempts) throw error;
      const asked = error instanceof TransferFailure ? retryAfterMs(error.retryAfter, clock.now()) : undefined;
      const waitMs = asked === undefined ? backoffMs(failed, limits, random) : Math.min(asked, limits.retryAfterCapMs);
      if (clock.monotonic() - since + waitMs > limits.deadlineMs) throw error;
      const { host } = new URL(url);
      const again = down.has(host) ? { again: true as const } : {};
      down.add(host);
      events.emit({ type: 'retry', url, reason: reasonOf(error), attempt: failed, waitMs, ...again });
      await clock.sleep(waitMs, signal).catch(() => {});
      signal.throwIfAborted();
    },
  };
}

/** RFC 9110, 10.2.3: seconds or a date. Undefined for anything else, a negative number included; a date in the past is 0. */
export function retryAfterMs(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // Date.parse takes "-5" for a year.
  const date = /^[A-Za-z]{3},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** Between half of the full delay and all of it. */
export function backoffMs(failed: number, limits: GatewayLimits, random: () => number): number {
  const full = Math.min(limits.maxDelayMs, limits.firstDelayMs * 2 ** (failed - 1));
  return Math.round(full * (0.5 + random() / 2));
}

function reasonOf(error: unknown): string {
  return error instanceof TransferFailure ? error.message : (failureCode(error) ?? 'the connection failed');
}
