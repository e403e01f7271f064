import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/runtime/clock.js';
import { lastFailed, noteLastUpdate } from '../../../../src/jobs/fleet/last-update.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { fakeClock, testRuntime } from '../../../helpers/runtime.js';

const ends = (text: string) =>
  text.split(' ').map((word) => ({ label: word.replace('!', ''), failed: word.endsWith('!') }));

describe('the labels whose last update failed', () => {
  it.each<[string[], string[] | undefined]>([
    [[], undefined],
    [['a b c'], []],
    [['a! b c!'], ['a', 'c']],
    // One that was not in the later run stays as it ended.
    [['a! b c!', 'c'], ['a']],
    [['a! b c!', 'b!', 'a c'], ['b']],
  ])('after %j: %j', async (runs, failed) => {
    const [rt, root] = [testRuntime(), tempDir()];
    for (const run of runs) await noteLastUpdate(rt, root, ends(run));
    expect(await lastFailed(rt, root)).toEqual(failed);
    expect(rt.collected).toEqual([]);
  });

  it.each(['', '{', '{"schema":2,"failed":["a"]}', '{"schema":1,"failed":"a"}'])(
    'a file with %j says nothing',
    async (text) => {
      const [rt, root] = [testRuntime(), tempDir()];
      mkdirSync(join(root, '.repackenv'));
      writeFileSync(join(root, '.repackenv', '.last-update.json'), text);
      expect(await lastFailed(rt, root)).toBeUndefined();
      await noteLastUpdate(rt, root, ends('a!'));
      expect(await lastFailed(rt, root)).toEqual(['a']);
    },
  );

  it('what a killed run left half written goes, when it is an hour old', async () => {
    const [rt, root] = [testRuntime({ clock: fakeClock(Date.now() + 7_200_000) }), tempDir()];
    mkdirSync(join(root, '.repackenv'));
    writeFileSync(join(root, '.repackenv', '.last-update.json.7-ab'), '{');
    await noteLastUpdate(rt, root, ends('a'));
    expect(readdirSync(join(root, '.repackenv'))).toEqual(['.fleet', '.last-update.json']);
  });

  it('several that end at once wait for each other, and say nothing', async () => {
    const root = tempDir();
    const runs = ['a!', 'b!', 'c!', 'd!'].map((text) => {
      const randomId = (): string => randomUUID().slice(0, 8);
      return { rt: { ...testRuntime({ machine: { randomId } }), clock: systemClock() }, text };
    });
    await Promise.all(runs.map(({ rt, text }) => noteLastUpdate(rt, root, ends(text))));
    expect(await lastFailed(testRuntime(), root)).toEqual(['a', 'b', 'c', 'd']);
    for (const { rt } of runs) expect(rt.collected).toEqual([]);
  });

  it('a ROOT that can’t be written is a warning', async () => {
    const [rt, root] = [testRuntime(), tempDir()];
    writeFileSync(join(root, '.repackenv'), '');
    await noteLastUpdate(rt, root, ends('a!'));
    expect(rt.collected).toMatchObject([{ type: 'warning' }]);
  });
});
