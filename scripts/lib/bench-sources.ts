import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench-contest.js';
import { findLayer, requireLayer } from './layers.js';
import { runOurs } from './run-program.js';
import { BASE_CHANNEL, standardLayout, writeIndex, writeLayout } from './sample-upstream.js';
import { startTokenServer, type TokenServer } from './token-server.js';

const MADE_UP_BYTES = 4096;

/** A channel on loopback that mirrors and media are made of. */
export type Source = {
  /** With numbers: `wheels (29 artifacts, 60 MB)`. */
  title: string;
  name: string;
  url: string;
  platforms: readonly string[];
  server: TokenServer;
};

/** The channels that are there: genuine packages of real sizes; a real index of 4,211 records, its artifacts made up. */
export async function openSources(bench: Bench): Promise<Source[]> {
  const wheels = requireLayer('upstream-mixed');
  const sources = [await open('wheels', wheels, ['linux-64', 'win-64'])];
  const indexes = findLayer('real-indexes');
  if (indexes.available) {
    const dir = join(bench.folder, 'made-up');
    await makeUp(join(indexes.path, 'r-linux-64.json'), dir);
    sources.push(await open('r-linux-64', dir, ['linux-64']));
  } else bench.skip('r-linux-64', indexes.why);
  return sources;
}

/** A mirror of the source in `<root>/main`; not measured. */
export async function mirrorOf(source: Pick<Source, 'url' | 'platforms'>, root: string): Promise<string> {
  const home = join(root, 'home');
  const file = writeMirrorFile(source, root);
  const { exitCode, stderr } = await runOurs('repackenv', mirrorArgs(file, root), { home });
  if (exitCode !== 0) throw new Error(`repackenv mirror: exit ${String(exitCode)}\n${stderr.slice(-2000)}`);
  return join(root, 'main');
}

/** Writes `<root>/mirror.yml`, which keeps `<root>/main`. */
export function writeMirrorFile({ url, platforms }: Pick<Source, 'url' | 'platforms'>, root: string): string {
  const file = join(root, 'mirror.yml');
  mkdirSync(root, { recursive: true });
  writeFileSync(file, JSON.stringify({ channels: [url], platforms, mirror_dir: join(root, 'main') }));
  return file;
}

export function mirrorArgs(file: string, home: string): string[] {
  return ['mirror', '-f', file, '--cache-dir', join(home, 'cache'), '--quiet'];
}

/** `<subdir>/<file name>` -> bytes. */
export function artifactsBelow(dir: string): Map<string, number> {
  const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  const artifacts = paths.filter((path) => /\.(?:conda|tar\.bz2)$/.test(path)).sort();
  return new Map(artifacts.map((path) => [path, statSync(join(dir, path)).size]));
}

/** `29 artifacts, 60 MB` */
export function amount(artifacts: ReadonlyMap<string, number>): string {
  const bytes = [...artifacts.values()].reduce((sum, size) => sum + size, 0);
  return `${artifacts.size} artifacts, ${(bytes / 1e6).toFixed(0)} MB`;
}

async function open(name: string, dir: string, platforms: readonly string[]): Promise<Source> {
  const server = await startTokenServer({ dir, token: 'unused' });
  const folder = join(dir, 'gen1', BASE_CHANNEL);
  const artifacts = new Map<string, number>();
  for (const subdir of [...platforms, 'noarch']) {
    for (const [file, size] of artifactsBelow(join(folder, subdir))) artifacts.set(`${subdir}/${file}`, size);
    // The server hashes each file when it is first asked for it: before anything is measured.
    for (const file of readdirSync(join(folder, subdir))) {
      await fetch(`${server.url}/${BASE_CHANNEL}/${subdir}/${file}`, { method: 'HEAD' });
    }
  }
  return { title: `${name} (${amount(artifacts)})`, name, url: `${server.url}/${BASE_CHANNEL}`, platforms, server };
}

type WireRecord = Record<string, unknown>;

/** An upstream of one real index: artifacts of some bytes each, records rewritten to their size and digests. */
async function makeUp(index: string, dir: string): Promise<void> {
  const repodata = JSON.parse(readFileSync(index, 'utf8')) as Record<string, Record<string, WireRecord>>;
  const folder = join(dir, 'gen1', BASE_CHANNEL, 'linux-64');
  mkdirSync(folder, { recursive: true });
  for (const key of ['packages', 'packages.conda']) {
    for (const [fn, record] of Object.entries(repodata[key] ?? {})) {
      const bytes = Buffer.alloc(MADE_UP_BYTES, `made up: ${fn}\n`);
      writeFileSync(join(folder, fn), bytes);
      record['size'] = bytes.length;
      for (const algorithm of ['md5', 'sha256']) record[algorithm] = createHash(algorithm).update(bytes).digest('hex');
    }
  }
  await writeIndex(folder, repodata, ['json', 'zst']);
  mkdirSync(join(dir, 'gen1', BASE_CHANNEL, 'noarch'));
  await writeIndex(join(dir, 'gen1', BASE_CHANNEL, 'noarch'), { info: { subdir: 'noarch' }, packages: {} }, [
    'json',
    'zst',
  ]);
  writeLayout(dir, standardLayout('real-index', [1]));
}
