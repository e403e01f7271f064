import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { ArtifactTap } from '../artifact-fetch.js';

/** Passes an artifact's bytes to an engine while they are on their way into the store. */
export interface Relay {
  tap: Required<ArtifactTap>;
  body: AsyncIterable<Uint8Array>;
  /** Resolves when the upstream has begun to answer, with the whole size where it is known. */
  started: Promise<number | undefined>;
  /** The digest was right: lets the last bytes go. */
  end(): void;
  /** Breaks the engine's answer off. */
  fail(): void;
}

/**
 * The engine never gets a whole-looking wrong file: the last piece is held back until the digest is known. When the transfer begins
 * anew, what the engine has already is compared by hash, and the answer goes on only if it was the same.
 */
export function relay(): Relay {
  const stream = new PassThrough({ highWaterMark: 1 << 20 });
  stream.on('error', () => {});
  let held: Uint8Array | undefined;
  let passed = 0;
  const hash = createHash('sha256');
  let replay: { left: number; hash: Hash } | undefined;
  let size: { whole: number | undefined } | undefined;
  let begin: (whole: number | undefined) => void;
  const started = new Promise<number | undefined>((resolve) => (begin = resolve));

  const fail = (): void => {
    stream.destroy(new Error('the transfer broke off'));
  };

  /** The part of a chunk that the engine does not have yet. */
  const beyondReplay = (chunk: Uint8Array): Uint8Array => {
    if (replay === undefined) return chunk;
    const known = chunk.subarray(0, replay.left);
    replay.hash.update(known);
    replay.left -= known.length;
    if (replay.left > 0) return chunk.subarray(known.length);
    if (!replay.hash.digest().equals(hash.copy().digest())) fail();
    replay = undefined;
    return chunk.subarray(known.length);
  };

  return {
    tap: {
      start(whole) {
        if (size !== undefined && size.whole !== whole) fail();
        size ??= { whole };
        begin(whole);
      },
      async write(chunk) {
        const fresh = beyondReplay(chunk);
        if (fresh.length === 0 || stream.destroyed) return;
        const ready = held;
        held = fresh;
        if (ready === undefined) return;
        hash.update(ready);
        passed += ready.length;
        if (stream.write(ready)) return;
        // An engine that went away closes the stream; the store still wants the rest.
        const waiting = new AbortController();
        const options = { signal: waiting.signal };
        await Promise.race([once(stream, 'drain', options), once(stream, 'close', options)]).catch(() => {});
        waiting.abort();
      },
      restart() {
        held = undefined;
        if (passed > 0) replay = { left: passed, hash: createHash('sha256') };
      },
    },
    body: stream,
    started,
    end() {
      if (replay !== undefined) return fail();
      if (!stream.destroyed) stream.end(held);
    },
    fail,
  };
}
