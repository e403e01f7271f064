import { emitFindings } from '../../base/emit-findings.js';
import path from 'node:path';
import { readSet } from '../../media/archive/read-set.js';
import type { SetContent } from '../../media/set/content.js';
import { chooseFullSets, chooseLabel, chooseSets } from '../../media/import/choose-set.js';
import { fits, type FolderState } from '../../media/import/fits.js';
import { openSet, type OpenedSet } from '../../media/archive/open-set.js';
import { checkSignature, refuseKeysOfMedium } from '../../media/import/signature.js';
import { findSets, openMedia, type FoundSet, type Media } from '../../media/archive/read-media.js';
import { isRepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import { isThere } from '../../channel/read/list-folder.js';
import { parseManifest } from '../../channel/manifest/read-manifest.js';
import { JOURNAL_NAME } from '../../delivery/switch/journal.js';
import { openRoot } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { PolicyOf } from '../policy/load-policy.js';
import { applySets, type ImportReport, type SetToApply } from './apply-sets.js';
import { refuseReceiptPlace } from './import-receipt.js';
import { collectFindings } from '../../delivery/collect-findings.js';

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
  /** How many generations stay complete; absent: as last time. */
  keep?: number | undefined;
  siteFiles: boolean;
  policyOf?: PolicyOf | undefined;
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

  const seeming = await seemingState(rt, request.root, label);
  const task: Task = { rt, media, label, request, findings, all: found.sets, seeming, checked: new Map() };
  const way = chooseSets(sets, seeming);
  try {
    return await take(task, way);
  } catch (error) {
    const full = chooseFullSets(sets, seeming);
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
  seeming: SeemingState;
  /** By id of the set. */
  checked: Map<string, SetContent>;
}

async function take(task: Task, way: readonly FoundSet[]): Promise<ImportReport> {
  const { rt, media, label, request, seeming, all, findings } = task;
  const steps: SetToApply[] = [];
  for (const found of way) {
    const opened = await openSet(rt, { found, others: all, media });
    emitFindings(rt, opened.findings);
    const signature = await checkSignature(rt, { opened, ...request });
    const { target, set } = opened;
    steps.push({ header: set, target, set: set.set, signature, read: () => contentOf(task, opened) });
  }
  if (seeming.settled) fits(steps[0]!.header, seeming, { ...request, command: 'import' });
  if (seeming.manifestSha256 !== steps.at(-1)!.target.sha256) for (const { read } of steps) await read();
  await rt.reach('import:checked');
  return applySets({ rt, command: 'import', places: media.places, label, request, findings, steps });
}

/** Each set is read through once; where the folder seems to have it already, only if that turns out otherwise. */
async function contentOf({ rt, media, checked }: Task, opened: OpenedSet): Promise<SetContent> {
  const { set } = opened.set;
  const content = checked.get(set) ?? (await readSet(rt, opened, media));
  checked.set(set, content);
  return content;
}

/** As the folder seems to be: no lock, one file read. Only to refuse early what would be refused after an hour of reading. */
interface SeemingState extends FolderState {
  /** No run broke off in the middle of a switch: what is seen is what the lock will show. */
  settled: boolean;
}

async function seemingState(rt: Runtime, root: string, label: string): Promise<SeemingState> {
  const { labelDir: dir, stateDir } = await openRoot(rt, root, label, { create: false });
  const settled = !(await isThere(rt, path.join(stateDir, JOURNAL_NAME)));
  const bytes = await rt.fs.readFile(path.join(dir, MANIFEST_NAME)).catch(() => undefined);
  const parsed = bytes === undefined ? undefined : parseManifest(bytes);
  if (parsed?.kind !== 'sound')
    return { dir, manifest: undefined, manifestSha256: undefined, settled: settled && bytes === undefined };
  return { dir, manifest: parsed.manifest, manifestSha256: parsed.sha256, settled };
}
