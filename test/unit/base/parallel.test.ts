import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inParallel } from '../../../src/base/parallel.js';

describe('inParallel', () => {
  it('keeps the order of the items and never runs more than the limit', async () => {
    let running = 0;
    let most = 0;
    const results = await inParallel([5, 1, 4, 2, 3], 2, async (turns, index) => {
      most = Math.max(most, (running += 1));
      for (let i = 0; i < turns; i += 1) await setImmediate();
      running -= 1;
      return `${index}:${turns}`;
    });
    expect(results).toEqual(['0:5', '1:1', '2:4', '3:2', '4:3']);
    expect(most).toBe(2);
  });

  it('begins nothing after a failure, waits for what runs, and throws the first failure', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const outcome = inParallel([0, 1, 2, 3], 2, async (item) => {
      begun.push(item);
      await setImmediate();
      if (item === 0) throw new Error('first');
      await setImmediate();
      ended.push(item);
      throw new Error('second');
    });
    await expect(outcome).rejects.toThrow('first');
    expect(begun).toEqual([0, 1]);
    expect(ended).toEqual([1]);
  });

  it('has nothing to do for no items', async () => {
    expect(await inParallel([], 8, async () => 1)).toEqual([]);
  });
});
