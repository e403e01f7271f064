import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dayOfGeneration, makeHistory } from '../../scripts/lib/made-history.js';
import type { FindReport } from '../../src/answers/schema.js';
import { runOurs } from '../helpers/programs.js';

const SIZE = { labels: 50, generations: 10, packages: 300 };
const LABELS = Array.from({ length: SIZE.labels }, (_, at) => `bank-${String(at + 1).padStart(2, '0')}`);

/** The answers of `find` over 500 manifests; its time is measured by `npm run bench -- find`. */
describe('find over 50 labels x 10 generations x 300 packages', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'repackenv-find-'));
    makeHistory(join(dir, 'root'), SIZE);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const find = async (spec: string): Promise<FindReport> => {
    const ran = await runOurs('repackenv', ['find', spec, join(dir, 'root'), '--json'], { home: dir, cwd: dir });
    expect(ran.exitCode, ran.stderr).toBe(0);
    const report = JSON.parse(ran.stdout.trimEnd().split('\n').at(-1)!) as FindReport;
    expect(report.looked_at).toEqual({ labels: SIZE.labels, generations: SIZE.labels * SIZE.generations });
    expect(report.unread).toEqual([]);
    return report;
  };

  it('who had a version, in which generations, from when to when', async () => {
    const { matches } = await find('openssl<3.0.15');
    expect(matches).toHaveLength(4 * SIZE.labels);
    expect([...new Set(matches.map(({ label }) => label))].sort()).toEqual(LABELS);
    for (const { version, generations, live, since, until } of matches) {
      const [generation] = generations as [number];
      expect([version, generations, live]).toEqual([`3.0.${10 + generation}`, [generation], false]);
      expect([since, until]).toEqual([dayOfGeneration(generation), dayOfGeneration(generation + 1)]);
    }
  });

  it('who has it now, by version and by digest', async () => {
    const { matches } = await find('openssl=3.0.20');
    expect(matches.map(({ label, generations, live, until }) => [label, generations, live, until])).toEqual(
      LABELS.map((label) => [label, [10], true, null]),
    );
    expect((await find(matches[0]!.sha256!)).matches).toEqual(matches);
  });

  it('what one label had for a while, and what all have in several versions', async () => {
    expect((await find('only')).matches).toMatchObject([
      { label: 'bank-07', generations: [3, 4, 5], live: false, since: dayOfGeneration(3), until: dayOfGeneration(6) },
    ]);
    const { matches } = await find('package-0003');
    const own = matches.filter(({ label }) => label === 'bank-01');
    expect(own.map(({ version, generations }) => [version, generations])).toEqual([
      ['1.3', [3]],
      ['1.0', [1, 2, 4, 5, 6, 7, 8, 9, 10]],
    ]);
    expect(matches).toHaveLength(2 * SIZE.labels);
  });
});
