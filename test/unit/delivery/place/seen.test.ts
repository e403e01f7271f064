import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestsOf } from '../../../../src/codec/digests.js';
import { recallFile } from '../../../../src/channel/read/read-folder.js';
import { readSeen, rememberSeen, SEEN_NAME } from '../../../../src/delivery/place/seen.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { testRuntime } from '../../../helpers/runtime.js';

let dir: string;
let file: string;
const rt = testRuntime();
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-seen-'));
  file = join(dir, 'a.conda');
  writeFileSync(file, 'bytes');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const known = () => ({ path: 'a.conda', ...digestsOf(Buffer.from('bytes')), mtimeMs: statSync(file).mtimeMs });
const remember = (): Promise<void> => rememberSeen(rt, { stateDir: dir, labelDir: dir }, [known()]);
const recalled = async () => recallFile((await readSeen(rt, dir)).get('a.conda'), statSync(file));

describe('what was seen', () => {
  it('is recalled as long as the file is the same one', async () => {
    await remember();
    const { path, ...digests } = known();
    expect(path).toBe('a.conda');
    expect(await recalled()).toEqual(digests);
  });

  it.each<[string, () => void]>([
    ['other bytes', () => writeFileSync(file, 'other')],
    [
      'other bytes under the old time',
      () => {
        const { mtimeMs } = statSync(file);
        writeFileSync(file, 'BYTES');
        utimesSync(file, mtimeMs / 1000, mtimeMs / 1000);
      },
    ],
    ['a longer file', () => writeFileSync(file, 'bytes and more')],
    [
      'another file of the same bytes and times',
      () => {
        const { mtimeMs } = statSync(file);
        writeFileSync(`${file}.new`, 'bytes');
        utimesSync(`${file}.new`, mtimeMs / 1000, mtimeMs / 1000);
        renameSync(`${file}.new`, file);
      },
    ],
    ['touched', () => utimesSync(file, 1, 1)],
  ])('%s: forgotten', async (_name, change) => {
    await remember();
    // Times of files count in ticks of the kernel.
    await new Promise((resolve) => setTimeout(resolve, 20));
    change();
    expect(await recalled()).toBeUndefined();
  });

  it('is not remembered of a file that is not as it was published', async () => {
    await rememberSeen(rt, { stateDir: dir, labelDir: dir }, [
      { ...known(), size: 4 },
      { ...known(), path: 'absent.conda' },
      { ...known(), mtimeMs: 5 },
    ]);
    expect([...(await readSeen(rt, dir)).keys()]).toEqual([]);
  });

  it('is written only when it changes, and a damaged file is none', async () => {
    await remember();
    const before = statSync(join(dir, SEEN_NAME)).ino;
    await remember();
    expect(statSync(join(dir, SEEN_NAME)).ino).toBe(before);
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"schema":2,"files":[]}',
      '{"schema":1,"files":[["a.conda",1]]}',
      '{"schema":1,"files":[7]}',
    ]) {
      writeFileSync(join(dir, SEEN_NAME), text);
      expect([...(await readSeen(rt, dir)).keys()], text).toEqual([]);
    }
  });

  it('E1 saves time only: a full disk is no failure', async () => {
    const full = testRuntime({
      fs: {
        ...nodeFileSystem(),
        writeFile: async () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
      },
    });
    await rememberSeen(full, { stateDir: dir, labelDir: dir }, [known()]);
    expect(full.collected).toEqual([expect.objectContaining({ type: 'debug' })]);
    expect(() => readFileSync(join(dir, SEEN_NAME))).toThrow();
  });
});
