import { RepackError, isRepackError } from '../../base/errors.js';
import type { ArtifactStore, StoredFile } from '../../conda/plan/artifact-store.js';
import type { LoopbackRequest, LoopbackResponse } from '../../runtime/http.js';
import type { Runtime } from '../../runtime/runtime.js';
import { expectedDigest } from '../../conda/record/expected-digest.js';
import { fetchToStore, type ArtifactContext, type ArtifactRequest, type ArtifactTap } from '../artifact-fetch.js';
import type { EngineTarget } from './url.js';
import { answerFile, type Servable } from '../http-answer.js';
import { relay } from './relay.js';

const PIECE = 1 << 18;

export interface EngineArtifactOptions {
  artifacts: ArtifactContext;
  store: ArtifactStore;
  signal: AbortSignal;
  /** What a request failed with after its answer had begun. */
  onFailure: (error: RepackError) => void;
  /** Told of each artifact that came from upstream. */
  onFetched: (file: StoredFile) => void;
}

export interface EngineArtifacts {
  /** Rejects as `fetchToStore`; E_ARTIFACT_MISSING for what the channel's index, as the engine may see it, does not name. */
  answer(request: LoopbackRequest, target: EngineTarget): Promise<LoopbackResponse>;
  /** When what is under way has ended, one way or the other, and its part is out of the store. */
  settled(): Promise<void>;
}

/** Artifacts for an engine: from the store, or through it, each fetched once however often it is asked for. */
export function engineArtifacts(rt: Pick<Runtime, 'fs'>, options: EngineArtifactOptions): EngineArtifacts {
  const { store } = options;
  const { book } = options.artifacts;
  const running = new Map<string, Promise<StoredFile>>();

  const begin = (key: string, ask: Omit<ArtifactRequest, 'store' | 'signal'>): Promise<StoredFile> => {
    const { signal } = options;
    const fetching = store
      .bringOnce(ask.expected, signal, () => fetchToStore(options.artifacts, { ...ask, store, signal }))
      .then(async ({ file, brought }) => {
        if (brought) options.onFetched(file);
        else if (ask.tap !== undefined) await passOn(rt, file, ask.tap);
        return file;
      })
      .finally(() => running.delete(key));
    running.set(key, fetching);
    return fetching;
  };

  return {
    settled: async () => void (await Promise.allSettled(running.values())),
    async answer(request, { channel, subdir, file: fn }) {
      const record = (await book.viewed(channel, subdir))?.record(fn);
      if (record === undefined) throw notInIndex(`${channel.url}/${subdir}/${fn}`);
      const expected = expectedDigest(fn, record);
      const stored = await store.find(expected, { subdir, fn });
      if (stored !== undefined) return answerFile(request, storedFile(rt, stored));
      const tag = expected.sha256 ?? expected.md5 ?? '';
      if (request.method === 'HEAD' && expected.size !== undefined) {
        return answerFile(request, { size: expected.size, tag, contentType: BINARY, read: () => new Uint8Array() });
      }
      const key = `${channel.url}/${subdir}/${fn}`;
      const already = running.get(key);
      if (already !== undefined) return answerFile(request, storedFile(rt, await already));
      if (request.method === 'HEAD' || request.headers['range'] !== undefined) {
        return answerFile(request, storedFile(rt, await begin(key, { channel, subdir, fn, expected })));
      }
      // The engine gets its first bytes as soon as they are here, not when the whole is.
      const { tap, body, started, end, fail } = relay();
      const fetching = begin(key, { channel, subdir, fn, expected, tap });
      void fetching.then(end, (error: unknown) => {
        if (isRepackError(error)) options.onFailure(error);
        fail();
      });
      const size = await Promise.race([started, fetching.then(({ size: whole }) => whole)]);
      const length: Record<string, string> = size === undefined ? {} : { 'content-length': String(size) };
      return {
        status: 200,
        headers: { etag: `"${tag}"`, 'content-type': BINARY, 'accept-ranges': 'bytes', ...length },
        body,
      };
    },
  };
}

/** Another label of this run had it fetched while this one waited. */
async function passOn(rt: Pick<Runtime, 'fs'>, file: StoredFile, tap: ArtifactTap): Promise<void> {
  tap.start?.(file.size);
  for await (const piece of storedFile(rt, file).read(0, file.size) as AsyncIterable<Uint8Array>)
    await tap.write(piece);
}

const BINARY = 'application/octet-stream';

function storedFile(rt: Pick<Runtime, 'fs'>, { path, size, sha256 }: StoredFile): Servable {
  return {
    size,
    tag: sha256,
    contentType: BINARY,
    async *read(start, end) {
      const handle = await rt.fs.open(path, 'r');
      try {
        for (let position = start; position < end;) {
          const length = Math.min(PIECE, end - position);
          const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, position);
          if (bytesRead === 0) throw new Error(`${path} became shorter`);
          yield buffer.subarray(0, bytesRead);
          position += bytesRead;
        }
      } finally {
        await handle.close();
      }
    },
  };
}

function notInIndex(url: string): RepackError {
  return new RepackError('E_ARTIFACT_MISSING', {
    what: 'The engine asks for an artifact that is not in the channel’s index, or not for this client',
    where: url,
    hint: 'Its package cache may be out of date: run the same command again.',
  });
}
