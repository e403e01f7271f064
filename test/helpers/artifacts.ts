import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SamplePackage } from '../../scripts/lib/conda-package.js';
import { digestsOf } from '../../src/codec/digests.js';
import type { Channel } from '../../src/conda/channel/channel.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import type { AcquiredArtifact, PlannedArtifact, RepackPlan } from '../../src/conda/plan/plan.js';
import type { PackageRecord } from '../../src/conda/record/records.js';
import type { LiveFile, LiveFolder } from '../../src/channel/staged.js';
import { onTestFinished } from 'vitest';

export const OWNER: Channel = {
  url: 'https://conda.example/prometeia',
  name: 'prometeia',
  authenticated: false,
  role: 'owner',
};

/** A fresh folder that goes when the test ends. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'repackenv-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A package as a solve finds it in a channel; `record` is laid over the published one, `undefined` takes a member away. */
export function planned(
  sample: SamplePackage,
  { record = {}, ...rest }: { record?: Record<string, unknown> } & Partial<Omit<PlannedArtifact, 'record'>> = {},
): PlannedArtifact & { record: PackageRecord } {
  const merged = Object.entries({ ...sample.record, ...record }).filter(([, value]) => value !== undefined);
  return {
    fn: sample.distFilename,
    subdir: sample.subdir,
    channel: OWNER,
    url: `${OWNER.url}/${sample.subdir}/${sample.distFilename}`,
    origin: 'repodata',
    record: Object.fromEntries(merged) as PackageRecord,
    ...rest,
  };
}

/** One that no declared channel has. */
export function unpublished(sample: SamplePackage, expected?: PlannedArtifact['expected']): PlannedArtifact {
  return {
    fn: sample.distFilename,
    subdir: sample.subdir,
    channel: undefined,
    url: undefined,
    origin: 'artifact',
    record: undefined,
    expected,
  };
}

/** As acquire leaves it: the bytes in a file below `storeDir`. */
export function acquired(
  storeDir: string,
  sample: SamplePackage,
  options: Parameters<typeof planned>[1] = {},
): AcquiredArtifact {
  const { size, sha256, md5 } = digestsOf(sample.bytes);
  const storePath = join(storeDir, sha256);
  mkdirSync(storeDir, { recursive: true });
  writeFileSync(storePath, sample.bytes);
  return { ...planned(sample, options), storePath, size, sha256, md5, source: 'store' };
}

export function planOf(artifacts: readonly PlannedArtifact[], options: Partial<RepackPlan> = {}): RepackPlan {
  return {
    label: 'halkbank',
    specs: [{ name: 'ratingpro', text: 'ratingpro' }],
    channels: [OWNER],
    channelPriority: 'flexible',
    profiles: [
      {
        subdir: 'linux-64',
        virtualPackages: [
          { name: '__unix', version: '0', build: '0' },
          { name: '__glibc', version: '2.17', build: '0' },
        ],
        client: undefined,
      },
    ],
    solved: [],
    artifacts,
    findings: [],
    ...options,
  };
}

export function absentFolder(dir: string): LiveFolder {
  return { dir, state: 'absent', manifest: undefined, manifestSha256: undefined, files: new Map(), strangers: [] };
}

/** What lies in a label folder, without the questions that publish asks. */
export function liveFolder(dir: string): LiveFolder {
  const files = new Map<string, LiveFile>();
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(dir.length + 1), { ...digestsOf(readFileSync(path)), mtimeMs: statSync(path).mtimeMs });
  }
  const bytes = files.has('manifest.json') ? readFileSync(join(dir, 'manifest.json')) : undefined;
  const manifest = bytes === undefined ? undefined : (JSON.parse(bytes.toString('utf8')) as Manifest);
  const manifestSha256 = bytes === undefined ? undefined : digestsOf(bytes).sha256;
  return {
    dir,
    state: manifest === undefined ? 'foreign-channel' : 'ours',
    manifest,
    manifestSha256,
    files,
    strangers: [],
  };
}

/** Every file below a folder by relative path. */
export function bytesBelow(dir: string): Record<string, string> {
  return Object.fromEntries([...liveFolder(dir).files].sort().map(([path, file]) => [path, file.sha256]));
}
