import { cpSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePackage } from '../../../../scripts/lib/sample-upstream.js';
import { bzip2Compress as bzip2 } from '../../../../src/codec/bzip2.js';
import { zstdCompress as zstd } from '../../../../src/codec/zstd.js';
import { canonicalJson } from '../../../../src/base/json.js';
import { parseMatchSpec } from '../../../../src/conda/spec/match-spec.js';
import type { RepackError } from '../../../../src/base/errors.js';
import type { RepackPlan } from '../../../../src/conda/plan/plan.js';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import type { StagedChannel } from '../../../../src/channel/staged.js';
import { openEmbeddedSolver } from '../../../../src/engine/embedded/solver.js';
import type { EmbeddedSolver } from '../../../../src/engine/embedded/solver.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import { proveStaged } from '../../../../src/delivery/proof/prove.js';
import { testRuntime } from '../../../helpers/runtime.js';
import type { Staged } from './staged.js';
import { PROFILE, restate, samplePackages, stage, stated, tempDir, writeManifest } from './staged.js';

const temp = tempDir();
const rt = { ...testRuntime(), clock: systemClock() };
let solver: EmbeddedSolver;
let model: Staged;
let count = 0;

beforeAll(async () => {
  solver = openEmbeddedSolver(rt);
  model = await stage(temp.sub('model'), await samplePackages());
});
afterAll(async () => {
  await solver.close();
  temp.remove();
});

/** A copy of the sound staged channel, to be spoilt. */
function copy(): Staged {
  const dir = temp.sub(`copy-${++count}`);
  cpSync(model.dir, dir, { recursive: true });
  return { ...structuredClone(model), dir, staged: { ...structuredClone(model.staged), dir } };
}

async function failures({ staged, plan }: { staged: StagedChannel; plan: RepackPlan }): Promise<readonly string[]> {
  const error = await proveStaged(rt, { staged, plan, solver }).then(
    () => expect.fail('proven'),
    (error: RepackError) => error,
  );
  expect(error.code).toBe('E_PROOF');
  expect(error.exitCode).toBe(8);
  return error.details;
}

const NUMPY = 'linux-64/numpy-1.26.4-py39_0.conda';
const INDEX = 'noarch/repodata.json';

/** Changes the index of a subdir in all its forms, and makes manifest, sums and staging agree with it: only the proof can tell. */
async function reindex(
  channel: Staged,
  subdir: string,
  change: (repodata: Record<string, Record<string, Record<string, unknown>>>) => void,
): Promise<Staged> {
  const path = join(channel.dir, subdir, 'repodata.json');
  const repodata = JSON.parse(readFileSync(path, 'utf8'));
  change(repodata);
  const bytes = Buffer.from(canonicalJson(repodata));
  writeFileSync(path, bytes);
  writeFileSync(`${path}.zst`, await zstd(bytes));
  return agree(channel);
}

/** Lets manifest, SHA256SUMS and staging say what is on disk now. */
function agree(channel: Staged, change: (manifest: Manifest) => void = () => undefined): Staged {
  const manifest = structuredClone(channel.staged.manifest);
  manifest.files = manifest.files.map((file) => ({ ...file, ...stated(channel.dir, file.path) }));
  change(manifest);
  writeManifest(channel.dir, manifest);
  return { ...channel, staged: restate(channel.dir, manifest) };
}

describe('a sound staged channel', () => {
  it('is proven, and every check is told', async () => {
    const proof = await proveStaged(rt, { ...model, solver });
    expect(proof.checks.map(({ name }) => name)).toEqual(['files', 'index', 'plan', 'manifest', 'closure', 'solve']);
    expect(proof.checks[0]?.detail).toMatch(/^9 files, \d+ bytes read back/);
  });

  it('is proven with a .bz2 index too', async () => {
    const channel = copy();
    for (const subdir of ['linux-64', 'noarch']) {
      writeFileSync(
        join(channel.dir, subdir, 'repodata.json.bz2'),
        await bzip2(readFileSync(join(channel.dir, subdir, 'repodata.json'))),
      );
    }
    const withBz2 = agree(channel, (manifest) => {
      for (const subdir of manifest.subdirs)
        manifest.files.push({ ...stated(channel.dir, `${subdir}/repodata.json.bz2`), kind: 'index' });
    });
    await expect(proveStaged(rt, { ...withBz2, solver })).resolves.toBeDefined();
  });

  it('is proven for a spec of a channel that the site does not have', async () => {
    const channel = copy();
    channel.plan.specs = [parseMatchSpec('owner::pytho')];
    await expect(proveStaged(rt, { ...channel, solver })).resolves.toBeDefined();
  });
});

/** Each spoils one thing and gives a piece of the line that must be among the failures. */
const SPOILT: [string, (channel: Staged) => Staged | Promise<Staged>, RegExp | string][] = [
  [
    'F1 an artifact that was dropped from the index',
    (channel) => reindex(channel, 'linux-64', (r) => void delete r['packages.conda']![NUMPY.slice(9)]),
    `${NUMPY} is on disk and not in the index`,
  ],
  [
    'F1 an artifact that is gone from disk',
    (channel) => (rmSync(join(channel.dir, NUMPY)), channel),
    `${NUMPY} is in the index and not on disk`,
  ],
  [
    'F1 a record of a file that was not planned',
    (channel) => ({
      ...channel,
      plan: { ...channel.plan, artifacts: channel.plan.artifacts.filter(({ fn }) => !fn.startsWith('six')) },
    }),
    'noarch/six-1.16.0-0.tar.bz2 is in the index and was not planned',
  ],
  [
    'F1 a planned artifact without record',
    (channel) => reindex(channel, 'noarch', (r) => void delete r['packages']!['six-1.16.0-0.tar.bz2']),
    'noarch/six-1.16.0-0.tar.bz2 was planned and is not in the index',
  ],
  [
    'F2 other bytes of the same size',
    (channel) => (flip(join(channel.dir, NUMPY)), channel),
    /numpy-1\.26\.4-py39_0\.conda has sha256 \w+; the index says/,
  ],
  [
    'F2 one byte more',
    (channel) => (
      writeFileSync(join(channel.dir, NUMPY), Buffer.concat([readFileSync(join(channel.dir, NUMPY)), Buffer.of(0)])),
      channel
    ),
    /numpy-1\.26\.4-py39_0\.conda has \d+ bytes; staging says/,
  ],
  [
    'F2 an md5 that is wrong beside the right sha256',
    (channel) =>
      reindex(channel, 'linux-64', (r) => void (r['packages.conda']![NUMPY.slice(9)]!['md5'] = '0'.repeat(32))),
    /has md5 \w+; the index says 0+/,
  ],
  [
    'F4 a current_repodata.json of an older run',
    (channel) => (writeFileSync(join(channel.dir, 'noarch/current_repodata.json'), '{}'), channel),
    'noarch/current_repodata.json is on disk and not in the manifest',
  ],
  [
    'F4 a .zst of an older run',
    async (channel) => (
      writeFileSync(join(channel.dir, `${INDEX}.zst`), await zstd(Buffer.from('{"packages":{}}'))),
      agree(channel)
    ),
    `${INDEX}.zst does not unpack to the repodata.json beside it`,
  ],
  [
    'F4 a .zst that unpacks to more',
    async (channel) => (
      writeFileSync(
        join(channel.dir, `${INDEX}.zst`),
        await zstd(Buffer.concat([readFileSync(join(channel.dir, INDEX)), Buffer.alloc(9000, ' ')])),
      ),
      agree(channel)
    ),
    `${INDEX}.zst does not unpack to the repodata.json beside it`,
  ],
  [
    'F4 a .bz2 of an older run',
    async (channel) => (
      writeFileSync(join(channel.dir, `${INDEX}.bz2`), await bzip2(Buffer.from('{"packages":{}}'))),
      agree(channel, (m) => void m.files.push({ ...stated(channel.dir, `${INDEX}.bz2`), kind: 'index' }))
    ),
    `${INDEX}.bz2 does not unpack to the repodata.json beside it`,
  ],
  [
    'a .zst that is damaged',
    (channel) => (flip(join(channel.dir, `${INDEX}.zst`), 6), agree(channel)),
    /repodata\.json\.zst (can't be unpacked|does not unpack)/,
  ],
  ['no .zst', (channel) => (rmSync(join(channel.dir, `${INDEX}.zst`)), channel), `${INDEX}.zst is not there`],
  [
    'F3 no noarch',
    (channel) => (rmSync(join(channel.dir, 'noarch'), { recursive: true }), channel),
    `${INDEX} is not there: a subdir of a channel needs it`,
  ],
  [
    'F6 a record that is not the one the channel published',
    (channel) =>
      reindex(
        channel,
        'noarch',
        (r) => void (r['packages.conda']!['pytho-1.9-0.conda']!['depends'] = ['numpy', 'six']),
      ),
    'noarch/pytho-1.9-0.conda has another record than its channel published: depends',
  ],
  [
    'F6 a record that lost an unknown key',
    (channel) =>
      spoilPlan(channel, 'pytho', (artifact) => ({
        ...artifact,
        record: { ...artifact.record!, indexed_timestamp: 5 },
      })),
    'noarch/pytho-1.9-0.conda has another record than its channel published: indexed_timestamp',
  ],
  [
    "F6 a record that is not the manifest's",
    (channel) => agree(channel, (m) => void (m.files.find(({ path }) => path === NUMPY)!.record = '0'.repeat(64))),
    `${NUMPY} has another record than the manifest says`,
  ],
  [
    'F7 a file name that is not what its record says',
    (channel) => reindex(channel, 'linux-64', (r) => void (r['packages.conda']![NUMPY.slice(9)]!['build'] = 'other')),
    `${NUMPY} is named in the index, but its record is for numpy-1.26.4-other`,
  ],
  [
    'F8 a dependency that is not here',
    (channel) =>
      reindex(channel, 'noarch', (r) => void (r['packages.conda']!['pytho-1.9-0.conda']!['depends'] = ['numpy >=2'])),
    'noarch/pytho-1.9-0.conda needs "numpy >=2" on linux-64, which nothing here satisfies',
  ],
  [
    'F8 a virtual package that the machines do not have',
    (channel) => ({
      ...channel,
      plan: {
        ...channel.plan,
        profiles: [{ ...PROFILE, virtualPackages: [{ name: '__glibc', version: '2.12', build: '0' }] }],
      },
    }),
    `${NUMPY} needs "__glibc >=2.17" on linux-64`,
  ],
  [
    "F8 a virtual package's build in other letters",
    (channel) => {
      const virtualPackages = [...PROFILE.virtualPackages, { name: '__archspec', version: '1', build: 'SKYLAKE' }];
      const here = { ...channel, plan: { ...channel.plan, profiles: [{ ...PROFILE, virtualPackages }] } };
      const depends = ['__archspec 1 skylake'];
      return reindex(here, 'noarch', (r) => void (r['packages.conda']!['pytho-1.9-0.conda']!['depends'] = depends));
    },
    'noarch/pytho-1.9-0.conda needs "__archspec 1 skylake" on linux-64',
  ],
  [
    'F8 specs that can not be installed from here',
    (channel) => ({ ...channel, plan: { ...channel.plan, specs: [parseMatchSpec('pytho>=2')] } }),
    /^pytho ?>=2 on linux-64 can't be installed from this folder alone: No declared channel has/,
  ],
  [
    'F10 an unknown repodata_version',
    (channel) => reindex(channel, 'noarch', (r) => void ((r as Record<string, unknown>)['repodata_version'] = 2)),
    `${INDEX} has repodata_version 2`,
  ],
  [
    'an index that sends clients elsewhere',
    (channel) => reindex(channel, 'noarch', (r) => void (r['info']!['base_url'] = 'https://conda.example/x' as never)),
    `${INDEX} sends clients to another address`,
  ],
  [
    'an index of another subdir',
    (channel) => reindex(channel, 'noarch', (r) => void (r['info']!['subdir'] = 'win-64' as never)),
    `${INDEX} says that it is the index of win-64`,
  ],
  [
    'E8 an index of 0 bytes',
    (channel) => (writeFileSync(join(channel.dir, INDEX), ''), channel),
    `${INDEX} has 0 bytes`,
  ],
  [
    'H12 names that differ in case only',
    (channel) => (cpSync(join(channel.dir, NUMPY), join(channel.dir, NUMPY.replace('numpy', 'NumPy'))), channel),
    /is the same file as .* on Windows and macOS/,
  ],
  [
    'C7 a symbolic link',
    (channel) => (
      renameSync(join(channel.dir, NUMPY), join(channel.dir, 'elsewhere')),
      symlinkSync('../elsewhere', join(channel.dir, NUMPY)),
      channel
    ),
    `${NUMPY} is a symbolic link`,
  ],
  [
    'a stranger at the root',
    (channel) => (writeFileSync(join(channel.dir, 'notes.txt'), ''), channel),
    'notes.txt is on disk and not in the manifest',
  ],
  [
    'a manifest of something else',
    (channel) => (writeFileSync(join(channel.dir, 'manifest.json'), '{}'), channel),
    'manifest.json is not the manifest of what was staged',
  ],
  [
    'SHA256SUMS that say something else',
    (channel) => (
      writeFileSync(
        join(channel.dir, 'SHA256SUMS'),
        readFileSync(join(channel.dir, 'SHA256SUMS'), 'utf8').replace(/^\w{4}/, 'ffff'),
      ),
      channel
    ),
    /SHA256SUMS says sha256 ffff\w+ of/,
  ],
  [
    'SHA256SUMS that leave a file out',
    (channel) => (
      writeFileSync(
        join(channel.dir, 'SHA256SUMS'),
        readFileSync(join(channel.dir, 'SHA256SUMS'), 'utf8').replace(/^.*numpy.*\n/m, ''),
      ),
      channel
    ),
    `SHA256SUMS does not name ${NUMPY}`,
  ],
];

describe('a staged channel with one thing wrong', () => {
  it.each(SPOILT)('%s', async (_, spoil, line) => {
    const found = await failures(await spoil(copy()));
    for (const each of found) expect(each, 'one line').not.toMatch(/[\n│├└]/u);
    expect(found).toContainEqual(
      typeof line === 'string' ? expect.stringContaining(line) : expect.stringMatching(line),
    );
  });

  it('pip that is missing for conda', async () => {
    const packages = [
      ...(await samplePackages()),
      await makePackage({ name: 'python', version: '3.9.18', subdir: 'linux-64' }),
    ];
    const channel = await stage(temp.sub('no-pip'), packages, ['python']);
    const client = {
      name: 'conda',
      version: '24.1',
      readsCondaFormat: true,
      knowsVirtualPackages: true,
      needsBz2Index: false,
      injectsPip: true,
    } as const;
    const plan = { ...channel.plan, profiles: [{ ...PROFILE, client }] };
    expect(await failures({ ...channel, plan })).toContainEqual(
      expect.stringContaining('needs pip on linux-64: conda adds it to what python needs'),
    );
    await expect(proveStaged(rt, { ...channel, solver })).resolves.toBeDefined();
  });

  it('tells everything that is wrong at once', async () => {
    const channel = copy();
    flip(join(channel.dir, NUMPY));
    rmSync(join(channel.dir, 'noarch/six-1.16.0-0.tar.bz2'));
    writeFileSync(join(channel.dir, 'noarch/left-over'), '');
    channel.plan.specs = [parseMatchSpec('absent')];
    const text = (await failures(channel)).join('\n');
    for (const piece of [
      'numpy-1.26.4-py39_0.conda has sha256',
      'six-1.16.0-0.tar.bz2 is in the index and not on disk',
      'left-over',
      'absent',
    ])
      expect(text).toContain(piece);
  });
});

describe('one label for several subdirs', () => {
  it('asks closure of each subdir only of what its own solve chose', async () => {
    const channel = copy();
    const win = { ...PROFILE, subdir: 'win-64', virtualPackages: [{ name: '__win', version: '10', build: '0' }] };
    const six = channel.plan.artifacts.filter(({ fn }) => fn.startsWith('six'));
    channel.plan.solved = [...channel.plan.solved, { ...channel.plan.solved[0]!, subdir: 'win-64', artifacts: six }];
    channel.plan.profiles = [PROFILE, win];
    // pytho, a noarch package of linux-64's solve, needs numpy, which win-64 does not have.
    const found = await failures(channel);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain("pytho on win-64 can't be installed");
  });
});

function flip(path: string, at = 40): void {
  const bytes = readFileSync(path);
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(path, bytes);
}

function spoilPlan(
  channel: Staged,
  name: string,
  change: (artifact: RepackPlan['artifacts'][number]) => RepackPlan['artifacts'][number],
): Staged {
  const artifacts = channel.plan.artifacts.map((artifact) =>
    artifact.fn.startsWith(name) ? change(artifact) : artifact,
  );
  return { ...channel, plan: { ...channel.plan, artifacts } };
}
