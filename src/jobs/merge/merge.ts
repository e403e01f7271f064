import path from 'node:path';
import { isDeltaFolder, readDeltaFolder, type DeltaFolder } from '../../media/delta/read-delta.js';
import { RepackError } from '../../base/errors.js';
import { parseLabel } from '../../conda/channel/names.js';
import type { Runtime } from '../../runtime/runtime.js';
import { applySets, type ImportReport } from '../import/apply-sets.js';
import { openWholeFolder } from '../../delivery/generations/generation-folder.js';
import { collectFindings, type Collected } from '../../delivery/collect-findings.js';
import { mergeChannel } from './merge-channel.js';
import type { MergePlaces, MergeRequest } from './merge-request.js';

/**
 * `repackenv merge DELTA CHANNEL`: a delta folder (what it adds, changes and removes), or the packages of any other channel folder (only
 * added), through the same lock, journal and switch as every run. What it is taken from is only read.
 */
export async function merge(machine: Runtime, request: MergeRequest): Promise<ImportReport> {
  const { rt: collecting, findings } = collectFindings(machine);
  const { rt, dir: from } = await openWholeFolder(collecting, request.from);
  const collected = { rt, findings };
  const channel = path.resolve(rt.machine.cwd, request.channel);
  refuseItself(from, channel);
  const places = { from, root: path.dirname(channel), label: parseLabel(path.basename(channel)) };
  return (await isDeltaFolder(rt, from))
    ? mergeDelta(collected, request, places)
    : mergeChannel(collected, request, places);
}

async function mergeDelta(
  { rt, findings }: Collected,
  request: MergeRequest,
  places: MergePlaces,
): Promise<ImportReport> {
  const { from, root, label } = places;
  const delta = await readDeltaFolder(rt, { dir: from, name: path.basename(from) });
  refuseOtherLabel(delta, places);
  await rt.reach('import:checked');
  const { header, content, signed } = delta;
  const signature = signed ? 'there, not checked' : 'absent';
  const step = { header, target: content.target, set: null, signature, read: async () => content };
  return applySets({
    rt,
    command: 'merge',
    places: [from],
    label,
    steps: [step],
    request: { ...request, root },
    findings,
  });
}

function refuseOtherLabel({ header, content }: DeltaFolder, { label, root }: MergePlaces): void {
  const { manifest } = content.target;
  if (manifest.label === label) return;
  throw new RepackError('E_WRONG_BASE', {
    what: `Delta ${header.name} is of the channel ${manifest.label}, and the folder is called ${label}`,
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
