import { describe, expect, it } from 'vitest';
import {
  diskReason,
  errnoOf,
  explainSystemError,
  explainDiskError,
  explainDiskErrorOn,
  type DiskContext,
} from '../../../src/base/disk-errors.js';
import { RepackError } from '../../../src/base/errors.js';

const CONTEXT: DiskContext = { doing: 'write the index', path: '/srv/repo/halkbank', account: 'svc-build' };
const failing = (code: string) => Object.assign(new Error(`${code}: no`), { code });

describe('explainDiskError', () => {
  const cases: [string, string, RegExp][] = [
    ['ENOSPC', 'E_DISK_FULL', /volume is full/],
    ['EDQUOT', 'E_DISK_FULL', /quota for the account svc-build is used up/],
    ['EFBIG', 'E_DISK_FULL', /larger than this file system allows/],
    ['EROFS', 'E_DISK', /mounted read-only/],
    ['EACCES', 'E_DISK', /permission denied for the account svc-build/],
    ['EPERM', 'E_DISK', /not permitted for the account svc-build/],
    ['EBUSY', 'E_DISK', /another program holds it open/],
    ['EMFILE', 'E_DISK', /too many files open/],
    ['ENAMETOOLONG', 'E_DISK', /too long \(18 characters/],
    ['EXDEV', 'E_DISK', /different volumes/],
    ['ESTALE', 'E_DISK', /network share/],
    ['EIO', 'E_DISK', /failed to read or write/],
    ['UNKNOWN', 'E_DISK', /UNKNOWN: no/],
  ];
  it.each(cases)('E4 maps %s to %s with its own advice', (errno, code, why) => {
    const error = explainDiskError(failing(errno), CONTEXT) as RepackError;
    expect(error).toBeInstanceOf(RepackError);
    expect(error).toMatchObject({ code, exitCode: 5, where: CONTEXT.path });
    expect(error.what).toMatch(why);
    expect(error.what).toContain(`Could not write the index`);
    expect(error.what).toContain(`(${errno})`);
    expect(error.hint).toMatch(/\w{3}/);
    expect((error.cause as Error).message).toBe(`${errno}: no`);
  });

  it('E4 has another advice for each', () => {
    const hints = cases.map(([errno]) => (explainDiskError(failing(errno), CONTEXT) as RepackError).hint);
    expect(new Set(hints).size).toBe(cases.length);
  });

  it('E1 shows bytes needed and free', () => {
    const error = explainDiskError(failing('ENOSPC'), { ...CONTEXT, needed: 5000, free: 17 }) as RepackError;
    expect(error.what).toContain('5000 bytes needed, 17 bytes free');
  });

  it.each([
    { needed: 5, free: 1_000_000 },
    { free: 1_000_000, freeInodes: 0 },
  ])('E5 says inodes or quota where bytes are free: %j', (space) => {
    const error = explainDiskError(failing('ENOSPC'), { ...CONTEXT, ...space }) as RepackError;
    expect(error.what).toContain('inodes or the quota are used up');
  });

  it('M13: bytes and inodes are free by the time it is asked: neither is said to be used up', () => {
    const space = { needed: 5, free: 1_000_000, freeInodes: 9 };
    const error = explainDiskError(failing('ENOSPC'), { ...CONTEXT, ...space }) as RepackError;
    expect(error.what).toContain('full a moment ago, or a quota is used up, 5 bytes needed, 1000000 bytes free');
  });

  it.each([
    new RepackError('E_PROOF', { what: 'x' }),
    new TypeError('a bug'),
    'text',
    Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' }),
  ])('gives %s back as it is', (error) => expect(explainDiskError(error, CONTEXT)).toBe(error));

  it('asks the volume when it is full, and only then', async () => {
    const asked: string[] = [];
    const runtime = {
      fs: { statfs: async (path: string) => (asked.push(path), { bavail: 3, bsize: 4096, files: 100, ffree: 50 }) },
      machine: { username: '', uid: 1001 },
    };
    const context = { doing: 'copy', path: '/a/b', folder: '/a', needed: 50_000 };
    expect(await explainDiskErrorOn(runtime, failing('ENOSPC'), context)).toMatchObject({
      code: 'E_DISK_FULL',
      what: expect.stringContaining('50000 bytes needed, 12288 bytes free') as string,
    });
    expect(asked).toEqual(['/a']);
    expect(await explainDiskErrorOn(runtime, failing('EACCES'), context)).toMatchObject({
      what: expect.stringContaining('with the id 1001') as string,
    });
    expect(asked).toEqual(['/a']);
  });

  it('says what it can where the volume does not answer', async () => {
    const runtime = {
      fs: { statfs: async () => Promise.reject(failing('ENOSYS')) },
      machine: { username: 'me', uid: undefined },
    };
    const error = await explainDiskErrorOn(runtime, failing('ENOSPC'), { doing: 'copy', path: '/a', folder: '/a' });
    expect(error).toMatchObject({ code: 'E_DISK_FULL', what: 'Could not copy: the volume is full (ENOSPC)' });
  });
});

describe('explainSystemError', () => {
  const on = (parts: object) => Object.assign(failing('ENOSPC'), parts);
  it.each([
    [
      on({ path: '/a', syscall: 'mkdir' }),
      'E_DISK_FULL',
      '/a',
      /work on the disk \(mkdir\): the volume is full \(ENOSPC\)/,
    ],
    [on({ path: '/a', dest: '/b' }), 'E_DISK_FULL', '/b', /work on the disk: /],
    [Object.assign(failing('EMFILE'), { path: '/a' }), 'E_DISK', '/a', /too many files open/],
    [
      Object.assign(failing('EAGAIN'), { path: 'conda', syscall: 'spawn conda' }),
      'E_DISK',
      'conda',
      /process or thread/,
    ],
    [failing('ENOMEM'), 'E_MEMORY', 'this program', /not enough memory/],
    [
      Object.assign(new Error("Cannot find module './x.cjs'\nRequire stack:\n- /p"), { code: 'MODULE_NOT_FOUND' }),
      'E_DISK',
      "Cannot find module './x.cjs'",
      /part of the program is gone/,
    ],
    [
      Object.assign(new Error('x'), { code: 'MODULE_NOT_FOUND', path: '/p/x.cjs' }),
      'E_DISK',
      '/p/x.cjs',
      /program is gone/,
    ],
    [
      Object.assign(new Error("Cannot find package 'a'"), { code: 'ERR_MODULE_NOT_FOUND' }),
      'E_DISK',
      "Cannot find package 'a'",
      /program is gone/,
    ],
    [Object.assign(failing('ENOENT'), { path: '/p/zstd.wasm' }), 'E_DISK', '/p/zstd.wasm', /program is gone/],
    [Object.assign(failing('EACCES'), { path: '/p/zstd.wasm' }), 'E_DISK', '/p/zstd.wasm', /permission denied/],
    [new RangeError('Array buffer allocation failed'), 'E_MEMORY', 'this program', /not enough memory/],
  ])('%s -> %s', (error, code, where, what) =>
    expect(explainSystemError(error)).toMatchObject({ code, exitCode: 5, where, what: expect.stringMatching(what) }),
  );

  it.each([
    failing('ECONNREFUSED'),
    new RangeError('Invalid string length'),
    new TypeError('a bug'),
    new RepackError('E_PROOF', { what: 'x' }),
    'text',
  ])('gives %s back as it is', (error) => expect(explainSystemError(error)).toBe(error));
});

it.each([
  [failing('EACCES'), /^permission denied \(EACCES\)$/],
  [failing('EROFS'), /^the volume is mounted read-only \(EROFS\)$/],
  [
    Object.assign(failing('ENAMETOOLONG'), { path: 'x'.repeat(300) }),
    /^the path is too long \(300 .*\(ENAMETOOLONG\)$/,
  ],
  [new TypeError('a bug'), /^a bug$/],
])('the reason alone, of %s', (error, reason) => expect(diskReason(error)).toEqual(expect.stringMatching(reason)));

describe('errnoOf', () => {
  it.each([
    [failing('ENOENT'), 'ENOENT'],
    [Object.assign(new Error('x'), { code: 'ERR_STREAM' }), undefined],
    [Object.assign(new Error('x'), { code: 20 }), undefined],
    [{ code: 'ENOENT' }, undefined],
    [new RepackError('E_DISK', { what: 'x' }), undefined],
  ])('%s -> %s', (error, expected) => expect(errnoOf(error)).toBe(expected));
});
