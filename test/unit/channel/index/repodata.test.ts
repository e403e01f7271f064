import fc from 'fast-check';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makePackage, repodataOf } from '../../../../scripts/lib/sample-upstream.js';
import { buildRepodata, indexRecord, recordDigest } from '../../../../src/channel/index/repodata.js';
import { packIndexFiles } from '../../../../src/channel/index/forms.js';
import { bzip2Decompress } from '../../../../src/codec/bzip2.js';
import { sha256Of } from '../../../../src/codec/digests.js';
import { zstdDecompress } from '../../../../src/codec/zstd.js';
import { canonicalJson } from '../../../../src/base/json.js';
import type { PackageRecord } from '../../../../src/conda/record/records.js';
import { planned } from '../../../helpers/artifacts.js';

const SAMPLES = await Promise.all([
  makePackage({
    name: 'ratingpro',
    version: '2.4.0',
    subdir: 'linux-64',
    build: 'py39_0',
    depends: ['python >=3.9', 'numpy >=1.26,<2'],
  }),
  makePackage({ name: 'six', version: '1.16.0', noarch: 'python', format: 'tar.bz2' }),
  makePackage({ name: 'tzdata', version: '2024a', license: 'LicenseRef-Public-Domain' }),
]);

describe('buildRepodata', () => {
  it.each(['linux-64', 'noarch'])('writes %s as conda-index does', (subdir) => {
    const bytes = buildRepodata(
      subdir,
      SAMPLES.map((each) => planned(each)),
    );
    expect(Buffer.from(bytes).toString('utf8')).toBe(canonicalJson(repodataOf(subdir, SAMPLES)));
  });

  it('puts each format under its own key', () => {
    const repodata = parsed(
      buildRepodata(
        'noarch',
        SAMPLES.map((each) => planned(each)),
      ),
    );
    expect(Object.keys(repodata.packages)).toEqual(['six-1.16.0-py_0.tar.bz2']);
    expect(Object.keys(repodata['packages.conda'])).toEqual(['tzdata-2024a-0.conda']);
  });

  it('F3 writes a valid empty index', () => {
    expect(Buffer.from(buildRepodata('win-64', [])).toString()).toBe(
      '{"info":{"subdir":"win-64"},"packages":{},"packages.conda":{},"removed":[],"repodata_version":1}',
    );
  });

  it('F6 keeps a hotfixed record and keys it does not know', () => {
    const record = {
      depends: ['numpy'],
      indexed_timestamp: 5,
      track_features: 'x',
      new_key: { b: [1, { z: 1, a: null }], a: 'ü' },
    };
    const repodata = parsed(buildRepodata('linux-64', [planned(SAMPLES[0]!, { record })]));
    expect(repodata['packages.conda'][SAMPLES[0]!.distFilename]).toEqual({ ...SAMPLES[0]!.record, ...record });
  });

  it('B9 leaves a record with md5 only as it was published', () => {
    const artifact = planned(SAMPLES[0]!, { record: { sha256: undefined } });
    const record = parsed(buildRepodata('linux-64', [artifact]))['packages.conda'][artifact.fn];
    expect(record).toEqual(artifact.record);
    expect(record).not.toHaveProperty('sha256');
  });

  const published: [string, unknown][] = [
    ['1.0', 1],
    ['-0', 0],
    ['1e3', 1000],
    ['0.1', 0.1],
    ['1700000000000', 1_700_000_000_000],
    ['9007199254740991', 9_007_199_254_740_991],
  ];
  it.each(published)('carries the number %s over with the same value', (text, value) => {
    const record = JSON.parse(`{"timestamp":${text}}`) as Record<string, unknown>;
    const artifact = planned(SAMPLES[0]!, { record });
    expect(parsed(buildRepodata('linux-64', [artifact]))['packages.conda'][artifact.fn]!['timestamp']).toBe(value);
  });

  it.each(['9007199254740993', '1e999', '-123456789012345678901234567890'])(
    'refuses the number %s, which would change',
    (text) => {
      const record = JSON.parse(`{"extra":{"deep":[${text}]}}`) as Record<string, unknown>;
      expect(() => buildRepodata('linux-64', [planned(SAMPLES[0]!, { record })])).toThrow(
        expect.objectContaining({ code: 'E_RECORD', where: expect.stringContaining('extra.deep.0') as string }),
      );
    },
  );

  it('is a function of the records alone, not of their order or that of their keys', () => {
    const artifacts = SAMPLES.map((each) => planned(each));
    const golden = buildRepodata('noarch', artifacts);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(artifacts, { minLength: artifacts.length }),
        fc.infiniteStream(fc.nat()),
        (shuffled, order) => {
          const rekeyed = shuffled.map((artifact) => ({
            ...artifact,
            record: withKeysShuffled(artifact.record, order),
          }));
          expect(buildRepodata('noarch', rekeyed)).toEqual(golden);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('gives any record back that JSON can hold', () => {
    const json = fc
      .jsonValue({ maxDepth: 3 })
      .filter((value) => !JSON.stringify(value).match(/[eE]\+?(1[5-9]|[2-9]\d|\d{3})|\d{16,}/));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), (extra) => {
        const artifact = planned(SAMPLES[0]!, { record: extra });
        const written = parsed(buildRepodata('linux-64', [artifact]))['packages.conda'][artifact.fn];
        expect(written).toEqual(JSON.parse(JSON.stringify(artifact.record)));
      }),
      { numRuns: 200 },
    );
  });

  const real = new URL('../../../../../shared/data/repodata/pytorch-linux-64.json', import.meta.url);
  it.skipIf(!existsSync(real))('gives every record of a real channel back', () => {
    const upstream = parsed(readFileSync(real));
    const records = { ...upstream.packages, ...upstream['packages.conda'] };
    const artifacts = Object.entries(records).map(([fn, record]) => ({
      fn,
      subdir: 'linux-64',
      origin: 'repodata' as const,
      record,
    }));
    const written = parsed(buildRepodata('linux-64', artifacts));
    expect(written.packages).toEqual(upstream.packages);
    expect(written['packages.conda']).toEqual(upstream['packages.conda'] ?? {});
  });
});

describe('indexRecord', () => {
  it('leaves every key of a record, and the pip that an upstream states', () => {
    const record = { ...planned(SAMPLES[0]!).record, name: 'python', depends: ['openssl', 'pip'], url: 'x' };
    const artifact = { fn: 'python-3.9.18-0.conda', subdir: 'noarch', record };
    expect(indexRecord(artifact)).toEqual(record);
    expect(recordDigest(artifact)).toBe(sha256Of(canonicalJson(record)));
  });
});

describe('packIndexFiles', () => {
  it('writes json, zst and bz2 in lockstep', async () => {
    const files = await packIndexFiles(
      'noarch',
      buildRepodata(
        'noarch',
        SAMPLES.map((each) => planned(each)),
      ),
      { bz2: true },
    );
    expect(files.map(({ path }) => path)).toEqual([
      'noarch/repodata.json',
      'noarch/repodata.json.zst',
      'noarch/repodata.json.bz2',
    ]);
    const [json, zst, bz2] = files.map(({ bytes }) => bytes);
    expect(await zstdDecompress(zst!, { maxBytes: 1e6 })).toEqual(new Uint8Array(json!));
    expect(Buffer.from(await bzip2Decompress(bz2!, { maxBytes: 1e6 }))).toEqual(Buffer.from(json!));
    for (const { bytes, sha256, size } of files) expect([sha256Of(bytes), bytes.length]).toEqual([sha256, size]);
    expect(await packIndexFiles('noarch', buildRepodata('noarch', []), { bz2: false })).toHaveLength(2);
  });

  // The same on every Node and OS; a new encoder version shows here and moves every delivered index once.
  it('keeps its golden digests', async () => {
    const record = {
      name: 'six',
      version: '1.16.0',
      build: 'py_0',
      build_number: 0,
      depends: ['python'],
      md5: 'ab'.repeat(16),
      noarch: 'python',
      size: 5,
      timestamp: 1_700_000_000_000,
    };
    const files = await packIndexFiles(
      'noarch',
      buildRepodata('noarch', [{ fn: 'six-1.16.0-py_0.tar.bz2', subdir: 'noarch', record }]),
      { bz2: true },
    );
    expect(files.map(({ sha256 }) => sha256)).toEqual(GOLDEN);
  });
});

const GOLDEN = [
  '1a0bd2296d78baa3efb289a491a0e242d1338982ea28dd90c3281889f8fd4fff',
  '267c0d03b5e290d45286ffa7ddf26a80e06b1edf9991a448c075c8fd97259f0e',
  '9daafb6f435ce955a7ec09186c1ecee7d568c50c0ee2583adc52dc4f403ec74a',
];

type Repodata = { packages: Record<string, PackageRecord>; 'packages.conda': Record<string, PackageRecord> };

function parsed(bytes: Uint8Array): Repodata {
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as Repodata;
}

function withKeysShuffled(record: PackageRecord, order: Iterator<number>): PackageRecord {
  const ranked = Object.entries(record).map((entry) => ({ entry, rank: Number(order.next().value) }));
  return Object.fromEntries(ranked.sort((a, b) => a.rank - b.rank).map(({ entry }) => entry)) as PackageRecord;
}
