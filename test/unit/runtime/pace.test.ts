import { describe, expect, it } from 'vitest';
import { ownMoments, paceHere, paceOf } from '../../../src/runtime/pace.js';
import { fakeClock } from '../../helpers/runtime.js';

const never = new AbortController().signal;

describe('the moments of one process', () => {
  it.each<[what: string, asked: [afterMs: number, host: string, apartMs: number][], waits: number[]]>([
    [
      'the first goes at once, the others follow apart',
      [
        [0, 'a', 100],
        [0, 'a', 100],
        [0, 'a', 100],
      ],
      [0, 100, 200],
    ],
    [
      'time that passed counts',
      [
        [0, 'a', 100],
        [70, 'a', 100],
        [30, 'a', 100],
      ],
      [0, 30, 100],
    ],
    [
      'a quiet time is not saved up',
      [
        [0, 'a', 100],
        [5000, 'a', 100],
        [0, 'a', 100],
      ],
      [0, 0, 100],
    ],
    [
      'hosts don’t wait for each other',
      [
        [0, 'a', 100],
        [0, 'b', 100],
        [0, 'a:81', 100],
      ],
      [0, 0, 0],
    ],
    [
      'each label may have a limit of its own',
      [
        [0, 'a', 100],
        [0, 'a', 1000],
        [0, 'a', 100],
      ],
      [0, 100, 1100],
    ],
  ])('%s', async (_what, asked, waits) => {
    const clock = fakeClock();
    const moments = ownMoments(clock);
    const got: number[] = [];
    for (const [afterMs, host, apartMs] of asked) {
      clock.advance(afterMs);
      got.push(await moments.next(host, apartMs));
    }
    expect(got).toEqual(waits);
  });
});

describe('pace', () => {
  it('takes a moment only when its turn has come, so that whoever goes away leaves none behind', async () => {
    const clock = fakeClock();
    const taken: number[] = [];
    const own = ownMoments(clock);
    const pace = paceOf({ ...own, next: (...args) => (taken.push(args[1]), own.next(...args)) }, clock);
    const leaving = new AbortController();
    const waits = [never, leaving.signal, leaving.signal, never].map((signal) => pace.wait('a', 4, signal));
    leaving.abort(new Error('left'));
    const ended = await Promise.allSettled(waits);
    expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(ended[1]).toMatchObject({ reason: { message: 'left' } });
    expect(taken).toEqual([250, 250]);
    expect(clock.sleeps).toEqual([250]);
  });

  it('does not wait for an answer of the others when it is broken off', async () => {
    const pace = paceOf({ next: () => new Promise(() => {}), close: () => undefined }, fakeClock());
    const leaving = new AbortController();
    const waiting = pace.wait('a', 1, leaving.signal);
    leaving.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
  });

  it('of a queue that nobody asked is closed without a connection', () => {
    expect(() => paceHere(fakeClock(), 'redis://127.0.0.1:1').close()).not.toThrow();
  });

  it('of a queue that is not there fails, and says which without the password', async () => {
    const pace = paceHere(fakeClock(), 'redis://:secret@127.0.0.1:1/0');
    const failed = pace.wait('a', 1, never);
    await expect(failed).rejects.toMatchObject({ code: 'E_UPSTREAM', where: 'redis://127.0.0.1:1/0' });
    await expect(failed).rejects.not.toThrow('secret');
  });
});
