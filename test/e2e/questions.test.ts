import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import {
  ANSWERS,
  type AnswerName,
  type FindReport,
  type LicensesReport,
  type NotesReport,
  type TreeNode,
  type TreeReport,
  type WhyReport,
} from '../../src/answers/schema.js';
import type { PublishReceipt as JobReceipt } from '../../src/channel/staged.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';
import { expectClean, expectRefusal } from '../helpers/refusals.js';
import { recordsIn } from '../helpers/real-upstream.js';

describe('questions to what was delivered', () => {
  let work: Workplace;
  const at = (name: string): string => join(work.dir, name);

  beforeAll(async () => {
    work = await openWorkplace();
    expect((await work.update()).exitCode).toBe(0);
    cpSync(work.labelDir, join(work.root, 'other'), { recursive: true });
    const manifest = JSON.parse(readFileSync(join(work.labelDir, 'manifest.json'), 'utf8')) as Record<string, unknown>;
    const change = (dir: string, changes: Record<string, unknown>): void =>
      writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ ...manifest, ...changes }));
    const files = (manifest['files'] as { path: string }[]).filter(({ path }) => !path.includes('/ratingpro-'));
    change(join(work.root, 'other'), { label: 'other', specs: ['pytho'], files });
    cpSync(work.labelDir, at('bare'), { recursive: true });
    rmSync(join(at('bare'), 'manifest.json'));
    for (const [name, subdir, bytes] of [
      ['cut', 'noarch', '{"packages":{'],
      ['rewritten', 'linux-64', undefined],
      ['empty', 'noarch', '{"packages":{},"packages.conda":{}}'],
    ] as const) {
      cpSync(work.labelDir, at(name), { recursive: true });
      const file = join(at(name), subdir, 'repodata.json');
      writeFileSync(file, bytes ?? `${readFileSync(file, 'utf8')}\n`);
    }
    mkdirSync(at('nothing'));
    cpSync(join(work.labelDir, 'manifest.json'), at('lone.json'));
    cpSync(work.labelDir, at('mirror'), { recursive: true });
    change(at('mirror'), { specs: [], profiles: [] });
  });
  afterAll(() => work.close());

  const run = (args: readonly string[], cwd = work.dir): Promise<Ran> => work.run('repackenv', args, { cwd });

  /** Changes nothing, and answers as its schema says. */
  async function answer<T>(name: AnswerName, args: readonly string[], exitCode = 0): Promise<T> {
    const before = snapshot(work.root);
    const ran = await run([name, ...args, '--json']);
    expect(ran.exitCode, ran.stderr + ran.stdout).toBe(exitCode);
    expectClean(ran);
    expect(changesBetween(before, snapshot(work.root))).toEqual([]);
    const report: unknown = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!);
    expect(ANSWERS[name].strict().safeParse(report).error).toBeUndefined();
    return report as T;
  }

  describe('why', () => {
    it('leads from what was asked for over real edges to the package', async () => {
      const { answers } = await answer<WhyReport>('why', ['python', work.labelDir]);
      const records = { ...recordsIn(work.labelDir, 'linux-64'), ...recordsIn(work.labelDir, 'noarch') };
      const paths = answers.flatMap(({ platforms }) => platforms.flatMap(({ packages }) => packages[0]!.paths));
      expect(paths.length).toBeGreaterThan(1);
      for (const path of paths) {
        expect(['ratingpro', 'pytho']).toContain(path[0]!.constraint);
        expect(path.at(-1)!.name).toBe('python');
        path.slice(1).forEach(({ constraint }, step) => {
          const { name, version } = path[step]!;
          const from = Object.values(records).find((each) => each['name'] === name && each['version'] === version)!;
          expect([...(from['depends'] as string[]), ...(name === 'python' ? ['pip'] : [])]).toContain(constraint);
        });
      }
    });

    it('answers for all labels of ROOT, the live manifest, a generation beside its index, and this folder', async () => {
      const { answers } = await answer<WhyReport>('why', ['pytho', work.root]);
      expect(answers.map(({ label }) => label)).toEqual(['halkbank', 'other']);
      const one = await answer<WhyReport>('why', ['ratingpro', work.root]);
      expect(one.answers.map(({ label }) => label)).toEqual(['halkbank']);
      await answer('why', ['pytho', join(work.labelDir, 'manifest.json')]);
      const kept = at('kept');
      for (const subdir of ['linux-64', 'noarch'])
        cpSync(join(work.labelDir, subdir, 'repodata.json.zst'), join(kept, subdir, 'repodata.json.zst'));
      cpSync(join(work.labelDir, 'manifest.json'), join(kept, 'manifest.json'));
      await answer('why', ['pytho', join(kept, 'manifest.json')]);
      const here = await work.run('repackenv', ['why', 'pytho'], { cwd: work.labelDir });
      expect(here.exitCode, here.stderr).toBe(0);
      expect(here.stdout).toMatch(/^halkbank, generation 1, linux-64\n {2}pytho \S+ \S+ \(noarch\): because of pytho/);
    });

    it.each([
      [['pyhton', 'LABEL'], 'E_USAGE', [/no package pyhton/, /Near in name: .*python/]],
      [['pytho', 'nowhere'], 'E_USAGE', ['There is nothing under this name', 'ROOT for all']],
      [['LABEL', 'pytho'], 'E_SPEC', []],
      [['numpy>>1', 'LABEL'], 'E_SPEC', []],
      [['python>=9', 'LABEL'], 'E_USAGE', ['no package python>=9', 'Near in name: python.']],
      [['pytho', 'LABEL', '--subdir', 'osx-64'], 'E_USAGE', ['It has linux-64.']],
      [['pytho', 'LABEL', '--paths', '0'], 'E_USAGE', ['--paths']],
      [['pyhton', 'mirror'], 'E_USAGE', [/Near in name: .*python/]],
      [['pytho', 'nothing'], 'E_NOT_A_CHANNEL', ['holds no label folder']],
      [['pytho', 'lone.json'], 'E_NOT_A_CHANNEL', ['No index lies beside']],
      [['pytho', 'LABEL/SHA256SUMS'], 'E_NOT_A_CHANNEL', ['a list of digests']],
      [['pytho', 'cut'], 'E_FOLDER_DIFFERS', ['The index is damaged', 'noarch']],
      [['pytho', 'empty'], 'E_FOLDER_DIFFERS', ['which the manifest lists']],
    ] as const)('%j is refused: %s', async (args, code, says) => {
      const typed = args.map((arg) => arg.replace('LABEL', work.labelDir));
      expectRefusal(await run(['why', ...typed]), { code, says });
    });

    it.each(['mirror', 'bare'])('says of %s, where nothing was asked for, what needs a package', async (where) => {
      const { answers } = await answer<WhyReport>('why', ['pytho', where]);
      expect(answers[0]).toMatchObject({ wanted: false });
      const [needed] = answers[0]!.platforms[0]!.packages;
      expect(needed).toMatchObject({ asked_for: [], because_of: [], paths: [], more: false });
      expect(needed!.needed_by.map(({ name }) => name)).toEqual(['ratingpro']);
      const text = await run(['why', 'python', where, '--paths', '1']);
      expect(text.stdout).toMatch(
        /\n {2}python \S+ \S+: needed by \d+ of the newest packages\n {4}\S+ \S+ \S+: python/,
      );
      expect(text.stdout).toMatch(/ {4}… and \d+ more \(--paths N, --json\)\n$/);
      const nothing = await run(['why', 'ratingpro', where]);
      expect(nothing.stdout).toMatch(/ratingpro \S+ \S+ \(noarch\): nothing in it needs it\n$/);
    });

    it('answers from an index that somebody has written anew, and says so', async () => {
      const ran = await run(['why', 'python', 'rewritten']);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stderr).toContain('the index of linux-64 is not the one that the manifest states');
    });
  });

  describe('tree', () => {
    it('has every package of the folder, and unfolds each once', async () => {
      const { answers } = await answer<TreeReport>('tree', [work.labelDir]);
      const names = new Set<string>();
      const opened: string[] = [];
      const walk = (node: TreeNode): void => {
        if (node.subdir !== null) names.add(node.name);
        if (node.packages.length > 0) opened.push(node.name);
        node.packages.forEach(walk);
      };
      answers.forEach(({ platforms }) => platforms.forEach(({ roots }) => roots.forEach(walk)));
      const records = [recordsIn(work.labelDir, 'linux-64'), recordsIn(work.labelDir, 'noarch')].flatMap(Object.values);
      expect([...names].sort()).toEqual(records.map(({ name }) => name as string).sort());
      expect(new Set(opened).size).toBe(opened.length);
      const text = await run(['tree', work.labelDir]);
      expect(text.stdout).toMatch(
        /^halkbank, generation 1, linux-64\n {2}pytho \S+ \S+ {2}\(asked for: pytho\)\n {4}\S/,
      );
      expect(text.stdout).toContain('(above)');
    });

    it.each(['bare', 'mirror', 'LABEL', 'ROOT'])('grows up from a package of %s', async (where) => {
      const typed = where.replace('LABEL', work.labelDir).replace('ROOT', work.root);
      const { answers } = await answer<TreeReport>('tree', [typed, '--invert', 'pytho', '--depth', '1']);
      const [root] = answers[0]!.platforms[0]!.roots;
      expect([root!.name, ...root!.packages.map(({ name }) => name)]).toEqual(['pytho', 'ratingpro']);
    });

    it.each(['mirror', 'bare'])('begins in %s at what nothing needs, one level deep', async (where) => {
      const { answers } = await answer<TreeReport>('tree', [where]);
      const [{ wanted, platforms }] = answers as [TreeReport['answers'][number]];
      expect(wanted).toBe(false);
      const { roots } = platforms[0]!;
      expect(roots.map(({ name }) => name)).toContain('ratingpro');
      expect(roots.map(({ name }) => name)).not.toContain('pytho');
      expect(roots.flatMap(({ packages }) => packages.flatMap((each) => each.packages))).toEqual([]);
      const deep = await answer<TreeReport>('tree', [where, '--depth', '2']);
      expect(JSON.stringify(deep).length).toBeGreaterThan(JSON.stringify({ answers }).length);
    });

    it.each([
      [['LABEL', '--of', 'pyhton'], 'E_USAGE', ['Near in name: ', 'python']],
      [['LABEL', '--of', 'a', '--invert', 'b'], 'E_USAGE', ['Give one of them']],
      [['LABEL', '--depth', 'x'], 'E_USAGE', ['--depth']],
      [['LABEL', '--of', '*'], 'E_SPEC', []],
    ] as const)('%j is refused: %s', async (args, code, says) => {
      const typed = args.map((arg) => arg.replace('LABEL', work.labelDir));
      expectRefusal(await run(['tree', ...typed]), { code, says });
    });
  });

  describe('licenses', () => {
    it('lists every package of the folder with what its record states', async () => {
      const { answers } = await answer<LicensesReport>('licenses', [work.labelDir]);
      const records = [recordsIn(work.labelDir, 'linux-64'), recordsIn(work.labelDir, 'noarch')].flatMap(Object.values);
      const stated = (all: readonly Record<string, unknown>[]): string[] =>
        all.map(({ name, license }) => `${String(name)}: ${String(license ?? null)}`).sort();
      expect(stated(answers[0]!.packages)).toEqual(stated(records));
      const sums = readFileSync(join(work.labelDir, 'SHA256SUMS'), 'utf8');
      for (const { sha256, subdir, name } of answers[0]!.packages)
        expect(sums).toContain(`${sha256}  ${subdir}/${name}-`);
    });

    it('answers for a mirror, a channel of others, and ROOT, and as a table', async () => {
      for (const where of ['mirror', 'bare', work.root]) await answer('licenses', [where]);
      const table = await run(['licenses', 'bare', '--csv']);
      const text = await run(['licenses', 'bare']);
      expect(table.stdout.split('\n').length).toBe(Number(/bare: (\d+) packages/.exec(text.stdout)![1]) + 2);
    });

    it.each([
      [['nowhere'], 'E_USAGE', ['nothing under this name']],
      [['cut'], 'E_FOLDER_DIFFERS', ['The index is damaged']],
      [['LABEL@7'], 'E_GENERATION', ['has no generation 7']],
      [['LABEL', '--subdir', 'win-64'], 'E_USAGE', ['It has linux-64.']],
    ] as const)('%j is refused: %s', async (args, code, says) => {
      const typed = args.map((arg) => arg.replace('LABEL', work.labelDir));
      expectRefusal(await run(['licenses', ...typed]), { code, says });
    });
  });

  describe('find', () => {
    let second: Workplace;
    beforeAll(async () => {
      second = await openWorkplace();
      expect((await second.update()).exitCode).toBe(0);
      second.upstream.setGeneration(2);
      expect((await second.update()).exitCode).toBe(0);
      const received = {
        site: 'ankara',
        generation: 1,
        manifestSha256: '0'.repeat(64),
        at: '2026-01-01T00:00:00.000Z',
      };
      writeFileSync(
        join(second.root, '.repackenv/halkbank/received.json'),
        JSON.stringify({ schema: 1, received: [{ ...received, from: 'x' }] }),
      );
    });
    afterAll(() => second.close());

    it('says which generations have a package, since when, and at which site', async () => {
      const { matches, looked_at: looked } = await answer<FindReport>('find', ['pytho', second.root]);
      expect(looked).toEqual({ labels: 1, generations: 2 });
      const told = matches.map(({ version, generations, live, sites }) => [version, generations, live, sites.length]);
      expect(told).toEqual([
        ['2.0', [2], true, 0],
        ['1.9', [1], false, 1],
      ]);
      const receipt = (name: string): string =>
        (JSON.parse(readFileSync(join(second.root, '.repackenv/halkbank/receipts', name), 'utf8')) as JobReceipt)
          .finishedAt;
      expect(matches[1]).toMatchObject({ since: receipt('1.json'), until: receipt('2.json') });
      const all = await answer<FindReport>('find', ['python', second.labelDir]);
      expect(all.matches.map(({ generations, live }) => [generations, live])).toEqual([[[1, 2], true]]);
      const text = await run(['find', 'pytho<2', second.root]);
      expect(text.stdout).toMatch(
        /^pytho 1\.9 \S+ {2}\(noarch\) .*\n {2}halkbank {2}generation 1 {2}since \S+ until \S+ {2}at ankara \(generation 1\)\n/,
      );
      const byDigest = await answer<FindReport>('find', [matches[1]!.sha256!, second.root]);
      expect(byDigest.matches).toEqual([matches[1]]);
    });

    it('answers where the notes on sites are damaged, and says so', async () => {
      const file = join(second.root, '.repackenv/halkbank/received.json');
      const bytes = readFileSync(file);
      writeFileSync(file, '{');
      const ran = await run(['find', 'pytho=1.9', second.root]);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stderr).toContain('The notes on which site has what are damaged');
      writeFileSync(file, bytes);
    });

    it('asks an earlier generation by every question', async () => {
      await answer('find', ['pytho=1.9', `${second.labelDir}@1`]);
      await answer('find', ['pytho=1.9', `${second.labelDir}@2`], 1);
      const { answers } = await answer<WhyReport>('why', ['pytho=1.9', `${second.labelDir}@1`]);
      expect(answers[0]).toMatchObject({ label: 'halkbank', generation: 1 });
      await answer('tree', [`${second.labelDir}@-1`]);
      await answer('licenses', [`${second.labelDir}@1`]);
    });

    it('notes tell a customer what changed, and which advisories are closed', async () => {
      const osv = at('osv');
      mkdirSync(osv, { recursive: true });
      const events = [{ introduced: '0' }, { fixed: '2.0' }];
      const affected = [{ package: { ecosystem: 'conda', name: 'pytho' }, ranges: [{ type: 'ECOSYSTEM', events }] }];
      writeFileSync(join(osv, 'one.json'), JSON.stringify({ id: 'GHSA-1', aliases: ['CVE-2026-1'], affected }));
      const sides = [`${second.labelDir}@1`, second.labelDir];
      const report = await answer<NotesReport>('notes', [...sides, '--advisories', osv]);
      expect(report).toMatchObject({ from: { generation: 1 }, to: { generation: 2 } });
      expect(report.upgraded.map(({ name, from, to }) => `${name} ${from} ${to}`)).toContain('pytho 1.9 2.0');
      expect(report.advisories).toMatchObject({ judged: 1, closed: [{ id: 'CVE-2026-1' }], open: [] });
      const back = await answer<NotesReport>('notes', [...sides.toReversed(), '--advisories', join(osv, 'one.json')]);
      expect(back.downgraded.map(({ name }) => name)).toContain('pytho');
      expect(back.advisories.open).toMatchObject([{ id: 'CVE-2026-1', new: true }]);
      const text = await run(['notes', ...sides]);
      expect(text.stdout).toMatch(/^# halkbank: generation 1 → 2\n\n.*\n\n## Updated\n\n- `pytho` 1\.9 → 2\.0\n/);
      expect((await run(['notes', ...sides])).stdout).toBe(text.stdout);
      await answer('notes', ['bare', second.labelDir]);
    });

    it.each([
      [['ROOT', 'LABEL'], 'E_USAGE', ['This is a ROOT']],
      [['LABEL', 'nowhere'], 'E_USAGE', ['nothing under this name']],
      [['LABEL', 'LABEL', '--advisories', 'nowhere'], 'E_USAGE', ["can't be read"]],
      [['LABEL', 'LABEL', '--advisories', 'nothing'], 'E_USAGE', ['No .json file']],
      [['LABEL', 'LABEL', '--advisories', 'LABEL/manifest.json'], 'E_USAGE', ['is no advisory']],
      [['LABEL', 'LABEL', '--advisories', 'LABEL/SHA256SUMS'], 'E_USAGE', ['This is no JSON']],
    ] as const)('notes %j are refused: %s', async (args, code, says) => {
      const typed = args.map((arg) => arg.replace('LABEL', work.labelDir).replace('ROOT', work.root));
      expectRefusal(await run(['notes', ...typed]), { code, says });
    });

    it('finds ROOT from below it, by the labels that are declared there', async () => {
      writeFileSync(join(second.root, 'repackenv.yml'), 'labels:\n  halkbank:\n    packages: [pytho]\n');
      const ran = await run(['find', 'pytho'], join(second.root, 'halkbank/noarch'));
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stdout).toContain('looked through 1 label, 2 generations');
      rmSync(join(second.root, 'repackenv.yml'));
    });

    it.each(['bare', 'mirror', 'LABEL/manifest.json'])('looks through %s', async (where) => {
      await answer('find', ['pytho', where.replace('LABEL', work.labelDir)]);
    });

    it('ends with 1 where nothing fits, with what is near in name', async () => {
      const ran = await run(['find', 'pyhton', second.root]);
      expect(ran.exitCode).toBe(1);
      expect(ran.stdout).toMatch(/^nothing is pyhton \(1 label, 2 generations\); near in name: .*python/);
    });

    it('says which generations it could not look through', async () => {
      const kept = join(second.root, '.repackenv/halkbank/generations/1/manifest.json');
      const bytes = readFileSync(kept);
      writeFileSync(kept, '{');
      const ran = await run(['find', 'pytho', second.root]);
      expect(ran.stdout).toContain('not looked through: halkbank, generation 1: its manifest: it is not JSON');
      expectRefusal(await run(['why', 'pytho', `${second.labelDir}@1`]), { code: 'E_GENERATION', says: ['damaged'] });
      writeFileSync(kept, bytes);
    });

    it.each([
      [['pytho', 'nowhere'], 'E_USAGE', ['nothing under this name']],
      [['pytho>>1', 'LABEL'], 'E_SPEC', []],
      [['pytho', 'nothing'], 'E_NOT_A_CHANNEL', ['holds no label folder']],
      [['pytho', 'LABEL@x'], 'E_GENERATION', ['names no generation']],
      [['pytho', 'LABEL/SHA256SUMS'], 'E_NOT_A_CHANNEL', ['a list of digests']],
    ] as const)('%j is refused: %s', async (args, code, says) => {
      const typed = args.map((arg) => arg.replace('LABEL', work.labelDir));
      expectRefusal(await run(['find', ...typed]), { code, says });
    });
  });

  it('schema prints what they answer', async () => {
    for (const name of Object.keys(ANSWERS)) {
      const ran = await run(['schema', name]);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(JSON.parse(ran.stdout)).toMatchObject({ title: `report of repackenv ${name} --json`, type: 'object' });
    }
  });
});
