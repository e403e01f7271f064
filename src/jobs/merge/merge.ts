import path from 'node:path';
import { judge } from '../../media/import/judge.js';
import { planImport } from '../../media/import/stage.js';
import { isDeltaFolder, readDeltaFolder, type DeltaFolder } from '../../media/merge/delta.js';
import { RepackError } from '../../base/errors.js';
import { parseLabel } from '../../conda/channel/names.js';
import type { LiveFolder } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { applyDelivery, type Applied } from '../import/apply-delivery.js';
import { collectFindings } from '../../delivery/collect-findings.js';
import type { Collected } from '../../delivery/collect-findings.js';
import type { ImportReport } from '../import/import.js';
import { lookAtLabelFolder, withLabelFolder, type LabelFolder } from '../../delivery/place/label-folder.js';
import { mergeChannel } from './merge-channel.js';
import type { MergePlaces, MergeRequest } from './merge-request.js';

/**
 * `repackenv merge DELTA CHANNEL`: a delta folder (what it adds, changes and removes), or the packages of any other channel folder (only
 * added), through the same lock, journal and switch as every run. What it is taken from is only read.
 */
export async function merge(machine: Runtime, request: MergeRequest): Promise<ImportReport> {
  const collected = collectFindings(machine);
  const { rt } = collected;
  const from = path.resolve(rt.machine.cwd, request.from);
  const channel = path.resolve(rt.machine.cwd, request.channel);
  refuseItself(from, channel);
  const places = { from, root: path.dirname(channel), label: parseLabel(path.basename(channel)) };
  return (await isDeltaFolder(rt, from))
    ? mergeDelta(collected, request, places)
    : mergeChannel(collected, request, places);
}

async function mergeDelta(collected: Collected, request: MergeRequest, places: MergePlaces): Promise<ImportReport> {
  const { rt, findings } = collected;
  const delta = await readDeltaFolder(rt, { dir: places.from, name: path.basename(places.from) });
  refuseOtherLabel(delta, places);
  await rt.reach('import:checked');
  const look = { ...request, ...places, job: 'merge', replace: ['all'] };
  const signature = delta.signed ? 'there, not checked' : 'absent';
  const reportOf = (
    folder: Pick<LabelFolder, 'place' | 'live'>,
    applied: Omit<Applied, 'receipt'>,
    receipts: string[],
  ): ImportReport => ({
    job: 'merge',
    label: places.label,
    labelDir: folder.place.labelDir,
    media: [places.from],
    sets: [
      {
        name: delta.claim.name,
        kind: delta.claim.base === null ? 'full' : 'delta',
        generation: delta.claim.generation,
        signature,
      },
    ],
    before: folder.live.manifest?.generation ?? null,
    generation: delta.claim.generation,
    manifestSha256: delta.claim.manifestSha256,
    changes: applied.staged.changes,
    leaving: [...applied.staged.leaving],
    dryRun: request.dryRun,
    unchanged: applied.unchanged,
    bytesWritten: applied.bytesWritten,
    receipts,
    findings: findings(),
  });

  if (request.dryRun) {
    const folder = await lookAtLabelFolder(rt, look);
    judgeDelta(delta, folder.live);
    const staged = await planImport(rt, {
      delivery: delta.delivery,
      live: folder.live,
      dir: folder.place.stateDir,
    });
    const unchanged = staged.leaving.length === 0 && staged.files.every(({ change }) => change === 'unchanged');
    return reportOf(folder, { staged, unchanged, bytesWritten: 0 }, []);
  }
  return withLabelFolder(rt, look, async (folder) => {
    judgeDelta(delta, folder.live);
    const { adopt, siteFiles } = request;
    const source = { command: 'merge', from: `delta ${delta.claim.name}`, set: null, signature } as const;
    const applied = await applyDelivery(rt, { delivery: delta.delivery, folder, adopt, siteFiles, ...source });
    return reportOf(folder, applied, [applied.receipt]);
  });
}

/** The base decides, unless the outcome is the same: every other file of the new channel is there already. */
function judgeDelta({ claim, delivery }: DeltaFolder, live: LiveFolder): void {
  const complete = delivery.target.manifest.files.every(
    ({ path: file, sha256 }) => delivery.has(file) || live.files.get(file)?.sha256 === sha256,
  );
  const fits = live.manifestSha256 === claim.base?.manifest_sha256;
  judge(complete && !fits ? { ...claim, base: null } : claim, live, { allowRollback: false, command: 'merge' });
}

function refuseOtherLabel({ claim, delivery }: DeltaFolder, { label, root }: MergePlaces): void {
  const { manifest } = delivery.target;
  if (manifest.label === label) return;
  throw new RepackError('E_WRONG_BASE', {
    what: `Delta ${claim.name} is of the channel ${manifest.label}, and the folder is called ${label}`,
    where: path.join(root, label),
    hint: `Give the folder of ${manifest.label}. To add its packages to another channel, merge a channel folder instead of a delta.`,
  });
}

function refuseItself(from: string, channel: string): void {
  const inside = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(outer + path.sep);
  if (!inside(from, channel) && !inside(channel, from)) return;
  throw new RepackError('E_USAGE', {
    what: 'DELTA and CHANNEL are one folder, or one lies in the other',
    where: `${from}, ${channel}`,
    hint: 'Give two folders: what is to be merged, and the channel that it goes into.',
  });
}
