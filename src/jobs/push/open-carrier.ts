import { RepackError } from '../../base/errors.js';
import type { Secret } from '../../base/secret.js';
import { hashFiles } from '../../channel/read/read-folder.js';
import { readSeen } from '../../delivery/place/seen.js';
import type { LabelPlace } from '../../delivery/place/root.js';
import { RETRY_MS, withRetry } from '../../delivery/switch/retry.js';
import { plainHttpAllowed } from '../../gateway/wire-url.js';
import { folderDiffers } from '../../media/export/source.js';
import type { Carrier, Cargo } from '../../push/cargo.js';
import type { Target } from '../../push/target.js';
import type { Runtime } from '../../runtime/runtime.js';
import { readCaFiles } from '../run/gateway-way.js';

export interface CarrierSettings {
  /** Of a bucket; undefined: as the environment says. */
  endpoint: string | undefined;
  allowHttp: readonly string[];
  proxy: string | undefined;
  noProxy: readonly string[];
  caFiles: readonly string[];
}

interface Opening extends CarrierSettings {
  label: string;
  /** As typed is `request.target`; this is read. */
  target: Target;
  place: LabelPlace;
  dir: string;
  work: string;
  inPlace: boolean;
  register: (secret: Secret) => void;
}

/** Who only pushes to a folder loads no client. @throws RepackError E_TARGET, E_CONFIG, E_LOGIN_REFUSED */
export async function openCarrier(rt: Runtime, opening: Opening): Promise<Carrier> {
  const { label, target, place, dir, work, inPlace } = opening;
  if (target.kind === 'folder') {
    const { toFolder } = await import('../../push/to-folder.js');
    const patiently = <T>(task: () => Promise<T>): Promise<T> => {
      const deadlineMs = rt.clock.monotonic() + RETRY_MS;
      return withRetry(rt, { deadlineMs, reason: 'a file at the target is held open', signal: rt.signal }, task);
    };
    return toFolder(rt, { label, target: target.path, dir, root: place.root, patiently });
  }
  if (target.kind === 'host') {
    const { toHost } = await import('../../push/to-host.js');
    const check = (cargo: readonly Cargo[]): Promise<void> =>
      inPlace ? checkArtifacts(rt, place, cargo) : Promise.resolve();
    return toHost(rt, { label, target, root: place.root, work, inPlace, check });
  }
  return openBucket(rt, opening, target);
}

/** Those that are as the last run saw them are not read again. @throws RepackError E_FOLDER_DIFFERS */
async function checkArtifacts(
  rt: Runtime,
  { labelDir: dir, stateDir }: LabelPlace,
  cargo: readonly Cargo[],
): Promise<void> {
  const inFolder = (path: string): string => path.slice(path.indexOf('/') + 1);
  const paths = cargo.map(({ path }) => inFolder(path));
  const stated = new Map(cargo.map((each) => [inFolder(each.path), each]));
  const found = await hashFiles(rt, { dir, paths }, { seen: await readSeen(rt, stateDir), stated });
  for (const [path, { sha256 }] of found)
    if (sha256 !== stated.get(path)?.sha256) throw folderDiffers(dir, path, 'it has other bytes');
}

async function openBucket(
  rt: Runtime,
  { label, endpoint, allowHttp, proxy, noProxy, caFiles, register }: Opening,
  { bucket, prefix }: Extract<Target, { kind: 'bucket' }>,
): Promise<Carrier> {
  const [{ bucketAccess }, { bucketClient }, { toBucket }] = await Promise.all([
    import('../../push/bucket/credentials.js'),
    import('../../push/bucket/client.js'),
    import('../../push/bucket/to-bucket.js'),
  ]);
  const access = await bucketAccess(rt, endpoint);
  for (const secret of [access.secretAccessKey, access.sessionToken]) if (secret !== undefined) register(secret);
  if (access.endpoint?.startsWith('http:') === true && !plainHttpAllowed(new URL(access.endpoint), allowHttp)) {
    throw new RepackError('E_CHANNEL_HTTP', {
      what: 'The endpoint of the bucket is plain http, where anyone on the line can read and change what is sent',
      where: access.endpoint,
      hint: `Give it with https, or allow this host with --allow-http ${new URL(access.endpoint).host}.`,
    });
  }
  const http = rt.http.client({
    proxy,
    noProxy,
    ca: await readCaFiles(rt, caFiles),
    connectTimeoutMs: 20_000,
    idleTimeoutMs: 60_000,
    answerTimeoutMs: 3_600_000,
    finishTimeoutMs: 1_000,
    maxConnectionsPerOrigin: 8,
  });
  const client = bucketClient(rt, { client: http, access, bucket });
  return toBucket(rt, { label, bucket, prefix, client });
}
