import { describe, expect, it } from 'vitest';
import { RepackError, type ErrorCode } from '../../../../src/base/errors.js';
import { scanRepodata } from '../../../../src/conda/record/repodata-scan.js';
import type { FetchedRepodata } from '../../../../src/gateway/repodata/answers.js';
import { sharedIndexes } from '../../../../src/gateway/repodata/shared-indexes.js';

const never = new AbortController().signal;
const error = (code: ErrorCode, what: string): RepackError => new RepackError(code, { what });

function fetched(bytes = 40): FetchedRepodata {
  const text = '{"packages":{}}'.padEnd(bytes);
  return {
    found: true,
    file: 'repodata.json',
    behindMs: undefined,
    sha256: async () => '',
    index: scanRepodata(Buffer.from(text), 'test'),
  };
}

/** A load that a test ends; counts how often it was asked. */
function loader() {
  const asked: { resolve(answer: FetchedRepodata): void; reject(error: unknown): void }[] = [];
  const load = () => new Promise<FetchedRepodata>((resolve, reject) => asked.push({ resolve, reject }));
  return { asked, load };
}

describe('sharedIndexes', () => {
  it('asks once for all that come in one way, at the same moment and later; who comes another way asks itself', async () => {
    const indexes = sharedIndexes(1000);
    const { asked, load } = loader();
    const same = ['https://conda.example/acme/noarch', 'token of acme'];
    const eight = Array.from({ length: 8 }, () => indexes.fetch([...same], never, load));
    const other = indexes.fetch(['https://conda.example/acme/noarch', 'another'], never, load);
    expect(asked).toHaveLength(2);
    const [first, second] = [fetched(), fetched()];
    asked[0]!.resolve(first);
    asked[1]!.resolve(second);
    for (const answer of await Promise.all(eight)) expect(answer).toBe(first);
    expect(await other).toBe(second);
    expect(await indexes.fetch(same, never, load)).toBe(first);
    expect(asked).toHaveLength(2);
  });

  it.each([
    ['a failure of the line goes to all that wait, and the next one asks again', 'E_UPSTREAM', 2],
    ['a failure of the content is kept', 'E_REPODATA', 1],
  ] as const)('%s', async (_, code, times) => {
    const indexes = sharedIndexes(1000);
    const { asked, load } = loader();
    const waiting = [indexes.fetch(['a'], never, load), indexes.fetch(['a'], never, load)];
    asked[0]!.reject(error(code, 'first'));
    for (const each of waiting) await expect(each).rejects.toThrow('first');
    const later = indexes.fetch(['a'], never, load);
    asked[1]?.resolve(fetched());
    await later.catch(() => undefined);
    expect(asked).toHaveLength(times);
  });

  it.each(['E_UPSTREAM', 'E_REPODATA'] as const)(
    'where the first gateway was closed (%s), one of the others asks, and the rest wait for it',
    async (code) => {
      const indexes = sharedIndexes(1000);
      const { asked, load } = loader();
      const closed = new AbortController();
      const first = indexes.fetch(['a'], closed.signal, load);
      const others = [indexes.fetch(['a'], never, load), indexes.fetch(['a'], never, load)];
      closed.abort(new Error('closed'));
      asked[0]!.reject(error(code, 'broken off'));
      await expect(first).rejects.toThrow('broken off');
      await new Promise(setImmediate);
      expect(asked).toHaveLength(2);
      const answer = fetched();
      asked[1]!.resolve(answer);
      expect(await Promise.all(others)).toEqual([answer, answer]);
    },
  );

  it('a gateway that is closed while it waits leaves alone', async () => {
    const indexes = sharedIndexes(1000);
    const { asked, load } = loader();
    const closed = new AbortController();
    const first = indexes.fetch(['a'], never, load);
    const second = indexes.fetch(['a'], closed.signal, load);
    closed.abort(new Error('closed'));
    await expect(second).rejects.toThrow('closed');
    const answer = fetched();
    asked[0]!.resolve(answer);
    expect(await first).toBe(answer);
  });

  it('keeps the last used ones up to a size; one that is still held elsewhere is found again', async () => {
    const indexes = sharedIndexes(100);
    const asked: string[] = [];
    const ask = (name: string) =>
      indexes.fetch([name], never, async () => {
        asked.push(name);
        return fetched(40);
      });
    const held = await ask('a');
    await ask('b');
    await ask('a');
    await ask('c');
    await ask('d');
    expect(asked).toEqual(['a', 'b', 'c', 'd']);
    expect(await ask('a')).toBe(held);
    expect(asked).toHaveLength(4);
  });
});
