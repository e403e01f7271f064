import { describe, expect, it } from 'vitest';
import { atOnce, inSteps, type Steps } from '../../../src/base/steps.js';

function* counting(to: number, each: () => void = () => undefined): Steps<number> {
  for (let at = 1; at <= to; at += 1) {
    each();
    yield;
  }
  return to;
}

describe('long work in steps', () => {
  it.each([0, 1, 5])('gives the same with %i pauses and without', async (to) => {
    expect(atOnce(counting(to))).toBe(to);
    expect(await inSteps(counting(to), new AbortController().signal)).toBe(to);
  });

  it('lets others have their turn between two steps', async () => {
    const order: string[] = [];
    setImmediate(() => order.push('other'));
    await inSteps(
      counting(3, () => order.push('step')),
      new AbortController().signal,
    );
    expect(order).toEqual(['step', 'other', 'step', 'step']);
  });

  it('ends at the step behind which it is interrupted, with the reason', async () => {
    const controller = new AbortController();
    let steps = 0;
    const work = counting(5, () => {
      steps += 1;
      if (steps === 2) controller.abort(new Error('no more'));
    });
    await expect(inSteps(work, controller.signal)).rejects.toThrow('no more');
    expect(steps).toBe(2);
  });
});
