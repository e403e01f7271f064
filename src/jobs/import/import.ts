import path from 'node:path';
import { checkSet, type Delivery } from '../../media/import/check.js';
import { chooseFullSets, chooseLabel, chooseSets, type LiveState } from '../../media/import/choose-set.js';
import { judge, type Claim, type Standing } from '../../media/import/judge.js';
import { openSet, type OpenedSet } from '../../media/import/open.js';
import { checkSignature, refuseKeysOfMedium } from '../../media/import/signature.js';
import type { SetFile } from '../../media/medium/format.js';
import { findSets, openMedia, type FoundSet, type Media } from '../../media/medium/read-media.js';
import { isRepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import { parseManifest } from '../../channel/manifest/read-manifest.js';
import { JOURNAL_NAME } from '../../delivery/switch/journal.js';
import { openRoot } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';
import { applySets, type ImportReport, type SetToApply } from './apply-sets.js';
import { refuseReceiptPlace } from './import-receipt.js';
import { collectFindings, emitFindings } from '../../delivery/collect-findings.js';

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
interface Task {
  rt: Runtime;
  media: Media;
  label: string;
  request: ImportRequest;
  findings: () => Finding[];
  /** On the media, of whatever label. */
  all: readonly FoundSet[];
  standing: Glance;
  /** By id of the set. */
  checked: Map<string, Delivery>;
}

async function take(task: Task, way: readonly FoundSet[]): Promise<ImportReport> {
  const { rt, media, label, request, standing, all, findings } = task;
  const steps: SetToApply[] = [];
  for (const found of way) {
    const opened = await openSet(rt, { found, others: all, media });
    emitFindings(rt, opened.findings);
    const signature = await checkSignature(rt, { opened, ...request });
    const { target, set } = opened;
    steps.push({ claim: claimOf(set), target, set: set.set, signature, read: () => deliveryOf(task, opened) });
  }
  if (standing.settled) judge(steps[0]!.claim, standing, { ...request, command: 'import' });
  if (standing.manifestSha256 !== steps.at(-1)!.target.sha256) for (const { read } of steps) await read();
  await rt.reach('import:checked');
  return applySets({ rt, command: 'import', places: media.places, label, request, findings, steps });
}

/** Each set is read through once; where the folder seems to have it already, only if that turns out otherwise. */
async function deliveryOf({ rt, media, checked }: Task, opened: OpenedSet): Promise<Delivery> {
  const { set } = opened.set;
  const delivery = checked.get(set) ?? (await checkSet(rt, opened, media));
  checked.set(set, delivery);
  return delivery;
}

function claimOf({ name, generation, manifest_sha256: manifestSha256, base, subdirs }: SetFile): Claim {
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
