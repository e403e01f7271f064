import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { zstdCompress } from '../../../../src/codec/zstd.js';
import type { LiveFolder } from '../../../../src/channel/staged.js';
import { readJournal, writeJournal, type Journal } from '../../../../src/delivery/switch/journal.js';
import { recoverLabel } from '../../../../src/delivery/switch/recover.js';
import { PHASES, type FileToPut } from '../../../../src/delivery/switch/operations.js';
import { backUp, undoSwitch, type UndoOptions } from '../../../../src/delivery/switch/undo.js';
import { nodeFileSystem, type FileSystem } from '../../../../src/runtime/fs.js';
import { liveFolder, tempDir } from '../../../helpers/artifacts.js';
import { failWhere, faultFs, type FaultCode, type FsCall } from '../../../helpers/fault-fs.js';
import { journalOf } from '../../../helpers/journals.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { breaches, digests, exists, publishTiny, tinyRepodata } from '../../../helpers/tiny-channel.js';

/** Design D6: the way back is a switch as any: at every instant every index names only what is there, with its digest. */

const FIRST = { 'linux-64/a-1-0.conda': 'a one', 'linux-64/b-1-0.conda': 'b one', 'noarch/n-1-0.conda': 'n one' };
/** One package more, one less, one with other bytes under its name, one in another platform. */
const SECOND = {
  'linux-64/b-1-0.conda': 'b other',
  'linux-64/c-1-0.conda': 'c',
  'noarch/n-1-0.conda': 'n one',
  'win-64/w-1-0.conda': 'w',
};

let root: string;
beforeEach(() => {
  root = tempDir();
});

const placeIn = (at: string) => ({ label: 'acme', labelDir: join(at, 'acme'), stateDir: join(at, '.repackenv/acme') });

interface Moment {
  place: ReturnType<typeof placeIn>;
  before: Record<string, string>;
}

/** ROOT as a kill leaves it at this step, without what was staged: there is no way but back. */
async function killedAt(
  step: string,
  meddle: (labelDir: string) => Promise<void> = async () => undefined,
): Promise<Moment> {
  const rt = testRuntime();
  const { labelDir } = await publishTiny(rt, { root, packages: FIRST, bz2: true });
  await meddle(labelDir);
  const before = await digests(labelDir);
  const copy = tempDir();
  let copied = false;
  const second = testRuntime({
    clock: rt.clock,
    machine: { randomId: () => 'second' },
    reach: async (at) => {
      if (at !== step || copied) return;
      copied = true;
      await cp(root, copy, { recursive: true, preserveTimestamps: true });
    },
  });
  await publishTiny(second, { root, packages: SECOND, replace: 'all', bz2: true });
  const place = placeIn(copy);
  for (const run of await readdir(join(place.stateDir, 'staging')))
    await rm(join(place.stateDir, 'staging', run, 'channel'), { recursive: true });
  return { place, before };
}

/** A disk after each of whose changes the folder is looked at. */
function watched(labelDir: string, found: string[]): FileSystem {
  const fs = nodeFileSystem();
  const watch =
    <A extends unknown[]>(call: (...args: A) => Promise<void>) =>
    async (...args: A): Promise<void> => {
      await call(...args);
      found.push(...(await breaches(labelDir)));
    };
  return { ...fs, rename: watch(fs.rename), unlink: watch(fs.unlink), rmdir: watch(fs.rmdir) };
}

describe('the way back', () => {
  it.each(['artifact-in', 'reduced-index-in', 'replaced-in', 'index-in', 'manifest-in', 'sums-in'])(
    'from publish:%s is true at every instant, in the order of a switch, and leaves nothing',
    async (phase) => {
      const { place, before } = await killedAt(`publish:${phase}`);
      // All is in place then: what was put last is gone again.
      if (phase === 'sums-in') await rm(join(place.labelDir, 'SHA256SUMS'));
      const found: string[] = [];
      const rt = testRuntime({ fs: watched(place.labelDir, found) });
      expect((await recoverLabel(rt, { place })).outcome).toBe('undone');
      expect(found).toEqual([]);
      expect(await digests(place.labelDir)).toEqual(before);
      const phases = rt.reached.map((step) => (PHASES as readonly string[]).indexOf(step.replace('publish:', '')));
      expect(phases).toEqual(phases.toSorted((a, b) => a - b));
      expect(await readdir(join(place.stateDir, 'staging'))).toEqual([]);
      expect(await exists(join(place.stateDir, 'journal.json'))).toBe(false);
    },
  );

  it('puts the manifest back behind the indexes, and the sums behind it', async () => {
    const { place } = await killedAt('publish:sums-in');
    await rm(join(place.labelDir, 'SHA256SUMS'));
    const { fs, calls } = faultFs(() => undefined);
    await recoverLabel(testRuntime({ fs }), { place });
    const put = calls.filter(({ name }) => name === 'rename').map(({ args }) => String(args[1]));
    const inFolder = put
      .filter((path) => path.startsWith(place.labelDir))
      .map((path) => path.slice(place.labelDir.length + 1));
    expect(inFolder.slice(-2)).toEqual(['manifest.json', 'SHA256SUMS']);
  });

  it('also to an index that somebody had broken: it named nothing that could be kept true', async () => {
    const { place, before } = await killedAt('publish:manifest-in', (labelDir) =>
      writeFile(join(labelDir, 'linux-64/repodata.json'), JSON.stringify({ packages: {} }).slice(0, 5)),
    );
    expect((await recoverLabel(testRuntime(), { place })).outcome).toBe('undone');
    expect(await digests(place.labelDir)).toEqual(before);
  });
});

const write = async (dir: string, files: Record<string, string>): Promise<void> => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), path.endsWith('.zst') ? await zstdCompress(Buffer.from(text), 1) : text);
    utimesSync(join(dir, path), 2000, 2000);
  }
};
const put = (path: string, fresh: boolean): FileToPut => ({
  path,
  from: `channel/${path}`,
  kind: 'artifact',
  size: 1,
  sha256: 'new',
  mtimeMs: 1,
  fresh,
});

describe('what is copied for the way back', () => {
  const LIVE = {
    'manifest.json': '{}',
    'manifest.json.sig': 'signed',
    SHA256SUMS: 'sums',
    'noarch/repodata.json': '{}',
    'noarch/current_repodata.json': '{}',
    'noarch/replaced-1-0.conda': 'old bytes',
    'noarch/leaves-1-0.conda': 'leaves',
    'noarch/stays-1-0.conda': 'stays',
  };
  const made = async (parts: Partial<LiveFolder> = {}) => {
    const [labelDir, stagingDir] = [tempDir(), tempDir()];
    await write(labelDir, LIVE);
    const live = { ...liveFolder(labelDir), state: 'ours' as const, ...parts };
    const over = [
      'noarch/replaced-1-0.conda',
      'manifest.json.sig',
      'manifest.json',
      'SHA256SUMS',
      'noarch/repodata.json',
    ];
    const { fs, calls } = faultFs(() => undefined);
    const plan = await backUp(testRuntime({ fs }), {
      stagingDir,
      live,
      files: [put('noarch/new-1-0.conda', true), ...over.map((path) => put(path, false)), put('noarch/unseen', false)],
      leaving: ['noarch/leaves-1-0.conda', 'noarch/current_repodata.json'],
    });
    return {
      live,
      plan,
      stagingDir,
      synced: calls.filter(({ name }) => name === 'syncFile').map(({ args }) => args[0]),
    };
  };

  it('is what is put over, and what goes before the packages do, whole and synced', async () => {
    const { live, plan, stagingDir, synced } = await made();
    const wanted = {
      'noarch/replaced-1-0.conda': 'artifact',
      'manifest.json.sig': 'signature',
      'manifest.json': 'manifest',
      SHA256SUMS: 'sums',
      'noarch/repodata.json': 'index',
      'noarch/current_repodata.json': 'index',
    };
    expect(plan).toEqual({
      files: Object.entries(wanted).map(([path, kind]) => ({
        path,
        from: `undo/${path}`,
        kind,
        size: live.files.get(path)!.size,
        sha256: live.files.get(path)!.sha256,
        mtimeMs: 2_000_000,
        fresh: false,
      })),
      added: ['noarch/new-1-0.conda'],
      newFolder: false,
    });
    for (const path of Object.keys(wanted)) {
      const copy = join(stagingDir, 'undo', path);
      expect(readFileSync(copy, 'utf8')).toBe(LIVE[path as keyof typeof LIVE]);
      expect([statSync(copy).mtimeMs, synced.includes(copy)]).toEqual([2_000_000, true]);
    }
  });

  it('of a folder that is not there yet is that it goes again', async () => {
    expect((await made({ state: 'absent', files: new Map() })).plan).toMatchObject({ files: [], newFolder: true });
  });
});

describe('a switch that is undone', () => {
  const INDEX = JSON.stringify(
    tinyRepodata('linux-64', { 'linux-64/b-1-0.conda': 'old', 'linux-64/c-1-0.conda': 'c' }),
  );
  const OLD = {
    'linux-64/b-1-0.conda': 'old',
    'linux-64/repodata.json': INDEX,
    'linux-64/repodata.json.zst': INDEX,
    'linux-64/current_repodata.json': INDEX,
    'noarch/repodata.json': INDEX,
    'noarch/n-1-0.conda': 'same in both',
    'manifest.json': '"old"',
  };
  interface Meddled extends Partial<UndoOptions> {
    /** In the label folder: what the switch has done until then. */
    now?: Record<string, string>;
    gone?: string[];
    parts?: Partial<Journal>;
    meddle?: (stagingDir: string) => void;
    fault?: (call: FsCall) => FaultCode | undefined;
  }

  /** The old files are copied, two are added, one leaves at the end. */
  const undone = async ({ now = {}, gone = [], parts = {}, meddle, fault = () => undefined, ...more }: Meddled) => {
    const root = tempDir();
    const [labelDir, stateDir, stagingDir] = [join(root, 'acme'), join(root, 'state'), join(root, 'staging')];
    await write(join(stagingDir, 'undo'), OLD);
    mkdirSync(stateDir);
    const files = [...liveFolder(join(stagingDir, 'undo')).files].map(([path, was]): FileToPut => {
      const kind = path.endsWith('.conda') ? 'artifact' : path === 'manifest.json' ? 'manifest' : 'index';
      return Object.assign({ path, from: `undo/${path}`, kind, fresh: false } as const, was);
    });
    const added = ['linux-64/new-1-0.conda', 'linux-64/later-1-0.conda'];
    const leaves = { kind: 'remove', phase: 'leaving-out', path: 'noarch/leaves-1-0.conda' } as const;
    await write(labelDir, {
      ...OLD,
      [leaves.path]: 'leaves',
      'linux-64/new-1-0.conda': 'new',
      'manifest.json': 'new',
      ...now,
    });
    for (const path of gone) rmSync(join(labelDir, path));
    meddle?.(stagingDir);
    const journal = journalOf({
      schema: 2,
      operations: [{ kind: 'remove', phase: 'stale-index-out', path: 'noarch/gone' }, leaves],
      undo: { files, added, newFolder: false },
      ...parts,
    });
    await writeJournal(testRuntime(), stateDir, journal);
    const { fs, calls } = faultFs(fault);
    let back: Awaited<ReturnType<typeof readJournal>>;
    const rt = testRuntime({ fs, reach: async () => void (back ??= await readJournal(testRuntime(), stateDir)) });
    const was = await digests(labelDir);
    const outcome = await undoSwitch(rt, { labelDir, stateDir, stagingDir, journal, ...more }).catch(
      (error: unknown) => error,
    );
    const changed = calls
      .filter(({ name }) => name === 'rename' || name === 'unlink')
      .map(({ name, args }) => relative(labelDir, String(args[name === 'rename' ? 1 : 0])))
      .filter((path) => !path.startsWith('..'));
    const untouched = JSON.stringify(await digests(labelDir)) === JSON.stringify(was);
    return { outcome, changed, untouched, back, calls, labelDir, stateDir, journal };
  };

  it('is a switch of its own, of what differs, with a journal that replaces the old one', async () => {
    const { outcome, changed, back, labelDir, stateDir, calls } = await undone({});
    expect(outcome).toBe(true);
    expect(changed).toEqual(['manifest.json', 'linux-64/new-1-0.conda']);
    const leaves = { 'noarch/leaves-1-0.conda': 'leaves' };
    const wanted = tempDir();
    await write(wanted, { ...OLD, ...leaves });
    expect(await digests(labelDir)).toEqual(await digests(wanted));
    expect(back).toEqual({
      schema: 1,
      purpose: 'undo',
      label: 'acme',
      run: 'r',
      operations: [
        expect.objectContaining({ kind: 'put', phase: 'manifest-in', from: 'undo/manifest.json' }),
        { kind: 'remove', phase: 'leaving-out', path: 'linux-64/new-1-0.conda' },
      ],
      undo: null,
      removeFolder: false,
      receipt: null,
    });
    expect(existsSync(join(stateDir, 'journal.json'))).toBe(false);
    expect(calls.some(({ name, args }) => name === 'syncDir' && args[0] === labelDir)).toBe(true);
  });

  it('after a failed sync syncs no folder again, and leaves its journal to the next run', async () => {
    const { outcome, calls, labelDir, stateDir, changed } = await undone({ durable: false });
    expect([outcome, changed.length]).toEqual([true, 2]);
    expect(calls.filter(({ name, args }) => name === 'syncDir' && String(args[0]).startsWith(labelDir))).toEqual([]);
    expect(await readJournal(testRuntime(), stateDir)).toMatchObject({ purpose: 'undo' });
  });

  it.each<[what: string, given: Meddled]>([
    ['it is a way back itself', { parts: { undo: null } }],
    ['a package has left', { gone: ['noarch/leaves-1-0.conda'] }],
    ['a copy is gone', { meddle: (dir) => rmSync(join(dir, 'undo/manifest.json')) }],
    ['a copy has other bytes', { meddle: (dir) => writeFileSync(join(dir, 'undo/manifest.json'), 'x') }],
  ])('has no way back where %s: nothing is touched', async (_what, given) => {
    const { outcome, untouched, changed, stateDir, journal } = await undone(given);
    expect([outcome, untouched, changed]).toEqual([false, true, []]);
    expect(await readJournal(testRuntime(), stateDir)).toEqual(journal);
  });

  it.each<[what: string, given: Meddled, changed: string[]]>([
    [
      'with other bytes: is in no index meanwhile',
      { now: { 'linux-64/b-1-0.conda': 'other' } },
      ['linux-64/repodata.json', 'linux-64/repodata.json.zst', 'linux-64/b-1-0.conda', 'manifest.json'],
    ],
    ['that is gone: comes first', { gone: ['linux-64/b-1-0.conda'] }, ['linux-64/b-1-0.conda', 'manifest.json']],
    [
      'with other bytes, whose index was broken: that named nothing',
      {
        now: { 'linux-64/b-1-0.conda': 'other' },
        meddle: (dir) => writeFileSync(join(dir, 'undo/linux-64/repodata.json'), '{'),
      },
      ['linux-64/b-1-0.conda', 'manifest.json'],
    ],
    [
      'with other bytes, whose plain index is not there',
      { now: { 'linux-64/b-1-0.conda': 'other' }, meddle: (dir) => rmSync(join(dir, 'undo/linux-64/repodata.json')) },
      ['linux-64/b-1-0.conda', 'manifest.json'],
    ],
    [
      'as it was, with another index: comes out of none',
      { now: { 'linux-64/repodata.json': '{}' } },
      ['linux-64/repodata.json', 'manifest.json'],
    ],
  ])('a package %s', async (_what, given, changed) => {
    const done = await undone(given);
    expect([done.outcome, done.changed]).toEqual([true, [...changed, 'linux-64/new-1-0.conda']]);
    expect(readFileSync(join(done.labelDir, 'linux-64/b-1-0.conda'), 'utf8')).toBe('old');
  });

  it('leaves a new package that another program holds: no index names it', async () => {
    const held = 'linux-64/new-1-0.conda';
    const fault = failWhere(({ name, args }) => name === 'unlink' && String(args[0]).endsWith(held), 'EBUSY');
    const { outcome, labelDir, stateDir } = await undone({ fault });
    expect([outcome, existsSync(join(labelDir, held))]).toEqual([true, true]);
    expect(existsSync(join(stateDir, 'journal.json'))).toBe(false);
  });

  it('whose copies the disk does not show stops before its journal', async () => {
    const { outcome, untouched, stateDir, journal } = await undone({
      now: { 'linux-64/b-1-0.conda': 'other' },
      fault: failWhere(({ name, args }) => name === 'readText' && String(args[0]).endsWith('repodata.json'), 'EIO'),
    });
    expect([outcome, untouched]).toEqual([expect.objectContaining({ code: 'EIO' }), true]);
    expect(await readJournal(testRuntime(), stateDir)).toEqual(journal);
  });

  it.each<[newFolder: boolean, more: Record<string, string>, stays: boolean]>([
    [true, {}, false],
    [true, { 'of-others': 'x' }, true],
    [false, {}, true],
  ])('that made the folder (%s), in which %j lies: it stays (%s)', async (newFolder, more, stays) => {
    const { outcome, labelDir } = await undone({
      parts: { operations: [], undo: { files: [], added: Object.keys(ALL), newFolder } },
      now: more,
    });
    expect([outcome, existsSync(labelDir)]).toEqual([true, stays]);
  });
  const ALL = { ...OLD, 'linux-64/new-1-0.conda': '', 'noarch/leaves-1-0.conda': '' };
});
