import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { snapshot } from '../../scripts/lib/snapshot.js';
import { startBuckets, type FarBuckets } from '../helpers/far-servers.js';
import { describeWithLayers } from '../helpers/layers.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';

let work: Workplace;
let site: string;
const push = (...args: string[]): Promise<Ran> => work.run('repackenv', ['push', ...args]);

beforeAll(async () => {
  work = await openWorkplace();
  site = join(work.dir, 'site');
  const ran = await work.update();
  expect(ran.exitCode, ran.stderr).toBe(0);
});
afterAll(() => work.close());

it('a label goes to a folder with its site files, and is sound there; again: nothing is sent', async () => {
  const first = await push(work.labelDir, site, '--site', 'ankara');
  expect(first.exitCode, first.stderr).toBe(0);
  expect(first.stdout).toContain(`halkbank: generation 1 is at ${site}/halkbank (nothing of it was there)`);
  expect(snapshot(join(site, 'halkbank'))).toEqual(work.published());
  const beside = readdirSync(work.root).filter((name) => name.startsWith('halkbank.'));
  expect(readdirSync(site).sort()).toEqual(['halkbank', ...beside].sort());
  for (const name of beside) expect(readFileSync(join(site, name)), name).toEqual(readFileSync(join(work.root, name)));
  expect((await work.verify(join(site, 'halkbank'))).exitCode).toBe(0);

  const again = await push('halkbank', site, '--root', work.root);
  expect(again.stdout).toBe(`halkbank: ${site}/halkbank has generation 1 already; 0 bytes sent\n`);
  expect((await push(work.labelDir, site, '--quiet')).stdout).toBe('');
  const history = await work.run('repackenv', ['history', work.labelDir]);
  expect(history.stdout).toContain('ankara');
});

it('--json tells what was sent; --dry-run what would be', async () => {
  const other = join(work.dir, 'other');
  const dry = await push(work.labelDir, other, '--dry-run');
  expect(dry.stdout).toContain('generation 1 would go to');
  expect(existsSync(other)).toBe(false);
  const { stdout } = await push(work.labelDir, other, '--json', '--site-files', 'off');
  expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({
    job: 'push',
    generation: 1,
    site: null,
    unchanged: false,
  });
  expect(readdirSync(other)).toEqual(['halkbank']);
});

it.each<[what: string, args: () => string[], exitCode: number, said: string]>([
  ['no TARGET', () => [work.labelDir], 2, "Missing required argument 'TARGET'"],
  ['no such label', () => [join(work.root, 'hakbank'), site], 2, 'In'],
  ['ROOT instead of a label', () => [work.root, site], 2, 'Name one of them: halkbank'],
  ['the label as the end of TARGET', () => [work.labelDir, join(site, 'halkbank')], 2, 'Give the folder above it'],
  ['a target in ROOT', () => [work.labelDir, work.root], 2, 'TARGET lies in ROOT'],
  ['no such generation', () => [`${work.labelDir}@7`, site], 2, 'has no generation 7'],
  ['another scheme', () => [work.labelDir, 'https://host/x'], 2, 'Nothing is pushed to https://'],
  ['no keys for a bucket', () => [work.labelDir, 's3://deliveries'], 7, 'AWS_ACCESS_KEY_ID'],
  ['a site with a bad name', () => [work.labelDir, site, '--site', 'a/b'], 2, 'the site'],
])('%s', async (_what, args, exitCode, said) => {
  const ran = await push(...args());
  expect(ran.exitCode, ran.stderr).toBe(exitCode);
  expect(ran.stderr).toContain(said);
});

it('what another label has pushed there stays', async () => {
  const root = join(work.dir, 'second');
  cpSync(work.labelDir, join(root, 'halkbank'), { recursive: true, preserveTimestamps: true });
  const place = join(work.dir, 'shared');
  mkdirSync(join(place, 'halkbank.test'), { recursive: true });
  writeFileSync(join(place, 'halkbank.test', 'x'), '');
  writeFileSync(join(place, 'halkbank.test.INSTALL.md'), '');
  expect((await push(join(root, 'halkbank'), place)).exitCode).toBe(0);
  expect(readdirSync(place)).toEqual(expect.arrayContaining(['halkbank', 'halkbank.test', 'halkbank.test.INSTALL.md']));
  rmSync(place, { recursive: true });
});

describeWithLayers(['versitygw'], 'to a bucket', () => {
  let far: FarBuckets;
  beforeAll(async () => {
    far = await startBuckets(work.dir);
  });
  afterAll(() => far.close());

  it('and no key is printed or kept, whatever goes wrong', async () => {
    const bucket = (target: string, env: Record<string, string>, ...args: string[]): Promise<Ran> =>
      work.run('repackenv', ['push', work.labelDir, target, '--debug', ...args], { env: { ...far.env, ...env } });
    const sent = await bucket('s3://deliveries/conda', { AWS_SESSION_TOKEN: '' });
    expect(sent.exitCode, sent.stderr).toBe(0);
    expect((await work.verify(join(far.folder('deliveries'), 'conda/halkbank'))).exitCode).toBe(0);
    const secret = 'a/wrong+secret=0123456789';
    const refused = await bucket('s3://deliveries/conda', { AWS_SECRET_ACCESS_KEY: secret });
    expect(refused.exitCode).toBe(7);
    const inUrl = await bucket(`s3://id:${secret}@deliveries`, {});
    expect(inUrl.exitCode).toBe(2);
    const printed = [sent, refused, inUrl].map(({ stdout, stderr }) => stdout + stderr).join('\n');
    for (const value of [secret, far.env['AWS_SECRET_ACCESS_KEY']!]) {
      expect(printed).not.toContain(value);
      expect(readFileSync(join(work.root, '.repackenv/halkbank/pushed.json'), 'utf8')).not.toContain(value);
    }
  });
});
