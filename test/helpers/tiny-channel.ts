import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bzip2Compress, bzip2Decompress } from '../../src/codec/bzip2.js';
import { zstdCompress, zstdDecompress } from '../../src/codec/zstd.js';
import { canonicalJson } from '../../src/base/json.js';
import { sumsBytes } from '../../src/channel/manifest/make-manifest.js';
import type { Manifest, ManifestFile } from '../../src/channel/manifest/manifest.js';
import type {
  ChannelChanges,
  LiveFolder,
  PublishReceipt,
  StagedChannel,
  StagedFile,
} from '../../src/channel/staged.js';
import { inspectLabelFolder, requireOurs } from '../../src/delivery/place/inspect.js';
import { lockLabel } from '../../src/delivery/lock/lock.js';
import { publish } from '../../src/delivery/publish.js';
import { recoverLabel, type Recovery } from '../../src/delivery/switch/recover.js';
import { openRoot } from '../../src/delivery/place/root.js';
import { createStaging } from '../../src/delivery/stage/staging.js';
import type { Runtime } from '../../src/runtime/runtime.js';

/** Relative path of a package (`noarch/a-1-0.conda`) to its content: any text will do for publishing. */
export type TinySet = Readonly<Record<string, string>>;

export interface TinyStageOptions {
  dir: string;
  label: string;
  packages: TinySet;
  live: LiveFolder;
  nowMs: number;
  bz2?: boolean;
}

const UNITS = ['noarch', 'linux-64'];

/** A staged channel with consistent indexes, manifest and sums, without the channel stage: publishing only looks at these. */
export async function stageTiny({
  dir,
  label,
  packages,
  live,
  nowMs,
  bz2 = false,
}: TinyStageOptions): Promise<StagedChannel> {
  const contents = new Map<string, { kind: StagedFile['kind']; bytes: Uint8Array }>();
  for (const [path, text] of Object.entries(packages))
    contents.set(path, { kind: 'artifact', bytes: Buffer.from(text) });
  const subdirs = [...new Set([...UNITS, ...Object.keys(packages).map((path) => path.split('/')[0]!)])].sort();
  for (const subdir of subdirs) {
    const json = Buffer.from(canonicalJson(tinyRepodata(subdir, packages)));
    contents.set(`${subdir}/repodata.json`, { kind: 'index', bytes: json });
    contents.set(`${subdir}/repodata.json.zst`, { kind: 'index', bytes: await zstdCompress(json, 1) });
    if (bz2) contents.set(`${subdir}/repodata.json.bz2`, { kind: 'index', bytes: await bzip2Compress(json) });
  }

  const files: ManifestFile[] = [...contents]
    .map(([path, { kind, bytes }]) => ({
      path,
      kind: kind as ManifestFile['kind'],
      size: bytes.length,
      sha256: hex('sha256', bytes),
      md5: hex('md5', bytes),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const same = live.manifest !== undefined && canonicalJson(live.manifest.files) === canonicalJson(files);
  const manifest: Manifest = {
    schema: 1,
    label,
    generation: same ? live.manifest!.generation : (live.manifest?.generation ?? 0) + 1,
    previous: same ? live.manifest!.previous : (live.manifestSha256 ?? null),
    specs: [],
    channels: [],
    subdirs,
    profiles: [],
    files,
  };
  const manifestBytes = Buffer.from(`${canonicalJson(manifest, 2)}\n`);
  contents.set('manifest.json', { kind: 'manifest', bytes: manifestBytes });
  const summed = [...files, { path: 'manifest.json', sha256: hex('sha256', manifestBytes) }];
  contents.set('SHA256SUMS', { kind: 'sums', bytes: sumsBytes(summed) });

  const staged: StagedFile[] = [];
  for (const [path, { kind, bytes }] of contents) {
    const was = live.files.get(path);
    const sha256 = hex('sha256', bytes);
    const change = was === undefined ? 'added' : was.sha256 === sha256 ? 'unchanged' : 'changed';
    const mtimeMs = Math.ceil(Math.max(nowMs, (was?.mtimeMs ?? 0) + 2000) / 2000) * 2000;
    staged.push({ path, kind, size: bytes.length, sha256, md5: hex('md5', bytes), mtimeMs, change });
    await mkdir(join(dir, path, '..'), { recursive: true });
    await writeFile(join(dir, path), bytes);
  }
  const leaving = [...live.files.keys()].filter((path) => path.includes('/') && !contents.has(path));
  return { dir, label, files: staged, manifest, leaving, changes: noChanges() };
}

export interface TinyRun {
  root: string;
  label?: string;
  packages: TinySet;
  bz2?: boolean;
  adopt?: boolean;
  replace?: 'all';
  keep?: number;
  /** Called with the staged channel before it is published. */
  beforePublish?: (staged: StagedChannel) => Promise<void> | void;
}

export interface TinyResult {
  recovery: Recovery;
  live: LiveFolder;
  receipt: PublishReceipt;
  labelDir: string;
  stateDir: string;
}

/** A whole run as the commands do it: ROOT, lock, recover, inspect, stage, publish. */
export async function publishTiny(rt: Runtime, run: TinyRun): Promise<TinyResult> {
  const label = run.label ?? 'acme';
  const startedAt = new Date(rt.clock.now()).toISOString();
  const place = await openRoot(rt, run.root, label);
  const lock = await lockLabel(rt, { stateDir: place.stateDir, label, waitMs: 0, command: 'test' });
  try {
    const recovery = await recoverLabel(rt, { place });
    const live = await inspectLabelFolder(rt, { place, replace: run.replace === 'all' ? ['all'] : [] });
    requireOurs(rt, live, { adopt: run.adopt ?? false });
    const staging = await createStaging(rt, { stateDir: place.stateDir, command: 'test' });
    try {
      const options = {
        dir: staging.channelDir,
        label,
        packages: run.packages,
        live,
        nowMs: rt.clock.now(),
        bz2: run.bz2 ?? false,
      };
      const staged = await stageTiny(options);
      await run.beforePublish?.(staged);
      const receipt = await publish(rt, {
        place,
        lock,
        staging,
        staged,
        live,
        adopt: run.adopt ?? false,
        keep: run.keep ?? 3,
        engine: 'none',
        tool: 'test',
        startedAt,
      });
      return { recovery, live, receipt, labelDir: place.labelDir, stateDir: place.stateDir };
    } finally {
      await staging.discard();
    }
  } finally {
    await lock.release();
  }
}

export function tinyRepodata(subdir: string, packages: TinySet): Record<string, unknown> {
  const records = Object.entries(packages)
    .filter(([path]) => path.startsWith(`${subdir}/`))
    .map(([path, text]): [string, Record<string, unknown>] => {
      const fn = path.slice(subdir.length + 1);
      const [name, version] = fn.split('-');
      const bytes = Buffer.from(text);
      return [
        fn,
        {
          name,
          version,
          build: '0',
          build_number: 0,
          depends: [],
          sha256: hex('sha256', bytes),
          md5: hex('md5', bytes),
          size: bytes.length,
        },
      ];
    });
  const ofFormat = (extension: string): Record<string, unknown> =>
    Object.fromEntries(records.filter(([fn]) => fn.endsWith(extension)));
  return {
    info: { subdir },
    packages: ofFormat('.tar.bz2'),
    'packages.conda': ofFormat('.conda'),
    removed: [],
    repodata_version: 1,
  };
}

/** One name in one index on disk. */
export interface IndexedName {
  index: string;
  fn: string;
  path: string;
  sha256: string;
}

/** Every index on disk, in each form, with each name it lists. Throws for an index that can't be read. */
export async function indexedNames(dir: string): Promise<IndexedName[]> {
  const names: IndexedName[] = [];
  for (const index of await indexesOf(dir)) {
    const bytes = await readFile(join(dir, index)).catch(() => undefined);
    if (bytes !== undefined) names.push(...(await namesIn(dir, index, bytes)));
  }
  return names;
}

/** Relative paths of all `repodata.json*` there are. */
export async function indexesOf(dir: string): Promise<string[]> {
  const indexes: string[] = [];
  for (const subdir of await foldersOf(dir)) {
    const files = await readdir(join(dir, subdir)).catch(() => []);
    indexes.push(...files.filter((name) => name.startsWith('repodata.json')).map((name) => `${subdir}/${name}`));
  }
  return indexes;
}

/** What the bytes of an index name. Throws when they can't be read. */
export async function namesIn(dir: string, index: string, bytes: Uint8Array): Promise<IndexedName[]> {
  let json = bytes;
  if (index.endsWith('.zst')) json = await zstdDecompress(bytes, { maxBytes: 1e8 });
  if (index.endsWith('.bz2')) json = await bzip2Decompress(bytes, { maxBytes: 1e8 });
  const repodata = JSON.parse(Buffer.from(json).toString('utf8')) as Record<string, Record<string, { sha256: string }>>;
  const records = Object.entries({ ...repodata['packages'], ...repodata['packages.conda'] });
  return records.map(([fn, { sha256 }]) => ({ index, fn, path: join(dir, index, '..', fn), sha256 }));
}

/** Breaches of the invariant: names in an index on disk whose file is missing or has another digest. */
export async function breaches(dir: string): Promise<string[]> {
  const found: string[] = [];
  for (const { index, fn, path, sha256 } of await indexedNames(dir)) {
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined) found.push(`${index} names ${fn}, which is not there`);
    else if (hex('sha256', bytes) !== sha256) found.push(`${index} names ${fn} with another digest`);
  }
  return found;
}

/** Every file below a folder with digest and mtime; empty where there is no such folder. */
export async function snapshot(dir: string, folder = ''): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const entries = await readdir(join(dir, folder), { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) Object.assign(files, await snapshot(dir, path));
    else
      files[path] =
        `${hex('sha256', await readFile(join(dir, path))).slice(0, 16)} ${(await stat(join(dir, path))).mtimeMs}`;
  }
  return files;
}

/** As `snapshot`, without mtimes. */
export async function digests(dir: string): Promise<Record<string, string>> {
  return Object.fromEntries(Object.entries(await snapshot(dir)).map(([path, text]) => [path, text.split(' ')[0]!]));
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function foldersOf(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

function hex(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

export function noChanges(): ChannelChanges {
  return {
    added: [],
    removed: [],
    upgraded: [],
    downgraded: [],
    rerecorded: [],
    kept: 0,
    bytesToTravel: 0,
    bytesOfPackages: 0,
  };
}
