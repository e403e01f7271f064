import type { Channel } from '../conda/channel/channel.js';
import { RepackError, isRepackError } from '../base/errors.js';
import { expectedDigest } from '../conda/record/expected-digest.js';
import type {
  ArtifactStore,
  ExpectedDigest,
  FetchedArtifact,
  StoredFile,
  StoreWriter,
} from '../conda/plan/artifact-store.js';
import { asksWho, refusedStatus } from './explain-failure.js';
import type { ChannelIndexes } from './repodata/source.js';
import { transfer, type TransferContext, type TransferSink } from './transfer.js';
import type { WireRules } from './wire-url.js';

export interface ArtifactRequest {
  channel: Channel;
  subdir: string;
  fn: string;
  expected: ExpectedDigest;
  store: ArtifactStore;
  signal: AbortSignal;
  /** Every byte on its way into the store; `restart` when it begins anew. */
  tap?: ArtifactTap | undefined;
}

export interface ArtifactTap {
  /** Size of the whole, where it is known. */
  start?(size: number | undefined): void;
  write(chunk: Uint8Array): Promise<void> | void;
  restart(bytesDropped: number): void;
}

export interface ArtifactContext extends TransferContext {
  book: ChannelIndexes;
  rules: WireRules;
}

/**
 * Fetches one artifact into the store. Bytes that are not those of the record are asked for once more, past any cache on the way.
 * Throws E_ARTIFACT_MISSING, E_ARTIFACT_DIGEST (bad-inputs N11), E_UPSTREAM, E_TLS, E_REDIRECT, E_REPODATA.
 */
export async function fetchToStore(context: ArtifactContext, request: ArtifactRequest): Promise<StoredFile> {
  const { channel, subdir, fn, expected, store } = request;
  const place = await context.book.place(channel, subdir);
  const path = place.folder === '' ? fn : `${place.folder}/${fn}`;
  const url = `${place.channel.url}/${path}`;
  for (let again = false; ; again = true) {
    const writer = await store.writer();
    try {
      const result = await transfer(context, {
        channel: place.channel,
        path,
        sink: tapped(writer, request.tap),
        expectedSize: expected.size,
        maxBytes: expected.size ?? context.limits.maxArtifactBytes,
        headers: again ? { 'cache-control': 'no-cache' } : {},
        signal: request.signal,
        contentCode: 'E_ARTIFACT_DIGEST',
        onStart: (size) => request.tap?.start?.(expected.size ?? size),
      });
      if (!result.ok) throw notServed(context, { ...request, place: place.channel, url, status: result.status });
      return await writer.finish(expected, `${subdir}/${fn} from ${channel.url}`);
    } catch (error) {
      const dropped = writer.size;
      await writer.discard();
      const wrongBytes = isRepackError(error) && error.code === 'E_ARTIFACT_DIGEST';
      if (!wrongBytes || again) throw await withSecondOpinion(context, request, url, error);
      request.tap?.restart(dropped);
    }
  }
}

/** The artifact's channel, and what is known of its bytes. Throws E_ARTIFACT_MISSING for what no declared channel publishes. */
export function publishedBytes({ channel, record, expected, subdir, fn }: FetchedArtifact): {
  channel: Channel;
  expected: ExpectedDigest;
} {
  const known = record === undefined ? expected : expectedDigest(fn, record);
  if (channel !== undefined && known !== undefined) return { channel, expected: known };
  throw new RepackError('E_ARTIFACT_MISSING', {
    what: `${subdir}/${fn} is in none of the declared channels, so it can not be downloaded`,
    where: `${subdir}/${fn}`,
    hint: 'Its archive must be in a package cache; or install a version that is published.',
  });
}

function tapped(writer: StoreWriter, tap: ArtifactTap | undefined): TransferSink {
  if (tap === undefined) return writer;
  return {
    get size() {
      return writer.size;
    },
    async write(chunk) {
      await writer.write(chunk);
      await tap.write(chunk);
    },
    async restart() {
      tap.restart(writer.size);
      await writer.restart();
    },
  };
}

function notServed(
  context: ArtifactContext,
  {
    subdir,
    fn,
    place,
    url,
    status,
  }: Pick<ArtifactRequest, 'subdir' | 'fn'> & { place: Channel; url: string; status: number },
): RepackError {
  if (asksWho(status, url, context.rules)) return refusedStatus(status, { url, channel: place, rules: context.rules });
  return new RepackError('E_ARTIFACT_MISSING', {
    what: `The channel's index names ${subdir}/${fn}, but the upstream answers ${status} for it`,
    where: url,
    hint: 'The channel is being changed, or broken: run the same command again in a few minutes, or ask for another version or build.',
  });
}

async function withSecondOpinion(
  context: ArtifactContext,
  { channel, subdir, fn }: ArtifactRequest,
  url: string,
  error: unknown,
): Promise<unknown> {
  if (!isRepackError(error) || !['E_ARTIFACT_MISSING', 'E_ARTIFACT_DIGEST'].includes(error.code)) return error;
  const opinion = await context.book.secondOpinion(channel, subdir, fn);
  return new RepackError(error.code, {
    what: error.what,
    where: error.where ?? url,
    hint: opinion ?? error.hint,
    details: error.details,
    cause: error.cause,
  });
}
