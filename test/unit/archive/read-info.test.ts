import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { tarOf } from '../../../scripts/lib/sample-upstream.js';
import { readInfo } from '../../../src/archive/read-info.js';
import { bufferSource, fileHandleSource } from '../../../src/archive/source.js';
import { bzip2Compress } from '../../../src/codec/bzip2.js';
import { zstdCompress } from '../../../src/codec/zstd.js';
import {
  condaMembers,
  condaOf,
  countingSource,
  DIRECTORY_HEADER,
  fixture,
  indexJson,
  LOCAL_HEADER,
  patched,
  STEM,
  tarBz2Of,
  zipOf,
  zstTar,
} from './archives.js';

const INDEX = 'info/index.json';
const FILES = 'info/files';

async function textsOf(
  bytes: Uint8Array,
  distFilename: string,
  wanted: readonly string[],
): Promise<Record<string, string>> {
  const found = await readInfo(bufferSource(bytes), { distFilename, wanted });
  return Object.fromEntries([...found].map(([name, content]) => [name, new TextDecoder().decode(content)]));
}

const members = [
  { name: INDEX, content: indexJson() },
  { name: FILES, content: 'share/pkg/about.txt\n' },
  { name: 'info/recipe/meta.yaml', content: 'package: {name: pkg}\n' },
];

const formats = [
  ['.conda', () => condaOf(members)],
  ['.tar.bz2', () => tarBz2Of([...members, { name: 'share/pkg/about.txt', content: 'about' }])],
] as const;

describe.each(formats)('readInfo on a %s', (extension, make) => {
  it('gives the wanted files, in any order, and nothing for what is not there', async () => {
    expect(await textsOf(await make(), STEM + extension, ['info/has_prefix', 'info/recipe/meta.yaml', INDEX])).toEqual({
      [INDEX]: indexJson(),
      'info/recipe/meta.yaml': 'package: {name: pkg}\n',
    });
  });

  it('reads it from disk', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'read-info-'));
    const path = join(dir, 'artifact');
    await writeFile(path, await make());
    const handle = await open(path);
    try {
      const source = fileHandleSource(handle, (await handle.stat()).size);
      const found = await readInfo(source, { distFilename: STEM + extension, wanted: [FILES] });
      expect([...found.keys()]).toEqual([FILES]);
    } finally {
      await handle.close();
      await rm(dir, { recursive: true });
    }
  });

  it('hands a fault of the disk on as it is, not as a corrupt artifact', async () => {
    const bytes = await make();
    const fault = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
    const good = bufferSource(bytes);
    let reads = 0;
    const failing = {
      ...good,
      read: async (position: number, length: number) => {
        if (++reads > 1) throw fault;
        return good.read(position, length);
      },
      // eslint-disable-next-line require-yield
      stream: async function* () {
        throw fault;
      },
    };
    await expect(readInfo(failing, { distFilename: STEM + extension, wanted: [INDEX] })).rejects.toBe(fault);
  });

  it('C13 takes a name of 211 characters', async () => {
    const stem = `${'n'.repeat(64)}-${'1'.repeat(64)}-${'b'.repeat(211 - 130 - extension.length)}`;
    const bytes = extension === '.conda' ? await zipOf(await condaMembers({}, { stem })) : await make();
    expect((stem + extension).length).toBe(211);
    expect(await textsOf(bytes, stem + extension, [INDEX])).toEqual({ [INDEX]: indexJson() });
  });
});

describe('readInfo on what the tools of the field make', () => {
  const expected = { name: 'refpkg', version: '1.0', build: 'py_0', depends: ['python >=3.6'] };
  it.each([
    ['conda-package-handling, .conda', 'refpkg-1.0-py_0.conda', 'conda'],
    ['conda-package-handling, .tar.bz2', 'refpkg-1.0-py_0.tar.bz2', 'tar.bz2'],
    ['C11 a zip with data descriptors, written to a pipe', 'data-descriptors.zip', 'conda'],
    ['C11 a zip64', 'zip64.zip', 'conda'],
    ['several zstd frames in a member', 'many-frames.zip', 'conda'],
    ['several bzip2 streams', 'many-streams.tar.bz2', 'tar.bz2'],
  ])('%s', async (_, file, extension) => {
    const distFilename = `refpkg-1.0-py_0.${extension}`;
    for (const whole of [false, true]) {
      const found = await readInfo(bufferSource(fixture(file)), { distFilename, wanted: [INDEX, FILES], whole });
      expect(JSON.parse(new TextDecoder().decode(found.get(INDEX)))).toMatchObject(expected);
      expect(new TextDecoder().decode(found.get(FILES))).toBe('site-packages/refpkg.py\n');
    }
  });

  it('C11 a zip64 with zip64 fields everywhere', async () => {
    const bytes = await zipOf(await condaMembers(), { zip64: true });
    expect(await textsOf(bytes, `${STEM}.conda`, [INDEX])).toEqual({ [INDEX]: indexJson() });
  });
});

describe('readInfo stops early', () => {
  const payload = new Uint8Array(randomBytes(4_000_000));
  const first = { name: INDEX, content: indexJson() };
  const big = { name: 'lib/big.so', content: payload };

  it('in a .tar.bz2, where info/ comes first', async () => {
    const source = countingSource(await tarBz2Of([first, big]));
    expect((await readInfo(source, { distFilename: `${STEM}.tar.bz2`, wanted: [INDEX] })).size).toBe(1);
    expect(source.size).toBeGreaterThan(4_000_000);
    expect(source.bytesRead()).toBeLessThan(2_800_000);
  });

  it('but reads on to info/ at the end, and to the very end when it is to read the whole', async () => {
    const last = countingSource(await tarBz2Of([big, first]));
    expect((await readInfo(last, { distFilename: `${STEM}.tar.bz2`, wanted: [INDEX] })).size).toBe(1);
    const whole = countingSource(await tarBz2Of([first, big]));
    expect((await readInfo(whole, { distFilename: `${STEM}.tar.bz2`, wanted: [INDEX], whole: true })).size).toBe(1);
    expect(whole.bytesRead()).toBeGreaterThanOrEqual(whole.size);
  });

  it('in a .conda, whose packages part it does not touch', async () => {
    const bytes = await zipOf(await condaMembers({ [`pkg-${STEM}.tar.zst`]: await zstTar([big]) }));
    const source = countingSource(bytes);
    expect((await readInfo(source, { distFilename: `${STEM}.conda`, wanted: [INDEX] })).size).toBe(1);
    expect(source.size).toBeGreaterThan(4_000_000);
    expect(source.bytesRead()).toBeLessThan(70_000);
  });
});

const info = `info-${STEM}.tar.zst`;
const pkg = `pkg-${STEM}.tar.zst`;
const good = () => condaMembers();
const text = (value: string) => new TextEncoder().encode(value);

describe('readInfo refuses', () => {
  const htmlPage = text('<!DOCTYPE html>\n<html><head><title>404</title></head></html>'.padEnd(2000));
  it.each<[string, string, () => Promise<Uint8Array> | Uint8Array, string]>([
    ['C11 an html error page as .conda', '.conda', () => htmlPage, 'not a zip file but a web page'],
    ['C11 an html error page as .tar.bz2', '.tar.bz2', () => htmlPage, 'not a bzip2 file but a web page'],
    ['C11 a JSON error message', '.conda', () => text('{"error": "not found"}'), 'looks like JSON'],
    ['C11 noise', '.conda', () => text('7z\xbc\xaf'.repeat(30)), 'it is not a zip file'],
    ['C2 an empty .conda', '.conda', () => new Uint8Array(0), 'the file is empty (0 bytes)'],
    ['C2 an empty .tar.bz2', '.tar.bz2', () => new Uint8Array(0), 'the file is empty (0 bytes)'],
    ['C11 a .tar.bz2 under the name of a .conda', '.conda', () => tarBz2Of(members), 'looks like a .tar.bz2 package'],
    ['C11 a .conda under the name of a .tar.bz2', '.tar.bz2', () => condaOf(members), 'looks like a .conda package'],
    [
      'C11 bzip2 that is no tar',
      '.tar.bz2',
      () => bzip2Compress(text('no tar '.repeat(200))),
      'the tar archive in it is damaged',
    ],
    [
      'C11 zstd that is no tar',
      '.conda',
      async () => zipOf(await condaMembers({ [info]: await zstdCompress(text('no tar '.repeat(200))) })),
      'the tar archive in it is damaged',
    ],
    [
      'C11 an info part that is no zstd',
      '.conda',
      async () => zipOf(await condaMembers({ [info]: text('no zstd at all') })),
      'does not start as zstd does',
    ],
    [
      'C11 two info- parts',
      '.conda',
      async () => zipOf([...(await good()), { name: 'info-other-1.0-0.tar.zst', content: 'x' }]),
      '2 "info-" members',
    ],
    [
      'C11 the same info part twice',
      '.conda',
      async () => zipOf([...(await good()), { name: info, content: 'x' }]),
      `two members named ${info}`,
    ],
    [
      'C11 a wrong inner name',
      '.conda',
      async () => zipOf(await condaMembers({}, { stem: 'other-1.0-0' })),
      'named info-other-1.0-0.tar.zst instead of info-pkg-1.0-0.tar.zst: the file was renamed',
    ],
    ['C11 no info part', '.conda', async () => zipOf(await condaMembers({ [info]: undefined })), `no member ${info}`],
    ['C11 no pkg part', '.conda', async () => zipOf(await condaMembers({ [pkg]: undefined })), `no member ${pkg}`],
    ['C11 an empty zip', '.conda', () => zipOf([]), 'no member'],
    [
      'C11 a deflated part',
      '.conda',
      async () => zipOf((await good()).map(({ name, content }) => ({ name, content, deflate: true }))),
      'not stored as it is (zip method 8)',
    ],
    [
      'C11 a member named ../x',
      '.conda',
      async () =>
        patched(
          await zipOf([...(await good()), { name: 'aa/x', content: 'x' }]),
          [...text('aa/x')],
          (view, at) => view.setUint16(at, 0x2e2e),
          1,
        ),
      'invalid relative path: ../x',
    ],
    [
      'C11 a member named aa\\x',
      '.conda',
      async () =>
        patched(
          await zipOf([...(await good()), { name: 'aa/x', content: 'x' }]),
          [...text('aa/x')],
          (view, at) => view.setUint8(at + 2, 0x5c),
          1,
        ),
      'invalid characters in fileName: aa\\x',
    ],
    [
      'C11 200 members',
      '.conda',
      async () =>
        zipOf([...(await good()), ...Array.from({ length: 200 }, (_, i) => ({ name: `m${i}`, content: '' }))]),
      '203 members',
    ],
    [
      'C11 bytes behind the zip',
      '.conda',
      async () => Buffer.concat([await zipOf(await good()), text('behind')]),
      'extra bytes at the end',
    ],
    [
      'C11 an encrypted part',
      '.conda',
      async () =>
        patched(
          await zipOf(await good()),
          DIRECTORY_HEADER,
          (view, at) => {
            view.setUint16(at + 8, view.getUint16(at + 8, true) | 1, true);
            view.setUint32(at + 20, view.getUint32(at + 20, true) + 12, true);
          },
          2,
        ),
      'encrypted',
    ],
    [
      'C11 a part that begins elsewhere',
      '.conda',
      async () =>
        patched(await zipOf(await good()), DIRECTORY_HEADER, (view, at) => view.setUint32(at + 42, 7, true), 2),
      'invalid local file header',
    ],
    [
      'C11 a part of another name than the directory says',
      '.conda',
      async () => patched(await zipOf(await good()), LOCAL_HEADER, (view, at) => view.setUint8(at + 30, 0x58), 2),
      'disagree about the name',
    ],
    [
      'C11 a part that is longer than the file',
      '.conda',
      async () =>
        patched(
          await zipOf(await good()),
          DIRECTORY_HEADER,
          (view, at) => {
            view.setUint32(at + 20, 0x7fffffff, true);
            view.setUint32(at + 24, 0x7fffffff, true);
          },
          2,
        ),
      'overflows file bounds',
    ],
    [
      'C3 a wrong member checksum',
      '.conda',
      async () =>
        patched(await zipOf(await good()), DIRECTORY_HEADER, (view, at) => view.setUint32(at + 16, 1, true), 2),
      `the checksum of its member ${info} is wrong`,
    ],
    [
      'a wanted file twice',
      '.tar.bz2',
      () => tarBz2Of([members[0]!, members[0]!, members[1]!]),
      `holds ${INDEX} twice`,
    ],
    [
      'a wanted file that is a link',
      '.conda',
      () => condaOf([{ name: INDEX, symlink: '/etc/passwd' }]),
      `${INDEX} in it is a symlink`,
    ],
    [
      'C2 a tar that ends within a member',
      '.conda',
      async () =>
        zipOf(
          await condaMembers({
            [info]: await zstdCompress((await tarOf([{ name: INDEX, content: 'x'.repeat(2000) }])).subarray(0, 1500)),
          }),
        ),
      'truncated',
    ],
  ])('%s', async (_, extension, make, reason) => {
    const distFilename = STEM + extension;
    await expect(readInfo(bufferSource(await make()), { distFilename, wanted: [INDEX, FILES] })).rejects.toMatchObject({
      code: 'E_ARTIFACT_CORRUPT',
      what: expect.stringContaining(reason),
      where: distFilename,
      hint: expect.any(String),
    });
  });

  it.each(formats)('N9 a wanted file of more than the believable size in a %s', async (extension) => {
    const huge = [{ name: INDEX, content: new Uint8Array(3_000_000) }];
    const bytes = extension === '.conda' ? await condaOf(huge) : await tarBz2Of(huge);
    const options = { distFilename: STEM + extension, wanted: [INDEX] };
    await expect(readInfo(bufferSource(bytes), { ...options, maxMemberBytes: 2_999_999 })).rejects.toThrow(
      'has 3000000 bytes, more than the 2999999',
    );
    expect((await readInfo(bufferSource(bytes), { ...options, maxMemberBytes: 3_000_000 })).get(INDEX)).toHaveLength(
      3_000_000,
    );
  });

  it.each(formats)('N9 a %s that is a bomb', async (extension) => {
    const bomb = [{ name: 'info/zeros', content: new Uint8Array(6_000_000) }];
    const bytes = extension === '.conda' ? await condaOf(bomb) : await tarBz2Of(bomb);
    expect(bytes.length).toBeLessThan(2000);
    const options = { distFilename: STEM + extension, wanted: [INDEX], maxUnpackedBytes: 2_000_000 };
    await expect(readInfo(bufferSource(bytes), options)).rejects.toMatchObject({
      code: 'E_ARTIFACT_CORRUPT',
      what: expect.stringContaining('unpacks to more than the 2000000 bytes'),
    });
  });

  it('names that only resemble the wanted one', async () => {
    const near = [
      './info/index.json',
      '../info/index.json',
      '/info/index.json',
      'INFO/index.json',
      'info//index.json',
      'info/index.json/',
    ];
    const bytes = await tarBz2Of(near.map((name) => ({ name, content: name })));
    expect(await textsOf(bytes, `${STEM}.tar.bz2`, [INDEX])).toEqual({});
  });

  it.each(['pkg-1.0.conda', 'pkg.tar.gz', '../pkg-1.0-0.conda'])(
    'a name that is no distribution file name: %s',
    async (distFilename) => {
      await expect(readInfo(bufferSource(text('PK')), { distFilename, wanted: [INDEX] })).rejects.toMatchObject({
        code: 'E_RECORD',
      });
    },
  );
});
