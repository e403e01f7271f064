import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { sha256Of } from '../../src/codec/digests.js';
import type { ExportReport } from '../../src/jobs/export.js';
import type { HistoryReport } from '../../src/jobs/history.js';
import type { ReceivedReport } from '../../src/jobs/received.js';
import { mediumJson } from '../../src/media/set/names.js';
import { pooled, publishKeptHistory, stateOf, type KeptHistory } from '../helpers/generations.js';
import { runOurs, type Ran } from '../helpers/programs.js';
import { expectClean, expectRefusal } from '../helpers/refusals.js';

describe('what was sent', () => {
  let at: KeptHistory;
  const run = (args: readonly string[], env?: Record<string, string>): Promise<Ran> =>
    runOurs('repackenv', args, { home: join(at.dir, 'home'), cwd: at.root, env });
  const reportOf = <T>(ran: Ran): T => JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as T;
  const file = (name: string, bytes: string | Uint8Array): string => {
    const path = join(at.dir, name);
    writeFileSync(path, bytes);
    return path;
  };
  const manifestBytes = (generation: number): Buffer => readFileSync(join(at.was(generation), 'manifest.json'));
  const history = async (label = at.acme): Promise<HistoryReport> => {
    const before = snapshot(at.root);
    const ran = await run(['history', label, '--json']);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(changesBetween(before, snapshot(at.root))).toEqual([]);
    return reportOf(ran);
  };

  beforeAll(async () => {
    at = await publishKeptHistory();
  });
  afterAll(() => rmSync(at.dir, { recursive: true, force: true }));

  it('history has a line for each generation', async () => {
    const ran = await run(['history', 'acme', '--root', at.root]);
    expectClean(ran);
    expect(ran.exitCode, ran.stderr).toBe(0);
    const lines = ran.stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(`acme: 4 generations, generation 4 is live in ${at.acme}`);
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/^ {4}1 {2}2026-10-01 {2}none {2}\d\.\d kB {2}unsigned {2}first delivery, 2 packages$/),
      expect.stringMatching(/^ {4}2 {2}2026-10-08 {2}none {2}\d\.\d kB {2}unsigned {2}\+b$/),
      expect.stringMatching(/^ {4}3 {2}2026-10-15 {2}none {2}\d\.\d kB {2}signed {4}~a$/),
      expect.stringMatching(/^ {2}\* 4 {2}2026-10-22 {2}none {2}\d\.\d kB {2}unsigned {2}\+w -b -n$/),
    ]);
    const { generations } = await history();
    expect(generations.map(({ kept, because }) => [kept, because?.[0]])).toEqual([
      ['whole', 'first delivery'],
      ['whole', 'packages'],
      ['whole', 'packages'],
      ['whole', 'packages'],
    ]);
  });

  it('history of a folder of before generations were kept is what its receipts and manifest give', async () => {
    const { generations, live } = await history(at.old);
    expect(live).toBe(3);
    expect(generations.map(({ kept, changes, signed }) => ({ kept, changes, signed }))).toEqual([
      { kept: 'receipt', changes: { added: ['a', 'n'], removed: [], changed: [] }, signed: false },
      { kept: 'receipt', changes: { added: ['b'], removed: [], changed: [] }, signed: false },
      { kept: 'whole', changes: { added: [], removed: [], changed: ['a'] }, signed: false },
    ]);
    const ran = await run(['history', at.old]);
    expect(ran.stdout).toMatch(/2026-10-08 {2}none {2}- {7}unsigned {2}\+b; only its receipt is kept\n/);
  });

  it('history tells a hold, what was rolled back, and what is not whole or damaged', async () => {
    const copy = join(at.dir, 'copy');
    cpSync(at.root, copy, { recursive: true, preserveTimestamps: true });
    const state = stateOf(join(copy, 'acme'));
    writeFileSync(
      join(state, 'hold.json'),
      JSON.stringify({ schema: 1, generation: 4, since: '2026-10-23T00:00:00.000Z', why: 'ticket 4711' }),
    );
    const receipt = join(state, 'generations/4/receipt.json');
    writeFileSync(receipt, JSON.stringify({ ...JSON.parse(readFileSync(receipt, 'utf8')), rolledBackTo: 2 }));
    rmSync(join(state, 'generations/2/manifest.json'));
    const { files } = JSON.parse(manifestBytes(1).toString()) as Manifest;
    rmSync(pooled(join(copy, 'acme'), files.find(({ path }) => path.endsWith('/a-1.0-0.conda'))!.sha256));
    const ran = await run(['history', join(copy, 'acme')]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout).toContain('  held at generation 4 since 2026-10-23: ticket 4711\n');
    expect(ran.stdout).toMatch(/ 1 .*first delivery, 2 packages; not complete any more\n/);
    expect(ran.stdout).toMatch(/ 2 .*; damaged: its manifest\.json is missing\n/);
    expect(ran.stdout).toMatch(/\* 4 .*rolled back to 2: /);

    const live = join(copy, 'acme/manifest.json');
    writeFileSync(live, readFileSync(live, 'utf8').replace('"specs": []', '"specs": ["w"]'));
    writeFileSync(join(state, 'received.json'), '{');
    const altered = await run(['history', join(copy, 'acme')]);
    expect(altered.exitCode).toBe(1);
    expect(altered.stdout).toContain('live-manifest-altered: the manifest in the label folder, of generation 4,');
    expect(altered.stdout).toContain('notes-damaged: The notes on which site has what are damaged');
    expectRefusal(await run(['received', join(at.was(1), 'manifest.json'), '--site', 'x', '--root', copy]), {
      code: 'E_GENERATION',
      says: ['The notes on which site has what are damaged'],
    });
  });

  it('received notes what a site has by whatever came back, and history, delta and the next note go by it', async () => {
    const site = (name: string, from: string, args: string[] = []): Promise<Ran> =>
      run(['received', from, '--site', name, '--json', '--root', at.root, ...args]);
    const manifest = JSON.parse(manifestBytes(2).toString('utf8')) as Manifest;
    const receipt = {
      schema: 1,
      format: 'repackenv-site-receipt',
      label: 'acme',
      generation: 2,
      manifest_sha256: sha256Of(manifestBytes(2)),
      manifest,
      set: null,
      imported_at: '2026-10-09T00:00:00.000Z',
      host: 'site',
      verified: { signature: 'absent' },
    };
    const ways: [string, string, number][] = [
      ['a-folder', at.was(1), 1],
      ['a-manifest', file('came.json', manifestBytes(2)), 2],
      ['mailed', file('mailed.json', `\uFEFF${manifestBytes(2).toString('utf8').replaceAll('\n', '\r\n')}`), 2],
      ['sums', join(at.was(3), 'SHA256SUMS'), 3],
      ['receipt', file('acme-g2.receipt.json', mediumJson(receipt)), 2],
      ['run', join(stateOf(at.acme), 'generations/4/receipt.json'), 4],
    ];
    for (const [name, from, generation] of ways) {
      const ran = await site(name, from);
      expect(ran.exitCode, name + ran.stderr).toBe(0);
      expect(reportOf<ReceivedReport>(ran), name).toMatchObject({
        site: name,
        label: 'acme',
        generation,
        behind: 4 - generation,
      });
    }
    const told = await history();
    expect(told.sites.map((each) => [each.site, each.generation, each.behind])).toEqual([
      ['a-folder', 1, 3],
      ['a-manifest', 2, 2],
      ['mailed', 2, 2],
      ['receipt', 2, 2],
      ['run', 4, 0],
      ['sums', 3, 1],
    ]);
    const shown = await run(['history', at.acme]);
    expect(shown.stdout).toMatch(/\+b; at a-manifest, mailed, receipt\n/);
    expect(shown.stdout).toMatch(/ {4}a-folder: generation 1, 3 behind, told on \d{4}-\d\d-\d\d \(manifest\.json\)\n/);

    const delta = await run(['delta', at.acme, '--since', 'site:a-folder', '--to', join(at.dir, 'delta'), '--json']);
    expect(delta.exitCode, delta.stderr).toBe(0);
    expect(reportOf<ExportReport>(delta).sets[0]!.name).toBe('acme-g1-to-g4');

    for (const since of ['1', '@1', '-3', '@-3']) {
      const out = join(at.dir, `delta${since}`);
      const ran = await run(['delta', at.acme, `--since=${since}`, '--to', out, '--json']);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(reportOf<ExportReport>(ran).sets[0]!.name).toBe('acme-g1-to-g4');
    }

    const newer = await run(['received', at.was(3), '--site', 'a-folder'], { REPACKENV_ROOT: at.root });
    expect(newer.stdout).toBe(
      'acme: site a-folder has generation 3, 1 behind; 4 is live\n  before      generation 1\n',
    );
    const older = await run(['received', at.was(1), '--site', 'a-folder', '--root', at.root]);
    expect(older.exitCode).toBe(0);
    expect(older.stdout).toContain('site-went-back: site a-folder told of generation 3 before');
  });

  it('received knows a set of some platforms, and a delta goes on from that', async () => {
    const out = join(at.dir, 'windows');
    expect((await run(['export', at.acme, '--subdir', 'win-64', '--to', out])).exitCode).toBe(0);
    const sent = join(out, 'acme-g4-win-64.manifest.json');
    const noted = await run(['received', sent, '--site', 'windows', '--root', at.root]);
    expect(noted.stdout).toBe('acme: site windows has generation 4 (noarch, win-64 only), the live one\n');
    const nothing = await run([
      'delta',
      at.acme,
      '--since',
      'site:windows',
      '--subdir',
      'win-64',
      '--to',
      join(at.dir, 'no'),
    ]);
    expect(nothing.exitCode, nothing.stderr).toBe(0);
    expect(nothing.stdout).toContain('nothing changed');
  });

  it('history tells a rollback, and the numbers go on', async () => {
    const copy = join(at.dir, 'back');
    cpSync(at.root, copy, { recursive: true, preserveTimestamps: true });
    const acme = join(copy, 'acme');
    const back = await run(['rollback', acme, '--to', '2']);
    expect(back.exitCode, back.stderr).toBe(0);
    const { stdout } = await run(['history', acme]);
    expect(stdout).toMatch(/^ {2}held at generation 5 since /m);
    expect(stdout).toMatch(/^ {2}\* 5 .* rolled back to 2: \+b \+n -w ~a$/m);
    expect((await run(['diff', `${acme}@2`, acme])).exitCode).toBe(0);
    expect((await run(['diff', `${acme}@-1`, `${acme}@4`])).exitCode).toBe(0);
  });

  it.each<[string, () => string[], Parameters<typeof expectRefusal>[1]]>([
    [
      'history of no label',
      () => ['history', 'acmee', '--root', at.root],
      { code: 'E_LABEL', says: ['Did you mean acme?'] },
    ],
    [
      'history without ROOT',
      () => ['history', 'acme'],
      { code: 'E_USAGE', says: ['ROOT is missing', 'history ROOT/LABEL'] },
    ],
    ['history of a ROOT that is none', () => ['history', '/nowhere/acme'], { code: 'E_ROOT', says: ['no such ROOT'] }],
    [
      'received without a site',
      () => ['received', at.was(1), '--root', at.root],
      { code: 'E_USAGE', says: ['--site is missing'] },
    ],
    ['a name that is no name', () => ['received', at.was(1), '--site', '../x', '--root', at.root], { code: 'E_NAME' }],
    [
      'a known site in capitals',
      () => ['received', at.was(1), '--site', 'SUMS', '--root', at.root],
      { code: 'E_USAGE', says: ['differs from sums', '--site sums'] },
    ],
    ['a file that is not there', () => ['received', 'none.json', '--site', 'x', '--root', at.root], { code: 'E_DISK' }],
    [
      'a file of something else',
      () => ['received', join(at.was(1), 'noarch/repodata.json'), '--site', 'x', '--root', at.root],
      { code: 'E_USAGE', says: ['it is the index of a channel', 'import --receipt'] },
    ],
    [
      'a manifest that was altered',
      () => [
        'received',
        file('altered.json', manifestBytes(2).toString('utf8').replace('"specs": []', '"specs": ["b"]')),
        '--site',
        'x',
        '--root',
        at.root,
      ],
      {
        code: 'E_GENERATION',
        says: [
          'Generation 2 of acme, as it is at the site, was not published here',
          'generations 1-4 (live: 4)',
          'Nothing was noted',
        ],
      },
    ],
    [
      'sums of nobody',
      () => ['received', file('SUMS', `${'0'.repeat(64)}  manifest.json\n`), '--site', 'x', '--root', at.root],
      { code: 'E_GENERATION', says: ['It was not published here', 'None of the labels'] },
    ],
    [
      'a manifest of another label than was said',
      () => ['received', at.was(1), '--site', 'x', '--label', 'old', '--root', at.root],
      { code: 'E_USAGE', says: ['This is of label acme, not of old'] },
    ],
    [
      'a label that is not here',
      () => {
        mkdirSync(join(at.dir, 'empty'), { recursive: true });
        return ['received', at.was(1), '--site', 'x', '--root', join(at.dir, 'empty')];
      },
      { code: 'E_LABEL', says: ['There is no label acme in ROOT'] },
    ],
    [
      'a ROOT in the place of a label',
      () => ['history', at.root],
      { code: 'E_ROOT', says: ['holds label folders, and is none itself', 'Name one of them: acme'] },
    ],
    [
      'a delta to a site never heard of',
      () => ['delta', at.acme, '--since', 'site:sumz', '--to', join(at.dir, 'no')],
      { code: 'E_GENERATION', says: ['No site "sumz" has told what it has of acme', 'Sites that have: sums'] },
    ],
  ])('refuses %s', async (_name, args, refusal) => {
    const before = snapshot(at.root);
    expectRefusal(await run(args()), refusal);
    expect(changesBetween(before, snapshot(at.root))).toEqual([]);
  });
});
