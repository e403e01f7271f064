import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, expect, it, vi } from 'vitest';
import { makeChannel } from '../../scripts/lib/sample-upstream.js';
import { Secret } from '../../src/base/secret.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { parseMatchSpec } from '../../src/conda/spec/match-spec.js';
import { listGenerations } from '../../src/delivery/generations/read-generations.js';
import { clean } from '../../src/jobs/clean/clean.js';
import { doctor } from '../../src/jobs/doctor/doctor.js';
import { hold, release } from '../../src/jobs/hold.js';
import { rollback } from '../../src/jobs/rollback/rollback.js';
import { update } from '../../src/jobs/update.js';
import { tempDir } from '../helpers/artifacts.js';
import { holdsForAny } from '../helpers/attack.js';
import { GATE_TOKEN, gatePackages, jobRuntime, profileOf, workSettingsOf } from '../helpers/gated-jobs.js';
import { sharedThread } from '../helpers/shared-thread.js';
import { pushHere } from '../helpers/pushing.js';
import { breaches, digests } from '../helpers/tiny-channel.js';

vi.hoisted(() => {
  if (process.platform === 'linux') process.env['TMPDIR'] = '/dev/shm';
});
const workers = sharedThread();
afterAll(() => workers.end());

/** What a label with a memory is: the contents of its generations (first: 1), and whether it is held. */
interface Model {
  contents: string[];
  held: boolean;
}

interface Real {
  root: string;
  labelDir: string;
  cacheDir: string;
  channelUrl: string;
}

const LABEL = 'acme';
const LOCK = { waitLockMs: 0, takeOverLock: false };
const rt = () => jobRuntime({ workers });
const manifestOf = ({ labelDir }: Real): Manifest =>
  JSON.parse(readFileSync(join(labelDir, 'manifest.json'), 'utf8')) as Manifest;

/** Folder and model say the same, and what is live is whole. */
async function expectSame(model: Model, real: Real): Promise<void> {
  if (model.contents.length === 0) return;
  const { generation, files } = manifestOf(real);
  expect(generation).toBe(model.contents.length);
  const apps = files.filter(({ path }) => path.includes('/app-')).map(({ path }) => path.split('-')[2]);
  expect(apps).toEqual([model.contents.at(-1)]);
  expect(await breaches(real.labelDir)).toEqual([]);
  const places = { labelDir: real.labelDir, stateDir: join(real.root, '.repackenv', LABEL) };
  const kept = await listGenerations(rt(), places);
  for (const each of kept) expect(each.generation).toBeLessThanOrEqual(generation);
}

/** What one operation does to both. All but an update want something published. */
type Operation = (model: Model, real: Real) => Promise<void>;

const updateTo =
  (version: string): Operation =>
  async (model, { root, cacheDir, channelUrl }) => {
    await update(rt(), {
      ...workSettingsOf(cacheDir),
      label: LABEL,
      root,
      token: new Secret(GATE_TOKEN),
      specs: [parseMatchSpec(`app ==${version}`)],
      channels: [{ url: channelUrl, name: 'upstream', authenticated: false, role: 'base' }],
      subdirs: ['linux-64'],
      profiles: [profileOf('linux-64')],
      drop: [],
      // The other way round would be an update that asks for less.
      replace: ['all'],
    });
    // Who follows channels leaves a held label as it is.
    if (!model.held && model.contents.at(-1) !== version) model.contents.push(version);
  };

const rollBack =
  (back: number): Operation =>
  async (model, { root, cacheDir }) => {
    const to = Math.max(0, model.contents.length - back);
    const request = {
      ...workSettingsOf(cacheDir),
      label: LABEL,
      root,
      to: String(to),
      why: undefined,
      from: [],
      drop: [],
      token: new Secret(GATE_TOKEN),
      tokenBaseUrl: 'https://conda.example/owner',
    };
    const ended: unknown = await rollback(rt(), request).catch((error: unknown) => error);
    // No such generation, or the one that is live: refused by name, and nothing is done.
    if (to < 1) expect(ended).toMatchObject({ code: 'E_GENERATION' });
    if (ended instanceof Error)
      expect(ended).toMatchObject({ code: expect.stringMatching(/^E_(?:GENERATION|ROLLBACK)/) });
    else if (manifestOf({ labelDir: join(root, LABEL) } as Real).generation > model.contents.length) {
      model.contents.push(model.contents[to - 1]!);
      model.held = true;
    } else {
      expect(model.contents[to - 1]).toBe(model.contents.at(-1));
      model.held = true;
    }
  };

const damage =
  (index: string): Operation =>
  async (_, { labelDir }) => {
    writeFileSync(join(labelDir, index), '{');
    await doctor(rt(), { dir: labelDir, repair: true, prune: false, site: undefined, ...LOCK });
  };

const OPERATIONS = {
  'update to 1.0': updateTo('1.0'),
  'update to 2.0': updateTo('2.0'),
  'rollback to none': rollBack(99),
  'rollback to the same': rollBack(0),
  'rollback by 1': rollBack(1),
  'rollback by 2': rollBack(2),
  hold: async (model, { root }) => {
    const asked = hold(rt(), { root, label: LABEL, why: 'a test', ...LOCK });
    if (model.held) await expect(asked).rejects.toMatchObject({ code: 'E_HELD' });
    else await asked;
    model.held = true;
  },
  release: async (model, { root }) => {
    await release(rt(), { root, label: LABEL, ...LOCK });
    model.held = false;
  },
  'damage and repair': damage('linux-64/repodata.json'),
  'damage and repair, packed': damage('noarch/repodata.json.zst'),
  clean: async (_, { root, cacheDir }) => {
    await clean(rt(), { root, cacheDir, limits: { olderThanMs: 0, maxBytes: 0 }, dryRun: false });
  },
  push: async (_, real) => {
    const target = join(real.root, '..', 'site');
    await pushHere(real, target, { siteFiles: false });
    expect(await digests(join(target, LABEL))).toEqual(await digests(real.labelDir));
  },
} satisfies Record<string, Operation>;

const sequences = fc.array(
  fc.oneof(
    { arbitrary: fc.constantFrom('update to 1.0' as const, 'update to 2.0' as const), weight: 1 },
    { arbitrary: fc.constantFrom(...(Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[])), weight: 3 },
  ),
  { maxLength: 9 },
);

it(
  'any sequence of operations on a label with a memory ends as a simple model says',
  { timeout: 7_200_000 },
  async (context) => {
    const { one, two } = await gatePackages();
    const channel = join(tempDir(), 'upstream');
    const packages = [...one, ...two.filter(({ distFilename }) => distFilename.startsWith('app-'))];
    await makeChannel(channel, packages, { subdirs: ['linux-64'] });
    const sizes = { smoke: 300, ci: 300, long: 10_000 };
    await holdsForAny(context, { name: 'model', cases: sequences, sizes }, async (names) => {
      const dir = tempDir();
      const root = join(dir, 'root');
      const real = {
        root,
        labelDir: join(root, LABEL),
        cacheDir: join(dir, 'cache'),
        channelUrl: pathToFileURL(channel).href,
      };
      const model: Model = { contents: [], held: false };
      for (const name of names) {
        if (model.contents.length === 0 && !name.startsWith('update')) continue;
        await OPERATIONS[name](model, real);
        await expectSame(model, real);
      }
      rmSync(dir, { recursive: true, force: true });
    });
  },
);
