import { copyFileSync, linkSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bzip2Compress } from '../../src/codec/bzip2.js';
import { zstdCompress } from '../../src/codec/zstd.js';
import { canonicalJson } from '../../src/base/json.js';
import type { SamplePackage } from './conda-package.js';

type IndexFormat = 'json' | 'zst' | 'bz2';

export type ChannelOptions = {
  /**
   * Hotfixes: distribution file name (or `subdir/file name`) -> members laid over the published record; `undefined` or `null`
   * takes a member away (`{ sha256: null }` makes a record with md5 only).
   */
  patches?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Subdirs that get an index even without packages; `noarch` always does. */
  subdirs?: readonly string[];
  /** Index files to write; default all three. */
  index?: readonly IndexFormat[];
  /** `removed` of every index. */
  removed?: readonly string[];
  /** `info.base_url` (CEP 15). */
  baseUrl?: string;
  /** Default 1. */
  repodataVersion?: number;
};

/** Writes a conda channel into a folder: artifacts with the time of their record, indexes as conda-index writes them. */
export async function makeChannel(
  dir: string,
  packages: readonly SamplePackage[],
  options: ChannelOptions = {},
): Promise<void> {
  const subdirs = new Set(['noarch', ...(options.subdirs ?? []), ...packages.map((each) => each.subdir)]);
  for (const subdir of [...subdirs].sort()) {
    const own = packages.filter((each) => each.subdir === subdir);
    const folder = join(dir, subdir);
    mkdirSync(folder, { recursive: true });
    for (const each of own) writeArtifact(folder, each);
    await writeIndex(folder, repodataOf(subdir, own, options), options.index ?? ['json', 'zst', 'bz2']);
  }
}

/** A `repodata.json` value for one subdir. */
export function repodataOf(
  subdir: string,
  packages: readonly SamplePackage[],
  options: ChannelOptions = {},
): Record<string, unknown> {
  const records = packages
    .filter((each) => each.subdir === subdir)
    .map((each): [string, unknown] => [each.distFilename, patched(each, options.patches ?? {})]);
  const inConda = (name: string) => name.endsWith('.conda');
  return {
    info: { subdir, base_url: options.baseUrl },
    packages: Object.fromEntries(records.filter(([name]) => !inConda(name))),
    'packages.conda': Object.fromEntries(records.filter(([name]) => inConda(name))),
    removed: [...(options.removed ?? [])],
    repodata_version: options.repodataVersion ?? 1,
  };
}

/** Writes `repodata.json` and its compressed forms, all of the same value. */
export async function writeIndex(folder: string, repodata: unknown, formats: readonly IndexFormat[]): Promise<void> {
  const bytes = Buffer.from(canonicalJson(repodata));
  if (formats.includes('json')) writeFileSync(join(folder, 'repodata.json'), bytes);
  if (formats.includes('zst')) writeFileSync(join(folder, 'repodata.json.zst'), await zstdCompress(bytes));
  if (formats.includes('bz2')) writeFileSync(join(folder, 'repodata.json.bz2'), await bzip2Compress(bytes));
}

function writeArtifact(folder: string, sample: SamplePackage): void {
  const path = join(folder, sample.distFilename);
  if (sample.file === undefined) writeFileSync(path, sample.bytes);
  else linkOrCopy(sample.file, path);
  const seconds = Math.floor((sample.record.timestamp ?? 0) / 1000);
  utimesSync(path, seconds, seconds);
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

function patched(sample: SamplePackage, patches: NonNullable<ChannelOptions['patches']>): Record<string, unknown> {
  const patch = patches[`${sample.subdir}/${sample.distFilename}`] ?? patches[sample.distFilename] ?? {};
  const merged = { ...sample.record, ...patch };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined && value !== null));
}
