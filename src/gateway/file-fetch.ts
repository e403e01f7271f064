import { channelAt, type Channel } from '../conda/channel/channel.js';
import { RepackError, isRepackError } from '../base/errors.js';
import type { ArtifactStore, ExpectedDigest, StoredFile } from '../conda/plan/artifact-store.js';
import { asksWho, refusedStatus } from './explain-failure.js';
import { transfer, type TransferContext } from './transfer.js';
import { checkChannels, displayUrl, type WireRules } from './wire-url.js';
import { parseUrl } from '../base/parse-url.js';

/** A file that lies in no channel: an installer. */
export interface FileRequest {
  /** https, file, or http where that is allowed. */
  url: string;
  expected: ExpectedDigest;
  store: ArtifactStore;
  onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Fetches one file into the store by the rules of channels: the same retries, redirects, plain-http rule; never with the token, with a login for the host. Bytes
 * that are not the expected ones are asked for once more, past any cache on the way.
 *
 * @throws RepackError E_CHANNEL, E_CHANNEL_HTTP, E_ARTIFACT_MISSING, E_ARTIFACT_DIGEST, E_LOGIN_REFUSED, E_UPSTREAM_NOT_FOUND, E_UPSTREAM, E_TLS, E_REDIRECT
 */
export async function fetchSingleFile(
  context: TransferContext & { rules: WireRules },
  { url, expected, store, onBytes, signal }: FileRequest & { signal: AbortSignal },
): Promise<StoredFile> {
  const { folder, path } = placeOf(url);
  checkChannels([folder], context.rules);
  for (let again = false; ; again = true) {
    const writer = await store.writer();
    const sink = {
      get size() {
        return writer.size;
      },
      async write(chunk: Uint8Array) {
        await writer.write(chunk);
        onBytes?.(chunk.length);
      },
      async restart() {
        onBytes?.(-writer.size);
        await writer.restart();
      },
    };
    try {
      const result = await transfer(context, {
        channel: folder,
        path,
        sink,
        expectedSize: expected.size,
        maxBytes: expected.size ?? context.limits.maxArtifactBytes,
        headers: again ? { 'cache-control': 'no-cache' } : {},
        signal,
        contentCode: 'E_ARTIFACT_DIGEST',
      });
      if (!result.ok && asksWho(result.status, url, context.rules))
        throw refusedStatus(result.status, { url, channel: folder, rules: context.rules });
      if (!result.ok) throw notServed(url, result.status);
      return await writer.finish(expected, displayUrl(url)).catch((error: unknown) => {
        throw saidOfPage(error, result.headers['content-type']);
      });
    } catch (error) {
      const dropped = writer.size;
      await writer.discard();
      if (!isRepackError(error) || error.code !== 'E_ARTIFACT_DIGEST' || again) throw error;
      onBytes?.(-dropped);
    }
  }
}

/** The folder of the URL as a channel that no token opens. */
function placeOf(url: string): { folder: Channel; path: string } {
  const slash = url.lastIndexOf('/');
  const folder = url.slice(0, slash);
  const path = url.slice(slash + 1);
  if (parseUrl(url) === undefined || !/^[a-z]+:\/\/.+/.test(folder) || path === '' || /[?#]/.test(path)) {
    throw new RepackError('E_CHANNEL', {
      what: 'This is not the URL of a file',
      where: displayUrl(url),
      hint: 'Write it as https://HOST/PATH/FILE, without query and fragment.',
    });
  }
  return { folder: channelAt(folder), path: decodedSegment(path) };
}

/** The wire encodes each segment itself. */
function decodedSegment(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A login page or a page about the file answers 200 too. */
function saidOfPage(error: unknown, type: string | undefined): unknown {
  if (!isRepackError(error) || !/^text\/html\b/i.test(type ?? '')) return error;
  const { code, what, where, hint, details } = error;
  const said = 'what came is a web page (text/html): a login, or the page about the file';
  return new RepackError(code, { what, where, hint, details: [...details, said], cause: error });
}

function notServed(url: string, status: number): RepackError {
  if (url.startsWith('file:')) {
    return new RepackError('E_ARTIFACT_MISSING', {
      what: 'There is no such file',
      where: displayUrl(url),
      hint: 'Correct its place, or put it there again.',
    });
  }
  return new RepackError('E_ARTIFACT_MISSING', {
    what: `The upstream answers ${status} for this file`,
    where: displayUrl(url),
    hint: 'Check the URL in a browser on this machine, and correct it.',
  });
}
