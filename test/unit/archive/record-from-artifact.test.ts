import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digest, makePackage } from '../../../scripts/lib/sample-upstream.js';
import { recordFromArtifact } from '../../../src/archive/record-from-artifact.js';
import { bufferSource } from '../../../src/archive/source.js';
import { condaOf, indexJson, STEM, tarBz2Of } from './archives.js';

const identify = (bytes: Uint8Array, distFilename: string, subdir?: string) => ({
  distFilename,
  subdir,
  md5: digest('md5', bytes),
  sha256: digest('sha256', bytes),
  size: bytes.length,
});

const recordOf = (bytes: Uint8Array, distFilename: string, subdir?: string) =>
  recordFromArtifact(bufferSource(bytes), identify(bytes, distFilename, subdir));

const withIndex = (content: string | Uint8Array) => condaOf([{ name: 'info/index.json', content }]);

describe('recordFromArtifact', () => {
  it.each(['conda', 'tar.bz2'] as const)(
    'gives the record that the channel would publish for a .%s',
    async (format) => {
      const made = await makePackage({
        name: 'ratingpro',
        version: '2.4.0',
        build: 'py39_0',
        subdir: 'linux-64',
        depends: ['python >=3.9,<3.10.0a0', 'numpy >=1.26'],
        constrains: ['pandas <3'],
        license: 'Proprietary',
        format,
      });
      expect(await recordOf(made.bytes, made.distFilename, 'linux-64')).toEqual(made.record);
    },
  );

  it('leaves out the ten keys that conda-index leaves out, keeps every other, and states the digests it is given', async () => {
    const dropped = [
      'arch',
      'has_prefix',
      'mtime',
      'platform',
      'ucs',
      'requires_features',
      'binstar',
      'target-triplet',
      'machine',
      'operatingsystem',
    ];
    const kept = {
      app_entry: 'x',
      license_family: 'MIT',
      noarch: 'python',
      timestamp: 1700000000000,
      track_features: '',
      preferred_env: null,
      future: { a: [1] },
    };
    const stale = { md5: 'stale', sha256: 'stale', size: 1 };
    const bytes = await withIndex(
      indexJson({ ...Object.fromEntries(dropped.map((key) => [key, 'x'])), ...kept, ...stale }),
    );
    expect(await recordOf(bytes, `${STEM}.conda`)).toEqual({
      name: 'pkg',
      version: '1.0',
      build: '0',
      build_number: 0,
      depends: [],
      subdir: 'noarch',
      ...kept,
      md5: createHash('md5').update(bytes).digest('hex'),
      sha256: createHash('sha256').update(bytes).digest('hex'),
      size: bytes.length,
    });
  });

  it('takes an old index.json without depends and subdir', async () => {
    const record = await recordOf(
      await withIndex(indexJson({ depends: undefined, subdir: undefined })),
      `${STEM}.conda`,
      'linux-64',
    );
    expect(record.depends).toEqual([]);
    expect(record).not.toHaveProperty('subdir');
  });

  it.each([
    ['name', 'pkg-1.0-0.conda', { name: 'other' }, 'its name is "other", not "pkg"'],
    ['name, in letters only', 'pkg-1.0-0.conda', { name: 'Pkg' }, 'its name is "Pkg", not "pkg"'],
    ['version', 'pkg-1.0-0.conda', { version: '1.0.0' }, 'its version is "1.0.0", not "1.0"'],
    ['build', 'pkg-1.0-0.conda', { build: 'py39_0' }, 'its build is "py39_0", not "0"'],
    ['subdir', 'pkg-1.0-0.conda', { subdir: 'win-64' }, 'its subdir is "win-64", not "noarch"'],
  ])('F7 refuses an artifact that disagrees about its %s', async (_, distFilename, over, reason) => {
    await expect(recordOf(await withIndex(indexJson(over)), distFilename, 'noarch')).rejects.toMatchObject({
      code: 'E_ARTIFACT_MISLABELLED',
      what: expect.stringContaining(reason),
      where: expect.stringContaining(distFilename),
      exitCode: 4,
    });
  });

  it('F7 refuses a renamed .tar.bz2, which has no inner name that could tell', async () => {
    const bytes = await tarBz2Of([{ name: 'info/index.json', content: indexJson() }]);
    await expect(recordOf(bytes, 'pkg-1.1-0.tar.bz2')).rejects.toMatchObject({ code: 'E_ARTIFACT_MISLABELLED' });
  });

  const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
  it.each<[string, string | Uint8Array, string]>([
    ['empty', '', 'no JSON'],
    ['truncated', indexJson().slice(0, -5), 'no JSON'],
    ['a list', '[]', 'no JSON object'],
    ['null', 'null', 'no JSON object'],
    ['not UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), 'no JSON'],
    ['nested 100,000 deep', deep, 'more than 64 levels'],
    ['with a __proto__ key', indexJson().replace('{', '{"__proto__":{"a":1},'), '__proto__'],
    ['with a __proto__ key further in', indexJson().replace('{', '{"a":{"__proto__":{"a":1}},'), '__proto__'],
    ['of 9 MB', `${' '.repeat(9_000_000)}${indexJson()}`, 'more than the 8388608 that are believable'],
    ['without name', indexJson({ name: undefined }), 'no text as "name"'],
    ['with a number as version', indexJson({ version: 1.1 }), 'no text as "version"'],
    ['with an empty build', indexJson({ build: '' }), 'no text as "build"'],
    ['without build number', indexJson({ build_number: undefined }), 'no whole number as "build_number"'],
    ['with a text as depends', indexJson({ depends: 'python' }), 'no list of texts as "depends"'],
    ['with a list in depends', indexJson({ depends: [['python']] }), 'no list of texts as "depends"'],
    ['with a number in constrains', indexJson({ constrains: [1] }), 'no list of texts as "constrains"'],
    ['with a list as subdir', indexJson({ subdir: ['noarch'] }), 'no text as "subdir"'],
  ])('refuses an index.json that is %s', async (_, content, reason) => {
    await expect(recordOf(await withIndex(content), `${STEM}.conda`)).rejects.toMatchObject({
      code: 'E_ARTIFACT_CORRUPT',
      what: expect.stringContaining(reason),
      where: `${STEM}.conda`,
    });
  });

  it('takes braces and quotes within texts for what they are', async () => {
    const summary = `${'[{'.repeat(200)}" \\" \\\\`;
    expect((await recordOf(await withIndex(indexJson({ summary })), `${STEM}.conda`))['summary']).toBe(summary);
  });

  it('refuses an artifact without index.json', async () => {
    const bytes = await tarBz2Of([{ name: 'info/files', content: '' }]);
    await expect(recordOf(bytes, `${STEM}.tar.bz2`)).rejects.toThrow('it has no info/index.json');
  });
});

describe.each([
  ['.conda', () => condaOf([{ name: 'info/index.json', content: indexJson() }])],
  [
    '.tar.bz2',
    () =>
      tarBz2Of([
        { name: 'info/index.json', content: indexJson() },
        { name: 'share/a', content: 'a'.repeat(3000) },
      ]),
  ],
])('a damaged %s', (extension, make) => {
  const read = (bytes: Uint8Array) =>
    recordFromArtifact(bufferSource(bytes), { distFilename: STEM + extension, md5: 'm', sha256: 's', size: 1 });

  it.each([
    ['0 bytes', () => 0],
    ['1 byte', () => 1],
    ['13 bytes', () => 13],
    ['50 bytes', () => 50],
    ['half', (size: number) => size >> 1],
    ['all but the last byte', (size: number) => size - 1],
  ])('C2 F1 is refused when truncated to %s', async (_, lengthOf) => {
    const bytes = await make();
    await expect(read(bytes.subarray(0, lengthOf(bytes.length)))).rejects.toMatchObject({
      code: 'E_ARTIFACT_CORRUPT',
      what: expect.stringContaining(STEM + extension),
    });
  });

  it('C3 F1 is refused for one flipped bit in what is installed', async () => {
    const bytes = await make();
    // The .conda's package part lies behind its metadata.json; the .tar.bz2 is one block.
    bytes[200]! ^= 1;
    await expect(read(bytes)).rejects.toMatchObject({
      code: 'E_ARTIFACT_CORRUPT',
      what: expect.stringMatching(/the checksum of its member pkg-|The bzip2 data is damaged/),
    });
  });

  it('C3 F1 gives the same record or is refused, whichever bit is flipped', async () => {
    const bytes = await make();
    const record = await read(bytes);
    let refused = 0;
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const result = await read(flipped).catch((error: unknown) => error);
      if (result instanceof Error) {
        expect(result).toMatchObject({ code: 'E_ARTIFACT_CORRUPT' });
        refused++;
      } else expect(result).toEqual(record);
    }
    expect(refused).toBeGreaterThan((bytes.length * 8) / 3 / 2);
  });
});
