import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';

const LABELS = Array.from({ length: 5 }, (_, n) => `bank-${n + 1}`);

let work: DeclaredWorkplace;
beforeAll(async () => {
  work = await openDeclaredWorkplace(LABELS);
  const labels = LABELS.map((label) => `  ${label}: { packages: [pytho] }`);
  work.declare(`defaults:\n  all: { token_env: CONDA_TOKEN, subdirs: [linux-64] }\nlabels:\n${labels.join('\n')}\n`);
});
afterAll(() => work.close());

const update = (...args: string[]) => work.run('repackenv', ['update', '--root', work.root, ...args]);

it('--shard: two hosts at the same time, and each label is made by one of them', async () => {
  const parts = await Promise.all(['1/2', '2/2'].map((shard) => update('--all', '--shard', shard, '--json')));
  const reports = parts.map(({ exitCode, stdout, stderr }) => {
    expect(exitCode, stderr).toBe(0);
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as {
      shard: string;
      labels: { label: string; state: string }[];
    };
  });
  expect(reports.map(({ shard }) => shard)).toEqual(['1/2', '2/2']);
  const rows = reports.flatMap(({ labels }) => labels);
  expect(rows.map(({ label }) => label).sort()).toEqual(LABELS);
  expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['published']));
  for (const label of LABELS) expect(existsSync(join(work.root, label, 'manifest.json'))).toBe(true);
  // Both noted how their labels ended.
  expect(JSON.parse(readFileSync(join(work.root, '.repackenv/.last-update.json'), 'utf8'))).toMatchObject({
    failed: [],
  });
});

it('the report names the shard; one without a label is no error; a bad one is', async () => {
  const one = await update('bank-1', 'bank-2', '--shard', '1/1');
  expect(one.stdout).toMatch(/^2 labels of shard 1\/1: 2 unchanged;/m);
  const parts = await Promise.all([1, 2, 3].map((part) => update('bank-1', '--shard', `${part}/3`)));
  expect(parts.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
  const told = parts.map(({ stdout, stderr }) => /shard \d\/3: (\d) of 1 label\b/.exec(stdout + stderr)?.[1]);
  expect(told.sort()).toEqual(['0', '0', '1']);
  expect((await update('--all', '--shard', '4/3')).stderr).toContain('--shard takes K/N');
  expect((await update('--label', 'x', '--shard', '1/3', 'pytho')).stderr).toContain('--shard is for declared labels');
});
