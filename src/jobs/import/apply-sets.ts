import { emitFindings } from '../../base/emit-findings.js';
import type { SetContent } from '../../media/set/content.js';
import { fits, type SetEnds } from '../../media/import/fits.js';
import { planImport } from '../../media/import/stage.js';
import type { Target } from '../../media/set/target.js';
import { changesTo } from '../../channel/compare-channels.js';
import type { Finding } from '../../base/findings.js';
import { SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import type { ChannelChanges, LiveFolder } from '../../channel/staged.js';
import { refuseHeld } from '../../delivery/generations/hold.js';
import { inspectLabelFolder } from '../../delivery/place/inspect.js';
import { lookAtLabelFolder, withLabelFolder, type LabelFolder } from '../../delivery/place/label-folder.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { PolicyOf } from '../policy/load-policy.js';
import { applySet, isWhole, nothingToRead, type Applied } from './apply-set.js';
import { copyReceipt } from './import-receipt.js';

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

/** A set of a medium or an unpacked delta, and what it leads to. */
export interface SetToApply {
  header: SetEnds;
  target: Target;
  /** Id; null for an unpacked delta. */
  set: string | null;
  /** Who vouches for it, in the words of the receipt. */
  signature: string;
  /** Reads it whole and holds it against its manifest, at the first call. */
  read(): Promise<SetContent>;
}

/** Sets that are to be applied to one label folder, one after the other. */
export interface SetsJob {
  rt: Runtime;
  command: 'import' | 'merge';
  /** Absolute paths of what is read. */
  places: readonly string[];
  label: string;
  steps: readonly SetToApply[];
  request: {
    root: string;
    dryRun: boolean;
    receipt?: string | undefined;
    allowRollback?: boolean;
    adopt: boolean;
    keep?: number | undefined;
    siteFiles: boolean;
    policyOf?: PolicyOf | undefined;
    waitLockMs: number;
    takeOverLock: boolean;
  };
  findings: () => Finding[];
}

/** From checked sets to the label folder, through the same lock, journal and switch as every run; or what would become of it. */
export async function applySets(job: SetsJob): Promise<ImportReport> {
  const { rt, command, label, request } = job;
  if (request.dryRun) return rehearse(job);
  return withLabelFolder(rt, { ...request, label, job: command, replace: ['all'] }, (folder) => apply(job, folder));
}

/** Under the lock: sets that the folder has come past meanwhile are left out, the others applied one after the other. */
async function apply(job: SetsJob, folder: LabelFolder): Promise<ImportReport> {
  const { rt, steps, request } = job;
  const before = folder.live.manifest?.generation ?? null;
  let { live } = folder;
  let outcome: Applied | undefined;
  const left = remaining(steps, live);
  await refuseOther(job, { place: folder.place, live, last: left.at(-1)! });
  tellUnsigned(job, live);
  for (const step of left) {
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

/** A label that is held takes what mends it, and no other generation. @throws RepackError E_HELD */
async function refuseOther(
  { rt }: SetsJob,
  { place, live, last }: { place: LabelFolder['place']; live: LiveFolder; last: SetToApply },
): Promise<void> {
  if (last.target.sha256 !== live.manifestSha256) await refuseHeld(rt, place);
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

async function applyStep(job: SetsJob, { step, folder }: { step: SetToApply; folder: LabelFolder }): Promise<Applied> {
  const { rt, command, request } = job;
  const { header, set, signature } = step;
  const { name } = header;
  const verdict = await judged(job, { step, live: folder.live });
  const content = await contentFor(step, folder.live);
  const { adopt, keep, siteFiles } = request;
  const from = `${command === 'import' ? 'medium' : 'delta'} ${name}`;
  const policy = await request.policyOf?.(job.label);
  const options = { content, folder, adopt, keep, siteFiles, policy, command, from, set, signature };
  const applied = await applySet(rt, options);
  if (command === 'import' && verdict === 'same' && applied.unchanged)
    rt.events.emit({ type: 'note', message: `${name} was imported before: nothing to do` });
  return applied;
}

/** Where the folder has every file already, the medium need not be read. */
async function contentFor({ target, read }: SetToApply, live: LiveFolder): Promise<SetContent> {
  return isWhole(target, live) ? nothingToRead(target) : read();
}

/** The base decides; of a merge only where the outcome is not the same anyway, every other file of the new channel being there already. */
async function judged({ command, request }: SetsJob, { step, live }: { step: SetToApply; live: LiveFolder }) {
  const { header, target } = step;
  const isBase = live.manifestSha256 === header.base?.manifest_sha256;
  const asFull = command === 'merge' && !isBase && completes(await step.read(), { target, live });
  const { allowRollback = false } = request;
  return fits(asFull ? { ...header, base: null } : header, live, { allowRollback, command });
}

function completes({ has }: SetContent, { target, live }: { target: Target; live: LiveFolder }): boolean {
  return target.manifest.files.every(({ path, sha256 }) => has(path) || live.files.get(path)?.sha256 === sha256);
}

/** A dry run: the same questions, nothing locked or written. What several deltas bring is reported against the folder as it is. */
async function rehearse(job: SetsJob): Promise<ImportReport> {
  const { rt, label, request } = job;
  const { place, live } = await lookAtLabelFolder(rt, { ...request, label, replace: ['all'] });
  const steps = remaining(job.steps, live);
  await refuseOther(job, { place, live, last: steps.at(-1)! });
  await judged(job, { step: steps[0]!, live });
  tellUnsigned(job, live);
  const contents: SetContent[] = [];
  for (const step of steps) contents.push(await contentFor(step, live));
  const content: SetContent = {
    ...contents.at(-1)!,
    has: (file) => contents.some((each) => each.has(file)),
    indexes: new Map(contents.flatMap((each) => Array.from(each.indexes))),
  };
  const staged = await planImport(rt, { content, live, dir: place.stateDir });
  const policy = await request.policyOf?.(label);
  if (policy !== undefined) {
    const { judgeStaged, passVerdict } = await import('../../delivery/policy-gate.js');
    const to = { staged: { ...staged, dir: place.stateDir }, live, rehearsed: content.indexes };
    passVerdict(rt, await judgeStaged(rt, policy, to), { where: place.labelDir });
  }
  const unchanged = staged.leaving.length === 0 && staged.files.every(({ change }) => change === 'unchanged');
  return report(job, {
    place,
    before: live.manifest?.generation ?? null,
    outcome: { staged, unchanged, bytesWritten: 0 },
  });
}

/** Nobody asked for a signature, but the folder has one: whoever relies on it should look before it is gone unnoticed (bad-inputs G7). */
function tellUnsigned({ rt, command, steps }: SetsJob, live: LiveFolder): void {
  const { header, target, signature } = steps.at(-1)!;
  const another = live.manifestSha256 !== target.sha256;
  if (command === 'merge' || signature !== 'absent' || !another || !live.files.has(SIGNATURE_NAME)) return;
  const message = `${header.name} is not signed, and generation ${live.manifest?.generation ?? '?'} here is: ask the sender; --allowed-signers FILE refuses unsigned sets`;
  emitFindings(rt, [{ code: 'signature-gone', message, subject: SIGNATURE_NAME, exit: false, warn: true }]);
}

interface Ended {
  place: LabelFolder['place'];
  before: number | null;
  outcome: Pick<Applied, 'staged' | 'unchanged' | 'bytesWritten'>;
  receipts?: string[];
}

function report(
  { command, places, label, steps, request, findings }: SetsJob,
  { place, before, outcome, receipts = [] }: Ended,
): ImportReport {
  const { staged, unchanged, bytesWritten } = outcome;
  return {
    job: command,
    label,
    labelDir: place.labelDir,
    media: [...places],
    sets: steps.map(({ header: { name, base, generation }, signature }) => ({
      name,
      kind: base === null ? 'full' : 'delta',
      generation,
      signature,
    })),
    before,
    generation: staged.manifest.generation,
    manifestSha256: steps.at(-1)!.target.sha256,
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
function remaining(steps: readonly SetToApply[], live: LiveFolder): readonly SetToApply[] {
  const at = steps.findIndex(
    ({ header, target }) => target.sha256 === live.manifestSha256 && (header.base !== null || isWhole(target, live)),
  );
  return at === -1 || at === steps.length - 1 ? steps.slice(Math.max(at, 0)) : steps.slice(at + 1);
}
