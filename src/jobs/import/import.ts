import path from 'node:path';
import { checkSet, type Delivery } from '../../media/import/check.js';
import { chooseFullSets, chooseLabel, chooseSets, type LiveState } from '../../media/import/choose-set.js';
import { judge, type Claim, type Standing } from '../../media/import/judge.js';
import { openSet, type OpenedSet } from '../../media/import/open.js';
import { checkSignature, refuseKeysOfMedium } from '../../media/import/signature.js';
import { changesTo } from '../../channel/compare-channels.js';
import { planImport } from '../../media/import/stage.js';
import { findSets, openMedia, type FoundSet, type Media } from '../../media/medium/read-media.js';
import { isRepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { MANIFEST_NAME, SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import { parseManifest } from '../../channel/manifest/read-manifest.js';
import type { ChannelChanges, LiveFolder } from '../../channel/staged.js';
import { inspectLabelFolder } from '../../delivery/place/inspect.js';
import { JOURNAL_NAME } from '../../delivery/switch/journal.js';
import { openRoot } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';
import { applyDelivery, isWhole, nothingToRead, type Applied } from './apply-delivery.js';
import { copyReceipt, refuseReceiptPlace } from './import-receipt.js';
import { collectFindings, emitFindings } from '../../delivery/collect-findings.js';
import { lookAtLabelFolder, withLabelFolder, type LabelFolder } from '../../delivery/place/label-folder.js';

export interface ImportRequest {
  /** Folders, set files, parts. */
  media: readonly string[];
  root: string;
  label?: string | undefined;
  dryRun: boolean;
  /** The site's file of keys (`ssh-keygen(1)`, ALLOWED SIGNERS). With it a set without a good signature is refused. */
  allowedSigners?: string | undefined;
  requireSignature: boolean;
  /** Where a copy of the site receipt goes: a file, or a folder that is there. */
  receipt?: string | undefined;
  allowRollback: boolean;
  adopt: boolean;
  siteFiles: boolean;
  waitLockMs: number;
  takeOverLock: boolean;
}

export interface ImportReport {
  job: 'import' | 'merge';
  label: string;
  /** Absolute path of ROOT/LABEL. */
  labelDir: string;
  /** Absolute paths of what was read. */
  media: string[];
  /** In the order in which they were applied; of a dry run, would be. */
  sets: { name: string; kind: 'full' | 'delta'; generation: number; signature: string }[];
  /** Generation before; null where there was no channel. */
  before: number | null;
  generation: number;
  manifestSha256: string;
  changes: ChannelChanges;
  /** Files that left (or would leave) the label folder. */
  leaving: string[];
  dryRun: boolean;
  /** Nothing had to change. */
  unchanged: boolean;
  bytesWritten: number;
  /** Site receipts: the one in the state folder, and the copy that was asked for. */
  receipts: string[];
  findings: Finding[];
}

/**
 * `repackenv import`: what an export put on media becomes ROOT/LABEL, byte for byte the sender's folder. The media are only read, in
 * place; all of it is checked before anything is written; then it goes through the same lock, journal and switch as every other run.
 */
export async function importMedia(machine: Runtime, request: ImportRequest): Promise<ImportReport> {
  const { rt, findings } = collectFindings(machine);
  await refuseReceiptPlace(rt, request.receipt);
  const media = await openMedia(rt, request.media);
  await refuseKeysOfMedium(rt, media, request);
  const found = await findSets(rt, media, request.label);
  emitFindings(rt, found.findings);
  const label = chooseLabel(found.sets, media, request.label);
  const sets = found.sets.filter(({ set }) => set.label === label);

  const standing = await glance(rt, request.root, label);
  const task: Task = { rt, media, label, request, findings, all: found.sets, standing, checked: new Map() };
  const way = chooseSets(sets, standing.state);
  try {
    return await take(task, way);
  } catch (error) {
    const full = chooseFullSets(sets, standing.state);
    const onBase = way[0]!.set.kind === 'delta' && isRepackError(error) && error.code === 'E_WRONG_BASE';
    if (!onBase || full === undefined) throw error;
    rt.events.emit({ type: 'note', message: `${error.what}: beginning with ${full[0]!.set.name}, which brings all` });
    return take(task, full);
  }
}

/** What a run knows before it chooses among the sets. */
interface Task extends Omit<Job, 'steps'> {
  /** On the media, of whatever label. */
  all: readonly FoundSet[];
  standing: Glance;
}

async function take(task: Task, way: readonly FoundSet[]): Promise<ImportReport> {
  const { rt, media, label, request, standing, all } = task;
  const steps: Step[] = [];
  for (const found of way) {
    const opened = await openSet(rt, { found, others: all, media });
    emitFindings(rt, opened.findings);
    steps.push({ opened, signature: await checkSignature(rt, { opened, ...request }) });
  }
  if (standing.settled) judge(claimOf(steps[0]!.opened), standing, { ...request, command: 'import' });
  const job: Job = { ...task, steps };
  if (standing.manifestSha256 !== steps.at(-1)!.opened.target.sha256) await checkAll(job);
  await rt.reach('import:checked');
  return request.dryRun
    ? rehearse(job)
    : withLabelFolder(rt, { ...request, label, job: 'import', replace: ['all'] }, (folder) => apply(job, folder));
}

interface Step {
  opened: OpenedSet;
  signature: string;
}

interface Job {
  rt: Runtime;
  media: Media;
  label: string;
  steps: readonly Step[];
  request: ImportRequest;
  findings: () => Finding[];
  checked: Map<string, Delivery>;
}

async function checkAll(job: Job): Promise<void> {
  for (const step of job.steps) await deliveryOf(job, step);
}

/** Each set is read through once; where the folder seems to have it already, only if that turns out otherwise. */
async function deliveryOf({ rt, media, checked }: Job, { opened }: Step): Promise<Delivery> {
  const { set } = opened.set;
  const delivery = checked.get(set) ?? (await checkSet(rt, opened, media));
  checked.set(set, delivery);
  return delivery;
}

/** Under the lock: sets that the folder has come past meanwhile are left out, the others applied one after the other. */
async function apply(job: Job, folder: LabelFolder): Promise<ImportReport> {
  const { rt, steps, request } = job;
  const before = folder.live.manifest?.generation ?? null;
  let { live } = folder;
  let outcome: Applied | undefined;
  tellUnsigned(job, live);
  for (const step of remaining(steps, live)) {
    const applied = await applyStep(job, { step, folder: { ...folder, live } });
    outcome = outcome === undefined ? applied : bothSteps(folder.live, outcome, applied);
    if (step !== steps.at(-1)) live = await inspectLabelFolder(rt, { place: folder.place, replace: ['all'] });
  }
  if (outcome === undefined) throw new TypeError('no set was chosen');
  const receipts = [outcome.receipt];
  if (request.receipt !== undefined)
    receipts.push(await copyReceipt(rt, { label: job.label, applied: outcome, place: request.receipt }));
  return report(job, { place: folder.place, before, outcome, receipts });
}

/** Told as one: from the folder as it was before the first of the sets to what it is after this one. */
function bothSteps(live: LiveFolder, earlier: Applied, applied: Applied): Applied {
  return {
    ...applied,
    staged: { ...applied.staged, ...changesTo(live, applied.staged.files) },
    unchanged: earlier.unchanged && applied.unchanged,
    bytesWritten: earlier.bytesWritten + applied.bytesWritten,
  };
}

async function applyStep(job: Job, { step, folder }: { step: Step; folder: LabelFolder }): Promise<Applied> {
  const { rt, request } = job;
  const { opened, signature } = step;
  const { name, set } = opened.set;
  const verdict = judge(claimOf(opened), folder.live, { ...request, command: 'import' });
  const delivery = await deliveryFor(job, { step, live: folder.live });
  const { adopt, siteFiles } = request;
  const source = { command: 'import', from: `medium ${name}`, set, signature } as const;
  const applied = await applyDelivery(rt, { delivery, folder, adopt, siteFiles, ...source });
  if (verdict === 'same' && applied.unchanged)
    rt.events.emit({ type: 'note', message: `${name} was imported before: nothing to do` });
  return applied;
}

/** Where the folder has every file already, the medium need not be read. */
async function deliveryFor(job: Job, { step, live }: { step: Step; live: LiveFolder }): Promise<Delivery> {
  const { target } = step.opened;
  return isWhole(target, live) ? nothingToRead(target) : deliveryOf(job, step);
}

/** A dry run: the same questions, nothing locked or written. What several deltas bring is told against the folder as it is. */
async function rehearse(job: Job): Promise<ImportReport> {
  const { rt, label, request } = job;
  const { place, live } = await lookAtLabelFolder(rt, { ...request, label, replace: ['all'] });
  const steps = remaining(job.steps, live);
  judge(claimOf(steps[0]!.opened), live, { ...request, command: 'import' });
  tellUnsigned(job, live);
  const deliveries: Delivery[] = [];
  for (const step of steps) deliveries.push(await deliveryFor(job, { step, live }));
  const delivery: Delivery = {
    ...deliveries.at(-1)!,
    has: (file) => deliveries.some((each) => each.has(file)),
    indexes: new Map(deliveries.flatMap((each) => Array.from(each.indexes))),
  };
  const staged = await planImport(rt, { delivery, live, dir: place.stateDir });
  const unchanged = staged.leaving.length === 0 && staged.files.every(({ change }) => change === 'unchanged');
  return report(job, {
    place,
    before: live.manifest?.generation ?? null,
    outcome: { staged, unchanged, bytesWritten: 0 },
  });
}

/** Nobody asked for a signature, but the folder has one: whoever relies on it should look before it is gone unnoticed (bad-inputs G7). */
function tellUnsigned({ rt, steps }: Job, live: LiveFolder): void {
  const { opened, signature } = steps.at(-1)!;
  const another = live.manifestSha256 !== opened.target.sha256;
  if (signature !== 'absent' || !another || !live.files.has(SIGNATURE_NAME)) return;
  const message = `${opened.set.name} is not signed, and generation ${live.manifest?.generation ?? '?'} here is: ask the sender; --allowed-signers FILE refuses unsigned sets`;
  rt.events.emit({
    type: 'finding',
    finding: { code: 'signature-gone', message, subject: SIGNATURE_NAME, exit: false, warn: true },
  });
}

interface Ended {
  place: LabelFolder['place'];
  before: number | null;
  outcome: Pick<Applied, 'staged' | 'unchanged' | 'bytesWritten'>;
  receipts?: string[];
}

function report(
  { media, label, steps, request, findings }: Job,
  { place, before, outcome, receipts = [] }: Ended,
): ImportReport {
  const { staged, unchanged, bytesWritten } = outcome;
  return {
    job: 'import',
    label,
    labelDir: place.labelDir,
    media: [...media.places],
    sets: steps.map(({ opened: { set }, signature }) => ({
      name: set.name,
      kind: set.kind,
      generation: set.generation,
      signature,
    })),
    before,
    generation: staged.manifest.generation,
    manifestSha256: steps.at(-1)!.opened.target.sha256,
    changes: staged.changes,
    leaving: [...staged.leaving],
    dryRun: request.dryRun,
    unchanged,
    bytesWritten,
    receipts,
    findings: findings(),
  };
}

/** What is still to be applied to the folder as it is now: from the set behind the one whose manifest it has. */
function remaining(steps: readonly Step[], live: LiveFolder): readonly Step[] {
  const at = steps.findIndex(
    ({ opened: { set, target } }) =>
      target.sha256 === live.manifestSha256 && (set.kind === 'delta' || isWhole(target, live)),
  );
  return at === -1 || at === steps.length - 1 ? steps.slice(Math.max(at, 0)) : steps.slice(at + 1);
}

function claimOf({ set }: OpenedSet): Claim {
  const { name, generation, manifest_sha256: manifestSha256, base, subdirs } = set;
  return { name, generation, manifestSha256, base, subdirs };
}

/** As the folder seems to be: no lock, one file read. Only to refuse early what would be refused after an hour of reading. */
interface Glance extends Standing {
  state: LiveState | undefined;
  /** No run broke off in the middle of a switch: what is seen is what the lock will show. */
  settled: boolean;
}

async function glance(rt: Runtime, root: string, label: string): Promise<Glance> {
  const { labelDir: dir, stateDir } = await openRoot(rt, root, label, { create: false });
  const settled = await rt.fs.lstat(path.join(stateDir, JOURNAL_NAME)).then(
    () => false,
    () => true,
  );
  const bytes = await rt.fs.readFile(path.join(dir, MANIFEST_NAME)).catch(() => undefined);
  const parsed = bytes === undefined ? undefined : parseManifest(bytes);
  if (parsed?.kind !== 'sound') {
    return {
      dir,
      manifest: undefined,
      manifestSha256: undefined,
      state: undefined,
      settled: settled && bytes === undefined,
    };
  }
  const { manifest, sha256: manifestSha256 } = parsed;
  return { dir, manifest, manifestSha256, state: { generation: manifest.generation, manifestSha256 }, settled };
}
