import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readConfigText } from '../../src/config/config-file.js';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';
import { expectRefusal } from '../helpers/refusals.js';
import type { Ran } from '../helpers/programs.js';

const SLOW = 120_000;

let work: DeclaredWorkplace;
beforeAll(async () => {
  work = await openDeclaredWorkplace(['bank-1', 'bank-2', 'ziraat']);
});
afterAll(() => work.close());

const file = (): string => join(work.root, 'repackenv.yml');
const text = (): string => readFileSync(file(), 'utf8');
const ours = (...args: string[]): Promise<Ran> => work.run('repackenv', args, { cwd: work.root });

async function deliver(label: string, packages: string[], args: string[] = []): Promise<void> {
  const ran = await work.update({ label, packages, args });
  expect(ran.exitCode, ran.stderr).toBe(0);
}

describe('init', () => {
  beforeEach(() => {
    rmSync(work.root, { recursive: true, force: true });
    mkdirSync(work.root);
  });

  it(
    'takes over what is published, so that a plan of all then changes nothing',
    async () => {
      await deliver('bank-1', ['ratingpro', 'numpy>=1.26,<3'], ['--virtual-package', '__glibc=2.28']);
      await deliver('bank-2', ['pytho'], ['--subdir', 'win-64', '--client', 'conda 4.12']);
      await deliver('ziraat', ['pytho=1.9'], ['--index', 'bz2']);
      const ran = await ours('init', work.root);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stdout).toContain('3 labels taken over');
      const { declared } = readConfigText(Buffer.from(text()), 'repackenv.yml');
      expect([...declared!.labels.keys()]).toEqual(['bank-1', 'bank-2', 'ziraat']);
      // What all share stands once.
      const all = declared!.defaults.get('all')!;
      expect([...all.values.keys()].sort()).toEqual(['baseUrl', 'channels', 'owner']);
      expect(all.values.get('channels')).toEqual(['pkgs/main']);
      expect(Object.fromEntries(declared!.labels.get('bank-1')!.values)).toEqual({
        subdirs: ['linux-64'],
        virtualPackages: ['__glibc=2.28'],
      });
      expect(text()).toContain('# token_env: CONDA_TOKEN');
      expect(existsSync(join(work.root, '.repackenv/.schema.json'))).toBe(true);

      writeFileSync(file(), text().replace('# token_env: CONDA_TOKEN', 'token_env: CONDA_TOKEN'));
      const plan = await ours('plan', '--all', '--engine', 'embedded', '--cache-dir', work.cache, '--json');
      expect(plan.exitCode, plan.stderr).toBe(0);
      const again = await ours('update', '--all', '--engine', 'embedded', '--cache-dir', work.cache);
      expect(again.exitCode, again.stderr).toBe(0);
      for (const label of ['bank-1', 'bank-2', 'ziraat'])
        expect(JSON.parse(readFileSync(join(work.root, label, 'manifest.json'), 'utf8'))).toMatchObject({
          generation: 1,
        });
    },
    SLOW,
  );

  it(
    'never overwrites a file: it shows what is missing, or puts it behind what is there',
    async () => {
      await deliver('bank-1', ['pytho']);
      await deliver('ziraat', ['ratingpro']);
      const mine = `${work.head}# my own words\nlabels:\n    # the first\n    bank-1: {packages: [pytho], token_env: CONDA_TOKEN}   # kept\n\nprove: solve\n`;
      writeFileSync(file(), mine);
      const shown = await ours('init');
      expect(shown.exitCode, shown.stderr).toBe(1);
      expect(shown.stdout).toContain('ziraat:');
      expect(shown.stdout).not.toContain('bank-1:');
      expect(text()).toBe(mine);
      const added = await ours('init', '--add-missing');
      expect(added.exitCode, added.stderr).toBe(0);
      expect(text().replace(/^ {4}ziraat:\n( {8}.*\n)+/m, '')).toBe(mine);
      const { declared, values } = readConfigText(Buffer.from(text()), 'repackenv.yml');
      expect(declared!.labels.get('ziraat')!.packages?.map((spec) => spec.text)).toEqual(['ratingpro']);
      expect(values.get('prove')).toBe('solve');
      expect((await ours('init')).stdout).toContain('declares every label');
    },
    SLOW,
  );

  it('adds to a file without labels, and shows the lines where labels stand in braces', async () => {
    await deliver('ziraat', ['pytho']);
    work.declare('');
    expect((await ours('init', '--add-missing')).exitCode).toBe(0);
    expect(readConfigText(Buffer.from(text()), 'x').declared!.labels.has('ziraat')).toBe(true);
    work.declare('labels: {bank-1: {packages: [pytho]}}\n');
    const ran = await ours('init', '--add-missing');
    expect(ran.exitCode, ran.stderr).toBe(1);
    expect(ran.stdout).toContain('ziraat:');
  });

  it('of an empty ROOT: a file with examples in comments, which can be read', async () => {
    const ran = await ours('init');
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readConfigText(Buffer.from(text()), 'x').declared!.labels.size).toBe(0);
    expect(text()).toContain('#   halkbank:');
    expectRefusal(await ours('update', '--all'), { code: 'E_USAGE', says: ['No label is declared'] });
  });

  it('a ROOT below a file', async () => {
    writeFileSync(join(work.root, 'file'), '');
    expectRefusal(await ours('init', join(work.root, 'file/root')), { code: 'E_ROOT', says: ['ENOTDIR'] });
  });

  it.each([['cron'], ['systemd'], ['windows']])('files for %s', async (kind) => {
    const root = join(work.root, "a root with 100% 'blanks' & $more");
    mkdirSync(root);
    const ran = await ours('init', root, '--scheduler', kind, '--at', '01:15');
    expect(ran.exitCode, ran.stderr).toBe(0);
    expectRefusal(await ours('init', root, '--scheduler', kind), { code: 'E_OUT', says: ['overwritten'] });
    if (kind === 'cron') {
      const line = readFileSync(join(work.root, 'repackenv.cron'), 'utf8').split('\n').at(-2)!;
      expect(line).toMatch(/^15 1 \* \* \* /);
      // What cron hands to sh: each \% is a %.
      const command = line.replace(/^15 1 \* \* \* /, '').replaceAll(String.raw`\%`, '%');
      const words = execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${command}`], { encoding: 'utf8' }).split('\n');
      expect(words.slice(2, 7)).toEqual(['update', '--all', '--root', root, '--quiet']);
    } else if (kind === 'systemd') {
      const service = readFileSync(join(work.root, 'repackenv.service'), 'utf8');
      expect(service).toContain(`"${root.replace('%', '%%').replace('$', '$$$$')}"`);
      expect(readFileSync(join(work.root, 'repackenv.timer'), 'utf8')).toContain('OnCalendar=*-*-* 01:15:00');
    } else {
      const bytes = readFileSync(join(work.root, 'repackenv-task.xml'));
      expect([...bytes.subarray(0, 2)]).toEqual([0xff, 0xfe]);
      expect(bytes.toString('utf16le')).toContain(`"${root.replace('&', '&amp;')}"`);
    }
  });

  it('a scheduler, a time that is none', async () => {
    expectRefusal(await ours('init', '--scheduler', 'at'), { code: 'E_USAGE', says: ['cron, systemd, windows'] });
    expectRefusal(await ours('init', '--scheduler', 'cron', '--at', '25:00'), { code: 'E_USAGE', says: ['02:30'] });
  });
});
