import {
  appendFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { LiveFolder, StagedChannel } from '../../../src/channel/staged.js';
import { digestsOf, sha256Of } from '../../../src/codec/digests.js';
import { readHold } from '../../../src/delivery/generations/hold.js';
import { poolPath } from '../../../src/delivery/generations/pool.js';
import { lockLabel } from '../../../src/delivery/lock/lock.js';
import { inspectLabelFolder } from '../../../src/delivery/place/inspect.js';
import { openRoot } from '../../../src/delivery/place/root.js';
import { publish, switchIndexes, type PublishOptions } from '../../../src/delivery/publish.js';
import { createStaging } from '../../../src/delivery/stage/staging.js';
import { readJournal, type Journal } from '../../../src/delivery/switch/journal.js';
import { nodeFileSystem, type FileSystem } from '../../../src/runtime/fs.js';
import { tempDir } from '../../helpers/artifacts.js';
import { failWhere, faultFs, type FsCall } from '../../helpers/fault-fs.js';
import { testRuntime, type TestRuntime, type TestRuntimeOptions } from '../../helpers/runtime.js';
import {
  breaches,
  digests,
  exists,
  publishTiny,
  snapshot,
  stageTiny,
  type TinyRun,
  type TinySet,
} from '../../helpers/tiny-channel.js';

/**
 * Design D6: what is not as it was staged, or not as it was looked at, is not published; a switch that fails leads back, or forward in the next
 * run, and says which. D15: which bytes are kept, and what a rollback holds.
 */

const FIRST: TinySet = {
  'linux-64/a-1-0.conda': 'a one',
  'linux-64/b-1-0.conda': 'b one',
  'noarch/n-1-0.conda': 'n one',
};
/** One package more, one less. */
const SECOND: TinySet = {
  'linux-64/a-2-0.conda': 'a two',
  'linux-64/b-1-0.conda': 'b one',
  'noarch/n-1-0.conda': 'n one',
};
const GONE = 'linux-64/a-1-0.conda';

let root: string;
let rt: TestRuntime;
let labelDir: string;
let stateDir: string;
let ids = 0;
const runtime = (options: TestRuntimeOptions = {}): TestRuntime =>
  testRuntime({ clock: rt.clock, machine: { randomId: () => `run-${++ids}` }, ...options });

beforeEach(async () => {
  root = tempDir();
  rt = testRuntime();
  ({ labelDir, stateDir } = await publishTiny(rt, { root, packages: FIRST }));
});

/** A disk that does not take this file, once it was written so often. */
function unwritable(fs: FileSystem, name: string, after = 0): FileSystem {
  let written = 0;
  const writeWhole: FileSystem['writeWhole'] = (path, ...more) =>
    path.endsWith(name) && written++ >= after ? Promise.reject(new Error('no room')) : fs.writeWhole(path, ...more);
  return { ...fs, writeWhole };
}

const leftovers = async (): Promise<string[]> => readdir(join(stateDir, 'staging'));
const hasJournal = (): Promise<boolean> => exists(join(stateDir, 'journal.json'));
const caught = (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => 'published',
    (error: unknown) => error,
  );

describe('what was staged', () => {
  const path = (staged: StagedChannel): string => join(staged.dir, 'linux-64/a-2-0.conda');
  it.each<[string, (staged: StagedChannel) => Promise<void>]>([
    ['is longer', (staged) => appendFile(path(staged), '!')],
    [
      'is a link to the same bytes',
      async (staged) => {
        await rename(path(staged), join(root, 'elsewhere'));
        await symlink(join(root, 'elsewhere'), path(staged));
      },
    ],
    [
      'is a folder',
      async (staged) => {
        await rm(path(staged));
        await mkdir(path(staged));
      },
    ],
    ['has a second name, by which it can be altered', (staged) => link(path(staged), join(root, 'elsewhere'))],
  ])('and %s now is not published', async (_now, meddle) => {
    const before = await snapshot(labelDir);
    const error = await caught(publishTiny(runtime(), { root, packages: SECOND, beforePublish: meddle }));
    expect(error).toMatchObject({
      code: 'E_PUBLISH',
      exitCode: 5,
      what: 'a staged file is not as it was staged',
      where: expect.stringMatching(/channel\/linux-64\/a-2-0\.conda$/) as string,
    });
    expect(await snapshot(labelDir)).toEqual(before);
    expect([await leftovers(), await hasJournal()]).toEqual([[], false]);
  });

  it('as a link to a file of the store may have that second name', async () => {
    await publishTiny(runtime(), {
      root,
      packages: SECOND,
      beforePublish: async (staged) => {
        await link(path(staged), join(root, 'store'));
        Object.assign(
          staged.files.find((file) => file.path === 'linux-64/a-2-0.conda')!,
          { linked: true },
        );
      },
    });
    expect((await stat(join(labelDir, 'linux-64/a-2-0.conda'))).ino).toBe((await stat(join(root, 'store'))).ino);
  });

  it('outside the folder of its run is never taken: nothing else would be swept, or found again', async () => {
    const before = await snapshot(labelDir);
    await expect(direct({ stageIn: join(root, '.repackenv/acme/elsewhere') })).rejects.toThrow('outside');
    expect(await snapshot(labelDir)).toEqual(before);
  });
});

describe('a live folder that was looked at', () => {
  const live = (): string => join(labelDir, 'linux-64/b-1-0.conda');
  const sameTime = async (change: () => Promise<void>): Promise<void> => {
    const { atime, mtime } = await stat(live());
    await change();
    await utimes(live(), atime, mtime);
  };
  it.each<[string, () => Promise<void>]>([
    ['has another time', () => utimes(live(), 1, 1)],
    ['has another size and the old time', () => sameTime(() => writeFile(live(), 'longer than before'))],
    ['lacks a file', () => rm(live())],
  ])('and now %s is left alone', async (_now, meddle) => {
    const run = publishTiny(runtime(), { root, packages: SECOND, beforePublish: meddle });
    expect(await caught(run)).toMatchObject({
      code: 'E_PUBLISH',
      what: expect.stringContaining('by another program') as string,
      where: live(),
    });
    expect(await exists(join(labelDir, 'linux-64/a-2-0.conda'))).toBe(false);
    expect([await leftovers(), await hasJournal()]).toEqual([[], false]);
  });

  it('and that the disk does not show any more is an error of the disk', async () => {
    let broken = false;
    const { fs } = faultFs((call) => (broken && call.name === 'lstat' && call.args[0] === live() ? 'EIO' : undefined));
    const beforePublish = (): void => void (broken = true);
    const error = await caught(publishTiny(runtime({ fs }), { root, packages: SECOND, beforePublish }));
    expect(error).toMatchObject({ code: 'E_DISK', what: expect.stringContaining('prepare the switch') as string });
  });
});

describe('an interrupted or robbed run', () => {
  it.each<[string, (own: TestRuntime) => Partial<PublishOptions>]>([
    ['interrupted before it began', (own) => (own.abort(new Error('Ctrl-C')), {})],
    ['without its lock', () => ({ lock: { assertHeld: () => Promise.reject(new Error('lost')) } })],
  ])('%s: does not even look, and leaves nothing', async (_how, more) => {
    const own = runtime();
    await expect(direct({ own, more })).rejects.toThrow(/Ctrl-C|lost/);
    expect(own.reached).toEqual([]);
    expect(await leftovers()).toEqual([]);
  });
});

describe('a switch that is prepared', () => {
  it('on a full disk: says what it needed, all files that change, and what is free', async () => {
    const packages = { ...SECOND, 'linux-64/large-1-0.conda': 'x'.repeat(3000) };
    let sizes = 0;
    const beforePublish = ({ files }: StagedChannel): void => {
      for (const { change, size } of files) if (change !== 'unchanged') sizes += size;
    };
    const { fs } = faultFs(
      failWhere(({ name, args }) => name === 'syncFile' && String(args[0]).includes('/staging/'), 'ENOSPC'),
    );
    const statfs = async () => ({ bavail: 2, bsize: 512, files: 0, ffree: 0 }) as never;
    const error = await caught(publishTiny(runtime({ fs: { ...fs, statfs } }), { root, packages, beforePublish }));
    expect(sizes).toBeGreaterThan(3000);
    expect(error).toMatchObject({
      code: 'E_DISK_FULL',
      what: expect.stringContaining(`${sizes} bytes needed, 1024 bytes free`) as string,
    });
  });

  it('and whose journal can not be synced: it has not begun, and that folder is not synced again (E9)', async () => {
    const before = await snapshot(labelDir);
    const hits = ({ name, args }: FsCall): boolean => name === 'syncDir' && args[0] === stateDir;
    const { fs, calls } = faultFs(failWhere(hits, 'EIO', 1));
    expect(await caught(publishTiny(runtime({ fs }), { root, packages: SECOND }))).toMatchObject({ code: 'E_DISK' });
    expect(calls.filter(hits)).toHaveLength(1);
    expect(await snapshot(labelDir)).toEqual(before);
    expect([await leftovers(), await hasJournal()]).toEqual([[], false]);
  });

  it('and whose journal can not be taken away: what it needs stays, and the next run goes on', async () => {
    const { fs } = faultFs(({ name, args }) =>
      (name === 'syncDir' && args[0] === stateDir) || (name === 'unlink' && String(args[0]).endsWith('journal.json'))
        ? 'EIO'
        : undefined,
    );
    expect(await caught(publishTiny(runtime({ fs }), { root, packages: SECOND }))).toMatchObject({ code: 'E_DISK' });
    expect([await leftovers(), await hasJournal()]).toEqual([[expect.any(String)], true]);
    const { recovery } = await publishTiny(runtime(), { root, packages: SECOND });
    expect(recovery.outcome).toBe('finished');
    expect(await breaches(labelDir)).toEqual([]);
  });
});

describe('a switch that fails', () => {
  const within =
    (name: string, part: string) =>
    (call: FsCall): boolean =>
      call.name === name && String(call.args.at(name === 'rename' ? 1 : 0)) === join(labelDir, part);

  it('because a folder can not be synced: it is not synced again, and the next run makes sure of every byte', async () => {
    const { fs, calls } = faultFs(failWhere(within('syncDir', 'linux-64'), 'EIO', 1));
    const error = await caught(publishTiny(runtime({ fs }), { root, packages: SECOND }));
    expect(error).toMatchObject({
      code: 'E_DISK',
      what: expect.stringContaining('switch the label folder') as string,
      details: ['The label folder is as it was.'],
      where: join(labelDir, 'linux-64'),
    });
    expect(calls.filter(within('syncDir', 'linux-64'))).toHaveLength(1);
    expect(await breaches(labelDir)).toEqual([]);
    expect(await hasJournal()).toBe(true);
    expect(await leftovers()).toHaveLength(1);
    const { recovery } = await publishTiny(runtime(), { root, packages: SECOND });
    expect(recovery.outcome).toBe('undone');
    expect(Object.keys(await digests(labelDir))).toContain('linux-64/a-2-0.conda');
    expect([await leftovers(), await hasJournal()]).toEqual([[], false]);
  });

  it('otherwise: what was put back is synced, and no journal stays', async () => {
    const before = await digests(labelDir);
    const { fs, calls } = faultFs(failWhere(within('rename', 'manifest.json'), 'EIO', 1));
    const error = await caught(publishTiny(runtime({ fs }), { root, packages: SECOND }));
    expect(error).toMatchObject({
      code: 'E_DISK',
      details: ['The label folder is as it was.'],
    });
    const failed = calls.findIndex(within('rename', 'manifest.json'));
    expect(calls.slice(failed).some(within('syncDir', 'linux-64'))).toBe(true);
    expect(await digests(labelDir)).toEqual(before);
    expect([await leftovers(), await hasJournal()]).toEqual([[], false]);
  });

  it('and can not be brought back either: says so, and the next run has all that it needs', async () => {
    const { fs } = faultFs(failWhere(within('rename', 'linux-64/repodata.json'), 'EIO'));
    const own = runtime({ fs: unwritable(fs, 'journal.json', 1) });
    const error = await caught(publishTiny(own, { root, packages: SECOND }));
    expect(error).toMatchObject({
      code: 'E_DISK',
      details: ['The label folder still serves; the next run finishes or undoes the switch.'],
    });
    expect(own.collected).toContainEqual({ type: 'debug', message: 'going back failed: no room' });
    expect(await breaches(labelDir)).toEqual([]);
    const { recovery } = await publishTiny(runtime(), { root, packages: SECOND });
    expect(recovery.outcome).toBe('finished');
    expect(Object.keys(await digests(labelDir))).toContain('linux-64/a-2-0.conda');
  });

  it('while packages leave: the folder is the new one, and the next run removes what should have left', async () => {
    const { fs } = faultFs(failWhere(within('unlink', GONE), 'EIO', 1));
    const error = await caught(publishTiny(runtime({ fs }), { root, packages: SECOND }));
    expect(error).toMatchObject({
      code: 'E_DISK',
      details: ['The label folder is the new one; the next run removes what should have left.'],
    });
    expect(await breaches(labelDir)).toEqual([]);
    expect(await exists(join(labelDir, GONE))).toBe(true);
    const { recovery, receipt } = await publishTiny(runtime(), { root, packages: SECOND });
    expect([recovery.outcome, receipt.unchanged]).toEqual(['finished', true]);
    expect(await exists(join(labelDir, GONE))).toBe(false);
  });

  it('by a fault of this program: it comes out as it is, and the folder is as it was', async () => {
    const before = await digests(labelDir);
    const bug = new Error('a bug');
    let thrown = 0;
    const own = runtime({
      reach: (step) => (step === 'publish:index-in' && thrown++ === 0 ? Promise.reject(bug) : undefined),
    });
    expect(await caught(publishTiny(own, { root, packages: SECOND }))).toBe(bug);
    expect(await digests(labelDir)).toEqual(before);
  });
});

describe('what is written beside the folder', () => {
  it('that a disk refuses after the switch is a warning: it is published, and the next run writes it', async () => {
    const own = runtime({ fs: unwritable(nodeFileSystem(), 'receipts/2.json') });
    const { receipt } = await publishTiny(own, { root, packages: SECOND });
    expect(receipt).toMatchObject({ generation: 2, unchanged: false });
    expect(own.collected).toContainEqual({
      type: 'warning',
      message: 'published, but the receipt could not be written (no room); the next run writes it',
    });
    expect(await readdir(join(stateDir, 'receipts'))).toEqual(['1.json']);
    expect((await publishTiny(runtime(), { root, packages: SECOND })).recovery.outcome).toBe('finished');
    expect((await readdir(join(stateDir, 'receipts'))).sort()).toEqual(['1.json', '2.json']);
  });

  it('of an unchanged run, that a disk refuses: a warning as well, and nothing is left of the run', async () => {
    const own = runtime({ fs: unwritable(nodeFileSystem(), 'last-run.json') });
    const { receipt } = await publishTiny(own, { root, packages: FIRST });
    expect(receipt).toMatchObject({ generation: 1, unchanged: true });
    expect(own.collected).toContainEqual({
      type: 'warning',
      message: 'nothing had to change, but that could not be written down (no room)',
    });
    expect(own.reached).toEqual(['publish:done']);
    expect(await leftovers()).toEqual([]);
  });

  it('of an unchanged run: how many generations are to stay complete from now on', async () => {
    await publishTiny(runtime(), { root, packages: FIRST, keep: 7 });
    expect(JSON.parse(await readFile(join(stateDir, 'keep.json'), 'utf8'))).toMatchObject({ keep: 7 });
  });
});

describe('D15 the journal', () => {
  /** As it lies there before the first live file is touched. */
  const journalOf = async (packages: TinySet, more: Partial<TinyRun> = {}): Promise<Journal> => {
    let journal: unknown;
    const own = runtime({
      reach: async (step) => {
        if (step === 'publish:journal-written') journal = await readJournal(rt, stateDir);
      },
    });
    await publishTiny(own, { root, packages, ...more });
    return journal as Journal;
  };

  it('gives what leaves where earlier generations stay complete, and says so by its schema', async () => {
    const { schema, operations } = await journalOf(SECOND, { keep: 2 });
    expect(schema).toBe(2);
    expect(
      operations.filter(({ gives }) => gives !== undefined).map(({ path, gives }) => [path, gives]),
    ).toContainEqual([GONE, sha256Of('a one')]);
    expect(await exists(poolPath(root, sha256Of('a one')))).toBe(true);
  });

  it.each([0, 1])('gives nothing where %i stay complete', async (keep) => {
    const { schema, operations } = await journalOf(SECOND, { keep });
    expect(schema).toBe(1);
    expect(operations.every(({ gives }) => gives === undefined)).toBe(true);
    // Of 0 nothing is kept but its receipt; the generation before stays where it is.
    expect((await readdir(join(stateDir, 'generations'))).sort()).toEqual(keep === 0 ? ['1'] : ['1', '2']);
  });

  it('takes names out only of indexes that are there, and of the platform in question', async () => {
    await publishTiny(runtime(), { root, packages: { ...FIRST, 'win-64/w-1-0.conda': 'w' } });
    const more = {
      'linux-64/c-1-0.conda': 'c',
      'noarch/m-1-0.conda': 'm',
      'win-64/w-2-0.conda': 'w',
      'osx-64/o-1-0.conda': 'o',
    };
    const { operations } = await journalOf({ ...FIRST, ...more, [GONE]: 'a rebuilt' }, { replace: 'all', bz2: true });
    const of = (phase: string) => operations.filter((each) => each.phase === phase).map(({ path }) => path);
    expect(of('reduced-index-in')).toEqual(['linux-64/repodata.json', 'linux-64/repodata.json.zst']);
    expect(of('index-in')).toHaveLength(12);
  });

  it('of a rollback holds the label with the switch, at the generation that it makes', async () => {
    await direct({ more: () => ({ rollback: { to: 1, why: 'the new one is bad' } }) });
    const since = new Date(rt.clock.now()).toISOString();
    expect(await readHold(rt, { label: 'acme', stateDir })).toEqual({
      schema: 1,
      generation: 2,
      since,
      why: 'the new one is bad',
    });
  });

  it('of any other publication holds nothing', async () => {
    await direct({});
    expect(await readHold(rt, { label: 'acme', stateDir })).toBeUndefined();
    const receipt = JSON.parse(await readFile(join(stateDir, 'receipts/2.json'), 'utf8')) as object;
    expect(receipt).not.toHaveProperty('rolledBackTo');
  });
});

describe('what is said', () => {
  it('of names whose bytes change: all of them, and that caches keep the old ones', async () => {
    const own = runtime();
    const packages = { ...FIRST, [GONE]: 'a rebuilt', 'noarch/n-1-0.conda': 'n rebuilt', 'linux-64/c-1-0.conda': 'c' };
    await publishTiny(own, { root, packages, replace: 'all' });
    expect(own.collected.filter(({ type }) => type === 'warning')).toEqual([
      {
        type: 'warning',
        message:
          'label acme: replaced under the same name: a-1-0.conda, n-1-0.conda. Sites that have the old bytes in a cache keep them.',
      },
    ]);
  });

  it('of a publication that replaces nothing: nothing', async () => {
    const own = runtime();
    await publishTiny(own, { root, packages: SECOND });
    expect(own.collected).toEqual([]);
  });
});

describe("D6a the indexes of somebody's own channel", () => {
  it('are switched as any, and nothing of ours is put into the folder or beside it', async () => {
    const dir = join(root, 'theirs');
    await mkdir(join(dir, 'linux-64'), { recursive: true });
    const old = JSON.stringify({ packages: {}, 'packages.conda': { 'x-1-0.conda': { sha256: sha256Of('x') } } });
    await writeFile(join(dir, 'linux-64/repodata.json'), old);
    await writeFile(join(dir, 'linux-64/x-1-0.conda'), 'x');
    const own = runtime();
    const place = await openRoot(own, root, 'theirs');
    const staging = await createStaging(own, { stateDir: place.stateDir, command: 'test' });
    const bytes = Buffer.from(JSON.stringify({ packages: {}, 'packages.conda': {} }));
    await mkdir(join(staging.channelDir, 'linux-64'));
    await writeFile(join(staging.channelDir, 'linux-64/repodata.json'), bytes);
    const files: StagedChannel['files'] = [
      {
        path: 'linux-64/repodata.json',
        kind: 'index',
        ...digestsOf(bytes),
        mtimeMs: 2_000_000_000_000,
        change: 'changed',
      },
    ];
    const held: LiveFolder['files'] = new Map(
      await Promise.all(
        ['linux-64/repodata.json', 'linux-64/x-1-0.conda'].map(async (path) => {
          const { mtimeMs } = await stat(join(dir, path));
          return [path, { ...digestsOf(await readFile(join(dir, path))), mtimeMs }] as const;
        }),
      ),
    );
    const live: LiveFolder = {
      dir,
      state: 'foreign-channel',
      manifest: undefined,
      manifestSha256: undefined,
      files: held,
      strangers: [],
    };
    const staged = { dir: staging.channelDir, files, leaving: ['linux-64/x-1-0.conda'] };
    await switchIndexes(own, { place, lock: { assertHeld: async () => undefined }, staging, staged, live });
    expect(Object.keys(await snapshot(dir))).toEqual(['linux-64/repodata.json']);
    expect(await readFile(join(dir, 'linux-64/repodata.json'))).toEqual(bytes);
    expect(await exists(join(place.stateDir, 'journal.json'))).toBe(false);
    expect(await readdir(place.stateDir)).toEqual(['staging']);
    expect(own.reached).toContain('publish:leaving-out');
  });
});

interface Direct {
  own?: TestRuntime;
  stageIn?: string;
  more?: (own: TestRuntime) => Partial<PublishOptions>;
}

/** The second set, published without what a command does around it. */
async function direct({ own = runtime(), stageIn, more = () => ({}) }: Direct): Promise<void> {
  const place = await openRoot(own, root, 'acme');
  const lock = await lockLabel(own, { stateDir, label: 'acme', waitMs: 0, command: 'test' });
  try {
    const live = await inspectLabelFolder(own, { place });
    const staging = await createStaging(own, { stateDir, command: 'test' });
    const dir = stageIn ?? staging.channelDir;
    const staged = await stageTiny({ dir, label: 'acme', packages: SECOND, live, nowMs: own.clock.now() });
    own.reached.length = 0;
    const about = { keep: 3, engine: 'none', tool: 'test', startedAt: '2026-01-02T03:04:05Z' };
    await publish(own, { place, lock, staging, staged, live, ...about, ...more(own) });
  } finally {
    await lock.release();
  }
}
