import { emitFindings } from '../../base/emit-findings.js';
import { dirname, join } from 'node:path';
import { isMissing } from '../../base/fs-errors.js';
import { canonicalJson, objectIn } from '../../base/json.js';
import { largest } from '../../base/largest.js';
import { contentOf } from '../../channel/manifest/make-manifest.js';
import { INDEX_NAMES, MANIFEST_NAME, SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import { readManifest } from '../../channel/manifest/read-manifest.js';
import type { LiveFolder, PublishReceipt, StagedChannel } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { MANIFEST_COPY_NAME } from '../place/inspect.js';
import { readReceipts } from '../receipts.js';
import { generationDir, keptNumbers, RECEIPT_NAME } from './read-generations.js';

/** In the state folder: `{"schema":1,"keep":3}`. */
const KEEP_NAME = 'keep.json';

/** In the staging folder, under the journal: what gets its number when it is recorded. */
const STAGED_NAME = 'generation';
const PACKED_INDEX = INDEX_NAMES[1];

interface Keeping {
  stateDir: string;
  /** The run's staging folder. */
  stagingDir: string;
  staged: Pick<StagedChannel, 'dir' | 'files' | 'manifest'>;
  live: LiveFolder;
}

/**
 * Before the journal is written: copies of what is kept of the new generation, beside what is staged, fsynced. A generation that an older
 * version published, or another program since, gets its folder first. Of two channels with one number (somebody's import) the first stays.
 */
export async function stageGeneration(rt: Runtime, { stateDir, stagingDir, staged, live }: Keeping): Promise<void> {
  await keepLive(rt, { stateDir, stagingDir, live });
  const { manifest, files } = staged;
  const dir = generationDir(stateDir, manifest.generation);
  const there = await readManifest(rt, join(dir, MANIFEST_NAME));
  if (there !== undefined && contentOf(there.manifest) !== contentOf(manifest)) {
    const message = `another channel of generation ${manifest.generation} is kept already, and stays; of this one there will be no history`;
    emitFindings(rt, [{ code: 'generation-not-kept', message, subject: dir, exit: false }]);
    return;
  }
  const kept = files.filter(({ path }) => isKept(path));
  await copyAll(rt, join(stagingDir, STAGED_NAME), {
    files: kept.map(({ path, change }) => ({ path, from: join(change === 'unchanged' ? live.dir : staged.dir, path) })),
  });
}

/** What lies there now was published: it may have its number at once. */
async function keepLive(rt: Runtime, { stateDir, stagingDir, live }: Omit<Keeping, 'staged'>): Promise<void> {
  const { manifest, manifestSha256 } = live;
  if (manifest === undefined || (await found(rt, generationDir(stateDir, manifest.generation)))) return;
  const [inFolder, copy] = [join(live.dir, MANIFEST_NAME), join(stateDir, MANIFEST_COPY_NAME)];
  const whole = (await readManifest(rt, inFolder))?.sha256 === manifestSha256;
  if (!whole && (await readManifest(rt, copy))?.sha256 !== manifestSha256) return;
  const indexes = manifest.files
    .filter(({ path, sha256 }) => isKept(path) && live.files.get(path)?.sha256 === sha256)
    .map(({ path }) => path);
  const others = whole && live.files.has(SIGNATURE_NAME) ? [SIGNATURE_NAME, ...indexes] : indexes;
  const receipts = await readReceipts(rt, stateDir);
  const dir = join(stagingDir, `${STAGED_NAME}-before`);
  await copyAll(rt, dir, {
    files: [
      { path: MANIFEST_NAME, from: whole ? inFolder : copy },
      ...others.map((path) => ({ path, from: join(live.dir, path) })),
    ],
    receipt: receipts.find(({ manifestSha256: of }) => of === manifestSha256),
  });
  await putInPlace(rt, dir, generationDir(stateDir, manifest.generation));
}

/**
 * When the switch is complete. A generation that was published before (its signature or the form of its indexes is new) gets the newer files, and
 * its first receipt names the newer manifest. Safe to be done again when a crash came between; nothing staged is no error.
 */
export async function nameGeneration(
  rt: Runtime,
  { stateDir, stagingDir, receipt }: { stateDir: string; stagingDir: string; receipt: PublishReceipt },
): Promise<void> {
  const staged = join(stagingDir, STAGED_NAME);
  if (!(await found(rt, staged))) return;
  const dir = generationDir(stateDir, receipt.generation);
  if (await found(rt, dir)) {
    await renew(rt, staged, dir);
    const first = objectIn(await rt.fs.readText(join(dir, RECEIPT_NAME)).catch(() => ''));
    await writeReceipt(rt, dir, { ...receipt, ...first, manifestSha256: receipt.manifestSha256 });
  } else {
    await writeReceipt(rt, staged, receipt);
    await putInPlace(rt, staged, dir);
  }
  await rt.reach('publish:generation-named');
}

/** The manifest last but for its signature: as long as it is staged, a signature that is not means that there is none. */
async function renew(rt: Runtime, staged: string, dir: string): Promise<void> {
  const subdirs = (await rt.fs.readdir(staged)).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const [manifest, signature] = [MANIFEST_NAME, SIGNATURE_NAME].map((name) => join(staged, name));
  if ((await found(rt, manifest!)) && !(await found(rt, signature!)))
    await rt.fs.unlink(join(dir, SIGNATURE_NAME)).catch(unlessMissing);
  for (const subdir of subdirs) await rt.fs.mkdirp(join(dir, subdir));
  const paths = [...subdirs.map((subdir) => join(subdir, PACKED_INDEX)), MANIFEST_NAME, SIGNATURE_NAME];
  for (const path of paths) await rt.fs.rename(join(staged, path), join(dir, path)).catch(unlessMissing);
  for (const folder of [...subdirs.map((subdir) => join(dir, subdir)), dir]) await rt.fs.syncDir(folder);
}

/** The highest number that was ever given to a generation of this label, as far as is known beside the label folder; 0: none. */
export async function lastGeneration(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<number> {
  const kept = await keptNumbers(rt, stateDir);
  const receipts = await readReceipts(rt, stateDir);
  return largest([...kept, ...receipts.map(({ generation }) => generation)]);
}

/** How many generations of the label were to stay complete when it was last published; undefined: nobody said. */
export async function recordedKeep(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<number | undefined> {
  const keep = objectIn(await rt.fs.readText(join(stateDir, KEEP_NAME)).catch(() => ''))?.['keep'];
  return typeof keep === 'number' ? keep : undefined;
}

/** Notes it for whoever prunes. */
export async function recordKeep(rt: Pick<Runtime, 'fs'>, stateDir: string, keep: number): Promise<void> {
  if (((await recordedKeep(rt, stateDir)) ?? 0) === keep) return;
  await rt.fs.writeWhole(join(stateDir, KEEP_NAME), `${canonicalJson({ schema: 1, keep })}\n`);
}

/** The order in which generations are kept complete: the live one, then the newest. */
export function largestFirst(numbers: readonly number[], live: number | undefined): number[] {
  return numbers.toSorted((a, b) => Number(b === live) - Number(a === live) || b - a);
}

interface Copies {
  files: readonly { path: string; from: string }[];
  receipt?: PublishReceipt | undefined;
}

async function copyAll(rt: Runtime, dir: string, { files, receipt }: Copies): Promise<void> {
  const folders = new Set([dir, ...files.map(({ path }) => dirname(join(dir, path)))]);
  for (const folder of folders) await rt.fs.mkdirp(folder);
  for (const { path, from } of files) {
    await rt.fs.copyNew(from, join(dir, path));
    await rt.fs.syncFile(join(dir, path));
  }
  if (receipt !== undefined) await writeReceipt(rt, dir, receipt);
  for (const folder of folders) await rt.fs.syncDir(folder);
}

async function writeReceipt(rt: Runtime, dir: string, receipt: PublishReceipt): Promise<void> {
  await rt.fs.writeWhole(join(dir, RECEIPT_NAME), `${canonicalJson(receipt, 2)}\n`);
}

async function putInPlace(rt: Runtime, from: string, dir: string): Promise<void> {
  await rt.fs.mkdirp(dirname(dir));
  await rt.fs.rename(from, dir);
  await rt.fs.syncDir(dirname(dir));
}

function isKept(path: string): boolean {
  return path === MANIFEST_NAME || path === SIGNATURE_NAME || path.endsWith(`/${PACKED_INDEX}`);
}

/** A disk that can't tell must not make a kept generation look like none: then it throws. */
async function found(rt: Pick<Runtime, 'fs'>, path: string): Promise<boolean> {
  return rt.fs.lstat(path).then(
    () => true,
    (error: unknown) => {
      unlessMissing(error);
      return false;
    },
  );
}

function unlessMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
