import { join } from 'node:path';
import { RepackError } from '../base/errors.js';
import { MANIFEST_NAME } from '../channel/manifest/manifest.js';
import { readManifest } from '../channel/manifest/read-manifest.js';
import { heldText, holdFrom, readHold, removeHold, writeHold, type Hold } from '../delivery/generations/hold.js';
import { withLockedLabel } from '../delivery/place/locked-label.js';
import { openKnownLabel } from '../delivery/place/known-label.js';
import type { LabelPlace } from '../delivery/place/root.js';
import type { Runtime } from '../runtime/runtime.js';

export interface HoldRequest {
  root: string;
  label: string;
  waitLockMs: number;
  takeOverLock: boolean;
}

/** The end of `hold` and `release`. */
export interface HoldReport {
  job: 'hold' | 'release';
  label: string;
  /** Absolute path of ROOT/LABEL. */
  labelDir: string;
  /** As it is now; null: not held. */
  held: Hold | null;
  /** As it was before; null: not held, or by a file that could not be understood. */
  before: Hold | null;
  /** False: a release of what was not held. */
  changed: boolean;
}

/**
 * `repackenv hold LABEL --why TEXT`: keeps the label at its generation. Nothing in the label folder is touched.
 *
 * @throws RepackError E_ROOT, E_LABEL, E_LOCKED, E_HELD, E_NOT_OURS
 */
export async function hold(rt: Runtime, request: HoldRequest & { why: string }): Promise<HoldReport> {
  return withKnownLabel(rt, { ...request, job: 'hold' }, async (place) => {
    const { label, labelDir, stateDir } = place;
    const before = await readHold(rt, place);
    if (before !== undefined) {
      throw new RepackError('E_HELD', {
        what: `Label ${label} is ${heldText(before)} already; nothing was changed`,
        where: labelDir,
        hint: 'To hold it for another reason, release it first: repackenv release ROOT/LABEL',
      });
    }
    const manifest = (await readManifest(rt, join(labelDir, MANIFEST_NAME)))?.manifest;
    if (manifest === undefined) {
      throw new RepackError('E_NOT_OURS', {
        what: `Label ${label} has no generation that it could be held at: its folder has no manifest of this program`,
        where: labelDir,
        hint: 'Publish it first: repackenv update.',
      });
    }
    const held = holdFrom(rt, { generation: manifest.generation, why: request.why });
    await writeHold(rt, stateDir, held);
    await rt.reach('hold:written');
    return { job: 'hold', label, labelDir, held, before: null, changed: true };
  });
}

/**
 * `repackenv release LABEL`: it may change again. One that is not held stays as it is, and that is said.
 *
 * @throws RepackError E_ROOT, E_LABEL, E_LOCKED
 */
export async function release(rt: Runtime, request: HoldRequest): Promise<HoldReport> {
  return withKnownLabel(rt, { ...request, job: 'release' }, async (place) => {
    const { label, labelDir, stateDir } = place;
    const before = await readHold(rt, place).catch(() => undefined);
    const changed = await removeHold(rt, stateDir);
    await rt.reach('hold:removed');
    return { job: 'release', label, labelDir, held: null, before: before ?? null, changed };
  });
}

/** Under the label's lock, and with what a run that broke off has left done: a rollback that is finished now holds the label. */
async function withKnownLabel<T>(
  rt: Runtime,
  { root, label, waitLockMs, takeOverLock, job }: HoldRequest & { job: string },
  work: (place: LabelPlace) => Promise<T>,
): Promise<T> {
  const place = await openKnownLabel(rt, root, label);
  return withLockedLabel(rt, { place, job, waitLockMs, takeOverLock }, () => work(place));
}
