import { append } from '../../base/append.js';
import path from 'node:path';
import { openStore } from '../../store/store.js';
import { opensWithToken } from '../../gateway/wire-url.js';
import { openGateway } from '../../gateway/gateway.js';
import { NOARCH } from '../../conda/channel/channel.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { RepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { isSubdir } from '../../conda/channel/names.js';
import type { Runtime } from '../../runtime/runtime.js';
import { gatewayWay } from '../run/gateway-way.js';
import { lazyRecordDigest } from './side-content.js';
import type { DiffRequest, SideContent, SideFileEntry } from './side-content.js';

export interface UpstreamSide {
  /** `defaults` is several; the first that has a file name gives it. */
  channels: readonly Channel[];
  subdirs: readonly Subdir[];
  findings: Finding[];
}

/** An upstream channel by its indexes. Throws E_UPSTREAM_NOT_FOUND where it has none of the subdirs, and what the gateway throws. */
export async function readUpstream(
  rt: Runtime,
  request: DiffRequest,
  { channels, subdirs, findings }: UpstreamSide,
): Promise<SideContent> {
  const gateway = await openGateway(rt, {
    ...(await gatewayWay(rt, { ...request, channels })),
    view: (index) => index,
    store: await openStore(rt, path.join(request.cacheDir, 'store')),
  });
  sayUnopened(rt, request, channels);
  try {
    const files = new Map<string, SideFileEntry>();
    let found = 0;
    for (const subdir of [...new Set([...subdirs, NOARCH])].filter(isSubdir).sort()) {
      for (const channel of channels) {
        const index = await gateway.repodata(channel, subdir);
        if (index === undefined) continue;
        found += 1;
        for (const fn of index.allFilenames()) {
          const at = `${subdir}/${fn}`;
          if (!files.has(at)) files.set(at, entryOf(at, index.record(fn)!, { fn, subdir }));
        }
      }
    }
    if (found === 0) throw noIndex(channels, subdirs);
    append(findings, gateway.findings());
    return { manifest: undefined, root: [], files: [...files.values()] };
  } finally {
    await gateway.close().catch(() => undefined);
  }
}

function entryOf(
  at: string,
  record: NonNullable<Parameters<typeof lazyRecordDigest>[0]['record']>,
  { fn, subdir }: { fn: string; subdir: Subdir },
): SideFileEntry {
  const { size, sha256, md5 } = record;
  return {
    path: at,
    size: size ?? 0,
    sha256: sha256?.toLowerCase(),
    md5: md5?.toLowerCase(),
    record: lazyRecordDigest({ fn, subdir, record }),
  };
}

/** The other side would seem to have lost all that is private. */
function sayUnopened(rt: Runtime, { token, baseUrl, owner }: DiffRequest, channels: readonly Channel[]): void {
  const closed = channels.filter((channel) => !opensWithToken(channel, token));
  if (token === undefined || closed.length === 0) return;
  const to = owner === undefined ? 'the channels of --owner, which is not given' : `${trimmed(baseUrl)}/${owner}`;
  const message = `the token was not sent to ${closed[0]!.url}, so private packages there are not seen: it goes only to ${to}`;
  rt.events.emit({ type: 'warning', message });
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}

function noIndex(channels: readonly Channel[], subdirs: readonly Subdir[]): RepackError {
  return new RepackError('E_UPSTREAM_NOT_FOUND', {
    what: `There is no channel here: no index for ${[...subdirs, NOARCH].join(', ')}`,
    where: channels.map(({ url }) => url).join(', '),
    hint: 'Check the name and the platforms (--subdir); a private channel needs --owner and a token.',
  });
}
