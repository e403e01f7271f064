import path from 'node:path';
import { setName } from '../../media/set/names.js';
import type { WrittenDelta } from '../../media/delta/write-delta.js';
import { deltaBase } from '../../media/set/changes.js';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import { readManifest } from '../../channel/manifest/read-manifest.js';
import { isThere } from '../../channel/read/list-folder.js';
import type { LiveFolder } from '../../channel/staged.js';
import type { LabelPlace } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { MirrorRequest } from './mirror-request.js';

/** In the state folder: the manifest that the last delta led to. The next one begins there, whatever happened in between. */
export const DELTA_BASE_NAME = 'delta-base.json';

/** Stands there before the first delta of a mirror that has nothing yet. */
const NOTHING = 'null\n';

interface DeltaTask {
  request: MirrorRequest;
  place: LabelPlace;
  live: LiveFolder;
}

/** Before the switch: where the next delta begins is on disk, so that a run that is killed behind it loses none. */
export async function prepareDelta(rt: Runtime, { request, place, live }: DeltaTask): Promise<void> {
  const kept = path.join(place.stateDir, DELTA_BASE_NAME);
  if (request.deltaDir === undefined || (await isThere(rt, kept))) return;
  const before = live.manifest === undefined ? undefined : await readManifest(rt, path.join(live.dir, MANIFEST_NAME));
  await rt.fs.writeWhole(kept, before?.bytes ?? Buffer.from(NOTHING), { durable: false });
}

/**
 * Writes a delta where the mirror is not as the last one left it: deltas make an unbroken chain, also over runs that were killed, and
 * over `clean`. `prepareDelta` comes before the switch.
 */
export async function keepDelta(rt: Runtime, { request, place }: DeltaTask): Promise<WrittenDelta | undefined> {
  const { deltaDir } = request;
  if (deltaDir === undefined) return undefined;
  const target = await readManifest(rt, path.join(place.labelDir, MANIFEST_NAME));
  if (target === undefined) return undefined;
  const kept = path.join(place.stateDir, DELTA_BASE_NAME);
  const base = await readManifest(rt, kept);
  if (base?.sha256 === target.sha256) return undefined;
  const name = setName({
    label: request.label,
    generation: target.manifest.generation,
    base: deltaBase(base),
  });
  const { writeDelta } = await import('../../media/delta/write-delta.js');
  const written = await writeDelta(rt, { deltaDir, name, base, target, labelDir: place.labelDir });
  await rt.fs.writeWhole(kept, target.bytes, { durable: false });
  return written;
}
