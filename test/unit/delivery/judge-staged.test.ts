import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Manifest, ManifestFile } from '../../../src/channel/manifest/manifest.js';
import type { LiveFolder, StagedChannel, StagedFile } from '../../../src/channel/staged.js';
import type { Policy, PolicyRules } from '../../../src/conda/policy/policy.js';
import type { PolicyVerdict } from '../../../src/conda/policy/verdict.js';
import { judgeStaged } from '../../../src/delivery/policy-gate.js';
import { samplePackage } from '../../helpers/label-folders.js';
import { folderOfTest } from '../../helpers/made-channel.js';
import { denying } from '../../helpers/policies.js';
import { testRuntime } from '../../helpers/runtime.js';

/**
 * Design D19: the gate reads the index files that would be published – those that are staged, of a file that stays the live one – and
 * not the plan, which an import has not.
 */

const FORGE = 'https://conda.anaconda.org/conda-forge';
const APP = 'linux-64/app-1.0-0.conda';
const LIB = 'noarch/lib-2.0-0.conda';

/** An index that states a package of this file name, `name-version-build.conda`, and nothing else. */
function indexOf(...fns: string[]): string {
  const records = fns.map((fn) => {
    const [name, version, build] = fn.replace('.conda', '').split('-');
    return [fn, { name, version, build, build_number: 0, depends: [] }];
  });
  return JSON.stringify({ info: {}, packages: {}, 'packages.conda': Object.fromEntries(records) });
}

interface Case {
  /** Path in the staging folder to content: what changes. */
  staged?: Record<string, string | Uint8Array>;
  /** The same of the label folder: what stays. */
  live?: Record<string, string | Uint8Array>;
  /** What the manifest names beside the two packages. */
  more?: ManifestFile[];
  signed?: boolean;
  specs?: string[];
  rehearsed?: ReadonlyMap<string, Uint8Array>;
}

const entry = (path: string, kind: ManifestFile['kind'], channel?: string): ManifestFile => ({
  path,
  kind,
  size: 7,
  sha256: 'a'.repeat(64),
  md5: 'b'.repeat(32),
  ...(channel === undefined ? {} : { channel }),
});

function judged(policy: Policy, { staged = {}, live = {}, more = [], ...made }: Case): Promise<PolicyVerdict> {
  const dir = folderOfTest();
  for (const [folder, files] of Object.entries({ staged, live }))
    for (const [path, content] of Object.entries(files)) {
      const file = join(dir, folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
  const manifest = {
    subdirs: ['linux-64', 'noarch'],
    specs: made.specs ?? [],
    channels: [FORGE],
    profiles: [{ subdir: 'linux-64', virtual_packages: [], client: null }],
    files: [entry(APP, 'artifact', FORGE), entry(LIB, 'artifact'), ...more],
  } as unknown as Manifest;
  const file = (path: string, change: StagedFile['change']): StagedFile =>
    ({ ...entry(path, 'index'), mtimeMs: 0, change }) as StagedFile;
  const files = [
    ...Object.keys(staged).map((path) => file(path, 'changed')),
    ...Object.keys(live).map((path) => file(path, 'unchanged')),
    ...(made.signed === true ? [file('manifest.json.sig', 'added')] : []),
  ];
  const channel = { dir: join(dir, 'staged'), label: 'acme', files, manifest, leaving: [] } as unknown as StagedChannel;
  const folder = { dir: join(dir, 'live') } as LiveFolder;
  return judgeStaged(testRuntime(), policy, { staged: channel, live: folder, rehearsed: made.rehearsed });
}

const deniedBy = async (policy: Policy, made: Case) => (await judged(policy, made)).denied.map(({ path }) => path);

const BOTH = {
  'linux-64/repodata.json': indexOf('app-1.0-0.conda'),
  'noarch/repodata.json': indexOf('lib-2.0-0.conda'),
};
const requiring = (...require: PolicyRules['require']): Policy => {
  const { parts, at } = denying();
  return { parts: [{ ...parts[0]!, deny: { ...parts[0]!.deny, packages: undefined }, require }], at };
};

describe('what is judged', () => {
  it('is what the index files that change say, and of those that stay the live ones', async () => {
    const all = denying('*');
    expect(await deniedBy(all, { staged: BOTH })).toEqual([APP, LIB]);
    expect(await deniedBy(all, { live: BOTH })).toEqual([APP, LIB]);
    const noarch = { 'noarch/repodata.json': indexOf('lib-2.0-0.conda') };
    expect(await deniedBy(all, { staged: { 'linux-64/repodata.json': indexOf() }, live: noarch })).toEqual([LIB]);
  });

  it('is the record of the index, under the subdir that it lies in, with its channel and size', async () => {
    const verdict = await judged(denying('lib[subdir=noarch]'), { staged: BOTH });
    expect(verdict).toMatchObject({
      policies: ['house'],
      packages: 2,
      denied: [{ path: LIB, name: 'lib', version: '2.0', way: null }],
      unsigned: false,
    });
    expect(await deniedBy(denying('conda-forge::*'), { staged: BOTH })).toEqual([APP]);
  });

  it('is nothing that the manifest does not list, that no index states, or that lies in another subdir', async () => {
    const swapped = { 'linux-64/repodata.json': indexOf('lib-2.0-0.conda', 'other-1-0.conda') };
    expect(await judged(denying('*'), { staged: swapped })).toMatchObject({ packages: 0, denied: [] });
  });

  it('of a rehearsal is what the index would be, whatever lies there', async () => {
    const rehearsed = new Map([['noarch/repodata.json', Buffer.from(indexOf('lib-2.0-0.conda'))]]);
    const others = { 'noarch/repodata.json': indexOf() };
    expect(await deniedBy(denying('*'), { rehearsed })).toEqual([LIB]);
    expect(await deniedBy(denying('*'), { live: others, rehearsed })).toEqual([LIB]);
    expect(await deniedBy(denying('*'), { staged: BOTH, rehearsed: new Map() })).toEqual([APP, LIB]);
  });

  it('names what pulls a denied package in', async () => {
    const { denied } = await judged(denying('app'), { staged: BOTH, specs: ['app >=1'] });
    expect(denied).toMatchObject([{ path: APP, way: 'asked for: app >=1' }]);
  });
});

describe('what is required', () => {
  it.each([
    ['a signature that is there', true, false],
    ['none', false, true],
  ])('of the manifest: %s', async (_, signed, unsigned) => {
    expect((await judged(requiring('signature'), { staged: BOTH, signed })).unsigned).toBe(unsigned);
  });

  it('an attestation is a side file beside the artifact, of that very artifact (CEP 27)', async () => {
    const policy = requiring('attestations');
    const of = (path: string, kind: ManifestFile['kind'] = 'side') =>
      deniedBy(policy, { staged: BOTH, more: [entry(path, kind)] });
    expect(await of(`${APP}.v0.sigs`)).toEqual([LIB]);
    expect(await of(`${LIB}.v0.sigs`)).toEqual([APP]);
    expect(await of(`${APP}x`)).toEqual([APP, LIB]);
    expect(await of(`installers/${APP}.v0.sigs`)).toEqual([APP, LIB]);
    expect(await of(`${APP}.v0.sigs`, 'paper')).toEqual([APP, LIB]);
  });
});

describe('what runs at an installation', () => {
  const { parts, at } = denying();
  const deny = { ...parts[0]!.deny, packages: undefined, scripts: ['link' as const] };
  const policy: Policy = { parts: [{ ...parts[0]!, deny }], at };
  const hooked = async (): Promise<Uint8Array> =>
    (await samplePackage('app', '1.0', { subdir: 'linux-64', files: { 'bin/.app-post-link.sh': 'true' } })).bytes;

  it('is looked for in the package: the staged one, or the live one where it stays', async () => {
    const app = await hooked();
    const index = { 'linux-64/repodata.json': indexOf('app-1.0-0.conda') };
    expect(await deniedBy(policy, { staged: { ...index, [APP]: app } })).toEqual([APP]);
    expect(await deniedBy(policy, { staged: index, live: { [APP]: app } })).toEqual([APP]);
  });

  it('is not looked for in a rehearsal, where nothing is staged', async () => {
    const rehearsed = new Map([['linux-64/repodata.json', Buffer.from(indexOf('app-1.0-0.conda'))]]);
    expect(await deniedBy(policy, { staged: { [APP]: await hooked() }, rehearsed })).toEqual([]);
  });
});
