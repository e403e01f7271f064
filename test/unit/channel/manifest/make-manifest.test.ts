import { describe, expect, it } from 'vitest';
import {
  makeManifest,
  manifestBytes,
  manifestProfile,
  subdirsOf,
  sumsBytes,
  type ContentPlan,
} from '../../../../src/channel/manifest/make-manifest.js';
import {
  isIndexPath,
  isOwnRootFile,
  sideFoldersOf,
  type Manifest,
  type ManifestFile,
} from '../../../../src/channel/manifest/manifest.js';
import { channelAt } from '../../../../src/conda/channel/channel.js';
import { parseClient } from '../../../../src/conda/plan/target.js';
import { parseMatchSpec } from '../../../../src/conda/spec/match-spec.js';

/** The rules are those of design D7 and D8. */

const file = (path: string, kind: ManifestFile['kind'] = 'artifact'): ManifestFile => ({
  path,
  kind,
  size: 1,
  sha256: 'a'.repeat(64),
  md5: 'b'.repeat(32),
});
const FILES = [file('noarch/repodata.json', 'index'), file('linux-64/b-1-0.conda'), file('linux-64/a-1-0.conda')];
const profile = (subdir: string) => ({
  subdir,
  virtualPackages: [
    { name: '__unix', version: '0', build: '0' },
    { name: '__glibc', version: '2.17', build: '0' },
  ],
  client: undefined,
});

const PLAN: ContentPlan = {
  label: 'acme',
  specs: ['numpy', 'a', 'numpy'].map((text) => parseMatchSpec(text)),
  channels: [channelAt('https://h/z'), channelAt('https://h/b')],
  profiles: [profile('win-64'), profile('linux-64')],
  solved: [{ subdir: 'osx-64' }],
  artifacts: [{ subdir: 'linux-64' }],
};
const FIRST = makeManifest(PLAN, FILES, { manifest: undefined, manifestSha256: undefined });

function next(plan: Partial<ContentPlan>, files = FILES, lastGeneration?: number): Manifest {
  return makeManifest({ ...PLAN, ...plan }, files, { manifest: FIRST, manifestSha256: 'f'.repeat(64), lastGeneration });
}

describe('makeManifest', () => {
  it('makes the first generation, with everything sorted but the channels, whose order is their priority', () => {
    expect(FIRST).toMatchObject({
      schema: 1,
      label: 'acme',
      generation: 1,
      previous: null,
      specs: ['a', 'numpy'],
      channels: ['https://h/z', 'https://h/b'],
      subdirs: ['linux-64', 'noarch', 'osx-64', 'win-64'],
    });
    expect(FIRST.profiles.map(({ subdir }) => subdir)).toEqual(['linux-64', 'win-64']);
    expect(FIRST.files.map(({ path }) => path)).toEqual([
      'linux-64/a-1-0.conda',
      'linux-64/b-1-0.conda',
      'noarch/repodata.json',
    ]);
  });

  it('takes no number twice', () => {
    const more = [...FILES, file('noarch/c-1-0.conda')];
    expect(next({}, more)).toMatchObject({ generation: 2, previous: 'f'.repeat(64) });
    expect(next({}, more, 7).generation).toBe(8);
    expect(
      makeManifest(PLAN, FILES, { manifest: undefined, manifestSha256: undefined, lastGeneration: 4 }),
    ).toMatchObject({ generation: 5, previous: null });
  });

  it.each<[string, Partial<ContentPlan>, ManifestFile[]]>([
    ['an artifact less', {}, FILES.slice(0, 2)],
    ['other bytes', {}, [...FILES.slice(0, 2), { ...FILES[2]!, sha256: 'c'.repeat(64) }]],
    ['another record', {}, [...FILES.slice(0, 2), { ...FILES[2]!, record: 'c'.repeat(64) }]],
    ['a side file', {}, [...FILES, file('installers/x.sh', 'side')]],
    ['a spec', { specs: [parseMatchSpec('numpy')] }, FILES],
    ['the order of channels', { channels: PLAN.channels.toReversed() }, FILES],
    ['a subdir', { solved: [] }, FILES],
    ['a profile', { profiles: [profile('linux-64')], solved: [{ subdir: 'osx-64' }, { subdir: 'win-64' }] }, FILES],
  ])('moves for %s', (_, plan, files) => {
    expect(next(plan, files).generation).toBe(2);
  });

  it.each<[string, ManifestFile[]]>([
    ['nothing', FILES],
    ['the same files in another order', FILES.toReversed()],
    ['an index that is packed otherwise', [file('noarch/repodata.json.bz2', 'index'), ...FILES.slice(1)]],
    ['a paper', [...FILES, file('papers/CHANGES.md', 'paper')]],
  ])('stays for %s', (_, files) => {
    const stayed = next({}, files, 9);
    expect(stayed).toMatchObject({ generation: 1, previous: null });
    expect(stayed.files).toHaveLength(files.length);
  });
});

describe('D8 the order in which things came', () => {
  /** All orders of three. */
  const orders = <T>([a, b, c]: readonly T[]): T[][] =>
    [
      [a, b, c],
      [a, c, b],
      [b, a, c],
      [b, c, a],
      [c, a, b],
      [c, b, a],
    ] as T[][];
  const same = (all: readonly Uint8Array[]): number => new Set(all.map((bytes) => Buffer.from(bytes).toString())).size;

  it('of files, profiles, specs and virtual packages changes no byte', () => {
    const names = ['__unix', '__glibc', '__linux'];
    const virtual = orders(names.map((name) => ({ name, version: '0', build: '0' })));
    const made = orders(['win-64', 'linux-64', 'osx-64']).map((subdirs, at) =>
      manifestBytes(
        makeManifest(
          {
            ...PLAN,
            specs: orders(PLAN.specs)[at]!,
            profiles: subdirs.map((subdir) => ({ ...profile(subdir), virtualPackages: virtual[at]! })),
          },
          orders(FILES)[at]!,
          { manifest: undefined, manifestSha256: undefined },
        ),
      ),
    );
    expect(same(made)).toBe(1);
    expect(same(orders(FILES).map((files) => sumsBytes(files)))).toBe(1);
  });
});

describe('a profile in a manifest', () => {
  it('has its virtual packages sorted, and the client as it is typed', () => {
    const client = parseClient('conda 4.4');
    expect(manifestProfile({ ...profile('linux-64'), client })).toEqual({
      subdir: 'linux-64',
      virtual_packages: [
        { name: '__glibc', version: '2.17', build: '0' },
        { name: '__unix', version: '0', build: '0' },
      ],
      client: 'conda 4.4',
    });
    expect(manifestProfile(profile('win-64')).client).toBeNull();
  });

  it('of noarch alone: every channel has a noarch (CEP 26)', () => {
    expect(subdirsOf({ ...PLAN, profiles: [], solved: [], artifacts: [] })).toEqual(['noarch']);
    expect(subdirsOf({ ...PLAN, profiles: [], solved: [], artifacts: [{ subdir: 'win-64' }] })).toEqual([
      'noarch',
      'win-64',
    ]);
  });
});

describe('the bytes', () => {
  it('of a manifest are canonical JSON, keys sorted, indented by 2, with a line feed at the end', () => {
    const text = Buffer.from(manifestBytes(FIRST)).toString();
    expect(text.split('\n').slice(0, 3)).toEqual(['{', '  "channels": [', '    "https://h/z",']);
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toEqual(FIRST);
  });

  it('of SHA256SUMS are what sha256sum -c reads: digest, two blanks, path; sorted', () => {
    const sums = [
      { path: 'noarch/b', sha256: '2'.repeat(64) },
      { path: 'noarch/a', sha256: '1'.repeat(64) },
    ];
    expect(Buffer.from(sumsBytes(sums)).toString()).toBe(`${'1'.repeat(64)}  noarch/a\n${'2'.repeat(64)}  noarch/b\n`);
  });
});

describe('names in a label folder', () => {
  it.each([
    ['linux-64/repodata.json', true],
    ['noarch/repodata.json.zst', true],
    ['noarch/repodata.json.bz2', true],
    ['repodata.json', true],
    ['noarch/current_repodata.json', false],
    ['noarch/repodata.json.gz', false],
    ['repodata.json/a', false],
  ])('%s is an index: %s', (path, expected) => {
    expect(isIndexPath(path)).toBe(expected);
  });

  it.each([
    ['manifest.json', true],
    ['manifest.json.sig', true],
    ['SHA256SUMS', true],
    ['README.md', false],
  ])('%s is ours at the root: %s', (name, expected) => {
    expect(isOwnRootFile(name)).toBe(expected);
  });

  it('side folders hold side files or papers, and are no subdirs', () => {
    const files = [
      file('papers/CHANGES.md', 'paper'),
      file('installers/x.sh', 'side'),
      file('installers/y.sh', 'side'),
      file('linux-64/a-1-0.conda.v0.sigs', 'side'),
      file('other/a-1-0.conda'),
    ];
    expect(sideFoldersOf({ files, subdirs: ['linux-64', 'noarch'] })).toEqual(['installers', 'papers']);
  });
});
