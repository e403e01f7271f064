import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import { recoverLabel } from '../../../../src/delivery/switch/recover.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { failWhere, faultFs } from '../../../helpers/fault-fs.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { breaches, digests, publishTiny } from '../../../helpers/tiny-channel.js';

/** Design D6: a switch that was cut off is finished, or undone, and never stays between; what a kill leaves is what lies on disk then. */

const FIRST = { 'linux-64/a-1-0.conda': 'a one', 'linux-64/b-1-0.conda': 'b one', 'noarch/n-1-0.conda': 'n one' };
// A package more, one less, and one with other bytes under its name.
const SECOND = { 'linux-64/b-1-0.conda': 'b other', 'linux-64/c-1-0.conda': 'c', 'noarch/n-1-0.conda': 'n one' };

const placeIn = (root: string) => ({
  label: 'acme',
  labelDir: join(root, 'acme'),
  stateDir: join(root, '.repackenv', 'acme'),
});

/** ROOT as it was at each step of the second publication, in order. */
const moments: { step: string; root: string }[] = [];
let first: Record<string, string>;
let second: Record<string, string>;

beforeAll(async () => {
  const kept = mkdtempSync(join(tmpdir(), 'repackenv-moments-'));
  const root = join(kept, 'root');
  mkdirSync(root);
  const rt = testRuntime();
  const { labelDir } = await publishTiny(rt, { root, packages: FIRST });
  first = await digests(labelDir);
  const watching = testRuntime({
    clock: rt.clock,
    machine: { randomId: () => `second-${Math.random()}` },
    reach: (step) => {
      const copy = join(kept, String(moments.length));
      cpSync(root, copy, { recursive: true, preserveTimestamps: true });
      moments.push({ step, root: copy });
    },
  });
  await publishTiny(watching, { root, packages: SECOND, replace: 'all' });
  second = await digests(labelDir);
  return () => rmSync(kept, { recursive: true, force: true });
});

function copyOf(root: string): string {
  const copy = join(tempDir(), 'root');
  cpSync(root, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

/** A copy of ROOT at the first moment of a step: what a test does there, no other sees. */
function at(step: string): { place: ReturnType<typeof placeIn> } {
  return { place: placeIn(copyOf(moments.find((each) => each.step === step)!.root)) };
}

const stagingOf = ({ stateDir }: { stateDir: string }): string => {
  const [run] = readdirSync(join(stateDir, 'staging'));
  return join(stateDir, 'staging', run!);
};

it('I3 a run killed while it wrote its journal leaves nothing behind', async () => {
  const root = tempDir();
  const place = placeIn(root);
  mkdirSync(place.stateDir, { recursive: true });
  writeFileSync(join(place.stateDir, 'journal.json.new'), '{"half"');
  expect(await recoverLabel(testRuntime(), { place })).toEqual({ outcome: 'clean', swept: [] });
  expect(readdirSync(place.stateDir)).toEqual([]);
});

describe('a run that was killed', () => {
  it('at any step: is finished once its journal lies there, and before is as if it had not been', async () => {
    let journal = false;
    for (const { step, root } of moments) {
      journal ||= step === 'publish:journal-written';
      if (step === 'publish:journal-removed') journal = false;
      const over = step === 'publish:journal-removed' || step === 'publish:done';
      const place = placeIn(copyOf(root));
      const rt = testRuntime({ machine: { randomId: () => 'recovery' } });
      const { outcome, swept } = await recoverLabel(rt, { place });
      expect([step, outcome]).toEqual([step, journal ? 'finished' : 'clean']);
      expect(rt.collected.map((event) => event.type === 'note' && event.message)).toEqual(
        journal ? ['an interrupted run of label acme was finished'] : [],
      );
      const after = journal || over;
      expect(await digests(place.labelDir), step).toEqual(after ? second : first);
      expect(await breaches(place.labelDir)).toEqual([]);
      expect(existsSync(join(place.stateDir, 'journal.json'))).toBe(false);
      expect(readdirSync(join(place.stateDir, 'staging'))).toEqual([]);
      expect(swept).toHaveLength(step === 'publish:done' ? 0 : 1);
      expect(readdirSync(join(place.stateDir, 'receipts')), step).toHaveLength(after ? 2 : 1);
      const copy = readFileSync(join(place.stateDir, 'manifest.json'), 'utf8');
      expect(copy).toBe(readFileSync(join(place.labelDir, 'manifest.json'), 'utf8'));
      // Done again it finds nothing to do.
      expect((await recoverLabel(rt, { place })).outcome).toBe('clean');
    }
    expect(moments.map(({ step }) => step)).toEqual(
      expect.arrayContaining([
        'publish:reduced-index-in',
        'publish:replaced-in',
        'publish:leaving-out',
        'publish:pooled',
      ]),
    );
  });

  it.each([
    'publish:journal-written',
    'publish:artifact-in',
    'publish:reduced-index-in',
    'publish:replaced-in',
    'publish:index-in',
  ])('at %s, whose staged files are gone: is undone', async (step) => {
    const { place } = at(step);
    rmSync(join(stagingOf(place), 'channel'), { recursive: true });
    const rt = testRuntime();
    expect((await recoverLabel(rt, { place })).outcome).toBe('undone');
    expect(await digests(place.labelDir)).toEqual(first);
    expect(await breaches(place.labelDir)).toEqual([]);
    expect(existsSync(join(place.stateDir, 'journal.json'))).toBe(false);
    expect(readdirSync(join(place.stateDir, 'receipts'))).toHaveLength(1);
    expect(rt.collected).toContainEqual({ type: 'note', message: 'an interrupted run of label acme was undone' });
  });

  it('whose staged files have other bytes: is undone, and none of them is taken', async () => {
    const { place } = at('publish:artifact-in');
    writeFileSync(join(stagingOf(place), 'channel', 'manifest.json'), '{}');
    expect((await recoverLabel(testRuntime(), { place })).outcome).toBe('undone');
    expect(await digests(place.labelDir)).toEqual(first);
  });

  it.each(['publish:journal-written', 'publish:artifact-in'])(
    'at %s, of whose index only the one for the time in between is there: is undone, not left with that',
    async (step) => {
      const { place } = at(step);
      rmSync(join(stagingOf(place), 'channel', 'linux-64', 'repodata.json'));
      expect((await recoverLabel(testRuntime(), { place })).outcome).toBe('undone');
      expect(await digests(place.labelDir)).toEqual(first);
    },
  );

  it('while another program holds a package that leaves: is finished, and the package stays for the next run', async () => {
    const { place } = at('publish:index-in');
    const held = join(place.labelDir, 'linux-64', 'a-1-0.conda');
    const { fs } = faultFs(failWhere(({ name, args }) => name === 'unlink' && args[0] === held, 'EBUSY'));
    expect((await recoverLabel(testRuntime({ fs }), { place })).outcome).toBe('finished');
    expect(await breaches(place.labelDir)).toEqual([]);
    expect(await digests(place.labelDir)).toMatchObject(second);
    expect(existsSync(held)).toBe(true);
    expect(existsSync(join(place.stateDir, 'journal.json'))).toBe(false);
  });

  it('whose published file was changed since: is undone', async () => {
    const { place } = at('publish:replaced-in');
    writeFileSync(join(place.labelDir, 'linux-64', 'b-1-0.conda'), 'somebody else');
    expect((await recoverLabel(testRuntime(), { place })).outcome).toBe('undone');
    expect(await digests(place.labelDir)).toEqual(first);
  });

  it('of which neither way is open: says so, touches nothing and keeps its journal', async () => {
    const { place } = at('publish:replaced-in');
    rmSync(join(stagingOf(place), 'channel'), { recursive: true });
    rmSync(join(stagingOf(place), 'undo'), { recursive: true });
    const before = await digests(place.labelDir);
    await expect(recoverLabel(testRuntime(), { place })).rejects.toMatchObject({
      code: 'E_RECOVERY',
      where: join(place.stateDir, 'journal.json'),
      details: [`staged files: ${stagingOf(place)}`],
    });
    expect(await digests(place.labelDir)).toEqual(before);
    expect(existsSync(join(place.stateDir, 'journal.json'))).toBe(true);
  });

  it('once packages have left, there is no way back', async () => {
    const { place } = at('publish:leaving-out');
    // What was published is gone again: neither the new folder nor the old one can be made.
    rmSync(join(place.labelDir, 'linux-64', 'c-1-0.conda'));
    await expect(recoverLabel(testRuntime(), { place })).rejects.toMatchObject({ code: 'E_RECOVERY' });
  });

  it('whose journal is damaged: nothing can be told from it, and it goes', async () => {
    for (const text of ['', 'x', `${'0'.repeat(64)}\n{}\n`]) {
      const { place } = at('publish:journal-written');
      writeFileSync(join(place.stateDir, 'journal.json'), text);
      expect((await recoverLabel(testRuntime(), { place })).outcome).toBe('discarded');
      expect(existsSync(join(place.stateDir, 'journal.json'))).toBe(false);
      expect(await digests(place.labelDir)).toEqual(first);
    }
  });

  it('of a later version of this program is left to that', async () => {
    const { place } = at('publish:journal-written');
    const file = join(place.stateDir, 'journal.json');
    const body = JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8').split('\n')[1]!) as object), schema: 3 });
    writeFileSync(file, `${sha256Of(body)}\n${body}\n`);
    await expect(recoverLabel(testRuntime(), { place })).rejects.toMatchObject({
      code: 'E_RECOVERY',
      what: expect.stringContaining('a newer version') as string,
      where: file,
    });
    expect(existsSync(file)).toBe(true);
    expect(readdirSync(join(place.stateDir, 'staging'))).toHaveLength(1);
  });

  it('on a disk that still fails: is an error of the disk, and stays to be finished', async () => {
    const { place } = at('publish:index-in');
    const { fs } = faultFs(failWhere(({ name }) => name === 'rename', 'EIO'));
    await expect(recoverLabel(testRuntime({ fs }), { place })).rejects.toMatchObject({
      code: 'E_DISK',
      what: expect.stringContaining('finish what an interrupted run of label acme began') as string,
    });
    const again = testRuntime({ machine: { randomId: () => 'again' } });
    expect((await recoverLabel(again, { place })).outcome).toBe('finished');
    expect(await digests(place.labelDir)).toEqual(second);
  });
});

describe('a way back that was killed itself', () => {
  it.each([0, 1, 2, 3])('after %s of its steps: is finished', async (steps) => {
    const { place } = at('publish:replaced-in');
    rmSync(join(stagingOf(place), 'channel'), { recursive: true });
    let left = steps;
    const killed = faultFs(({ name, args }) =>
      name === 'rename' && String(args[1]).startsWith(place.labelDir) && left-- <= 0 ? 'EIO' : undefined,
    );
    await recoverLabel(testRuntime({ fs: killed.fs }), { place }).catch(() => undefined);
    await recoverLabel(testRuntime(), { place });
    expect(await digests(place.labelDir)).toEqual(first);
    expect(existsSync(join(place.stateDir, 'journal.json'))).toBe(false);
  });

  it('the folder that it made goes with it', async () => {
    const root = tempDir();
    const copy = join(tempDir(), 'root');
    const rt = testRuntime({
      reach: (step) => {
        if (step === 'publish:artifact-in')
          cpSync(root, copy, { recursive: true, preserveTimestamps: true, force: false });
      },
    });
    await publishTiny(rt, { root, packages: FIRST });
    const place = placeIn(copy);
    rmSync(join(stagingOf(place), 'channel'), { recursive: true });
    expect((await recoverLabel(testRuntime(), { place })).outcome).toBe('undone');
    expect(existsSync(place.labelDir)).toBe(false);
  });
});
