import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import timers from 'node:timers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lockLabel } from '../../../../src/delivery/lock/lock.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { failWhere, faultFs } from '../../../helpers/fault-fs.js';
import { testRuntime } from '../../../helpers/runtime.js';

/**
 * A run on another host takes a lock over once it gave no sign for a minute (`--take-over-lock`): one that is at work gives signs, and one that has
 * ended gives none.
 */

const beats: { give: () => void; everyMs: number; timer: NodeJS.Timeout; over: boolean }[] = [];
const { setInterval, clearInterval } = timers;

beforeAll(() => {
  Object.assign(timers, {
    setInterval: (give: () => void, everyMs: number): NodeJS.Timeout => {
      const timer = setInterval(() => undefined, everyMs);
      beats.push({ give, everyMs, timer, over: false });
      return timer;
    },
    clearInterval: (timer: NodeJS.Timeout): void => {
      clearInterval(timer);
      for (const beat of beats) if (beat.timer === timer) beat.over = true;
    },
  });
  syncBuiltinESMExports();
});
afterAll(() => {
  Object.assign(timers, { setInterval, clearInterval });
  syncBuiltinESMExports();
});

it.each(['release', 'withdraw'] as const)('a lock gives signs of life until its %s', async (end) => {
  beats.length = 0;
  const stateDir = tempDir();
  const { fs, calls } = faultFs(failWhere(({ name }) => name === 'utimes', 'ESTALE'));
  const rt = testRuntime({ fs });
  const lock = await lockLabel(rt, { stateDir, label: 'acme', waitMs: 0, command: 'update' });
  expect(beats).toMatchObject([{ over: false }]);
  const [{ give, everyMs, timer }] = beats as [(typeof beats)[0]];
  // More than one in the minute, and none that keeps a run alive which has nothing else to do.
  expect(everyMs).toBeLessThan(30_000);
  expect(timer.hasRef()).toBe(false);
  for (const wait of [5, 10_000]) {
    rt.clock.advance(wait);
    give();
    const owner = join(stateDir, 'lock', '1', 'owner.json');
    expect(calls.at(-1)).toMatchObject({ name: 'utimes', args: [owner, rt.clock.now(), rt.clock.now()] });
  }
  // That a disk did not take one is nothing.
  await lock.assertHeld();
  await lock[end]();
  expect(beats).toMatchObject([{ over: true }]);
});
