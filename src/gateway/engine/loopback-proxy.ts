import type { Channel } from '../../conda/channel/channel.js';
import type { EngineAccess } from '../../conda/channel/engine-access.js';
import { isRepackError, RepackError } from '../../base/errors.js';
import { formatOf } from '../../conda/channel/names.js';
import type { LoopbackRequest, LoopbackResponse } from '../../runtime/http.js';
import type { Runtime } from '../../runtime/runtime.js';
import { engineArtifacts, type EngineArtifactOptions } from './artifacts.js';
import { engineRepodata, type EngineView } from './repodata.js';
import { engineUrl, readEngineTarget, type EngineTarget } from './url.js';
import { answerFile } from '../http-answer.js';
import { PROXY_CHALLENGE, proxyGate } from './proxy-auth.js';
import { INDEX_FILES } from '../repodata/cache.js';
import type { ChannelIndexes } from '../repodata/source.js';
import { displayUrl } from '../wire-url.js';

export interface LoopbackProxyOptions extends EngineArtifactOptions {
  /** Highest priority first. */
  channels: readonly Channel[];
  book: ChannelIndexes;
  shows?: EngineView | undefined;
  /** What an engine's request failed with: the engine itself tells it badly or not at all. */
  onFailure: (error: RepackError) => void;
}

export interface LoopbackProxy {
  access: EngineAccess;
  /** After `signal` was aborted. */
  close(): Promise<void>;
}

/**
 * The engine's only way out (design D1): a proxy on 127.0.0.1 with a password made for the run, that knows GET and HEAD of the
 * declared channels' files and nothing else. Throws E_CHANNEL where two channels would have one address.
 */
export async function startLoopbackProxy(
  rt: Pick<Runtime, 'fs' | 'http' | 'events'>,
  options: LoopbackProxyOptions,
): Promise<LoopbackProxy> {
  const channels = options.channels.map((channel) => ({ channel, url: engineUrl(channel) }));
  checkDistinct(channels);
  const gate = proxyGate();
  const repodata = engineRepodata(options.book, options.shows);
  const artifacts = engineArtifacts(rt, options);

  const refuse = ({ method, target }: LoopbackRequest, status: number, why: string): LoopbackResponse => {
    rt.events.emit({ type: 'debug', message: `gateway: refused ${method} ${displayUrl(target)}: ${why}` });
    return { status, headers: {} };
  };
  const serve = async (request: LoopbackRequest, target: EngineTarget): Promise<LoopbackResponse> => {
    const index = INDEX_FILES.find((name) => name === target.file);
    if (index !== undefined) return answerFile(request, await repodata.file(target.channel, target.subdir, index));
    if (formatOf(target.file) !== undefined) return artifacts.answer(request, target);
    return refuse(request, 404, 'neither an index nor an artifact');
  };

  const server = await rt.http.listenLoopback(async (request) => {
    if (!gate.opens(request.headers['proxy-authorization'])) return { status: 407, headers: PROXY_CHALLENGE };
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(request, 403, 'only GET and HEAD pass');
    const target = readEngineTarget(request.target, channels);
    if (target === undefined) return refuse(request, 403, 'not a file of a declared channel');
    try {
      return await serve(request, target);
    } catch (error) {
      options.onFailure(asFailure(error, target));
      return { status: isRepackError(error) && NOT_FOUND.has(error.code) ? 404 : 502, headers: {} };
    }
  });
  return {
    access: { proxyUrl: `http://${gate.userinfo}@127.0.0.1:${server.port}`, channels },
    async close() {
      await server.close();
      await artifacts.settled();
    },
  };
}

const NOT_FOUND = new Set(['E_TOKEN_REFUSED', 'E_LOGIN_REFUSED', 'E_UPSTREAM_NOT_FOUND', 'E_ARTIFACT_MISSING']);

/** Anything untyped that ends here is a defect, or the end of the run. */
function asFailure(error: unknown, { channel, subdir, file }: EngineTarget): RepackError {
  if (isRepackError(error)) return error;
  return new RepackError('E_UPSTREAM', {
    what: 'The upstream could not be asked',
    where: `${channel.url}/${subdir}/${file}`,
    hint: 'Run the same command again; --debug shows more.',
    cause: error,
  });
}

function checkDistinct(channels: EngineAccess['channels']): void {
  const seen = new Map<string, Channel>();
  for (const { channel, url } of channels) {
    const other = seen.get(url);
    if (other !== undefined) {
      throw new RepackError('E_CHANNEL', {
        what: 'Two channels differ in nothing but http and https',
        where: `${other.url}, ${channel.url}`,
        hint: 'Declare only one of them.',
      });
    }
    seen.set(url, channel);
  }
}
