import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { graphOf } from '../../src/answers/graph.js';
import { compareVersions } from '../../src/conda/spec/version.js';
import type { PackageRecord } from '../../src/conda/record/records.js';
import { sampleAsked } from '../helpers/asked.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';

const CLIENT = fileURLToPath(new URL('../helpers/rattler-matches.py', import.meta.url));

/** A `subdir` in a record is the folder that it lies in. */
function recordsOf(name: string): PackageRecord[] {
  const text = readFileSync(join(layerPath('real-indexes'), name), 'utf8');
  const repodata = JSON.parse(text) as Partial<Record<'packages' | 'packages.conda', Record<string, PackageRecord>>>;
  return [...Object.values(repodata.packages ?? {}), ...Object.values(repodata['packages.conda'] ?? {})];
}

describeWithLayers(['py-rattler', 'real-indexes'], 'edges of a real index and py-rattler', () => {
  it.each(['r-linux-64.json', 'pytorch-linux-64.json'])(
    'of %s: each leads to the newest package that rattler takes, and none is missing',
    (name) => {
      const records = recordsOf(name);
      const { nodes } = graphOf(sampleAsked({ packages: records }), 'linux-64');
      const byName = new Map<string, PackageRecord[]>();
      for (const each of records) byName.set(each.name, [...(byName.get(each.name) ?? []), each]);
      const texts = new Map<string, { version: string; build: string } | undefined>();
      for (const { record, needs } of nodes)
        for (const text of record?.depends ?? [])
          if (!text.startsWith('__')) texts.set(text, needs.find(({ constraint }) => constraint === text)?.to);
      const asked = [...texts].map(([constraint, to]) => {
        const named = /^[^\s[=<>]+/.exec(constraint)![0].replace(/^.*:/, '');
        return { constraint, to, candidates: byName.get(named) ?? [] };
      });
      const input = JSON.stringify(
        asked.map(({ constraint, candidates }) => ({
          constraint,
          candidates: candidates.map((each) => [each.name, each.version, each.build, each.build_number]),
        })),
      );
      const ran = spawnSync(layerPath('py-rattler'), [CLIENT], { input, encoding: 'utf8', maxBuffer: 1e9 });
      expect(ran.status, ran.stderr.slice(-500)).toBe(0);
      const taken = JSON.parse(ran.stdout) as number[][];
      const wrong = asked.filter(({ to, candidates }, at) => {
        const fits = taken[at]!.map((number) => candidates[number]!);
        if (to === undefined) return fits.length > 0;
        const isTaken = fits.some(({ version, build }) => version === to.version && build === to.build);
        return !isTaken || fits.some(({ version }) => compareVersions(version, to.version) > 0);
      });
      expect(wrong.map(({ constraint, to }) => [constraint, to?.version, to?.build])).toEqual([]);
      expect(asked.filter(({ to }) => to !== undefined).length).toBeGreaterThan(10);
    },
    120_000,
  );
});
