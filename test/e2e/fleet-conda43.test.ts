// @module-tag long
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { startOldUpstream } from '../helpers/old-upstream.js';
import { openWorkplace, type Ran, type Workplace } from '../helpers/programs.js';
import type { TestUpstream } from '../helpers/upstream.js';

const LABELS = ['bank-1', 'bank-2', 'halkbank'];

describeWithLayers(['conda43'], 'several labels in one run with conda 4.3.16 as the engine', () => {
  let upstream: TestUpstream;
  let work: Workplace;
  beforeAll(async () => {
    upstream = await startOldUpstream({ alsoLabels: LABELS.filter((label) => label !== 'halkbank') });
    work = await openWorkplace({ upstream });
    mkdirSync(work.root);
    const lines = [
      'owner: prometeia',
      `base_url: ${upstream.url}`,
      'channels: [pkgs/main]',
      'engine: conda',
      `engine_path: ${layerPath('conda43')}`,
      `cache_dir: ${work.cache}`,
      'defaults:\n  all: {token_env: CONDA_TOKEN, subdirs: [linux-64], client: conda 4.3, packages: [ratingpro]}',
      `labels:\n${LABELS.map((label) => `  ${label}: {}\n`).join('')}`,
    ];
    writeFileSync(join(work.root, 'repackenv.yml'), lines.join('\n'));
  });
  afterAll(async () => {
    await work.close();
    await upstream.close();
  });

  const all = (): Promise<Ran> =>
    work.run('repackenv', ['update', '--all', '--jobs', '3', '--root', work.root, '--json']);
  const rows = ({ stdout }: Ran): { label: string; state: string }[] =>
    (JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as { labels: { label: string; state: string }[] }).labels;

  it('publishes each, then finds nothing new by solving again: what an engine of the user does is not foreseen', async () => {
    const first = await all();
    expect(first.exitCode, first.stderr + first.stdout).toBe(0);
    expect(rows(first).map(({ label, state }) => [label, state])).toEqual(LABELS.map((label) => [label, 'published']));
    for (const label of LABELS) {
      const verified = await work.verify(join(work.root, label));
      expect(verified.exitCode, verified.stdout).toBe(0);
    }
    const again = await all();
    expect(again.exitCode, again.stderr).toBe(0);
    expect(rows(again).map(({ state }) => state)).toEqual(LABELS.map(() => 'unchanged'));
    expect(again.stdout).not.toContain('"asOf"');
    expect(again.stdout).toContain('4.3.16');
  }, 600_000);
});
