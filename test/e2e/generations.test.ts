import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import type { DiffReport } from '../../src/jobs/diff/diff.js';
import type { ExportReport } from '../../src/jobs/export.js';
import { pooled, publishKeptHistory, stateOf, type KeptHistory } from '../helpers/generations.js';
import { runOurs, type Ran } from '../helpers/programs.js';
import { startServeProgram } from '../helpers/serve-program.js';
import { expectRefusal } from '../helpers/refusals.js';

/** Four generations of acme, each kept, and old, which has receipts only, as before generations were kept. */
describe('generations that were kept', () => {
  let dir: string;
  let root: string;
  let acme: string;
  let was: KeptHistory['was'];
  const run = (args: readonly string[], cwd = root): Promise<Ran> =>
    runOurs('repackenv', args, { home: join(dir, 'home'), cwd });

  beforeAll(async () => {
    ({ dir, root, acme, was } = await publishKeptHistory());
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const reportOf = <T>(ran: Ran): T => JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as T;

  it.each([1, 3])('verify, export and diff see generation %i as it was', async (generation) => {
    const before = snapshot(root);
    const named = `acme@${generation}`;
    const verified = await run(['verify', named, '--json']);
    const folder = await run(['verify', was(generation), '--json']);
    const plain = (ran: Ran) => ({ ...reportOf<Record<string, unknown>>(ran), dir: '', findings: [] });
    expect(plain(verified)).toEqual(plain(folder));
    expect(verified.exitCode, verified.stdout).toBe(folder.exitCode);

    const [mine, theirs] = [join(dir, `media-${generation}`), join(dir, `media-was-${generation}`)];
    const exported = await run(['export', named, '--to', mine]);
    expect(exported.exitCode, exported.stderr).toBe(0);
    expect((await run(['export', was(generation), '--to', theirs])).exitCode).toBe(0);
    const bytes = (folder: string) => [...snapshot(folder)].map(([path, { sha256 }]) => [path, sha256]);
    expect(bytes(mine)).toEqual(bytes(theirs));

    const compared = await run(['diff', named, was(generation)]);
    expect(compared.stdout).toContain(`A  ${named} (generation, label acme, generation ${generation}`);
    expect(compared.exitCode, compared.stdout).toBe(0);
    expect(changesBetween(before, snapshot(root))).toEqual([]);
  });

  it('diff takes names on both sides, also from the live one back and by day, and counts as of the folders', async () => {
    const named = await run(['diff', join(root, 'acme@1'), 'acme@3', '--json']);
    const folders = await run(['diff', was(1), was(3), '--json']);
    expect(named.exitCode).toBe(1);
    const { changes, files, asked } = reportOf<DiffReport>(named);
    expect({ changes, files, asked }).toMatchObject({
      changes: reportOf<DiffReport>(folders).changes,
      files: reportOf<DiffReport>(folders).files,
    });
    expect(changes).toMatchObject({ added: [{ name: 'b' }], upgraded: [{ name: 'a', from: '1.0', to: '2.0' }] });
    for (const same of ['acme@-1', 'acme@2026-10-15', 'acme@2026-10-21'])
      expect((await run(['diff', same, 'acme@3'])).exitCode, same).toBe(0);
  });

  it('export and delta take --since a number, a day, a name, from the live one or an earlier one', async () => {
    const since = async (text: string, folder = 'acme'): Promise<string> => {
      const ran = await run([
        'delta',
        folder,
        '--since',
        text,
        '--to',
        join(dir, `delta-${folder}-${text.replaceAll('/', '_')}`),
        '--json',
      ]);
      expect(ran.exitCode, ran.stderr).toBe(0);
      return reportOf<ExportReport>(ran).sets[0]!.name;
    };
    for (const text of ['2', 'g2', '-2', '2026-10-10', 'acme@2', 'acme@-2', join(root, 'acme@2')])
      expect(await since(text), text).toBe('acme-g2-to-g4');
    expect(await since('1', 'acme@3')).toBe('acme-g1-to-g3');
    expect(await since('acme@1', 'acme@2')).toBe('acme-g1-to-g2');
  });

  it('merge takes what a generation had, and doctor looks at it', async () => {
    const target = join(dir, 'merged', 'acme');
    mkdirSync(join(dir, 'merged'));
    cpSync(was(4), target, { recursive: true });
    const merged = await run(['merge', 'acme@2', target]);
    expect(merged.exitCode, merged.stderr).toBe(0);
    expect(existsSync(join(target, 'linux-64/b-1.0-0.conda'))).toBe(true);
    const looked = await run(['doctor', 'acme@2', '--json']);
    expect(reportOf<{ generation: number }>(looked)).toMatchObject({ generation: 2 });
    expectRefusal(await run(['doctor', 'acme@2', '--repair']), { code: 'E_USAGE', says: ['only read', '--repair'] });
  });

  it('serve hands out an earlier one', async () => {
    const server = await startServeProgram(['acme@1'], { home: join(dir, 'home'), cwd: root });
    try {
      for (const path of [
        'linux-64/repodata.json',
        'noarch/repodata.json.zst',
        'linux-64/a-1.0-0.conda',
        'manifest.json',
      ]) {
        const answer = await fetch(`http://127.0.0.1:${server.port}/acme/${path}`);
        expect(answer.status, path).toBe(200);
        expect(Buffer.from(await answer.arrayBuffer()).equals(readFileSync(join(was(1), path))), path).toBe(true);
      }
      expect((await fetch(`http://127.0.0.1:${server.port}/acme/win-64/repodata.json`)).status).toBe(404);
    } finally {
      expect((await server.stop()).exitCode).toBe(0);
    }
  });

  it('an existing path of that spelling wins', async () => {
    const there = join(root, 'acme@1');
    cpSync(was(3), there, { recursive: true });
    try {
      const ran = await run(['diff', 'acme@1', 'acme@3']);
      expect(ran.exitCode, ran.stdout).toBe(0);
      expect(ran.stdout).toContain('A  acme@1 (folder, label acme, generation 3');
      expect((await run(['verify', 'acme@1', '--json'])).stdout).toContain('"generation":3');
    } finally {
      rmSync(there, { recursive: true });
    }
  });

  const LIST = 'There are generations 1-4 (live: 4).';
  it.each<[string, string[], Parameters<typeof expectRefusal>[1]]>([
    ['no such generation', ['verify', 'acme@9'], { code: 'E_GENERATION', says: ['acme has no generation 9', LIST] }],
    [
      'one before the first',
      ['diff', 'acme@-9', 'acme'],
      { code: 'E_GENERATION', says: ['No generation 9 before', LIST] },
    ],
    [
      'a day before the first',
      ['export', 'acme@2026-09-30', '--to', '../out'],
      {
        code: 'E_GENERATION',
        says: ['What was live of acme on 2026-09-30 is not known', '2026-10-01', LIST.slice(0, -1)],
      },
    ],
    ['a day to come', ['diff', 'acme@2999-01-01', 'acme'], { code: 'E_GENERATION', says: ['still to come'] }],
    [
      'a day of no calendar',
      ['diff', 'acme@2026-02-30', 'acme'],
      { code: 'E_GENERATION', says: ['(@3)', '(@-1)', '(@2026-11-21, UTC)'] },
    ],
    [
      'a word',
      ['export', 'acme@latest', '--to', '../out'],
      { code: 'E_GENERATION', says: ['"latest" names no generation of acme'] },
    ],
    ['nothing behind it', ['doctor', 'acme@'], { code: 'E_GENERATION', says: ['"" names no generation'] }],
    ['of no label', ['export', 'nobody@2', '--to', '../out'], { code: 'E_NOT_OURS', says: ['no such folder', 'acme'] }],
    [
      '--since none',
      ['delta', 'acme', '--since', '9', '--to', '../out'],
      { code: 'E_GENERATION', says: ['--since 9', LIST] },
    ],
    [
      '--since a later one',
      ['delta', 'acme@2', '--since', '3', '--to', '../out'],
      { code: 'E_WRONG_BASE', says: ['never leads back'] },
    ],
    [
      '--since another label',
      ['delta', 'acme', '--since', 'old@3', '--to', '../out'],
      { code: 'E_WRONG_BASE', says: ['of label old'] },
    ],
    [
      '--since a site that told nothing',
      ['delta', 'acme', '--since', 'site:ankara', '--to', '../out'],
      { code: 'E_GENERATION', says: ['No site "ankara"', 'repackenv received'] },
    ],
    [
      'one that only a receipt knows',
      ['diff', 'old@1', 'old'],
      { code: 'E_GENERATION', says: ['Of generation 1 of old only the receipt is kept', 'old-g1.manifest.json'] },
    ],
  ])('refuses %s', async (_name, args, refusal) => {
    expectRefusal(await run(args), refusal);
    expect(existsSync(join(dir, 'out'))).toBe(false);
  });

  describe('damaged', () => {
    let damaged: string;
    const inDamaged = (args: readonly string[]): Promise<Ran> => run(args, damaged);
    const kept = (generation: number): string =>
      join(stateOf(join(damaged, 'acme')), 'generations', String(generation));
    const bytesOf = (generation: number, path: string): string => {
      const { files } = JSON.parse(readFileSync(join(was(generation), 'manifest.json'), 'utf8')) as Manifest;
      return pooled(join(damaged, 'acme'), files.find((each) => each.path === path)!.sha256);
    };
    beforeAll(() => {
      damaged = join(dir, 'damaged');
      cpSync(root, damaged, { recursive: true, preserveTimestamps: true });
      // 1 lacks a package, 2 has an altered one and an altered manifest, 3 lacks an index.
      rmSync(bytesOf(1, 'linux-64/a-1.0-0.conda'));
      rmSync(join(kept(3), 'linux-64'), { recursive: true });
      const manifest = join(kept(2), 'manifest.json');
      writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"specs": []', '"specs": ["b"]'));
      const bytes = bytesOf(3, 'noarch/n-1.0-0.conda');
      writeFileSync(bytes, readFileSync(bytes).fill(0, 10, 20));
    });

    it('is said by verify, with what is missing and where it could come from', async () => {
      const ran = await inDamaged(['verify', 'acme@1']);
      expect(ran.exitCode).toBe(1);
      expect(ran.stdout).toMatch(
        /generation-incomplete: generation 1 is not complete any more: linux-64\/a-1\.0-0\.conda: came from http/,
      );
      const three = await inDamaged(['verify', 'acme@3']);
      expect(three.exitCode).toBe(1);
      expect(three.stdout).toContain('linux-64/repodata.json.bz2: indexes lie in .repackenv/acme/generations only');
      expect(three.stdout).toMatch(/noarch\/n-1\.0-0\.conda.*sha256/);
    });

    it('is not exported, and nothing is left where it was to go', async () => {
      const out = join(dir, 'damaged-out');
      expectRefusal(await inDamaged(['export', 'acme@1', '--to', out]), {
        code: 'E_ARTIFACT_MISSING',
        says: ['Generation 1 of acme is not complete any more: 1 of', 'linux-64/a-1.0-0.conda: came from'],
      });
      expectRefusal(await inDamaged(['merge', 'acme@3', join(damaged, 'acme')]), {
        code: 'E_ARTIFACT_MISSING',
        says: ['linux-64/repodata.json.bz2: indexes lie in'],
      });
      expect(existsSync(out)).toBe(false);
      expect(changesBetween(snapshot(acme), snapshot(join(damaged, 'acme')))).toEqual([]);
    });

    it('another label of ROOT that has the bytes is named', async () => {
      cpSync(was(1), join(damaged, 'other'), { recursive: true });
      expectRefusal(await inDamaged(['export', 'acme@1', '--to', '../out']), {
        code: 'E_ARTIFACT_MISSING',
        says: [`linux-64/a-1.0-0.conda: ${join('other', 'linux-64/a-1.0-0.conda')} has the same bytes`],
      });
      rmSync(join(damaged, 'other'), { recursive: true });
    });

    it('in its manifest it is refused, with what is wrong', async () => {
      for (const args of [
        ['verify', 'acme@2'],
        ['diff', 'acme@2', 'acme'],
        ['delta', 'acme', '--since', '2', '--to', '../out'],
      ])
        expectRefusal(await inDamaged(args), {
          code: 'E_GENERATION',
          says: [
            'What was kept of generation 2 of acme is damaged: its manifest is not the one that was published',
            'acme-g2.manifest.json',
          ],
        });
    });

    it('a live manifest that was altered does not pass for the generation', async () => {
      const file = join(damaged, 'acme/manifest.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace('"specs": []', '"specs": ["w"]'));
      const ran = await inDamaged(['diff', 'acme@4', 'acme']);
      expect(ran.exitCode).toBe(1);
      expect(ran.stdout).toMatch(/specs +1\n +\+ w/);
    });

    it('leaves what is sound of the others readable, with folders of no generation beside them', async () => {
      mkdirSync(join(kept(4), '../07'));
      appendFileSync(join(kept(4), '../12'), '');
      expect((await inDamaged(['diff', 'acme@1', was(1)])).exitCode).toBe(0);
      expect(readdirSync(join(kept(4), '..'))).toContain('12');
    });
  });
});
