import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePackage } from '../../../scripts/lib/sample-upstream.js';
import { RepackError, type ErrorCode } from '../../../src/base/errors.js';
import type { FetchArtifact } from '../../../src/conda/plan/artifact-store.js';
import { acquire } from '../../../src/store/acquire.js';
import { openStore } from '../../../src/store/store.js';
import { planned, tempDir } from '../../helpers/artifacts.js';
import { testRuntime } from '../../helpers/runtime.js';

const SAMPLES = await Promise.all(['alpha', 'beta', 'gamma'].map((name) => makePackage({ name, version: '1.0' })));
const CHANNEL = planned(SAMPLES[0]!).channel!.url;
const HERE = { cache: '', second: '' };

const gone =
  (code: ErrorCode, what: string): FetchArtifact =>
  async () => {
    throw new RepackError(code, { what, where: CHANNEL, hint: 'Check it.' });
  };

type Copy = (path: string, bytes: Uint8Array) => void;
const truncated: Copy = (path, bytes) => writeFileSync(path, bytes.subarray(0, 10));
const otherBytes: Copy = (path, bytes) => writeFileSync(path, Buffer.alloc(bytes.length, 1));
const link: Copy = (path) => symlinkSync('/etc/hostname', path);
const folder: Copy = (path) => mkdirSync(path);
const extracted: Copy = (path) => mkdirSync(path.replace(/\.conda$/, ''));
const none: Copy = () => undefined;

async function acquireAll(first: Copy, second: Copy, fetch: FetchArtifact) {
  const rt = testRuntime();
  const [cache, other] = [tempDir(), tempDir()];
  Object.assign(HERE, { cache, second: other });
  const [alpha, beta, gamma] = SAMPLES.map((sample) => planned(sample, { origin: 'cache-record' }));
  for (const [sample, copy] of [
    [SAMPLES[0]!, first],
    [SAMPLES[1]!, first],
    [SAMPLES[2]!, undefined],
  ] as const) {
    const path = join(cache, sample.distFilename);
    (copy ?? ((to, bytes) => writeFileSync(to, bytes)))(path, sample.bytes);
    second(join(other, sample.distFilename), sample.bytes);
  }
  const artifacts = [alpha!, beta!, gamma!];
  const caches = [cache, other];
  return acquire(rt, { artifacts, store: await openStore(rt, tempDir()), caches, fetch });
}

const NOT_THERE = gone('E_UPSTREAM_NOT_FOUND', 'There is no channel');

describe('E2: a channel that is gone, and caches that are no help', () => {
  it.each<[string, Copy, Copy, RegExp[]]>([
    ['cut short', truncated, none, [/^ {2}not in SECOND$/, /^ {2}CACHE\/FN: it has 10 bytes, the channel states \d+$/]],
    ['other bytes', otherBytes, none, [/^ {2}not in SECOND$/, /^ {2}CACHE\/FN: its bytes are not the channel's/]],
    ['a link', link, none, [/^ {2}not in SECOND$/, /^ {2}CACHE\/FN: it is a symbolic link$/]],
    ['a folder', folder, none, [/^ {2}not in SECOND$/, /^ {2}CACHE\/FN: it is a folder$/]],
    ['unpacked', extracted, none, [/^ {2}not in SECOND$/, /^ {2}CACHE has only the extracted folder/]],
    ['nothing', none, none, [/^ {2}not in CACHE, SECOND$/]],
    ['both cut short', truncated, truncated, [/^ {2}CACHE\/FN: it has 10 bytes/, /^ {2}SECOND\/FN: it has 10 bytes/]],
    [
      'each another way',
      extracted,
      truncated,
      [/^ {2}CACHE has only the extracted/, /^ {2}SECOND\/FN: it has 10 bytes/],
    ],
  ])('names each artifact with what each cache had: %s', async (_, first, second, lines) => {
    const error = await acquireAll(first, second, NOT_THERE).catch((thrown: unknown) => thrown as RepackError);
    expect(error).toBeInstanceOf(RepackError);
    const { code, what, details } = error as RepackError;
    expect([code, what]).toEqual(['E_ARTIFACT_MISSING', '2 of 3 artifacts can not be delivered']);
    for (const [at, fn] of ['alpha-1.0-0.conda', 'beta-1.0-0.conda'].entries()) {
      const own = details.slice(at * (lines.length + 2), (at + 1) * (lines.length + 2));
      expect(own[0]).toBe(`noarch/${fn} [E_ARTIFACT_MISSING]`);
      expect(own[1]).toBe(`  ${CHANNEL} can’t be asked: There is no channel`);
      const said = own
        .slice(2)
        .map((line) =>
          line
            .replaceAll(HERE.cache, 'CACHE')
            .replaceAll(HERE.second, 'SECOND')
            .replaceAll(fn.replace('.conda', ''), 'FN')
            .replaceAll('FN.conda', 'FN'),
        );
      expect(said).toHaveLength(lines.length);
      for (const [index, line] of lines.entries()) expect(said[index]).toMatch(line);
    }
  });

  it('takes what a second cache has whole', async () => {
    const whole: Copy = (path, bytes) => writeFileSync(path, bytes);
    expect((await acquireAll(truncated, whole, NOT_THERE)).artifacts).toHaveLength(3);
  });

  it.each<ErrorCode>(['E_UPSTREAM', 'E_TLS', 'E_REPODATA'])(
    'names them whatever the channel answers: %s',
    async (code) => {
      await expect(acquireAll(truncated, none, gone(code, 'No'))).rejects.toMatchObject({ code: 'E_ARTIFACT_MISSING' });
    },
  );

  it('ends the run at once where the record is the channel’s own', async () => {
    const rt = testRuntime();
    const store = await openStore(rt, tempDir());
    const artifacts = [planned(SAMPLES[0]!)];
    const options = { artifacts, store, caches: [], fetch: NOT_THERE };
    await expect(acquire(rt, options)).rejects.toMatchObject({ code: 'E_UPSTREAM_NOT_FOUND' });
  });
});
