import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import type { StagedChannel } from '../../../../src/channel/staged.js';
import { stageImport } from '../../../../src/media/import/stage.js';
import type { SetContent } from '../../../../src/media/set/content.js';
import { faultFs, type FsCall } from '../../../helpers/fault-fs.js';
import { folderOfTest } from '../../../helpers/made-channel.js';
import { testRuntime } from '../../../helpers/runtime.js';

const FILES = new Map([
  ['noarch/a-1-0.conda', Buffer.alloc(700_000, 'a')],
  ['noarch/b-1-0.conda', Buffer.alloc(30, 'b')],
  ['noarch/c-1-0.conda', Buffer.alloc(700_000, 'c')],
]);

/** Copies `FILES`, two of them so large that they are flushed at once, into a folder where calls may fail. */
function staging(fault: (call: FsCall) => 'ENOSPC' | 'EIO' | undefined) {
  const dir = folderOfTest();
  const files = [...FILES].map(([path, bytes]) => ({
    path,
    sha256: sha256Of(bytes),
    size: bytes.length,
    change: 'added',
  }));
  const walk = async function* () {
    for (const [path, bytes] of FILES)
      yield {
        path,
        content: (async function* () {
          yield bytes;
        })(),
      };
  };
  const { fs, calls } = faultFs(fault);
  const job = {
    content: { target: {}, walk } as unknown as SetContent,
    staged: { dir, files } as unknown as StagedChannel,
  };
  return { dir, calls, done: stageImport(testRuntime({ fs }), job) };
}

describe('stageImport', () => {
  it('copies every file, flushes the large ones, and leaves none open', async () => {
    const { dir, calls, done } = staging(() => undefined);
    await done;
    for (const [path, bytes] of FILES) expect(readFileSync(join(dir, path)).equals(bytes)).toBe(true);
    const of = (name: string): number => calls.filter((call) => call.name === name).length;
    expect([of('handle.sync'), of('handle.close')]).toEqual([2, 3]);
  });

  it.each([
    ['the flush of the first, told with the next file', (at: number) => at === 0],
    ['the flush of the last', (at: number) => at === 1],
    ['both', () => true],
  ])('tells of a disk that is full only at %s', async (_, fails) => {
    let flushes = 0;
    const { calls, done } = staging(({ name }) => (name === 'handle.sync' && fails(flushes++) ? 'ENOSPC' : undefined));
    await expect(done).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    const of = (name: string): number => calls.filter((call) => call.name === name).length;
    expect(of('handle.close')).toBe(of('open'));
  });

  it('tells of the write that fails while another file is flushed', async () => {
    let writes = 0;
    const { done } = staging(({ name }) => {
      if (name === 'handle.sync') return 'EIO';
      return name === 'handle.write' && writes++ === 1 ? 'ENOSPC' : undefined;
    });
    await expect(done).rejects.toMatchObject({ code: 'E_DISK_FULL' });
  });
});
