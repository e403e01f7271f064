import { join } from 'node:path';
import { canonicalJson, isObject, objectIn } from '../base/json.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import type { LiveFolder, PublishReceipt, StagedChannel } from '../channel/staged.js';
import type { PolicyVerdict } from '../conda/policy/verdict.js';
import type { FileToPut } from './switch/operations.js';
import type { Runtime } from '../runtime/runtime.js';
import { codeOf, isMissing } from '../base/fs-errors.js';

/** Beside the label folder: what depends on time, host, engine and tool version (design D8). */
export const RECEIPTS_NAME = 'receipts';
/** Beside them: what a run that found nothing to change says of itself. It is no publication and has no number. */
export const LAST_RUN_NAME = 'last-run.json';
/** Older ones are removed. */
export const RECEIPTS_KEPT = 50;

/** Every receipt that is still kept, oldest first; damaged ones left out. */
export async function readReceipts(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<PublishReceipt[]> {
  const receipts: PublishReceipt[] = [];
  for (const number of await receiptNumbers(rt, stateDir)) {
    const text = await rt.fs.readText(pathOf(stateDir, number)).catch((error: unknown) => {
      if (isMissing(error)) return '';
      throw error;
    });
    const value = objectIn(text);
    if (isReceipt(value)) receipts.push(value);
  }
  return receipts;
}

/** Whether it has what is asked of a receipt later. */
export function isReceipt(value: unknown): value is PublishReceipt {
  if (!isObject(value)) return false;
  const { generation, manifestSha256, finishedAt, written, removed } = value;
  return (
    typeof generation === 'number' &&
    typeof manifestSha256 === 'string' &&
    typeof finishedAt === 'string' &&
    Array.isArray(written) &&
    Array.isArray(removed)
  );
}

/** Writes `receipts/N.json`, N one higher than the last. The same run's receipt is not written twice. Gives N. */
export async function writeReceipt(
  rt: Pick<Runtime, 'fs'>,
  stateDir: string,
  receipt: PublishReceipt,
): Promise<number> {
  await rt.fs.mkdirp(join(stateDir, RECEIPTS_NAME));
  const numbers = await receiptNumbers(rt, stateDir);
  const last = numbers.at(-1) ?? 0;
  if (last > 0 && (await isOf(rt, pathOf(stateDir, last), receipt))) return last;

  const number = last + 1;
  await rt.fs.writeWhole(pathOf(stateDir, number), `${canonicalJson(receipt, 2)}\n`);
  for (const old of numbers.filter((other) => other <= number - RECEIPTS_KEPT))
    await rt.fs.unlink(pathOf(stateDir, old));
  return number;
}

export async function writeLastRun(rt: Pick<Runtime, 'fs'>, stateDir: string, receipt: PublishReceipt): Promise<void> {
  await rt.fs.writeWhole(join(stateDir, LAST_RUN_NAME), `${canonicalJson(receipt, 2)}\n`, { durable: false });
}

interface UnchangedRun extends Pick<PublishReceipt, 'manifestSha256' | 'engine' | 'tool' | 'startedAt' | 'proof'> {
  manifest: Pick<Manifest, 'label' | 'generation' | 'previous'>;
}

/** `last-run.json` of a run that staged nothing. It says what was, so a disk that refuses is a warning. */
export async function recordUnchanged(
  rt: Pick<Runtime, 'fs' | 'clock' | 'events' | 'machine'>,
  { stateDir }: { stateDir: string },
  { manifest, manifestSha256, proof, ...run }: UnchangedRun,
): Promise<void> {
  const { label, generation, previous } = manifest;
  const nothing = { written: [], removed: [], bytesWritten: 0, bytesToTravel: 0, unchanged: true };
  const receipt = {
    schema: 1 as const,
    label,
    generation,
    manifestSha256,
    previous,
    ...run,
    ...nothing,
    host: rt.machine.hostname,
  };
  await writeLastRun(rt, stateDir, { ...finished(rt, receipt), ...(proof === undefined ? {} : { proof }) }).catch(
    notWritten(rt),
  );
}

/** For who had nothing to change and can't say so. */
export function notWritten(rt: Pick<Runtime, 'events'>): (error: unknown) => void {
  return (error) => {
    const why = error instanceof Error ? error.message : String(error);
    rt.events.emit({ type: 'warning', message: `nothing had to change, but that could not be written down (${why})` });
  };
}

export type DraftReceipt = Omit<PublishReceipt, 'finishedAt'>;

export function finished(rt: Pick<Runtime, 'clock'>, draft: DraftReceipt): PublishReceipt {
  return { ...draft, finishedAt: new Date(rt.clock.now()).toISOString() };
}

interface Run {
  staged: StagedChannel;
  live: LiveFolder;
  engine: string;
  rollback?: { to: number } | undefined;
  verdict?: PolicyVerdict | undefined;
  tool: string;
  /** ISO 8601, UTC. */
  startedAt: string;
}

/** What a publication says of itself, but for when it ended. */
export function draftReceipt(
  rt: Pick<Runtime, 'machine'>,
  { staged, live, engine, rollback, verdict, tool, startedAt }: Run,
  files: readonly FileToPut[],
): DraftReceipt {
  const { generation, previous } = staged.manifest;
  const unchanged = files.length === 0 && staged.leaving.length === 0;
  return {
    schema: 1,
    label: staged.label,
    generation,
    manifestSha256: staged.files.find((file) => file.kind === 'manifest')?.sha256 ?? live.manifestSha256 ?? '',
    previous,
    startedAt,
    host: rt.machine.hostname,
    tool,
    engine,
    written: files.map((file) => file.path),
    removed: [...staged.leaving],
    bytesWritten: files.reduce((sum, file) => sum + file.size, 0),
    bytesToTravel: staged.changes.bytesToTravel,
    unchanged,
    ...(rollback === undefined ? {} : { rolledBackTo: rollback.to }),
    ...(verdict === undefined ? {} : { policy: verdict }),
  };
}

async function receiptNumbers(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<number[]> {
  try {
    const entries = await rt.fs.readdir(join(stateDir, RECEIPTS_NAME));
    const names = entries.map(({ name }) => /^([1-9]\d*)\.json$/.exec(name)?.[1]);
    return names
      .filter((name) => name !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function isOf(rt: Pick<Runtime, 'fs'>, path: string, receipt: PublishReceipt): Promise<boolean> {
  try {
    const there = JSON.parse(await rt.fs.readText(path)) as PublishReceipt;
    return (
      there.startedAt === receipt.startedAt &&
      there.host === receipt.host &&
      there.manifestSha256 === receipt.manifestSha256
    );
  } catch {
    return false;
  }
}

function pathOf(stateDir: string, number: number): string {
  return join(stateDir, RECEIPTS_NAME, `${number}.json`);
}
