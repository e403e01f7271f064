import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { snapshot, type Snapshot } from '../../scripts/lib/snapshot.js';
import type { MirrorReport } from '../../src/jobs/mirror/mirror.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import type { Ran, RunningProgram, Workplace } from './programs.js';
import { openWorkplace, startOurs } from './programs.js';
import type { TestUpstream } from './upstream.js';

/** A machine that keeps a mirror: `DIR/mirrors/main`, from `DIR/mirror.yml`. */
export interface MirrorPlace extends Omit<Workplace, 'start' | 'update'> {
  mirrorDir: string;
  stateDir: string;
  file: string;
  /** Lines of the mirror file; `mirror_dir` is added where it is missing. `UPSTREAM` stands for the upstream's URL. */
  write(text: string): void;
  mirror(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): RunningProgram;
  /** Runs with `--json`, expects the exit code, gives the report. */
  report(args?: readonly string[], exitCode?: number): Promise<MirrorReport>;
  /** `repackenv clean -f` of the same file. */
  clean(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  manifest(): Manifest;
  /** Paths of the artifacts in the manifest. */
  artifacts(): string[];
  mirrored(): Snapshot;
  /** What the upstream was asked since the last call, GET only, artifacts only: file names. */
  downloads(): string[];
}

export async function openMirrorPlace(options: { upstream?: TestUpstream } = {}): Promise<MirrorPlace> {
  return mirrorPlaceOf(await openWorkplace(options));
}

export function mirrorPlaceOf(work: Workplace): MirrorPlace {
  const { upstream } = work;
  const mirrorDir = join(work.dir, 'mirrors', 'main');
  const file = join(work.dir, 'mirror.yml');
  const environment = { TMPDIR: work.tmp, CONDA_TOKEN: 'xx-01234567-89ab-4cde-8f01-sentineltoken' };
  const start: MirrorPlace['start'] = (args = [], env = {}) =>
    startOurs('repackenv', ['mirror', '-f', file, '--base-url', upstream.url, '--cache-dir', work.cache, ...args], {
      home: work.home,
      env: { ...environment, ...env },
    });
  let seen = 0;
  mkdirSync(work.home, { recursive: true });
  return {
    ...work,
    mirrorDir,
    stateDir: join(work.dir, 'mirrors', '.repackenv', 'main'),
    file,
    write: (text) => {
      const place = /^mirror_dir:/m.test(text) ? '' : `mirror_dir: ${mirrorDir}\n`;
      writeFileSync(file, `${text.trimEnd().replaceAll('UPSTREAM', upstream.url)}\n${place}`);
    },
    start,
    mirror: (args, env) => start(args, env).ended,
    report: async (args = [], exitCode = 0) => {
      const ran = await start([...args, '--json']).ended;
      expect(ran.exitCode, ran.stderr + ran.stdout).toBe(exitCode);
      return JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as MirrorReport;
    },
    clean: (args = [], env = {}) =>
      work.run('repackenv', ['clean', '-f', file, '--base-url', upstream.url, '--cache-dir', work.cache, ...args], {
        env,
      }),
    manifest: () => readManifest(mirrorDir),
    artifacts: () =>
      readManifest(mirrorDir)
        .files.filter(({ kind }) => kind === 'artifact')
        .map(({ path }) => path),
    mirrored: () => snapshot(mirrorDir),
    downloads: () => {
      const fresh = upstream.requests.slice(seen);
      seen = upstream.requests.length;
      return fresh
        .filter(({ method, path }) => method === 'GET' && /\.(conda|tar\.bz2|sh)$/.test(path))
        .map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
    },
  };
}

function readManifest(dir: string): Manifest {
  return JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')) as Manifest;
}

/** Path, inode, size and times of every file: what any writing changes, even of the same bytes. */
export function inodesBelow(dir: string): Map<string, string> {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();
  return new Map(
    files.map((path) => {
      const { ino, size, mtimeMs, ctimeMs } = statSync(join(dir, path));
      return [path, `${ino} ${size} ${mtimeMs} ${ctimeMs}`];
    }),
  );
}

type Index = Record<string, unknown> & Record<'packages' | 'packages.conda', Record<string, Record<string, unknown>>>;

/** The `repodata.json` of a subdir in a folder, to be changed and written again with `writeIndex`. */
export function readIndex(folder: string): Index {
  return JSON.parse(readFileSync(join(folder, 'repodata.json'), 'utf8')) as Index;
}

/** Records of both formats, by file name. */
export function recordsOf(folder: string): Record<string, Record<string, unknown>> {
  const index = readIndex(folder);
  return { ...index.packages, ...index['packages.conda'] };
}
