import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';
import type { Ran } from '../helpers/programs.js';
import { expectRefusal } from '../helpers/refusals.js';

let work: DeclaredWorkplace;
beforeAll(async () => {
  work = await openDeclaredWorkplace(['bank-1', 'bank-2', 'ziraat']);
  for (const label of ['bank-1', 'bank-2', 'ziraat']) {
    const { exitCode, stderr } = await work.update({ label, packages: ['pytho'] });
    expect(exitCode, stderr).toBe(0);
  }
}, 120_000);
afterAll(() => work.close());

const ours = (args: readonly string[], cwd = work.root): Promise<Ran> => work.run('repackenv', args, { cwd });

describe('repackenv labels', () => {
  it('shows declared and published labels, and what is to be known of each', async () => {
    work.declare('labels:\n  bank-1: {packages: [nosuchpackage]}\n  newone: {}\n  bank-2: {}\n');
    const held = await ours(['hold', 'bank-2', '--root', work.root, '--why', 'audit']);
    expect(held.exitCode, held.stderr).toBe(0);
    const failing = await ours(['update', 'bank-1', '--token-env', 'CONDA_TOKEN', '--drop', 'pytho']);
    expect(failing.exitCode).not.toBe(0);
    const before = snapshot(work.root);
    const ran = await ours(['labels']);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain(`ROOT is ${work.root}`);
    expect(ran.stdout).toMatch(/^bank-1 +1 +20\d\d-\d\d-\d\d/m);
    expect(ran.stdout).toMatch(/^newone +- +- +not published yet$/m);
    expect(ran.stdout).toMatch(/^bank-2 +1 +\S+ +held at generation 1 since \S+: audit$/m);
    expect(ran.stdout).toMatch(/^ziraat +1 +\S+ +not declared$/m);
    const { labels } = JSON.parse((await ours(['labels', '--json'])).stdout.trimEnd().split('\n').at(-1)!) as {
      labels: { label: string; declared: boolean }[];
    };
    expect(labels.map(({ label, declared }) => [label, declared])).toEqual([
      ['bank-1', true],
      ['newone', true],
      ['bank-2', true],
      ['ziraat', false],
    ]);
    expect(changesBetween(before, snapshot(work.root))).toEqual([]);
  });

  it('shows sites that are behind, and whose last update failed', async () => {
    work.declare(
      'labels:\n  bank-1: {packages: [nosuchpackage]}\n  bank-2: {}\n  ziraat: {packages: [pytho, ratingpro]}\n',
    );
    const site = join(work.dir, 'manifest.json');
    cpSync(join(work.root, 'ziraat', 'manifest.json'), site);
    const noted = await ours(['received', site, '--site', 'ankara', '--root', work.root]);
    expect(noted.exitCode, noted.stderr).toBe(0);
    expect((await ours(['labels'])).stdout).not.toContain('behind');
    const night = await ours(['update', 'bank-1', 'ziraat', '--token-env', 'CONDA_TOKEN', '--drop', 'pytho']);
    expect(night.exitCode).not.toBe(0);
    const ran = await ours(['labels']);
    expect(ran.stdout).toMatch(/^bank-1 +1 +\S+ +last update failed$/m);
    expect(ran.stdout).toMatch(/^ziraat +2 +\S+ +behind: ankara \(generation 1\)$/m);
    const { labels } = JSON.parse((await ours(['labels', '--json'])).stdout.trimEnd().split('\n').at(-1)!) as {
      labels: { label: string; failed: boolean; behind: unknown }[];
    };
    expect(labels.map(({ failed, behind }) => [failed, behind])).toEqual([
      [true, []],
      [false, []],
      [false, [{ site: 'ankara', generation: 1 }]],
    ]);
  });

  it('refuses where there is no ROOT, and a file that is wrong', async () => {
    expectRefusal(await ours(['labels'], work.home), { code: 'E_USAGE', says: ['ROOT is missing'] });
    work.declare('labels:\n  a: {}\n  A: {}\n');
    expectRefusal(await ours(['labels']), { code: 'E_CONFIG', says: ['differ only by case'] });
  });
});
