import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestsOf } from '../../../../src/codec/digests.js';
import { putInto, writePart, type TarMember } from '../../../../src/media/archive/write-part.js';
import { TAR_END, tarHeader, tarPadding } from '../../../../src/media/archive/write-tar.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import type { WorkerHandle, Workers } from '../../../../src/runtime/workers.js';
import { folderOfTest } from '../../../helpers/made-channel.js';
import { testRuntime } from '../../../helpers/runtime.js';

/** Of a block that goes around, and of what is worth a thread. */
const [BLOCK, MANY] = [512 * 1024, 17 * 1024 * 1024];

function member(name: string, size: number): { member: TarMember; bytes: Buffer } {
  const bytes = Buffer.alloc(size, `${name} `);
  return { member: { name, size, mtimeMs: 0, pieces: (room) => putInto(room, bytes) }, bytes };
}

/** As a tar is by its definition. */
function tarOf(files: readonly ReturnType<typeof member>[]): Buffer {
  const parts = files.flatMap(({ member, bytes }) => [tarHeader(member), bytes, tarPadding(bytes.length)]);
  return Buffer.concat([...parts, TAR_END]);
}

function target(dir: string) {
  return { path: join(dir, 'a.tar'), compression: 'none' as const, needed: 0 };
}

const noThreads: Workers = {
  start: () => {
    throw new Error('no more threads');
  },
};

/** A thread that does nothing but break down when it is asked for the first time. */
const brokenThread: Workers = {
  start(): WorkerHandle {
    let tell: (error: Error) => void = () => undefined;
    return {
      post: () => void setImmediate(() => tell(new Error('the thread broke down'))),
      onMessage: () => undefined,
      onError: (listener) => void (tell = listener),
      onExit: () => undefined,
      terminate: async () => undefined,
    };
  },
};

describe('writePart', () => {
  it.each([
    ['by another thread', {}],
    ['where there is one core', { machine: { cpus: 1 } }],
    ['where there is no thread to be had', { workers: noThreads }],
  ])('many bytes, their md5 taken %s: the tar and its digests', async (_, options) => {
    const files = [member('small', 3), member('large', MANY), member('empty', 0), member('last', 700)];
    const to = target(folderOfTest());
    const found = await writePart(
      testRuntime(options),
      files.map((file) => file.member),
      to,
    );
    const expected = tarOf(files);
    expect(readFileSync(to.path).equals(expected)).toBe(true);
    expect(found).toEqual(digestsOf(expected));
  });

  it.each(
    [-1025, -1024, -1023, -513, -512, -511, -1, 0, 1, 511, 512, 513].flatMap((by) => [BLOCK + by, 2 * BLOCK + by]),
  )('a content of %i bytes, beside the end of a block', async (size) => {
    const files = [member('a', size), member('b', 1), member('c', size - 1024)];
    const to = target(folderOfTest());
    const found = await writePart(
      testRuntime(),
      files.map((file) => file.member),
      to,
    );
    expect(readFileSync(to.path).equals(tarOf(files))).toBe(true);
    expect(found).toEqual(digestsOf(tarOf(files)));
  });

  it('says that the thread broke down, and waits for nothing', async () => {
    const files = [member('large', MANY)];
    const rt = testRuntime({ workers: brokenThread });
    const writing = writePart(rt, [files[0]!.member], target(folderOfTest()));
    await expect(writing).rejects.toThrow('the thread broke down');
  });

  it.each([1, 5, 20])('the disk is full at write %i: told, and nothing is waited for', async (at) => {
    let writes = 0;
    const disk = nodeFileSystem();
    const fs = {
      ...disk,
      writeAll: async (...args: Parameters<typeof disk.writeAll>) => {
        if (++writes === at) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
        return disk.writeAll(...args);
      },
    };
    const writing = writePart(testRuntime({ fs }), [member('large', MANY).member], target(folderOfTest()));
    await expect(writing).rejects.toMatchObject({ code: 'E_DISK_FULL' });
  });

  it('refuses a content that was not put into its place', async () => {
    const stray: TarMember = {
      ...member('a', 3).member,
      pieces: async function* () {
        yield Buffer.from('abc');
      },
    };
    await expect(writePart(testRuntime(), [stray], target(folderOfTest()))).rejects.toThrow(TypeError);
  });
});
