import { mkdtempSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Of } from '../../../../src/codec/digests.js';
import {
  chooseGeneration,
  generationOf,
  known,
  labelAt,
  manifestOf,
  namedGeneration,
  parseSelector,
  signatureOf,
  splitName,
} from '../../../../src/delivery/generations/named-generation.js';
import type { Generation } from '../../../../src/delivery/generations/read-generations.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { publishTiny } from '../../../helpers/tiny-channel.js';

it.each([
  ['halkbank@3', { folder: 'halkbank', selector: '3' }],
  ['/srv/repos/halkbank@3', { folder: '/srv/repos/halkbank', selector: '3' }],
  ['/srv/repos/halkbank/@3', { folder: '/srv/repos/halkbank/', selector: '3' }],
  ['/srv/repos/halkbank@3/', { folder: '/srv/repos/halkbank', selector: '3' }],
  ['/srv/repos/halkbank@3//', { folder: '/srv/repos/halkbank', selector: '3' }],
  ['C:\\repos\\halkbank@-1', { folder: 'C:\\repos\\halkbank', selector: '-1' }],
  ['/srv/me@home/halkbank@2026-11-21', { folder: '/srv/me@home/halkbank', selector: '2026-11-21' }],
  ['/srv/a@b@3', { folder: '/srv/a@b', selector: '3' }],
  ['halkbank@', { folder: 'halkbank', selector: '' }],
  ['halkbank', undefined],
  ['@3', undefined],
  ['', undefined],
  ['/srv/me@home/halkbank', undefined],
  ['https://user@host/halkbank', undefined],
  ['https://host/halkbank@3', undefined],
  ['nul\0@3', undefined],
])('splits %s at the last @', (given, parts) => {
  expect(splitName(given)).toEqual(parts);
});

it.each([
  ['1', { kind: 'number', generation: 1 }],
  ['120', { kind: 'number', generation: 120 }],
  ['-1', { kind: 'back', steps: 1 }],
  ['-12', { kind: 'back', steps: 12 }],
  ['2026-11-21', { kind: 'day', day: '2026-11-21' }],
  ['2028-02-29', { kind: 'day', day: '2028-02-29' }],
  ...['', '0', '-0', '03', '+1', '1.0', '1e3', 'g3', 'latest', '--1', '-1x', '-1.5', ' 3', '3 ', '9'.repeat(16)].map(
    (text) => [text],
  ),
  ...['2026-02-29', '2026-13-01', '2026-1-1', '2026-11', '21.11.2026', '2026-11-21T10:00'].map((text) => [text]),
])('reads %j behind the @', (...[text, selector]: unknown[]) => {
  expect(parseSelector(text as string)).toEqual(selector);
});

describe('chooses', () => {
  const each = (generation: number, more: Partial<Generation> = {}): Generation => ({
    generation,
    manifestSha256: `sha-${generation}`,
    live: false,
    seen: [`2026-11-${String(generation * 3).padStart(2, '0')}T22:00:00.000Z`],
    ...more,
  });
  const ALL = [
    each(1),
    each(2),
    each(4),
    each(5, { live: true, seen: ['2026-11-15T22:00:00Z', '2026-11-20T01:00:00Z'] }),
  ];
  const asked = (text: string, all: readonly Generation[] = ALL): Generation =>
    chooseGeneration(all, parseSelector(text)!, { given: `halkbank@${text}`, label: 'halkbank', now: '2026-11-29T12' });

  it.each([
    ['1', 1],
    ['5', 5],
    ['-1', 4],
    ['-2', 2],
    ['-3', 1],
    ['2026-11-03', 1],
    ['2026-11-05', 1],
    ['2026-11-06', 2],
    ['2026-11-14', 4],
    ['2026-11-15', 5],
    ['2026-11-29', 5],
  ])('%s', (text, generation) => {
    expect(asked(text).generation).toBe(generation);
  });

  it.each([
    ['3', 'halkbank has no generation 3', 'There are generations 1, 2, 4, 5 (live: 5).'],
    ['6', 'halkbank has no generation 6', 'There are generations 1, 2, 4, 5 (live: 5).'],
    ['-4', 'No generation 4 before the live one (5) of halkbank is known', 'There are generations'],
    ['2026-11-02', 'is not known: the first run that is noted ended on 2026-11-03', 'give a number'],
    ['2026-11-30', '2026-11-30 is still to come', 'a day (@2026-11-21, UTC)'],
  ])('refuses %s', (text, what, hint) => {
    expect(() => asked(text)).toThrow(
      expect.objectContaining({
        code: 'E_GENERATION',
        what: expect.stringContaining(what),
        hint: expect.stringContaining(hint),
        where: `halkbank@${text}`,
      }),
    );
  });

  it.each([
    ['-1', [each(3)], 'no live generation to count from', 'There is generation 3 only.'],
    ['-1', [each(3, { live: true })], 'No generation before the live one (3)', 'There is generation 3 (live) only.'],
    ['1', [], 'halkbank has no generation 1', 'There are none yet.'],
    ['2026-11-29', [each(3, { live: true, seen: [] })], 'no run is noted here', 'generation 3 (live) only'],
    ['9', [1, 2, 3, 4, 6].map((n) => each(n)), 'no generation 9', 'There are generations 1-4, 6.'],
  ])('refuses %s of what else there may be', (text, all, what, hint) => {
    expect(() => asked(text, all)).toThrow(
      expect.objectContaining({ what: expect.stringContaining(what), hint: expect.stringContaining(hint) }),
    );
  });

  it('of a day before all that is noted says when the first run was, whatever its generation', () => {
    const back = [each(1, { live: true, seen: ['2026-11-09T00:00'] }), each(2, { seen: ['2026-11-05T00:00'] })];
    expect(() => asked('2026-11-01', back)).toThrow(
      expect.objectContaining({
        what: 'What was live of halkbank on 2026-11-01 is not known: the first run that is noted ended on 2026-11-05',
      }),
    );
  });

  it('tells which there are by their numbers, each once', () => {
    expect(known([each(10), each(1), each(9), each(2), each(2)])).toBe('are generations 1, 2, 9, 10');
  });

  it('says which day was live where a site went back and forth', () => {
    const back = [
      each(1, { live: true, seen: ['2026-11-01T00', '2026-11-09T00'] }),
      each(2, { seen: ['2026-11-05T00'] }),
    ];
    expect(['2026-11-04', '2026-11-05', '2026-11-08', '2026-11-09'].map((day) => asked(day, back).generation)).toEqual([
      1, 2, 2, 1,
    ]);
  });

  it('of two of one number takes the kept, then the live, then the one that is known whole, then the newest', () => {
    const kept = each(3, { dir: '/kept', manifestSha256: 'kept' });
    const live = each(3, { live: true, manifestSha256: 'live' });
    const whole = each(3, { manifest: {} as never, manifestSha256: 'whole' });
    const newest = each(3, { manifestSha256: 'newest' });
    const damaged = each(3, { dir: '/damaged', damage: 'cut off', manifestSha256: 'damaged' });
    const chosen = (all: readonly Generation[]): string | undefined => asked('3', all).manifestSha256;
    expect(chosen([each(3), kept, live, whole, newest])).toBe('kept');
    expect(chosen([damaged, live, whole, newest])).toBe('live');
    expect(chosen([whole, damaged, newest])).toBe('whole');
    expect(chosen([damaged, each(3), newest])).toBe('newest');
  });
});

describe('on disk', () => {
  let dir: string;
  const rt = testRuntime({ machine: { cwd: '/' } });
  beforeAll(async () => {
    dir = realpathSync(mkdtempSync(join(tmpdir(), 'repackenv-named-')));
    for (const version of [1, 2]) {
      await publishTiny(rt, { root: dir, packages: { [`noarch/a-${version}-0.conda`]: `a ${version}` } });
      rt.clock.advance(86_400_000);
    }
    mkdirSync(join(dir, 'other@2'));
    mkdirSync(join(dir, 'other'));
    symlinkSync(join(dir, 'acme'), join(dir, 'link'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const named = (given: string) => namedGeneration(rt, join(dir, given));

  it('an existing path of that spelling wins, and what has no history is no label', async () => {
    expect(await named('other@2')).toBeUndefined();
    expect(await named('nobody@2')).toBeUndefined();
    expect(await named('acme')).toBeUndefined();
  });

  it('names by number, from the live one back, by day, and over a link to the folder', async () => {
    const found = await Promise.all(['acme@2', 'acme@-1', 'acme@2026-01-02', 'link@1', 'acme/@1'].map(named));
    expect(found.map((each) => each?.generation)).toEqual([2, 1, 1, 1, 1]);
    expect(found[0]).toMatchObject({ live: true, path: join(dir, 'acme@2'), place: { label: 'acme', root: dir } });
    expect(found[3]!.place.labelDir).toBe(join(dir, 'acme'));
  });

  it.each(['acme@latest', 'acme@', 'acme@0', 'acme@7', 'acme@2026-02-30'])(
    'refuses %s of a label that is there',
    async (given) => {
      await expect(named(given)).rejects.toMatchObject({ code: 'E_GENERATION', where: join(dir, given) });
    },
  );

  it('what names no label, nor anything that is there, is a path', async () => {
    for (const given of ['nothing', 'nowhere/acme@2']) expect(await named(given)).toBeUndefined();
    expect(await namedGeneration(rt, '/@3')).toBeUndefined();
  });

  const acme = async (text: string) => generationOf(rt, (await labelAt(rt, join(dir, 'acme')))!, { given: text, text });

  it('of a label that is known says where it would lie, and that nothing was made', async () => {
    expect(await acme('1')).toMatchObject({ path: join(dir, 'acme@1'), given: '1', place: { created: false } });
  });

  it('gives the manifest byte for byte, or says what is kept instead and where', async () => {
    const first = await acme('1');
    const kept = join(dir, '.repackenv/acme/generations/1');
    const bytes = readFileSync(join(kept, 'manifest.json'));
    expect(manifestOf(first)).toMatchObject({ manifest: { generation: 1 }, sha256: sha256Of(bytes) });
    expect(Buffer.from(manifestOf(first).bytes)).toEqual(bytes);
    for (const part of ['manifest', 'manifestBytes', 'manifestSha256'] as const) {
      const { [part]: _part, ...rest } = first;
      expect(() => manifestOf(rest)).toThrow(expect.objectContaining({ code: 'E_GENERATION', where: kept }));
    }
    const { manifest: _manifest, dir: _dir, ...receipt } = first;
    expect(() => manifestOf(receipt)).toThrow(
      expect.objectContaining({ what: expect.stringContaining('only the receipt is kept') as string, where: '1' }),
    );
    expect(() => manifestOf({ ...receipt, damage: 'cut off' })).toThrow(
      expect.objectContaining({ what: expect.stringContaining('is damaged: cut off') as string }),
    );
  });

  it('gives the signature of that very manifest: of the live one in the folder, of another where it is kept', async () => {
    const [first, second] = [await acme('1'), await acme('2')];
    const text = async (of: Parameters<typeof signatureOf>[1]): Promise<string | undefined> => {
      const bytes = await signatureOf(rt, of);
      return bytes && Buffer.from(bytes).toString();
    };
    expect([await text(first), await text(second)]).toEqual([undefined, undefined]);
    writeFileSync(join(dir, 'acme/manifest.json.sig'), 'live');
    expect([await text(first), await text(second)]).toEqual([undefined, 'live']);
    for (const n of ['1', '2'])
      writeFileSync(join(dir, '.repackenv/acme/generations', n, 'manifest.json.sig'), `kept ${n}`);
    expect([await text(first), await text(second)]).toEqual(['kept 1', 'live']);
    expect(await text({ dir: undefined, live: false, place: first.place })).toBeUndefined();
  });

  it('finds the history of a label whose folder is gone', async () => {
    rmSync(join(dir, 'acme'), { recursive: true });
    expect(await named('acme@2')).toMatchObject({ generation: 2, live: false });
    await expect(named('acme@-1')).rejects.toMatchObject({ what: expect.stringContaining('has no manifest') });
  });
});
