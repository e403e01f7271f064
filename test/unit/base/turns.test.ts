import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { turns } from '../../../src/base/turns.js';

const never = new AbortController().signal;

describe('turns', () => {
  it('lets one of a key work at a time, in order, and other keys beside it', async () => {
    const { take } = turns();
    const told: string[] = [];
    const work = (key: string, name: string) =>
      take(key, never, async () => {
        told.push(`${name} begins`);
        await setImmediate();
        told.push(`${name} ends`);
      });
    await Promise.all([work('a', 'a1'), work('a', 'a2'), work('b', 'b1')]);
    expect(told.slice(0, 3)).toEqual(['a1 begins', 'b1 begins', 'a1 ends']);
    expect(told.filter((line) => line.startsWith('a'))).toEqual(['a1 begins', 'a1 ends', 'a2 begins', 'a2 ends']);
  });

  it('goes on with the next after a failure, which only its own caller meets', async () => {
    const { take } = turns();
    const results = await Promise.allSettled([
      take('a', never, () => Promise.reject(new Error('first'))),
      take('a', never, () => Promise.resolve('second')),
    ]);
    expect(results).toMatchObject([{ reason: { message: 'first' } }, { value: 'second' }]);
  });

  it('lets whoever waits leave the row, and nobody pass those before it', async () => {
    const { take } = turns();
    const told: string[] = [];
    const leaving = new AbortController();
    let end!: () => void;
    const first = take('a', never, () => new Promise<void>((resolve) => (end = resolve)));
    const second = take('a', leaving.signal, async () => void told.push('second'));
    const third = take('a', never, async () => void told.push('third'));
    leaving.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    await setImmediate();
    expect(told).toEqual([]);
    end();
    await Promise.all([first, third]);
    expect(told).toEqual(['third']);
  });
});
