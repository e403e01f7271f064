import type { Channel, Subdir } from '../conda/channel/channel.js';
import { joinedBytes } from '../base/json-bytes.js';
import type { ArtifactContext } from './artifact-fetch.js';
import { refusedStatus } from './explain-failure.js';
import { transfer } from './transfer.js';

export interface SideFileRequest {
  channel: Channel;
  subdir: Subdir;
  /** File name beside the artifacts: `numpy-1.26.4-py39_0.conda.v0.sigs`. */
  name: string;
  /** More is not taken (E_REPODATA). */
  maxBytes: number;
  signal: AbortSignal;
}

/**
 * A small file that lies beside a channel's artifacts, where its index says those are. Undefined where there is none: 404, and 403, which is
 * what object stores answer. Throws E_UPSTREAM, E_TOKEN_REFUSED, E_TLS, E_REDIRECT, E_REPODATA.
 */
export async function fetchSideFile(
  context: ArtifactContext,
  { channel, subdir, name, maxBytes, signal }: SideFileRequest,
): Promise<Uint8Array | undefined> {
  const place = await context.book.place(channel, subdir);
  const path = place.folder === '' ? name : `${place.folder}/${name}`;
  const pieces: Uint8Array[] = [];
  let size = 0;
  const sink = {
    get size() {
      return size;
    },
    async write(chunk: Uint8Array) {
      // The transport may use its buffer again.
      pieces.push(Uint8Array.from(chunk));
      size += chunk.length;
    },
    async restart() {
      pieces.length = 0;
      size = 0;
    },
  };
  const result = await transfer(context, {
    channel: place.channel,
    path,
    sink,
    maxBytes,
    signal,
    contentCode: 'E_REPODATA',
  });
  if (result.ok) return joinedBytes(pieces);
  if (result.status === 404 || result.status === 403 || result.status === 410) return undefined;
  throw refusedStatus(result.status, {
    url: `${place.channel.url}/${path}`,
    channel: place.channel,
    rules: context.rules,
  });
}
