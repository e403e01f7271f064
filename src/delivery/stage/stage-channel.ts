import { append } from '../../base/append.js';
import { dirname, join } from 'node:path';
import { digestsOf, sha256Of } from '../../codec/digests.js';
import { explainDiskErrorOn, freeSpace } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import {
  MANIFEST_NAME,
  PAPERS_NAME,
  SIGNATURE_NAME,
  SUMS_NAME,
  type ManifestFile,
} from '../../channel/manifest/manifest.js';
import { byteProgress } from '../../base/byte-progress.js';
import { inParallel } from '../../base/parallel.js';
import type { AcquiredArtifact } from '../../conda/plan/plan.js';
import type { LiveFolder, SideFile, StagedChannel, StagedFile } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { compareWithLive } from './compare-live.js';
import { changeOf, changesTo } from '../../channel/compare-channels.js';
import {
  makeManifest,
  manifestBytes,
  subdirsOf,
  sumsBytes,
  type ContentPlan,
} from '../../channel/manifest/make-manifest.js';
import { artifactMtime, nextMtime } from '../../channel/mtimes.js';
import { buildRepodata, recordDigest } from '../../channel/index/repodata.js';
import type { PaperMaker } from '../proposal.js';
import { papersOf } from './stage-papers.js';
import { shareBytes, type ShareBytes } from './share-bytes.js';
import { copyStaged, writeStaged } from './write-staged.js';
import { indexNames, packIndexFiles } from '../../channel/index/forms.js';
import { pathOf } from '../../conda/channel/names.js';

export interface StageOptions {
  plan: ContentPlan;
  acquired: readonly AcquiredArtifact[];
  live: LiveFolder;
  /** The highest number that a generation of this label ever had, besides the live one's; default none. */
  lastGeneration?: number;
  /** On ROOT's volume, beside the label folder; exists and is empty. The caller removes it, after a failure too. */
  dir: string;
  indexBz2: boolean;
  /** Every index file as it is to be, of exactly these records; default: made of them. */
  indexes?: readonly { path: string; bytes: Uint8Array }[] | undefined;
  /** File or package names whose changed bytes are accepted; `all`: every one. */
  replace: readonly string[];
  /** What travels along outside the indexes; default nothing. */
  side?: readonly SideFile[] | undefined;
  /** Makes its papers (design D18); absent: nobody does. */
  papers?: PaperMaker | undefined;
  /** Makes the detached signature over the bytes of `manifest.json`. Asked only where the folder has none over the same bytes. */
  sign?: ((manifest: Uint8Array) => Promise<Uint8Array>) | undefined;
  /**
   * For mirrors, which may be larger than half a disk: only what changes is staged, artifacts by a hard link from a store on the same
   * volume that gives them up once they are published. Default: a complete channel, every byte of it written anew or linked from the live
   * folder.
   */
  changesOnly?: boolean;
}

export interface StageResult extends StagedChannel {
  /** Code: `artifact-replaced`. */
  findings: Finding[];
}

/** A file of the staged channel, with where its bytes come from. */
type FileToStage = { file: StagedFile } & ({ storePath: string } | { bytes: Uint8Array } | { stays: true });

/**
 * Makes the complete channel in `dir`: artifacts, an index for every subdir and `noarch`, side files, papers, `manifest.json` with its signature, `SHA256SUMS`. Every new
 * byte is hashed as it is written and on disk at the end. Artifacts that the label folder has already are hard-linked from it where the file system
 * can, so staging an unchanged label costs next to nothing.
 *
 * The label folder is only read. Everything under its `<subdir>/` folders that the new manifest does not name is `leaving` (design D6a); a
 * subdir that is no longer asked for leaves whole.
 *
 * @throws RepackError E_ARTIFACT_DIGEST, E_ARTIFACT_REPLACED, E_RECORD, E_RECORD_CONFLICT, E_DISK, E_DISK_FULL
 */
export async function stageChannel(rt: Runtime, options: StageOptions): Promise<StageResult> {
  const { plan, acquired, live, dir } = options;
  const findings = compareWithLive(live, acquired, { replace: options.replace, digestOf: ({ sha256 }) => sha256 });
  const content = [
    ...acquired.map((artifact) => artifactFile(artifact, live)),
    ...(options.side ?? []).map((file) => sideFile(rt, file, live)),
    ...(await indexFiles(rt, options)),
  ];
  const draft = makeManifest(plan, content.map(manifestFile), { ...live, lastGeneration: options.lastGeneration });
  const papers = await papersOf(rt, options.papers, { manifest: draft, artifacts: acquired, live });
  for (const { name, bytes } of papers)
    content.push(writtenFile(rt, { path: `${PAPERS_NAME}/${name}`, kind: 'paper', bytes }, live));
  const manifest = { ...draft, files: content.map(manifestFile).sort((a, b) => (a.path < b.path ? -1 : 1)) };
  const root = await rootFiles(rt, { content, manifest: manifestBytes(manifest), live, sign: options.sign });
  const files = [...content, ...root].sort((a, b) => (a.file.path < b.file.path ? -1 : 1));

  const linked = await writeFiles(rt, {
    files,
    live,
    dir,
    share: shareBytes(rt, { root: dirname(live.dir), dir }),
    subdirs: manifest.subdirs,
    changesOnly: options.changesOnly ?? false,
  });
  await rt.reach('channel:staged');

  const staged = files.map(({ file }) => (linked.has(file.path) ? Object.assign(file, { linked: true }) : file));
  return {
    dir,
    label: plan.label,
    files: staged,
    manifest,
    ...changesTo(live, staged),
    findings,
  };
}

function artifactFile(artifact: AcquiredArtifact, live: LiveFolder): FileToStage {
  const path = pathOf(artifact);
  const { size, sha256, md5 } = artifact;
  const was = live.files.get(path);
  return {
    storePath: artifact.storePath,
    file: {
      path,
      kind: 'artifact',
      size,
      sha256,
      md5,
      channel: artifact.channel?.url ?? null,
      record: recordDigest(artifact),
      mtimeMs: nextMtime(artifactMtime(artifact.record), sha256, was),
      change: changeOf(sha256, was),
    },
  };
}

async function indexFiles(
  rt: Runtime,
  { plan, acquired, live, indexBz2, indexes, changesOnly }: StageOptions,
): Promise<FileToStage[]> {
  if (indexes !== undefined) return indexes.map((each) => writtenFile(rt, { ...each, kind: 'index' }, live));
  const files: FileToStage[] = [];
  for (const subdir of subdirsOf(plan)) {
    rt.signal.throwIfAborted();
    const json = buildRepodata(subdir, acquired);
    const kept = changesOnly === true ? keptIndexes(live, { subdir, json, bz2: indexBz2 }) : undefined;
    if (kept !== undefined) append(files, kept);
    else
      for (const { path, bytes } of await packIndexFiles(subdir, json, { bz2: indexBz2 }))
        files.push(writtenFile(rt, { path, kind: 'index', bytes }, live));
  }
  return files;
}

/**
 * The live index files of a subdir, where the manifest says that they were written together and `repodata.json` comes out the same: then
 * packing it again, a minute's work for a large channel, would give the same bytes. Undefined where any of that is not so.
 */
function keptIndexes(
  live: LiveFolder,
  { subdir, json, bz2 }: { subdir: string; json: Uint8Array; bz2: boolean },
): FileToStage[] | undefined {
  const names = indexNames({ bz2 }).map((name) => `${subdir}/${name}`);
  const stated = new Map((live.manifest?.files ?? []).map((file) => [file.path, file]));
  if (stated.get(names[0]!)?.sha256 !== sha256Of(json)) return undefined;
  const kept: FileToStage[] = [];
  for (const path of names) {
    const was = live.files.get(path);
    if (was === undefined || was.sha256 !== stated.get(path)?.sha256) return undefined;
    kept.push({ stays: true, file: { path, kind: 'index', ...was, change: 'unchanged' } });
  }
  return kept;
}

function sideFile(rt: Runtime, { path, storePath, size, sha256, md5 }: SideFile, live: LiveFolder): FileToStage {
  const was = live.files.get(path);
  const mtimeMs = nextMtime(rt.clock.now(), sha256, was);
  return { storePath, file: { path, kind: 'side', size, sha256, md5, mtimeMs, change: changeOf(sha256, was) } };
}

interface RootInput {
  content: readonly FileToStage[];
  manifest: Uint8Array;
  live: LiveFolder;
  sign: StageOptions['sign'];
}

async function rootFiles(rt: Runtime, { content, manifest, live, sign }: RootInput): Promise<FileToStage[]> {
  const manifestFile = writtenFile(rt, { path: MANIFEST_NAME, kind: 'manifest', bytes: manifest }, live);
  const signed = [manifestFile, ...(await signatureFile(rt, { manifestFile, manifest, live, sign }))];
  const sums = sumsBytes([...content, ...signed].map(({ file }) => file));
  return [...signed, writtenFile(rt, { path: SUMS_NAME, kind: 'sums', bytes: sums }, live)];
}

/** The one that is there stays as long as its manifest does: not every kind of key signs the same bytes alike twice. */
async function signatureFile(
  rt: Runtime,
  { manifestFile, manifest, live, sign }: Omit<RootInput, 'content'> & { manifestFile: FileToStage },
): Promise<FileToStage[]> {
  const kept = manifestFile.file.change === 'unchanged' && live.files.has(SIGNATURE_NAME);
  if (!kept && sign === undefined) return [];
  const bytes = kept ? await rt.fs.readFile(join(live.dir, SIGNATURE_NAME)) : await sign!(manifest);
  return [writtenFile(rt, { path: SIGNATURE_NAME, kind: 'signature', bytes }, live)];
}

/** A file that this project writes itself: it dates from now where its bytes are new. */
function writtenFile(
  rt: Runtime,
  { path, kind, bytes }: { path: string; kind: StagedFile['kind']; bytes: Uint8Array },
  live: LiveFolder,
): FileToStage {
  const digests = digestsOf(bytes);
  const was = live.files.get(path);
  const mtimeMs = nextMtime(rt.clock.now(), digests.sha256, was);
  return { bytes, file: { path, kind, ...digests, mtimeMs, change: changeOf(digests.sha256, was) } };
}

function manifestFile({ file }: FileToStage): ManifestFile {
  const { path, kind, size, sha256, md5, channel, record } = file;
  return kind === 'artifact'
    ? { path, kind, size, sha256, md5, channel: channel ?? null, ...(record === undefined ? {} : { record }) }
    : { path, kind: kind === 'side' || kind === 'paper' ? kind : 'index', size, sha256, md5 };
}

interface FilesToWrite extends Omit<WriteTarget, 'needed'> {
  files: readonly FileToStage[];
  subdirs: readonly string[];
  changesOnly: boolean;
}

/** Gives the paths of files that are links to the store. */
async function writeFiles(
  rt: Runtime,
  { files, live, dir, share, subdirs, changesOnly }: FilesToWrite,
): Promise<ReadonlySet<string>> {
  const linked = new Set<string>();
  const inStore = (each: FileToStage): boolean => changesOnly && 'storePath' in each;
  const needed = files.reduce(
    (sum, each) => sum + (each.file.change === 'unchanged' || inStore(each) ? 0 : each.file.size),
    0,
  );
  const below = files.map(({ file: { path } }) => path.slice(0, Math.max(0, path.lastIndexOf('/'))));
  const folders = [...new Set([...subdirs, ...below])]
    .filter((folder) => folder !== '')
    .map((folder) => join(dir, folder));
  folders.push(dir);
  try {
    for (const folder of folders) await rt.fs.mkdirp(folder);
    await refuseFullDisk(rt, dir, needed);
    const onBytes = byteProgress(rt, { stage: 'publish', of: needed });
    await inParallel(files, 4, async (each) => {
      rt.signal.throwIfAborted();
      if (!changesOnly) await writeFile(rt, each, { live, dir, share, needed });
      else if (each.file.change !== 'unchanged' && (await takeFile(rt, each, { live, dir, share, needed })))
        linked.add(each.file.path);
      if (each.file.change !== 'unchanged' && !inStore(each)) onBytes(each.file.size, `staging ${each.file.path}`);
    });
    // Where nothing changes, nothing will be published from here, and waiting for the disk is most of the work.
    if (needed > 0) await Promise.all(folders.map((folder) => rt.fs.syncDir(folder)));
  } catch (error) {
    throw await explainDiskErrorOn(rt, error, { doing: 'write the staged channel', path: dir, needed, folder: dir });
  }
  return linked;
}

interface WriteTarget {
  live: LiveFolder;
  dir: string;
  share: ShareBytes;
  needed: number;
}

/** True where the staged file is a hard link to the store's. Without hard links the bytes are copied, as long as there is room. */
async function takeFile(rt: Runtime, each: FileToStage, target: WriteTarget): Promise<boolean> {
  if ('storePath' in each && (await linkLive(rt, each.storePath, join(target.dir, each.file.path)))) return true;
  await writeFile(rt, each, target);
  return false;
}

async function writeFile(rt: Runtime, each: FileToStage, { live, dir, share, needed }: WriteTarget): Promise<void> {
  const { path, mtimeMs, change, sha256, size } = each.file;
  const target = { dir, path: join(dir, path), mtimeMs, needed };
  if (change === 'unchanged' && (await linkLive(rt, join(live.dir, path), target.path))) return;
  if ('bytes' in each) return writeStaged(rt, each.bytes, target);
  if (!('storePath' in each)) return;
  const { storePath } = each;
  if (await share({ path, storePath, size, sha256 }, target)) return;
  await copyStaged(rt, { path: storePath, sha256, subject: path }, target);
}

/** False where the file system has no hard links, or not between these two folders: then the bytes are written again. */
async function linkLive(rt: Runtime, existing: string, fresh: string): Promise<boolean> {
  try {
    await rt.fs.link(existing, fresh);
    return true;
  } catch (error) {
    rt.events.emit({ type: 'debug', message: `copied instead of linked: ${String(error)}` });
    return false;
  }
}

async function refuseFullDisk(rt: Runtime, dir: string, needed: number): Promise<void> {
  const { free } = await freeSpace(rt.fs, dir);
  if (free === undefined || free >= needed) return;
  throw new RepackError('E_DISK_FULL', {
    what: `Could not write the staged channel: ${needed} bytes are needed, ${free} bytes are free`,
    where: dir,
    hint: 'Free some space on that volume or choose a ROOT on another one, then run the same command again. The label folder is as it was.',
  });
}
