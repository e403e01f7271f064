import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import type { JobReport } from '../../src/jobs/job-report.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';
import { PAPERS, reportOf } from '../helpers/real-upstream.js';
import { TOKEN } from '../helpers/upstream.js';

let work: Workplace;
beforeAll(async () => {
  work = await openWorkplace();
});
afterAll(() => work.close());

const paper = (name: string, dir = work.labelDir): string => readFileSync(join(dir, 'papers', name), 'utf8');
const manifest = (dir = work.labelDir): Manifest =>
  JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')) as Manifest;
const stated = (): string[] => manifest().files.flatMap(({ kind, path }) => (kind === 'paper' ? [path] : []));
const ours = (...args: string[]): Promise<Ran> => work.run('repackenv', args);

async function update(...args: string[]): Promise<JobReport> {
  const ran = await work.update({ args: [...args, '--json'] });
  expect(ran.exitCode, ran.stderr).toBe(0);
  return reportOf(ran);
}

describe('a label with papers', () => {
  it('has none where none are wanted; an unchanged run leaves it so, and says when there will be some', async () => {
    expect((await update('--papers', 'none')).papers).toBeUndefined();
    expect(existsSync(join(work.labelDir, 'papers'))).toBe(false);
    const before = work.published();
    const again = await work.update();
    expect(again.stdout).toContain('  papers      none; made with the next generation, or now: --papers\n');
    expect(work.published()).toEqual(before);
  });

  it('gets at once what is asked for by name, in the same generation', async () => {
    const report = await update('--papers', 'changes');
    expect(report).toMatchObject({ published: { generation: 1, because: [] }, papers: { made: ['CHANGES.md'] } });
    expect(stated()).toEqual(['papers/CHANGES.md']);
    expect(paper('CHANGES.md')).toMatch(/^# halkbank: generation 1, the first delivery\n/);
    expect((await work.verify()).exitCode).toBe(0);
  });

  it('has all of them with the next one, told of against the one before, in manifest and sums', async () => {
    work.upstream.setGeneration(2);
    const report = await update();
    expect(report.papers?.made).toEqual(PAPERS.map((path) => path.slice('papers/'.length)));
    expect(stated()).toEqual(PAPERS);
    expect(paper('CHANGES.md')).toContain('# halkbank: generation 1 → 2\n');
    expect(paper('CHANGES.md')).toContain('- `pytho` 1.9 → 2.0\n');
    const sums = readFileSync(join(work.labelDir, 'SHA256SUMS'), 'utf8');
    for (const path of PAPERS) expect(sums).toContain(`  ${path}\n`);
    for (const path of PAPERS) expect(readFileSync(join(work.labelDir, path), 'utf8')).not.toContain(TOKEN);
  });

  it('keeps them, byte for byte, while the generation stays, and makes one anew that was altered', async () => {
    const before = work.published();
    expect((await update()).published).toMatchObject({ generation: 2, unchanged: true });
    expect(work.published()).toEqual(before);
    const good = paper('CHANGES.md');
    writeFileSync(join(work.labelDir, 'papers', 'CHANGES.md'), 'altered');
    const report = await update();
    expect(report.findings.map(({ code }) => code)).toContain('side-file-restored');
    expect(report.published?.generation).toBe(2);
    expect(paper('CHANGES.md')).toBe(good);
  });

  it('go to a site as they are, and nothing of a neighbour whose name begins alike', async () => {
    const other = await work.update({ label: 'halkbank.test', packages: ['pytho'] });
    // The sample upstream may not have that label: then a copy stands for it.
    if (other.exitCode !== 0) cpSync(work.labelDir, join(work.root, 'halkbank.test'), { recursive: true });
    const medium = join(work.dir, 'medium');
    expect((await ours('export', work.labelDir, '--to', medium)).exitCode).toBe(0);
    expect(readdirSync(medium).filter((name) => name.startsWith('halkbank.test'))).toEqual([]);
    const ran = await ours('import', medium, '--root', join(work.dir, 'site'));
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readdirSync(join(work.dir, 'site')).filter((name) => name.startsWith('halkbank.test'))).toEqual([]);
    for (const path of PAPERS)
      expect(readFileSync(join(work.dir, 'site', 'halkbank', path))).toEqual(readFileSync(join(work.labelDir, path)));
    rmSync(join(work.root, 'halkbank.test'), { recursive: true, force: true });
  });

  it('tells a rollback as the way to the new number', async () => {
    const ran = await ours('rollback', work.labelDir, '--to', '1', '--cache-dir', work.cache);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(stated()).toEqual(PAPERS);
    expect(paper('CHANGES.md')).toContain('# halkbank: generation 2 → 3\n');
    expect(paper('CHANGES.md')).toContain('## Downgraded\n\n- `pytho` 2.0 → 1.9\n');
    expect((await work.verify()).exitCode).toBe(0);
  });

  it('are where the question about licences has the licence files from', async () => {
    const ran = await ours('licenses', work.labelDir, '--json');
    const { answers } = JSON.parse(ran.stdout) as { answers: { packages: { license_files: string[] | null }[] }[] };
    const packages = answers[0]!.packages;
    expect(packages.length).toBeGreaterThan(0);
    for (const each of packages) expect(each.license_files).toEqual(expect.any(Array));
  });

  it('a plan says of how many packages it does not know what runs', async () => {
    const there = await work.update({ args: ['--dry-run', '--json'], label: 'halkbank', root: join(work.dir, 'new') });
    expect(there.exitCode, there.stderr).toBe(0);
    const { runs, artifacts } = reportOf(there);
    expect(runs!.packages).toEqual([]);
    expect(runs!.unread).toBeLessThanOrEqual(artifacts.length);
  });

  it.each([
    [['--papers', 'letters'], /changes.*licenses.*sbom.*page.*none/s],
    [['--papers', 'none', '--papers', 'sbom'], /none stands alone/],
  ])('tells a wrong use: %j', async (args, message) => {
    const before = work.published();
    const ran = await work.update({ args });
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toMatch(message);
    expect(work.published()).toEqual(before);
  });
});
