import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SamplePackage } from '../../../../scripts/lib/sample-upstream.js';
import { digest, makeChannel, makePackage } from '../../../../scripts/lib/sample-upstream.js';
import type { Channel } from '../../../../src/conda/channel/channel.js';
import { canonicalJson } from '../../../../src/base/json.js';
import type { Manifest, ManifestFile } from '../../../../src/channel/manifest/manifest.js';
import { parseMatchSpec } from '../../../../src/conda/spec/match-spec.js';
import type { PlannedArtifact, RepackPlan } from '../../../../src/conda/plan/plan.js';
import type { TargetProfile } from '../../../../src/conda/plan/profile.js';
import type { StagedChannel, StagedFile } from '../../../../src/channel/staged.js';
import { noChanges } from '../../../helpers/tiny-channel.js';

export const CHANNEL: Channel = {
  url: 'https://conda.example/owner',
  name: 'owner',
  authenticated: false,
  role: 'owner',
};

export const PROFILE: TargetProfile = {
  subdir: 'linux-64',
  virtualPackages: [{ name: '__glibc', version: '2.17', build: '0' }],
  client: undefined,
};

/** `pytho` (noarch) needs `numpy` (linux-64, both of a `.conda` and a `.tar.bz2` kind), which needs glibc. */
export async function samplePackages(): Promise<SamplePackage[]> {
  return Promise.all([
    makePackage({ name: 'pytho', version: '1.9', depends: ['numpy >=1.26', 'six'] }),
    makePackage({ name: 'numpy', version: '1.26.4', build: 'py39_0', subdir: 'linux-64', depends: ['__glibc >=2.17'] }),
    makePackage({ name: 'six', version: '1.16.0', format: 'tar.bz2' }),
  ]);
}

export interface Staged {
  staged: StagedChannel;
  plan: RepackPlan;
  dir: string;
}

/** A sound staged channel of these packages on disk, with the plan it came from. */
export async function stage(
  dir: string,
  packages: readonly SamplePackage[],
  specs: readonly string[] = ['pytho'],
): Promise<Staged> {
  await makeChannel(dir, packages, { index: ['json', 'zst'], subdirs: ['linux-64'] });
  const files: ManifestFile[] = [
    ...['linux-64', 'noarch'].flatMap((subdir) =>
      ['repodata.json', 'repodata.json.zst'].map((name) => indexFile(dir, `${subdir}/${name}`)),
    ),
    ...packages.map((each): ManifestFile => ({
      ...stated(dir, `${each.subdir}/${each.distFilename}`),
      kind: 'artifact',
      channel: CHANNEL.url,
      record: digest('sha256', canonicalJson(each.record)),
    })),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
  const manifest: Manifest = {
    schema: 1,
    label: 'halkbank',
    generation: 3,
    previous: null,
    specs: [...specs],
    channels: [CHANNEL.url],
    subdirs: ['linux-64', 'noarch'],
    profiles: [{ subdir: 'linux-64', virtual_packages: [...PROFILE.virtualPackages], client: null }],
    files,
  };
  writeManifest(dir, manifest);
  const artifacts = packages.map(({ distFilename: fn, subdir, record }): PlannedArtifact => ({
    fn,
    subdir,
    channel: CHANNEL,
    url: `${CHANNEL.url}/${subdir}/${fn}`,
    record,
    origin: 'repodata',
  }));
  const plan: RepackPlan = {
    label: 'halkbank',
    specs: specs.map((text) => parseMatchSpec(text)),
    channels: [CHANNEL],
    channelPriority: 'flexible',
    profiles: [PROFILE],
    solved: [{ subdir: 'linux-64', engine: { kind: 'embedded', version: '0' }, priority: 'strict', artifacts }],
    artifacts,
    findings: [],
  };
  return { dir, plan, staged: restate(dir, manifest) };
}

/** `manifest.json` and `SHA256SUMS` of a manifest. */
export function writeManifest(dir: string, manifest: Manifest): void {
  writeFileSync(join(dir, 'manifest.json'), `${canonicalJson(manifest, 2)}\n`);
  const sums = [...manifest.files, stated(dir, 'manifest.json')]
    .map(({ path, sha256 }) => `${sha256}  ${path}\n`)
    .sort();
  writeFileSync(join(dir, 'SHA256SUMS'), sums.join(''));
}

/** The StagedChannel that says of every file what is on disk. */
export function restate(dir: string, manifest: Manifest): StagedChannel {
  const also = [
    { ...stated(dir, 'manifest.json'), kind: 'manifest' as const },
    { ...stated(dir, 'SHA256SUMS'), kind: 'sums' as const },
  ];
  return {
    dir,
    label: manifest.label,
    files: [...manifest.files, ...also].map(added),
    manifest,
    leaving: [],
    changes: noChanges(),
  };
}

function indexFile(dir: string, path: string): ManifestFile {
  return { ...stated(dir, path), kind: 'index' };
}

function added(file: Omit<StagedFile, 'mtimeMs' | 'change'>): StagedFile {
  return { ...file, mtimeMs: 0, change: 'added' };
}

export function stated(dir: string, path: string): { path: string; size: number; sha256: string; md5: string } {
  const bytes = readFileSync(join(dir, path));
  return { path, size: bytes.length, sha256: digest('sha256', bytes), md5: digest('md5', bytes) };
}

export function tempDir(): { path: string; sub: (name: string) => string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'repackenv-verify-'));
  return {
    path,
    sub: (name) => {
      mkdirSync(join(path, name), { recursive: true });
      return join(path, name);
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
