import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';

const LABELS = ['bank-1', 'bank-2', 'bank-3', 'bank-4'];

let work: DeclaredWorkplace;
beforeAll(async () => {
  work = await openDeclaredWorkplace(LABELS);
  const labels = LABELS.map((label) => `  ${label}: { packages: [ratingpro, pytho] }\n`).join('');
  work.declare(`subdirs: [linux-64]\ndefaults:\n  all: { token_env: CONDA_TOKEN }\nlabels:\n${labels}`);
});
afterAll(() => work.close());

const update = (killAt?: string) =>
  work.run('repackenv', ['update', '--all', '--jobs', '3', '--root', work.root], {
    env: killAt === undefined ? {} : { REPACKENV_TEST_KILL_AT: killAt },
  });
const generationOf = (label: string): number | undefined => {
  const file = join(work.root, label, 'manifest.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { generation: number }).generation : undefined;
};

describe('I3 a run over several labels that is killed while it works on three at once', () => {
  it.each([
    'update:solved',
    'update:acquired',
    'update:proven',
    'publish:artifact-in',
    'update:published',
    'fleet:ended',
  ])(
    'at %s: the next plain run ends well, each label complete, nothing of the killed one left',
    async (step) => {
      const before = LABELS.map(generationOf);
      work.upstream.setGeneration(before[0] === undefined || before[0] % 2 === 0 ? 1 : 2);
      const killed = await update(step);
      expect(killed.signal).toBe('SIGKILL');
      for (const [at, label] of LABELS.entries()) {
        const now = generationOf(label);
        expect([before[at], (before[at] ?? 0) + 1]).toContain(now);
      }
      const { exitCode, stderr } = await update();
      expect(exitCode, stderr).toBe(0);
      expect(LABELS.map(generationOf)).toEqual(before.map((generation = 0) => generation + 1));
      for (const label of LABELS) expect((await work.verify(join(work.root, label))).exitCode).toBe(0);
      expect(readdirSync(join(work.cache, 'runs'))).toEqual([]);
    },
    60_000,
  );
});
