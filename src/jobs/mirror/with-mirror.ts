import { diskReason } from '../../base/disk-errors.js';
import path from 'node:path';
import { openStore } from '../../store/store.js';
import { prepareZstd } from '../../codec/zstd.js';
import { openGateway } from '../../gateway/gateway.js';
import type { Gateway } from '../../gateway/gateway.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import type { ArtifactStore } from '../../conda/plan/artifact-store.js';
import type { Runtime } from '../../runtime/runtime.js';
import { lookAtLabelFolder, withUnseenFolder } from '../../delivery/place/label-folder.js';
import type { LabelFolder } from '../../delivery/place/label-folder.js';
import { STATE_NAME, isChannel, labelsOfRoot, type LabelPlace } from '../../delivery/place/root.js';
import { listed } from '../../delivery/collect-findings.js';
import { gatewayWay } from '../run/gateway-way.js';
import { rootStore } from '../run/root-store.js';
import type { MirrorRequest } from './mirror-request.js';

/** Below the mirror's state folder: what is being fetched, on the mirror's own volume, so that it is taken over by a link. */
export const INCOMING_NAME = 'incoming';

/** Runs `work` on the locked mirror folder. Errors about ROOT say that it is the folder above `mirror_dir`. */
export async function withMirrorFolder<T>(
  rt: Runtime,
  request: MirrorRequest,
  job: string,
  work: (folder: LabelFolder) => Promise<T>,
): Promise<T> {
  return withUnseenMirror(rt, request, job, async (_, look) => work(await look()));
}

/** The same, where perhaps nothing of the folder needs to be looked at. */
export async function withUnseenMirror<T>(
  rt: Runtime,
  request: MirrorRequest,
  job: string,
  work: Parameters<typeof withUnseenFolder<T>>[2],
): Promise<T> {
  await prepareZstd();
  return explained(rt, request, () => withUnseenFolder(rt, { ...request, job, quick: !request.reset }, work));
}

/** The same without lock and any write. */
export async function lookAtMirror(rt: Runtime, request: MirrorRequest): Promise<Pick<LabelFolder, 'place' | 'live'>> {
  await prepareZstd();
  return explained(rt, request, () => lookAtLabelFolder(rt, { ...request, quick: !request.reset }));
}

/** Opens the way to the mirror's channels for `work`. */
export async function withMirrorGateway<T>(
  rt: Runtime,
  request: MirrorRequest,
  work: (gateway: Gateway) => Promise<T>,
): Promise<T> {
  const gateway = await openGateway(rt, {
    ...(await gatewayWay(rt, request)),
    view: (index) => index,
    store: NO_STORE,
    fresh: request.reset,
  });
  try {
    return await work(gateway);
  } finally {
    await gateway.close().catch(() => undefined);
  }
}

/** Of what earlier runs fetched and could not publish, everything is used again. */
export async function openIncoming(
  rt: Runtime,
  { root, stateDir }: Pick<LabelPlace, 'root' | 'stateDir'>,
): Promise<ArtifactStore> {
  return rootStore(rt, await openStore(rt, path.join(stateDir, INCOMING_NAME)), root);
}

/** What is in it has been published, or is no longer wanted. The names there are links to live files: they go before those are looked at. */
export async function clearIncoming(rt: Runtime, stateDir: string): Promise<void> {
  await rt.fs.remove(path.join(stateDir, INCOMING_NAME)).catch((error: unknown) => {
    rt.events.emit({ type: 'note', message: `left for the next run to clear away: ${diskReason(error)}` });
  });
}

/** No engine asks this gateway for artifacts, and each fetch names its own store. */
const NO_STORE: ArtifactStore = {
  find: async () => undefined,
  holds: async () => false,
  writer: noStore,
  bringOnce: noStore,
};

async function noStore(): Promise<never> {
  throw new TypeError('the gateway of a mirror has no store');
}

async function explained<T>(rt: Runtime, request: MirrorRequest, work: () => Promise<T>): Promise<T> {
  const { settings, root } = request;
  try {
    return await work();
  } catch (error) {
    if (!isRepackError(error) || error.code !== 'E_ROOT') throw error;
    const where = `${error.where ?? root}; mirror_dir in ${settings.file ?? 'the mirror file'}`;
    throw (
      (await nested(rt, request, where)) ??
      new RepackError('E_ROOT', {
        what: `${error.what} (ROOT is the folder above the mirror, where its lock, journal and receipts lie)`,
        where,
        hint: error.hint ?? 'Name another mirror_dir.',
        details: error.details,
        cause: error,
      })
    );
  }
}

/** With `--account` and without, `mirror_dir` means two things: the folder of mirrors, and the mirror. Undefined where it is not about that. */
async function nested(
  rt: Runtime,
  { settings: { account }, root, label }: MirrorRequest,
  where: string,
): Promise<RepackError | undefined> {
  const labels = await labelsOfRoot(rt, path.join(root, label));
  if (labels !== undefined) {
    const names = labels.length === 0 ? '' : `: ${listed(labels.slice(0, MANY), labels.length)}`;
    return new RepackError('E_ROOT', {
      what: `The mirror can't be this folder: it is one of label folders or mirrors${names}`,
      where,
      hint: `Give the mirror a folder in it with --account NAME, or write mirror_dir: ${path.join(root, label, 'NAME')}.`,
    });
  }
  if (account === undefined || !(await isChannel(rt, root))) return undefined;
  const first = path.basename(root);
  return new RepackError('E_ROOT', {
    what: `The mirror of ${account} can't lie in mirror_dir: that is a mirror itself, made without --account`,
    where,
    hint: `Take another mirror_dir for ${account}. Or give the first an account too: move it as shown above, and run it with --account ${first} from now on; nothing is fetched again.`,
    details: [
      `${root} -> ${path.join(root, first)}`,
      `${path.join(path.dirname(root), STATE_NAME, first)} -> ${path.join(root, STATE_NAME, first)}`,
    ],
  });
}

const MANY = 5;
