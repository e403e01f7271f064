import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePackage } from '../../../scripts/lib/sample-upstream.js';
import { acquire } from '../../../src/store/acquire.js';
import { expectedDigest } from '../../../src/conda/record/expected-digest.js';
import { openStore } from '../../../src/store/store.js';
import { digestsOf } from '../../../src/codec/digests.js';
import { RepackError } from '../../../src/base/errors.js';
import type { PackageRecord } from '../../../src/conda/record/records.js';
import type { FetchArtifact } from '../../../src/conda/plan/artifact-store.js';
import { OWNER, planned, tempDir, unpublished } from '../../helpers/artifacts.js';
import { testRuntime, type TestRuntimeOptions } from '../../helpers/runtime.js';

const SAMPLES = await Promise.all(
  ['alpha', 'beta', 'gamma'].map((name) =>
    makePackage({ name, version: '1.0', format: name === 'beta' ? 'tar.bz2' : 'conda' }),
  ),
);
const [ALPHA, BETA, GAMMA] = SAMPLES as [(typeof SAMPLES)[0], (typeof SAMPLES)[0], (typeof SAMPLES)[0]];

const fromChannel: FetchArtifact = async (artifact, { store, onBytes }) => {
  const sample = SAMPLES.find(({ distFilename }) => distFilename === artifact.fn)!;
  const writer = await store.writer();
  onBytes?.(sample.bytes.length);
  await writer.write(sample.bytes);
  return writer.finish({ md5: digestsOf(sample.bytes).md5 }, artifact.fn);
};

describe('acquire', () => {
  it('asks the store, then the caches, then the channel', async () => {
    const { rt, store, cache } = await setUp();
    await acquire(rt, { artifacts: [planned(ALPHA)], store, caches: [], fetch: fromChannel });
    writeFileSync(join(cache, BETA.distFilename), BETA.bytes);
    const artifacts = SAMPLES.map((each) => planned(each));
    const result = await acquire(rt, { artifacts, store, caches: [cache], fetch: fromChannel });
    expect(result.artifacts.map(({ fn, source }) => [fn, source])).toEqual([
      ['alpha-1.0-0.conda', 'store'],
      ['beta-1.0-0.tar.bz2', 'cache'],
      ['gamma-1.0-0.conda', 'download'],
    ]);
    expect(result.findings).toEqual([]);
    for (const [index, artifact] of result.artifacts.entries()) {
      expect(artifact).toMatchObject({ ...artifacts[index], ...digestsOf(SAMPLES[index]!.bytes) });
    }
  });

  it('finds what mamba from 2.6 on keeps by channel and subdir, and not what is another channel’s', async () => {
    const { rt, store, cache } = await setUp();
    const artifact = planned(BETA);
    const { host, pathname } = new URL(artifact.channel!.url);
    const folder = join(cache, 'https', host.replace(':', '_'), pathname, artifact.subdir);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, BETA.distFilename), BETA.bytes);
    const other = join(cache, 'https/elsewhere.example/prometeia', artifact.subdir);
    mkdirSync(other, { recursive: true });
    writeFileSync(join(other, GAMMA.distFilename), GAMMA.bytes);
    const artifacts = [artifact, planned(GAMMA)];
    const result = await acquire(rt, { artifacts, store, caches: [cache], fetch: fromChannel });
    expect(result.artifacts.map(({ fn, source }) => [fn, source])).toEqual([
      ['beta-1.0-0.tar.bz2', 'cache'],
      ['gamma-1.0-0.conda', 'download'],
    ]);
  });

  it('says what it does as it goes on', async () => {
    const { rt, store, cache } = await setUp();
    writeFileSync(join(cache, BETA.distFilename), BETA.bytes);
    await acquire(rt, {
      artifacts: [planned(BETA), planned(GAMMA)],
      store,
      caches: [cache],
      fetch: fromChannel,
      concurrency: 1,
    });
    const total = BETA.bytes.length + GAMMA.bytes.length;
    expect(rt.collected.filter(({ type }) => type !== 'debug')).toEqual([
      { type: 'acquire-total', artifacts: 2, bytes: total },
      { type: 'acquire-progress', bytes: BETA.bytes.length },
      { type: 'artifact-acquired', fn: BETA.distFilename, subdir: 'noarch', bytes: BETA.bytes.length, source: 'cache' },
      { type: 'acquire-progress', bytes: GAMMA.bytes.length },
      {
        type: 'artifact-acquired',
        fn: GAMMA.distFilename,
        subdir: 'noarch',
        bytes: GAMMA.bytes.length,
        source: 'download',
      },
      {
        type: 'acquire-finished',
        download: { artifacts: 1, bytes: GAMMA.bytes.length },
        cache: { artifacts: 1, bytes: BETA.bytes.length },
        store: { artifacts: 0, bytes: 0 },
      },
    ]);
  });

  it('counts as a download what an engine of this run had fetched, as there what was in the store before', async () => {
    const { rt, store } = await setUp();
    const artifacts = [planned(ALPHA), planned(BETA)];
    await acquire(rt, { artifacts, store, caches: [], fetch: fromChannel });
    const downloaded = new Set([String(ALPHA.record.sha256)]);
    const { counts } = await acquire(rt, { artifacts, store, caches: [], downloaded });
    expect(counts).toEqual({
      download: { artifacts: 1, bytes: ALPHA.bytes.length },
      cache: { artifacts: 0, bytes: 0 },
      store: { artifacts: 1, bytes: BETA.bytes.length },
    });
  });

  it('names every artifact that is found nowhere at once', async () => {
    const { rt, store, cache } = await setUp();
    writeFileSync(join(cache, BETA.distFilename), BETA.bytes);
    const outcome = acquire(rt, { artifacts: SAMPLES.map((each) => planned(each)), store, caches: [cache] });
    await expect(outcome).rejects.toMatchObject({
      code: 'E_ARTIFACT_MISSING',
      exitCode: 4,
      what: '2 of 3 artifacts can not be delivered',
      where: 'noarch/alpha-1.0-0.conda, noarch/gamma-1.0-0.conda',
    });
    // What was there is in the store for the next run.
    expect(await store.find({ sha256: BETA.record.sha256 })).toBeDefined();
  });

  it('C3 N11 tells wrong bytes from missing ones and goes on past both', async () => {
    const { rt, store } = await setUp();
    const failing: FetchArtifact = async (artifact, options) => {
      if (artifact.fn === ALPHA.distFilename)
        throw new RepackError('E_ARTIFACT_DIGEST', { what: 'wrong bytes', details: ['sha256: …'] });
      if (artifact.fn === BETA.distFilename)
        throw new RepackError('E_ARTIFACT_MISSING', { what: 'the channel lists it but does not have it' });
      return fromChannel(artifact, options);
    };
    const outcome = acquire(rt, { artifacts: SAMPLES.map((each) => planned(each)), store, caches: [], fetch: failing });
    await expect(outcome).rejects.toMatchObject({
      code: 'E_ARTIFACT_MISSING',
      details: [
        'noarch/alpha-1.0-0.conda [E_ARTIFACT_DIGEST]',
        '  wrong bytes',
        '  sha256: …',
        'noarch/beta-1.0-0.tar.bz2 [E_ARTIFACT_MISSING]',
        '  the channel lists it but does not have it',
      ],
    });
    const alone = acquire(rt, { artifacts: [planned(ALPHA)], store, caches: [], fetch: failing });
    await expect(alone).rejects.toMatchObject({ code: 'E_ARTIFACT_DIGEST', what: 'wrong bytes' });
  });

  it('ends at once when the upstream as a whole fails', async () => {
    const { rt, store } = await setUp();
    let asked = 0;
    const fetch: FetchArtifact = async () => {
      asked += 1;
      throw new RepackError('E_TLS', { what: 'the certificate is expired' });
    };
    const outcome = acquire(rt, {
      artifacts: SAMPLES.map((each) => planned(each)),
      store,
      caches: [],
      fetch,
      concurrency: 1,
    });
    await expect(outcome).rejects.toMatchObject({ code: 'E_TLS', exitCode: 7 });
    expect(asked).toBe(1);
  });

  it('stops when it is aborted', async () => {
    const { rt, store } = await setUp();
    const reason = new RepackError('E_INTERRUPTED', { what: 'interrupted' });
    const fetch: FetchArtifact = async (artifact, options) => {
      rt.abort(reason);
      options.signal.throwIfAborted();
      return fromChannel(artifact, options);
    };
    await expect(acquire(rt, { artifacts: [planned(ALPHA), planned(BETA)], store, caches: [], fetch })).rejects.toBe(
      reason,
    );
  });

  it('B9 checks an artifact with md5 only, computes its sha256 and says so', async () => {
    const { rt, store, cache } = await setUp();
    writeFileSync(join(cache, ALPHA.distFilename), ALPHA.bytes);
    const artifact = planned(ALPHA, { record: { sha256: undefined } });
    const { artifacts, findings } = await acquire(rt, { artifacts: [artifact], store, caches: [cache] });
    expect(artifacts[0]).toMatchObject({ sha256: digestsOf(ALPHA.bytes).sha256, record: artifact.record });
    expect(artifacts[0]!.record).not.toHaveProperty('sha256');
    expect(findings).toMatchObject([{ code: 'md5-only', subject: 'noarch/alpha-1.0-0.conda', exit: false }]);
    const again = await acquire(rt, { artifacts: [artifact], store, caches: [] });
    expect(again.artifacts[0]).toMatchObject({ source: 'store' });
    writeFileSync(join(cache, BETA.distFilename), GAMMA.bytes);
    const wrong = planned(BETA, { record: { sha256: undefined, size: undefined } });
    await expect(acquire(rt, { artifacts: [wrong], store, caches: [cache] })).rejects.toMatchObject({ exitCode: 4 });
  });

  it('B10 refuses one name with two digests and shows both sources', async () => {
    const { rt, store } = await setUp();
    const other = { ...OWNER, url: 'https://conda.example/other' };
    const twice = [planned(ALPHA), planned(ALPHA, { channel: other, record: { sha256: 'f'.repeat(64) } })];
    await expect(acquire(rt, { artifacts: twice, store, caches: [], fetch: fromChannel })).rejects.toMatchObject({
      code: 'E_RECORD_CONFLICT',
      details: expect.arrayContaining([
        expect.stringContaining(OWNER.url),
        expect.stringContaining(other.url),
      ]) as string[],
    });
  });

  it('B8 refuses a file name that would leave the folder', async () => {
    const { rt, store, cache } = await setUp();
    const evil = planned(ALPHA, { fn: '../alpha-1.0-0.conda' });
    await expect(acquire(rt, { artifacts: [evil], store, caches: [cache] })).rejects.toMatchObject({
      code: 'E_RECORD',
    });
    const outside = planned(ALPHA, { subdir: '../noarch' });
    await expect(acquire(rt, { artifacts: [outside], store, caches: [cache] })).rejects.toMatchObject({
      code: 'E_SUBDIR',
    });
  });

  it('says where a record comes from that no channel has any more', async () => {
    const { rt, store, cache } = await setUp();
    writeFileSync(join(cache, ALPHA.distFilename), ALPHA.bytes);
    const artifact = planned(ALPHA, { origin: 'cache-record' });
    const { findings } = await acquire(rt, { artifacts: [artifact], store, caches: [cache] });
    expect(findings).toMatchObject([{ code: 'cache-record', exit: false }]);
  });
});

describe('acquire of unpublished artifacts', () => {
  it.each([ALPHA, BETA])('reads the record of $distFilename out of it', async (sample) => {
    const { rt, store, cache } = await setUp();
    writeFileSync(join(cache, sample.distFilename), sample.bytes);
    const { artifacts, findings } = await acquire(rt, { artifacts: [unpublished(sample)], store, caches: [cache] });
    expect(artifacts[0]).toMatchObject({
      record: sample.record,
      origin: 'artifact',
      source: 'cache',
      ...digestsOf(sample.bytes),
    });
    expect(findings).toMatchObject([{ code: 'unpublished', subject: `noarch/${sample.distFilename}`, exit: false }]);
  });

  it('lets the digest of the PrefixRecord choose between two caches', async () => {
    const { rt, store, cache } = await setUp();
    const newer = await makePackage({ name: 'alpha', version: '1.0', depends: ['beta'] });
    const second = tempDir();
    writeFileSync(join(cache, ALPHA.distFilename), ALPHA.bytes);
    writeFileSync(join(second, ALPHA.distFilename), newer.bytes);
    const caches = [cache, second];
    const known = unpublished(ALPHA, { md5: digestsOf(newer.bytes).md5 });
    const { artifacts } = await acquire(rt, { artifacts: [known], store, caches });
    expect(artifacts[0]!.record.depends).toEqual(['beta']);
    // The cache is cleaned, the store has it.
    expect((await acquire(rt, { artifacts: [known], store, caches: [] })).artifacts[0]).toMatchObject({
      source: 'store',
    });
    await expect(acquire(rt, { artifacts: [unpublished(ALPHA)], store, caches })).rejects.toMatchObject({
      code: 'E_RECORD_CONFLICT',
      details: expect.arrayContaining([expect.stringContaining(second)]) as string[],
    });
  });

  it('F7 refuses an artifact that says it is another one', async () => {
    const { rt, store, cache } = await setUp();
    writeFileSync(join(cache, 'alpha-2.0-0.tar.bz2'), BETA.bytes);
    const renamed = { ...unpublished(ALPHA), fn: 'alpha-2.0-0.tar.bz2' };
    await expect(acquire(rt, { artifacts: [renamed], store, caches: [cache] })).rejects.toMatchObject({
      code: 'E_ARTIFACT_MISLABELLED',
    });
  });

  it('names all that are in no cache', async () => {
    const { rt, store, cache } = await setUp();
    const outcome = acquire(rt, {
      artifacts: SAMPLES.map((each) => unpublished(each)),
      store,
      caches: [cache],
      fetch: fromChannel,
    });
    await expect(outcome).rejects.toMatchObject({
      code: 'E_ARTIFACT_MISSING',
      what: '3 of 3 artifacts can not be delivered',
    });
  });
});

describe('expectedDigest', () => {
  const sha256 = 'ab'.repeat(32);
  const md5 = 'cd'.repeat(16);
  const taken: [Record<string, unknown>, object][] = [
    [
      { sha256, md5, size: 5 },
      { sha256, md5, size: 5 },
    ],
    [{ sha256: sha256.toUpperCase() }, { sha256, md5: undefined }],
    [
      { md5, sha256: null },
      { md5, sha256: undefined },
    ],
    [
      { sha256, size: null },
      { sha256, md5: undefined },
    ],
  ];
  it.each(taken)('B9 takes %j', (record, expected) => {
    expect(expectedDigest('a-1-0.conda', record as PackageRecord)).toEqual(expected);
  });

  const refused = [
    {},
    { sha256: 'a'.repeat(63) },
    { md5: 5 },
    { sha256: `${'a'.repeat(63)}g` },
    { sha256, md5: 'x' },
    { sha256, size: -1 },
    { sha256, size: '5' },
  ];
  it.each(refused)('B9 refuses %j', (record) => {
    const attempt = () => expectedDigest('a-1-0.conda', record as unknown as PackageRecord);
    expect(attempt).toThrow(expect.objectContaining({ code: 'E_RECORD', exitCode: 4 }));
    expect(attempt).toThrow('a-1-0.conda');
  });
});

async function setUp(options: TestRuntimeOptions = {}) {
  const rt = testRuntime(options);
  return { rt, store: await openStore(rt, tempDir()), cache: tempDir() };
}
