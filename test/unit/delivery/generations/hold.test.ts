import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  heldText,
  holdFrom,
  readHold,
  refuseHeld,
  removeHold,
  writeHold,
} from '../../../../src/delivery/generations/hold.js';
import { notePushed, readPushed, type Pushed } from '../../../../src/delivery/generations/pushed.js';
import { failWhere, faultFs } from '../../../helpers/fault-fs.js';
import { folderOfTest } from '../../../helpers/made-channel.js';
import { testRuntime } from '../../../helpers/runtime.js';

/** Design D15: a label that is held stays at its generation; a hold that can't be read counts as one. */

const placeIn = (stateDir: string) => ({ label: 'acme', stateDir, labelDir: '/srv/repos/acme' });
const failing = (call: string, code: 'EIO' | 'EACCES' = 'EIO') =>
  testRuntime({ fs: faultFs(failWhere(({ name }) => name === call, code)).fs });

describe('a hold', () => {
  const rt = testRuntime();
  const hold = holdFrom(rt, { generation: 4, why: 'a bad build' });

  it('is of now, is written whole and on disk, read as it was, and taken away', async () => {
    expect(hold).toEqual({ schema: 1, generation: 4, since: '2026-01-02T03:04:05.000Z', why: 'a bad build' });
    const stateDir = folderOfTest();
    const { fs, calls } = faultFs(() => undefined);
    const watched = testRuntime({ fs });
    const synced = () => calls.splice(0).filter(({ name, args }) => name === 'syncDir' && args[0] === stateDir).length;
    expect(await readHold(rt, placeIn(stateDir))).toBeUndefined();
    await writeHold(watched, stateDir, hold);
    expect(synced()).toBeGreaterThan(0);
    expect(readFileSync(join(stateDir, 'hold.json'), 'utf8')).toMatch(/^\{\n  "generation": 4,[^]*\}\n$/);
    expect(await readHold(rt, placeIn(stateDir))).toEqual(hold);
    expect(await removeHold(watched, stateDir)).toBe(true);
    expect(synced()).toBe(1);
    expect(await readHold(rt, placeIn(stateDir))).toBeUndefined();
    expect(await removeHold(watched, stateDir)).toBe(false);
    expect(synced()).toBe(0);
  });

  it.each<[string, string]>([
    ['nothing', ''],
    ['a list', '[]'],
    ...Object.keys(hold).flatMap((key): [string, string][] => [
      [`no ${key}`, JSON.stringify({ ...hold, [key]: undefined })],
      [`another ${key}`, JSON.stringify({ ...hold, [key]: ['x'] })],
    ]),
    ['a later schema', JSON.stringify({ ...hold, schema: 2 })],
  ])('with %s in it counts as one: nobody may take the label for free', async (_, text) => {
    const stateDir = folderOfTest();
    writeFileSync(join(stateDir, 'hold.json'), text);
    await expect(readHold(rt, placeIn(stateDir))).rejects.toMatchObject({
      code: 'E_HELD',
      where: join(stateDir, 'hold.json'),
      hint: expect.stringContaining('repackenv release') as string,
    });
  });

  it('that a disk does not show is no free label, nor one that was let go', async () => {
    const stateDir = folderOfTest();
    await expect(readHold(failing('readText'), placeIn(stateDir))).rejects.toMatchObject({ code: 'EIO' });
    await expect(removeHold(failing('unlink', 'EACCES'), stateDir)).rejects.toMatchObject({ code: 'EACCES' });
  });

  it('refuses what somebody brings, in the same words as everywhere', async () => {
    const stateDir = folderOfTest();
    await refuseHeld(rt, placeIn(stateDir));
    await writeHold(rt, stateDir, hold);
    expect(heldText(hold)).toBe('held at generation 4 since 2026-01-02: a bad build');
    await expect(refuseHeld(rt, placeIn(stateDir))).rejects.toMatchObject({
      code: 'E_HELD',
      what: `Label acme is ${heldText(hold)}; nothing was changed`,
      where: '/srv/repos/acme',
      hint: expect.stringContaining('repackenv release ROOT/LABEL') as string,
    });
  });
});

describe('the notes on what was pushed (design D21)', () => {
  const rt = testRuntime();
  const push = (target: string, change: Partial<Pushed> = {}): Pushed => ({
    target,
    generation: 1,
    manifestSha256: 'a'.repeat(64),
    startedAt: '2026-01-02T03:04:05.000Z',
    finishedAt: '2026-01-02T03:05:05.000Z',
    host: 'h',
    user: 'u',
    tool: 't',
    files: 1,
    removed: 0,
    bytes: 9,
    site: null,
    ...change,
  });

  it('are in the order in which they came; one that has ended takes the place of its beginning', async () => {
    const stateDir = folderOfTest();
    const begun = push('a', { finishedAt: null });
    for (const each of [push('a'), push('b', { finishedAt: null }), begun]) await notePushed(rt, stateDir, each);
    expect(await readPushed(rt, stateDir)).toEqual([push('a'), push('b', { finishedAt: null }), begun]);
    await notePushed(rt, stateDir, push('a', { generation: 2 }));
    expect(await readPushed(rt, stateDir)).toEqual([
      push('a'),
      push('b', { finishedAt: null }),
      push('a', { generation: 2 }),
    ]);
    expect(JSON.parse(readFileSync(join(stateDir, 'pushed.json'), 'utf8'))).toHaveProperty('schema', 1);
  });

  it('are two hundred at most, the newest', async () => {
    const stateDir = folderOfTest();
    const all = Array.from({ length: 200 }, (_, at) => push(`t${at}`));
    writeFileSync(join(stateDir, 'pushed.json'), JSON.stringify({ schema: 1, pushed: all }));
    await notePushed(rt, stateDir, push('last'));
    const targets = (await readPushed(rt, stateDir)).map(({ target }) => target);
    expect(targets).toEqual([...all.slice(1).map(({ target }) => target), 'last']);
  });

  it('that can not be understood are none; a disk that fails is not', async () => {
    const stateDir = folderOfTest();
    for (const text of ['', '[]', '{}', '{"pushed":{}}']) {
      writeFileSync(join(stateDir, 'pushed.json'), text);
      expect(await readPushed(rt, stateDir)).toEqual([]);
    }
    expect(await readPushed(rt, folderOfTest())).toEqual([]);
    await expect(readPushed(failing('readText'), stateDir)).rejects.toMatchObject({ code: 'EIO' });
  });
});
