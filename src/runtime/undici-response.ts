import type { Dispatcher } from 'undici';
import type { HttpResponse } from './http-door.js';

/** Where the parser may be paused it is, when so much waits to be read. */
const PAUSE_BYTES = 4 << 20;
/** Where it may not, the answer is broken off instead; the gateway goes on from there. */
const MOST_WAITING_BYTES = 1 << 30;
/** A body that is not wanted is let go on to its end when it is this small, so that its connection can be used again. */
const WORTH_FINISHING_BYTES = 16_384;

export interface DispatchRequest extends Dispatcher.DispatchOptions {
  signal: AbortSignal | undefined;
  /** For the headers to come, the wait for a free connection included, which undici does not limit. */
  answerTimeoutMs: number;
  /** For the rest of a small body that is not wanted: then its connection is closed. */
  finishTimeoutMs: number;
}

/**
 * Sends a request and resolves when its headers are here. Bytes that have arrived are given out before the error that ended
 * them, so that a transfer can go on exactly behind them.
 *
 * Not `dispatcher.request`: a body that is read slowly makes undici 7 pause its parser, and when the server then closes a connection that
 * was not to be kept alive, an assertion in undici ends the process (nodejs/undici#5360, mended in 8). So the parser is paused
 * only on connections that are kept alive.
 */
export function dispatchRequest(
  dispatcher: Dispatcher,
  { signal, answerTimeoutMs, finishTimeoutMs, ...options }: DispatchRequest,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let ended: Error | undefined;
    const queue = byteQueue(() => controller, finishTimeoutMs);
    const end = (reason: unknown): void => {
      queue.fail(reason);
      reject(reason);
      ended = reason instanceof Error ? reason : new Error(String(reason));
      controller?.abort(ended);
    };
    const abort = (): void => end(signal?.reason);
    if (signal?.aborted === true) return abort();
    signal?.addEventListener('abort', abort, { once: true });
    const patience = setTimeout(() => {
      end(Object.assign(new Error(`no answer in ${answerTimeoutMs} ms`), { code: 'ANSWER_TIMEOUT' }));
    }, answerTimeoutMs);
    const settle = (): void => {
      clearTimeout(patience);
      signal?.removeEventListener('abort', abort);
    };

    dispatcher.dispatch(options, {
      onRequestStart(started) {
        controller = started;
        // It was given up while it waited for a connection.
        if (ended !== undefined) started.abort(ended);
      },
      onResponseStart(_controller, status, headers) {
        // 1xx: the answer is still to come.
        if (status < 200) return;
        clearTimeout(patience);
        const flat = Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join(', ') : (value ?? ''),
          ]),
        );
        queue.mayPause = isKeptAlive(flat);
        resolve({ status, headers: flat, body: queue.read(), discard: async () => queue.drop() });
      },
      onResponseData: (_controller, chunk) => queue.add(chunk),
      onResponseEnd() {
        settle();
        queue.end();
      },
      onResponseError(_controller, error) {
        settle();
        queue.fail(error);
        reject(error);
      },
    });
  });
}

/** Sure only where the server says so: HTTP/1.0 and `until close` look alike otherwise. */
function isKeptAlive(headers: Readonly<Record<string, string>>): boolean {
  const chunked = /chunked/i.test(headers['transfer-encoding'] ?? '');
  if (/close/i.test(headers['connection'] ?? '')) return false;
  return chunked || (headers['content-length'] !== undefined && /keep-alive/i.test(headers['connection'] ?? ''));
}

interface ByteQueue {
  mayPause: boolean;
  add(chunk: Uint8Array): void;
  end(): void;
  fail(error: unknown): void;
  /** For one reader; leaving it early drops the rest. */
  read(): AsyncGenerator<Uint8Array>;
  drop(): void;
}

function byteQueue(controller: () => Dispatcher.DispatchController | undefined, finishTimeoutMs: number): ByteQueue {
  const chunks: Uint8Array[] = [];
  let waiting = 0;
  let ended = false;
  let failure: { error: unknown } | undefined;
  let dropped: number | undefined;
  let wake: () => void = () => {};
  let finishing: NodeJS.Timeout | undefined;

  const breakOff = (reason: string): void =>
    controller()?.abort(Object.assign(new Error(reason), { code: 'READER_BEHIND' }));

  return {
    mayPause: false,
    add(chunk) {
      if (dropped !== undefined) {
        dropped += chunk.length;
        if (dropped > WORTH_FINISHING_BYTES) breakOff('the rest of the answer is not wanted');
        return;
      }
      chunks.push(chunk);
      waiting += chunk.length;
      if (waiting > PAUSE_BYTES && this.mayPause) controller()?.pause();
      else if (waiting > MOST_WAITING_BYTES) breakOff('the answer comes faster than it can be taken');
      wake();
    },
    end() {
      clearTimeout(finishing);
      ended = true;
      wake();
    },
    fail(error) {
      clearTimeout(finishing);
      failure ??= { error };
      wake();
    },
    async *read() {
      try {
        for (;;) {
          const chunk = chunks.shift();
          if (chunk !== undefined) {
            waiting -= chunk.length;
            yield chunk;
          } else if (ended) return;
          else if (failure !== undefined) throw failure.error;
          else {
            if (controller()?.paused === true) controller()?.resume();
            if (chunks.length === 0 && !ended && failure === undefined)
              await new Promise<void>((resolve) => (wake = resolve));
          }
        }
      } finally {
        this.drop();
      }
    },
    drop() {
      if (dropped !== undefined || ended || failure !== undefined) return;
      dropped = 0;
      chunks.length = 0;
      const unwanted = 'the rest of the answer is not wanted';
      if (waiting > WORTH_FINISHING_BYTES) return breakOff(unwanted);
      // A server that hardly sends would keep the connection for hours.
      finishing = setTimeout(() => breakOff(unwanted), finishTimeoutMs);
      if (controller()?.paused === true) controller()?.resume();
    },
  };
}
