import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import { nodeFileSystem, type FileSystem } from '../../../../src/runtime/fs.js';
import type { Runtime } from '../../../../src/runtime/runtime.js';
import { exportTo } from '../../../helpers/carry.js';
import { folderOfTest, membersIn } from '../../../helpers/made-channel.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { publishTiny, type TinySet } from '../../../helpers/tiny-channel.js';

const ONE: TinySet = { 'linux-64/a-1-0.conda': 'a 1', 'linux-64/b-1-0.conda': 'b 1', 'noarch/n-1-0.tar.bz2': 'n 1' };
const TWO: TinySet = { 'linux-64/a-2-0.conda': 'a 2', 'linux-64/b-1-0.conda': 'b 1', 'noarch/n-1-0.tar.bz2': 'n 1' };

it('G12 begins again when a file of its generation is gone, and holds the new generation whole', async () => {
  const { root, dir, out } = await published(ONE);
  const fs = beforeRead(1, () => publish(root, TWO));
  const rt = testRuntime({ fs });
  expect(await exportTo(out, dir, { siteFiles: true }, rt)).toMatchObject({ generation: 2 });
  expect(rt.collected).toContainEqual({ type: 'note', message: expect.stringContaining('beginning again') as string });
  await expectWhole(out, 2);
  expect(existsSync(join(out, 'acme-g1.tar'))).toBe(false);
});

it('G12 keeps the generation that it has read whole when another is published at the end, and says so', async () => {
  const { root, dir, out } = await published(ONE);
  const rt = testRuntime({
    reach: async (step) => {
      if (step === 'export:part-written') await publish(root, TWO);
    },
  });
  const report = await exportTo(out, dir, { siteFiles: true }, rt);
  expect(report).toMatchObject({ generation: 1, findings: [{ code: 'published-meanwhile', warn: true }] });
  await expectWhole(out, 1);
});

it.each(['publish:journal-written', 'publish:index-in', 'publish:leaving-out', 'publish:switched'])(
  'I10 waits for a switch that stands at %s, and never takes a mix of two generations',
  async (step) => {
    const { root, dir, out } = await published(ONE);
    const gate = gateAt(step);
    const publishing = publish(root, TWO, gate.rt);
    await gate.reached;
    const clock = testRuntime().clock;
    const rt = testRuntime({
      clock: { ...clock, sleep: async (ms, signal) => (gate.open(), await publishing, clock.sleep(ms, signal)) },
    });
    const report = await exportTo(out, dir, { siteFiles: true }, rt);
    gate.open();
    await publishing;
    await expectWhole(out, report.generation);
  },
);

it('G12 gives up where the folder is published each time it is read', async () => {
  const { root, dir, out } = await published(ONE);
  let round = 1;
  const fs = beforeRead(Number.POSITIVE_INFINITY, async () => {
    round += 1;
    await publish(root, { [`linux-64/a-${round}-0.conda`]: `a ${round}` });
  });
  await expect(exportTo(out, dir, { siteFiles: true }, testRuntime({ fs }))).rejects.toMatchObject({
    code: 'E_FOLDER_DIFFERS',
    what: 'The folder changed 5 times while it was read',
  });
  expect(existsSync(out)).toBe(false);
});

it('G12 tells a switch that broke off from a damaged folder: it waits a minute for it, no longer', async () => {
  const { root, dir, out } = await published(ONE);
  const gate = gateAt('publish:index-in');
  const publishing = publish(root, TWO, gate.rt);
  await gate.reached;
  const rt = testRuntime();
  await expect(exportTo(out, dir, { siteFiles: true }, rt)).rejects.toMatchObject({ code: 'E_FOLDER_DIFFERS' });
  expect(rt.collected).toContainEqual({ type: 'waiting', reason: `${dir} is being published` });
  expect(rt.clock.sleeps.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(70_000);
  gate.open();
  await publishing;
  expect(await exportTo(out, dir, { siteFiles: true }, testRuntime())).toMatchObject({ generation: 2 });
});

it('G12 is quick to say that a folder is damaged where nothing is published', async () => {
  const { dir, out } = await published(ONE);
  const fs: FileSystem = {
    ...nodeFileSystem(),
    openNoFollow: async (path) => {
      if (path.endsWith('b-1-0.conda')) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
      return nodeFileSystem().openNoFollow(path);
    },
  };
  const rt = testRuntime({ fs });
  await expect(exportTo(out, dir, { siteFiles: true }, rt)).rejects.toMatchObject({ code: 'E_FOLDER_DIFFERS' });
  expect(rt.clock.sleeps.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(5000);
});

async function published(packages: TinySet): Promise<{ root: string; dir: string; out: string }> {
  const base = folderOfTest();
  const root = join(base, 'root');
  await publish(root, packages);
  return { root, dir: join(root, 'acme'), out: join(base, 'out') };
}

async function publish(root: string, packages: TinySet, rt: Runtime = testRuntime()): Promise<void> {
  let ids = 0;
  const randomId = (): string => `${process.pid}-${Math.random().toString(36).slice(2)}-${ids++}`;
  await publishTiny({ ...rt, machine: { ...rt.machine, randomId } }, { root, packages });
}

/** Runs `work` before the first reading of an artifact of each of the first `times` attempts. */
function beforeRead(times: number, work: () => Promise<void>): FileSystem {
  const base = nodeFileSystem();
  let manifests = 0;
  let done = 0;
  return {
    ...base,
    readFile: async (path) => {
      if (path.endsWith('acme/manifest.json')) manifests++;
      return base.readFile(path);
    },
    openNoFollow: async (path) => {
      if (/linux-64\/a-/.test(path) && done < times && manifests > 0) {
        done += 1;
        manifests = 0;
        await work();
      }
      return base.openNoFollow(path);
    },
  };
}

/** A runtime that stands still at a step until the gate is opened. */
function gateAt(step: string): { rt: Runtime; reached: Promise<void>; open(): void } {
  let open = (): void => undefined;
  let arrive = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const reached = new Promise<void>((resolve) => (arrive = resolve));
  const rt = testRuntime({
    reach: async (each) => {
      if (each !== step) return;
      arrive();
      await opened;
    },
  });
  return { rt, reached, open: () => open() };
}

/** What is on the medium is that generation, by its own manifest, byte for byte. */
async function expectWhole(out: string, generation: number): Promise<void> {
  const members = await membersIn(out);
  const manifest = JSON.parse(members.get('acme/manifest.json')!.bytes.toString()) as Manifest;
  expect(manifest.generation).toBe(generation);
  expect(
    readFileSync(join(out, `acme-g${generation}.manifest.json`)).equals(members.get('acme/manifest.json')!.bytes),
  ).toBe(true);
  for (const { path, sha256 } of manifest.files)
    expect(sha256Of(members.get(`acme/${path}`)!.bytes), path).toBe(sha256);
  const expected = ['manifest.json', 'SHA256SUMS', ...manifest.files.map(({ path }) => path)].map(
    (path) => `acme/${path}`,
  );
  expect([...members.keys()].slice(1).sort()).toEqual(expected.sort());
}
