import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import { poolPath } from '../../../../src/delivery/generations/pool.js';
import { rememberSeen } from '../../../../src/delivery/place/seen.js';
import { givenBytes, giveOperations, whileGiving } from '../../../../src/delivery/switch/give.js';
import type { Operation } from '../../../../src/delivery/switch/operations.js';
import type { LiveFolder } from '../../../../src/channel/staged.js';
import { failWhere, faultFs, type FaultCode, type FsCall } from '../../../helpers/fault-fs.js';
import { folderOfTest } from '../../../helpers/made-channel.js';
import { testRuntime } from '../../../helpers/runtime.js';

/** Design D15: bytes that leave or are replaced go to the pool before, hashed or seen whole; what is not what the manifest says is not kept, and said. */

const PATH = 'noarch/a-1-0.conda';
const TEXT = 'published';
const sha = (text: string): string => sha256Of(Buffer.from(text));
const gives = (path: string, text?: string): Operation => ({
  kind: 'remove',
  phase: 'leaving-out',
  path,
  ...(text === undefined ? {} : { gives: sha(text) }),
});

let giving: { root: string; stateDir: string; labelDir: string; stagingDir: string };
let live: string;
beforeEach(() => {
  const root = folderOfTest();
  const stateDir = join(root, '.repackenv', 'acme');
  giving = { root, stateDir, labelDir: join(root, 'acme'), stagingDir: join(stateDir, 'staging', 'r') };
  live = join(giving.labelDir, PATH);
  for (const dir of [dirname(live), stateDir]) mkdirSync(dir, { recursive: true });
  writeFileSync(live, TEXT);
});

/** Gives, and tells what the pool has then by its text, what was said, and what was done on the disk. */
async function give(
  operations: readonly Operation[],
  fault: (call: FsCall) => FaultCode | undefined = () => undefined,
) {
  const { fs, calls } = faultFs(fault);
  const rt = testRuntime({ fs });
  const error: unknown = await giveOperations(rt, giving, operations).catch((caught: unknown) => caught);
  const pool = join(giving.root, '.repackenv', '.kept');
  const entries = readdirSync(giving.root, { recursive: true, withFileTypes: true });
  const kept = entries
    .filter((entry) => entry.isFile() && entry.parentPath.startsWith(pool))
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'));
  const said = rt.collected.map((event) => (event.type === 'finding' ? event.finding : event));
  const of = (name: string) =>
    calls.filter((call) => call.name === name).map(({ args }) => relative(giving.root, String(args[0])));
  return { error, kept: kept.sort(), said, reached: rt.reached, of, calls };
}

/** As a run that published this text remembers the file: by size, times and inode. */
const seen = async (text: string): Promise<void> => {
  const { size, mtimeMs } = lstatSync(live);
  await rememberSeen(testRuntime(), giving, [{ path: PATH, size, mtimeMs, sha256: sha(text), md5: '' }]);
};

describe('what a switch gives to the pool', () => {
  it.each<[what: string, meddle: () => unknown, outcome: 'kept' | 'said' | 'nothing', read: boolean]>([
    ['a file as it was published', () => undefined, 'kept', true],
    ['that was seen whole since', () => seen(TEXT), 'kept', false],
    ['that was seen with other bytes', () => seen('other'), 'said', false],
    [
      'with another time than it was seen with',
      async () => (await seen('other'), utimesSync(live, 1, 1)),
      'kept',
      true,
    ],
    ['with other bytes', () => writeFileSync(live, 'altered'), 'said', true],
    ['that is gone', () => rmSync(live), 'nothing', false],
    ['whose folder is gone', () => rmSync(dirname(live), { recursive: true }), 'nothing', false],
    ['that is a folder now', () => (rmSync(live), mkdirSync(live)), 'nothing', false],
    [
      'that is a link now',
      () => (rmSync(live), writeFileSync(`${live}.x`, TEXT), symlinkSync(`${live}.x`, live)),
      'nothing',
      false,
    ],
  ])('%s', async (_what, meddle, outcome, read) => {
    await meddle();
    const { error, kept, said, reached, of } = await give([gives(PATH, TEXT)]);
    expect(error).toBeUndefined();
    expect(kept).toEqual(outcome === 'kept' ? [TEXT] : []);
    expect(reached).toEqual(outcome === 'kept' ? ['publish:pooled'] : []);
    const message = `${PATH} has other bytes than were published: it is not kept for earlier generations`;
    expect(said).toEqual(
      outcome === 'said' ? [{ code: 'bytes-not-kept', message, subject: live, exit: false, warn: true }] : [],
    );
    expect(of('open').includes(relative(giving.root, live))).toBe(read);
  });

  it('that goes while it is looked at is gone', async () => {
    const { error, kept, said } = await give(
      [gives(PATH, TEXT)],
      failWhere(({ name }) => name === 'open', 'ENOENT'),
    );
    expect([error, kept, said]).toEqual([undefined, [], []]);
  });

  it('that the disk does not show is not taken for gone', async () => {
    const { error, kept } = await give(
      [gives(PATH, TEXT)],
      failWhere(({ name }) => name === 'lstat', 'EIO'),
    );
    expect([error, kept]).toEqual([expect.objectContaining({ code: 'EIO' }), []]);
  });

  it('of all that leaves only what is to be kept; one that is altered ends nothing; the folders are synced, each once', async () => {
    const files = { b: 'b', c: 'altered', d: 'd', e: 'b', f: 'f' };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(giving.labelDir, name), text);
    const { kept, said, of, calls, reached } = await give([
      gives('b', 'b'),
      gives('c', 'c'),
      gives('d'),
      gives('e', 'b'),
      gives('f', 'f'),
    ]);
    expect([kept, said.length, reached.length]).toEqual([['b', 'f'], 1, 3]);
    const folders = ['b', 'f'].map((text) => relative(giving.root, dirname(poolPath(giving.root, sha(text)))));
    expect(of('syncDir')).toEqual(folders);
    expect(calls.at(-1)!.name).toBe('syncDir');
    expect(of('readText')).toEqual(['.repackenv/acme/seen.json']);
    // Nothing is given, nothing is looked at.
    expect((await give([gives('b')])).calls).toEqual([]);
  });

  it('is copied where the disk has neither links nor a way to move it, beside its bytes, in what is swept', async () => {
    const { kept, calls } = await give([gives(PATH, TEXT)], ({ name, args }) =>
      (name === 'link' || name === 'rename') && args[0] === live ? 'EXDEV' : undefined,
    );
    expect(kept).toEqual([TEXT]);
    const aside = join(giving.stagingDir, 'to-pool', sha(TEXT));
    expect(calls.find(({ name }) => name === 'copyNew')?.args).toEqual([live, aside]);
  });
});

describe('a switch that gives', () => {
  const users = (): string[] => {
    const dir = join(giving.root, '.repackenv', '.kept', 'users');
    return readdirSync(dir).map(
      (name) => (JSON.parse(readFileSync(join(dir, name), 'utf8')) as { command: string }).command,
    );
  };
  const places = () => ({ stateDir: giving.stateDir, labelDir: giving.labelDir, stagingDir: giving.stagingDir });

  it.each(['publish', 'undo'] as const)('shares the pool until it is done, or has failed (%s)', async (purpose) => {
    const journal = { purpose, operations: [gives('x'), gives(PATH, TEXT)] };
    const done = await whileGiving(testRuntime(), places(), journal, async (given) => [given, users()] as const);
    expect(done).toEqual([giving, [purpose]]);
    expect(users()).toEqual([]);
    const failed = whileGiving(testRuntime(), places(), journal, async () => Promise.reject(new Error(users().join())));
    await expect(failed).rejects.toThrow(purpose);
    expect(users()).toEqual([]);
  });

  it('nothing leaves the pool alone', async () => {
    const journal = { purpose: 'publish' as const, operations: [gives('x')] };
    expect(await whileGiving(testRuntime(), places(), journal, async (given) => [given])).toEqual([undefined]);
    expect(readdirSync(join(giving.root, '.repackenv'))).toEqual(['acme']);
  });
});

it('artifacts and side files are what earlier generations need; their indexes are kept otherwise', () => {
  const files = ['artifact', 'index', 'side', 'paper'].map((kind) => ({
    path: `noarch/${kind}`,
    kind,
    sha256: sha(kind),
  }));
  const manifest = { files } as unknown as LiveFolder['manifest'];
  expect([...givenBytes({ manifest })]).toEqual([
    ['noarch/artifact', sha('artifact')],
    ['noarch/side', sha('side')],
    ['noarch/paper', sha('paper')],
  ]);
  expect(givenBytes({ manifest: undefined }).size).toBe(0);
});
