import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import {
  keptNumbers,
  listGenerations,
  type Generation,
} from '../../../../src/delivery/generations/read-generations.js';
import type { PublishReceipt } from '../../../../src/channel/staged.js';
import { canonicalJson } from '../../../../src/base/json.js';
import { sha256Of } from '../../../../src/codec/digests.js';
import { keepByHand } from '../../../helpers/generations.js';
import { failWhere, faultFs } from '../../../helpers/fault-fs.js';
import { testRuntime, type TestRuntime } from '../../../helpers/runtime.js';
import { publishTiny, type TinyResult } from '../../../helpers/tiny-channel.js';

describe('the generations of a label', () => {
  let root: string;
  let rt: TestRuntime;
  let last: TinyResult;
  const publish = async (version: number, keep: boolean): Promise<string> => {
    rt.clock.advance(86_400_000);
    last = await publishTiny(rt, { root, packages: { [`noarch/a-${version}-0.conda`]: `a ${version}` } });
    return keep ? keepByHand(last.labelDir) : '';
  };
  const list = (): Promise<Generation[]> => listGenerations(rt, last);
  const told = (all: readonly Generation[]): string[] =>
    all.map((each) =>
      [
        each.generation,
        ...(each.dir === undefined ? [] : ['kept']),
        ...(each.receipt === undefined ? [] : ['receipt']),
        ...(each.manifest === undefined ? [] : ['manifest']),
        ...(each.live ? ['live'] : []),
        ...(each.damage === undefined ? [] : [each.damage]),
      ].join(' '),
    );

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'repackenv-generations-')));
    rt = testRuntime();
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('are what receipts and the live manifest give in a folder of before generations were kept', async () => {
    for (const version of [1, 2, 2, 3]) await publish(version, false);
    rmSync(join(last.stateDir, 'generations'), { recursive: true, force: true });
    const all = await list();
    expect(told(all)).toEqual(['1 receipt', '2 receipt', '3 receipt manifest live']);
    expect(all[1]!.seen.length).toBeGreaterThanOrEqual(2);
    expect(all[1]!.receipt!.unchanged).toBe(false);
  });

  it('are those kept, with manifest and receipt, among older ones that have a receipt only', async () => {
    for (const version of [1, 2]) await publish(version, false);
    rmSync(join(last.stateDir, 'generations'), { recursive: true, force: true });
    await publish(3, true);
    const all = await list();
    expect(told(all)).toEqual(['1 receipt', '2 kept receipt manifest', '3 kept receipt manifest live']);
    expect(sha256Of(all[1]!.manifestBytes!)).toBe(all[1]!.manifestSha256);
    expect(all[2]!.manifest!.previous).toBe(all[1]!.manifestSha256);
  });

  it('are only the live one in a copy without its state, and none where nothing is', async () => {
    await publish(1, true);
    rmSync(join(root, '.repackenv'), { recursive: true });
    expect(told(await list())).toEqual(['1 manifest live']);
    rmSync(last.labelDir, { recursive: true });
    expect(await list()).toEqual([]);
  });

  it('are in the order of their numbers, then of when they were first seen; of each all that is known of it', async () => {
    const receipt = (generation: number, manifestSha256: string, finishedAt: string, unchanged = false) =>
      ({ generation, manifestSha256, finishedAt, unchanged, written: [], removed: [] }) as unknown as PublishReceipt;
    const receipts = [
      receipt(10, 'f', '9'),
      receipt(2, 'b', '2'),
      receipt(2, 'c', '1'),
      receipt(9, 'd', '1'),
      receipt(9, 'e', '2'),
      receipt(10, 'f', '3', true),
    ];
    const [labelDir, stateDir] = [join(root, 'acme'), join(root, '.repackenv', 'acme')];
    mkdirSync(join(stateDir, 'receipts'), { recursive: true });
    for (const [at, each] of receipts.entries())
      writeFileSync(join(stateDir, 'receipts', `${at + 1}.json`), JSON.stringify(each));
    const last = receipt(11, 'g', '9', true);
    writeFileSync(join(stateDir, 'last-run.json'), JSON.stringify(last));
    const row = (each: PublishReceipt, seen: string[] = [each.finishedAt]) => ({
      generation: each.generation,
      manifestSha256: each.manifestSha256,
      live: false,
      seen,
      ...(each.unchanged ? {} : { receipt: each }),
    });
    const [f, b, c, d, e] = receipts as [
      PublishReceipt,
      PublishReceipt,
      PublishReceipt,
      PublishReceipt,
      PublishReceipt,
    ];
    expect(await listGenerations(rt, { labelDir, stateDir })).toEqual([
      row(c),
      row(b),
      row(d),
      row(e),
      row(f, ['3', '9']),
      row(last),
    ]);
  });

  it('are kept under their numbers', async () => {
    const stateDir = join(root, '.repackenv', 'acme');
    for (const name of ['10', '9', '2']) mkdirSync(join(stateDir, 'generations', name), { recursive: true });
    expect(await keptNumbers(rt, stateDir)).toEqual([2, 9, 10]);
    // Nothing is known of them: each stands alone.
    const all = await listGenerations(rt, { labelDir: join(root, 'acme'), stateDir });
    expect(told(all)).toEqual([2, 9, 10].map((each) => `${each} kept its manifest.json is missing`));
    expect(all.every(({ seen }) => seen.length === 0)).toBe(true);
    mkdirSync(join(stateDir, 'receipts'));
    const seen = { generation: 9, manifestSha256: 'x', finishedAt: '1', unchanged: false, written: [], removed: [] };
    writeFileSync(join(stateDir, 'receipts', '1.json'), JSON.stringify(seen));
    const again = await listGenerations(rt, { labelDir: join(root, 'acme'), stateDir });
    expect(again.map((each) => [each.generation, each.seen.length])).toEqual([
      [2, 0],
      [9, 0],
      [9, 1],
      [10, 0],
    ]);
    const { fs } = faultFs(failWhere(({ name }) => name === 'readdir', 'EIO'));
    await expect(keptNumbers({ fs }, stateDir)).rejects.toMatchObject({ code: 'EIO' });
  });

  it('have the receipt that is kept with them, and the manifest that lies beside a folder that is gone', async () => {
    await publish(1, true);
    rmSync(join(last.stateDir, 'receipts'), { recursive: true });
    expect((await list())[0]!.seen).toEqual([last.receipt.finishedAt]);
    for (const gone of [last.labelDir, join(last.stateDir, 'generations')]) rmSync(gone, { recursive: true });
    expect(told(await list())).toEqual(['1 manifest']);
  });

  it('take in what the last unchanged run says', async () => {
    await publish(1, true);
    const receipt = { ...last.receipt, unchanged: true, finishedAt: '2026-05-05T00:00:00.000Z' };
    writeFileSync(join(last.stateDir, 'last-run.json'), JSON.stringify(receipt));
    expect((await list())[0]!.seen.at(-1)).toBe('2026-05-05T00:00:00.000Z');
  });

  it('take whole manifests from what an import noted, where the digest is right', async () => {
    await publish(1, false);
    const first = JSON.parse(readFileSync(join(last.labelDir, 'manifest.json'), 'utf8')) as Manifest;
    await publish(2, false);
    rmSync(join(last.stateDir, 'generations'), { recursive: true, force: true });
    const folder = join(last.stateDir, 'site-receipts');
    mkdirSync(folder);
    const note = (manifest: Manifest, digest = sha256Of(`${canonicalJson(manifest, 2)}\n`)): void =>
      writeFileSync(
        join(folder, `g${manifest.generation}.json`),
        JSON.stringify({ manifest, manifest_sha256: digest }),
      );
    note(first);
    note({ ...first, generation: 9 }, sha256Of('another'));
    writeFileSync(join(folder, 'g8.json'), '{');
    expect(told(await list())).toEqual(['1 receipt manifest', '2 receipt manifest live']);
  });

  it('of a label folder that was made anew stand twice with one number', async () => {
    await publish(1, false);
    await publish(2, false);
    rmSync(last.labelDir, { recursive: true });
    rmSync(join(last.stateDir, 'manifest.json'));
    rmSync(join(last.stateDir, 'generations'), { recursive: true, force: true });
    await publish(5, false);
    rmSync(join(last.stateDir, 'generations'), { recursive: true, force: true });
    const all = await list();
    expect(all.find(({ live }) => live)?.manifest?.files.some(({ path }) => path.includes('a-5'))).toBe(true);
    expect(new Set(all.map(({ manifestSha256 }) => manifestSha256)).size).toBe(all.length);
  });

  it.each<[string, (dir: string) => void, string]>([
    ['manifest gone', (dir) => rmSync(join(dir, 'manifest.json')), 'its manifest.json is missing'],
    [
      'manifest cut off',
      (dir) => writeFileSync(join(dir, 'manifest.json'), '{"schema"'),
      'its manifest: it is not JSON',
    ],
    [
      'manifest of others',
      (dir) => writeFileSync(join(dir, 'manifest.json'), '{"a":1}'),
      'it is not of this program, or of a newer version',
    ],
    [
      'manifest altered',
      (dir) => {
        const file = join(dir, 'manifest.json');
        writeFileSync(file, readFileSync(file, 'utf8').replace('"size": 3', '"size": 4'));
      },
      'its manifest is not the one that was published',
    ],
    [
      'manifest of another generation',
      (dir) => cpSync(join(dir, '../2/manifest.json'), join(dir, 'manifest.json')),
      'its manifest is of generation 2',
    ],
  ])('say what is damaged: %s', async (_name, damage, says) => {
    const dir = await publish(1, true);
    await publish(2, true);
    damage(dir);
    const [first, second] = await list();
    expect(first).toMatchObject({ generation: 1, damage: expect.stringContaining(says) });
    expect(first!.manifest).toBeUndefined();
    expect(second).toMatchObject({ live: true, generation: 2 });
    expect(second!.damage).toBeUndefined();
  });

  it('need no receipt, and pass over what is no generation', async () => {
    const dir = await publish(1, true);
    for (const each of ['receipt.json', '../../receipts/1.json']) rmSync(join(dir, each), { force: true });
    for (const name of ['07', 'x', '3.new']) mkdirSync(join(dir, '..', name));
    writeFileSync(join(dir, '..', '12'), 'no folder');
    expect(told(await list())).toEqual(['1 kept manifest live']);
  });

  it('show a live manifest that was altered beside the one that was kept', async () => {
    await publish(1, true);
    const file = join(last.labelDir, 'manifest.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"channels": []', '"channels": ["https://x.example/y"]'));
    // It was never seen at the end of a run.
    expect(told(await list())).toEqual(['1 manifest live', '1 kept receipt manifest']);
  });
});
