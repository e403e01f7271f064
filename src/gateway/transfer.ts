import { plural } from '../base/plural.js';
import type { Channel } from '../conda/channel/channel.js';
import type { HttpResponse } from '../runtime/http.js';
import type { Runtime } from '../runtime/runtime.js';
import { explainFailure, type FailureContext } from './explain-failure.js';
import { decodedBody } from './content-encoding.js';
import type { GatewayLimits } from './limits.js';
import { isRetriableStatus, startRetry, TransferFailure } from './retry.js';
import type { Upstream } from './upstream.js';

/** Where the bytes go: a store's writer, or memory. */
export interface TransferSink {
  /** Bytes written since the last restart: the offset a broken transfer goes on from. */
  readonly size: number;
  write(chunk: Uint8Array): Promise<void>;
  restart(): Promise<void>;
}

export interface TransferRequest {
  channel: Channel;
  path: string;
  sink: TransferSink;
  /** Stated by the index. A server that states or sends another is not believed. */
  expectedSize?: number | undefined;
  maxBytes: number;
  headers?: Readonly<Record<string, string>>;
  signal: AbortSignal;
  contentCode: FailureContext['contentCode'];
  /** Once per answer that will be read, with the size of the whole file where the server states it. */
  onStart?: (wholeSize: number | undefined) => void;
}

/** `ok`: the whole body is in the sink. Else the final status (304, 403, 404, …); the sink is as it was. */
export interface TransferResult {
  ok: boolean;
  status: number;
  headers: Readonly<Record<string, string>>;
}

export type TransferRuntime = Pick<Runtime, 'clock' | 'events'>;

export interface TransferContext {
  rt: TransferRuntime;
  limits: GatewayLimits;
  /** When the run began to fetch, by the monotonic clock. */
  since: number;
  random: () => number;
  /** Hosts that are being tried again, until one of their files comes. */
  down: Set<string>;
  upstream: Upstream;
}

/** What is known about the file whose first bytes are in the sink: from the last 200. */
interface Progress {
  /** A strong ETag or a Last-Modified, good for If-Range; undefined: the next try begins at 0. */
  validator: string | undefined;
  total: number | undefined;
  headers: Readonly<Record<string, string>>;
}

/**
 * Fetches one file, with retries, and goes on where a broken answer ended when the server proves that it is still the same
 * file (RFC 9110, 13.1.5 and 14; bad-inputs N2–N6). Parts of two different files are never joined: without proof the sink is
 * restarted. Throws E_UPSTREAM, E_TLS, E_REDIRECT, or `contentCode`.
 */
export async function transfer(context: TransferContext, request: TransferRequest): Promise<TransferResult> {
  const { rt, limits, upstream } = context;
  const { sink, signal, expectedSize, maxBytes } = request;
  const url = `${request.channel.url}/${request.path}`;
  const retry = startRetry({ ...rt, ...context, signal, url });
  const progress: Progress = { validator: undefined, total: undefined, headers: {} };
  let furthest = 0;
  const began = rt.clock.monotonic();
  for (;;) {
    try {
      refuseLate();
      return await attempt();
    } catch (error) {
      const gained = sink.size - furthest;
      furthest = Math.max(furthest, sink.size);
      await retry.wait(error, gained).catch((last: unknown) => {
        throw explainFailure(last, { url, contentCode: request.contentCode });
      });
    }
  }

  /** Throws TOO_LATE where the file, or the run, has taken as long as it may: progress in small steps gives back no time. */
  function refuseLate(): void {
    const now = rt.clock.monotonic();
    const size = expectedSize ?? progress.total ?? sink.size;
    const overdue =
      now - began > limits.fileDeadlineMs + (size / limits.patientBytes) * 1000
        ? `${size} bytes are not here after ${minutes(now - began)}`
        : now - context.since > limits.runDeadlineMs
          ? `what this run fetches is not here after ${minutes(now - context.since)}`
          : undefined;
    if (overdue !== undefined) throw new TransferFailure('TOO_LATE', overdue);
  }

  /** One answer of the server, to its end. */
  async function attempt(): Promise<TransferResult> {
    if (sink.size > 0 && progress.validator === undefined) await sink.restart();
    const from = sink.size;
    // The connection broke after the last byte: the digest will tell.
    if (from > 0 && from === (expectedSize ?? progress.total))
      return { ok: true, status: 200, headers: progress.headers };
    const range: Record<string, string> =
      from === 0 ? {} : { range: `bytes=${from}-`, 'if-range': progress.validator ?? '' };
    const response = await upstream.open({ ...request, method: 'GET', headers: { ...request.headers, ...range } });
    try {
      const { status, headers } = response;
      const accepted = await acceptBody(response, from);
      context.down.delete(new URL(url).host);
      if (!accepted) return { ok: false, status, headers };
      const decoded = status === 200 ? await decodedBody(response) : undefined;
      // Lengths and ranges are of the encoded bytes: nothing to go on from, or to compare.
      if (decoded !== undefined) Object.assign(progress, { validator: undefined, total: undefined });
      checkStatedSize(progress.total);
      request.onStart?.(progress.total);
      await readBody(decoded ?? response.body);
      return { ok: true, status, headers: progress.headers };
    } finally {
      await response.discard();
    }
  }

  /** Decides what the answer's body is: the file from `from` on, the whole file again, or nothing to keep (false). */
  async function acceptBody({ status, headers }: HttpResponse, from: number): Promise<boolean> {
    if (status === 200) {
      if (from > 0) await sink.restart();
      Object.assign(progress, { validator: validatorOf(headers), total: lengthOf(headers), headers });
      return true;
    }
    if (status === 206) {
      const problem = from === 0 ? 'a part, though the whole was asked for' : rangeProblem(headers, from, progress);
      if (problem === undefined) return true;
      progress.validator = undefined;
      throw new TransferFailure('RANGE_WRONG', `the server sent ${problem}`);
    }
    if (status === 416 && from > 0) {
      progress.validator = undefined;
      throw new TransferFailure('RANGE_REFUSED', 'the server refused to go on from where it broke off');
    }
    if (isRetriableStatus(status))
      throw new TransferFailure(`HTTP_${status}`, `the server answered ${status}`, headers['retry-after']);
    return false;
  }

  function checkStatedSize(total: number | undefined): void {
    if (total === undefined) return;
    if (expectedSize !== undefined && total !== expectedSize) {
      throw new TransferFailure(
        'WRONG_SIZE',
        `the server's file has ${plural(total, 'byte')}, the channel's index says ${expectedSize}`,
      );
    }
    if (total > maxBytes)
      throw new TransferFailure('TOO_LONG', `the server's file has ${total} bytes; at most ${maxBytes} are taken`);
  }

  async function readBody(body: AsyncIterable<Uint8Array>): Promise<void> {
    const end = expectedSize ?? progress.total;
    const most = Math.min(maxBytes, end ?? Number.POSITIVE_INFINITY);
    const rate = rateGuard(rt.clock, limits);
    for await (const chunk of body) {
      rate.received(chunk.length);
      refuseLate();
      if (sink.size + chunk.length > most)
        throw new TransferFailure('TOO_LONG', `the server sent more than the ${most} bytes stated`);
      await sink.write(chunk);
      rate.resume();
    }
    if (end !== undefined && sink.size < end)
      throw new TransferFailure('SHORT', `the answer ended ${plural(end - sink.size, 'byte')} early`);
  }
}

function minutes(ms: number): string {
  return plural(Math.round(ms / 60_000), 'minute');
}

/** Undefined when a 206 is the continuation that was asked for. */
function rangeProblem(headers: Readonly<Record<string, string>>, from: number, known: Progress): string | undefined {
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(headers['content-range']?.trim() ?? '');
  if (range === null) return 'a part without saying which';
  const [, first, last, whole] = range;
  if (Number(first) !== from) return `a part from byte ${first}, not ${from}`;
  if (known.total !== undefined && whole !== '*' && Number(whole) !== known.total)
    return 'a part of a file of another size';
  if (known.total !== undefined && Number(last) !== known.total - 1) return 'a part that ends before the end';
  const [before, now] = [known.headers['etag'], headers['etag']];
  if (before !== undefined && now !== undefined && before !== now) return 'a part of another version of the file';
  return undefined;
}

/** A weak ETag must not be used with ranges; Last-Modified may (RFC 9110, 13.1.5). */
function validatorOf(headers: Readonly<Record<string, string>>): string | undefined {
  const etag = headers['etag'];
  return etag?.startsWith('"') ? etag : headers['last-modified'];
}

function lengthOf(headers: Readonly<Record<string, string>>): number | undefined {
  const length = headers['content-length'];
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
}

interface RateGuard {
  /** Throws TOO_SLOW when too little came while waiting for it. */
  received(bytes: number): void;
  /** The sink has taken the chunk: waiting begins again. */
  resume(): void;
}

/** Measures the time spent waiting for the server only: a slow disk or a slow engine is not its fault. */
export function rateGuard(clock: TransferRuntime['clock'], limits: GatewayLimits): RateGuard {
  let waitedMs = 0;
  let bytes = 0;
  let since = clock.monotonic();
  return {
    received(count) {
      waitedMs += clock.monotonic() - since;
      bytes += count;
      if (waitedMs < limits.rateWindowMs) return;
      if ((bytes * 1000) / waitedMs < limits.minimumBytesPerSecond) {
        throw new TransferFailure(
          'TOO_SLOW',
          `the server sends ${Math.round((bytes * 1000) / waitedMs)} bytes a second`,
        );
      }
      waitedMs = 0;
      bytes = 0;
    },
    resume() {
      since = clock.monotonic();
    },
  };
}
