import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import type { LiveFolder } from '../../../../src/channel/staged.js';
import { digestsOf } from '../../../../src/codec/digests.js';
import type { PaperMaker } from '../../../../src/delivery/proposal.js';
import { papersOf } from '../../../../src/delivery/stage/stage-papers.js';
import { tempDir } from '../../../helpers/artifacts.js';
import { testRuntime } from '../../../helpers/runtime.js';

const ALL = ['CHANGES.md', 'licenses.csv'];

/** A folder of generation 1 with these papers; `bad`: with other bytes on the disk; undefined: no folder. */
function liveWith(papers: readonly string[] | undefined, bad: readonly string[] = []): LiveFolder {
  const dir = tempDir();
  mkdirSync(join(dir, 'papers'));
  const files = new Map<string, LiveFolder['files'] extends ReadonlyMap<string, infer F> ? F : never>();
  const stated: Manifest['files'] = [];
  for (const name of papers ?? []) {
    const path = `papers/${name}`;
    stated.push({ path, kind: 'paper', ...digestsOf(Buffer.from(`old ${name}`)) });
    const bytes = Buffer.from(bad.includes(name) ? 'altered' : `old ${name}`);
    writeFileSync(join(dir, path), bytes);
    files.set(path, { ...digestsOf(bytes), mtimeMs: 0 });
  }
  const manifest = papers === undefined ? undefined : ({ generation: 1, files: stated } as unknown as Manifest);
  return { dir, state: 'ours', manifest, manifestSha256: undefined, files, strangers: [] };
}

function maker(names: readonly string[] | undefined): PaperMaker {
  const make: PaperMaker['make'] = async (_input, { all, wanted }) =>
    ALL.filter(wanted).map((name) => ({ name, bytes: Buffer.from(`new ${name} of ${(all ?? ALL).length}`) }));
  return { names, make };
}

const rows: [string, PaperMaker | undefined, () => LiveFolder, number, string[]][] = [
  [
    'the first generation',
    maker(undefined),
    () => liveWith(undefined),
    1,
    ['new CHANGES.md of 2', 'new licenses.csv of 2'],
  ],
  ['a new generation', maker(undefined), () => liveWith(ALL), 2, ['new CHANGES.md of 2', 'new licenses.csv of 2']],
  ['a new one, of which one is asked for', maker(['CHANGES.md']), () => liveWith(ALL), 2, ['new CHANGES.md of 1']],
  ['a new one, of which none is', maker([]), () => liveWith(ALL), 2, []],
  ['a new one that nobody makes papers of', undefined, () => liveWith(ALL), 2, []],
  ['the same generation', maker(undefined), () => liveWith(ALL), 1, ['old CHANGES.md', 'old licenses.csv']],
  ['the same, repaired', undefined, () => liveWith(ALL), 1, ['old CHANGES.md', 'old licenses.csv']],
  ['the same, published before there were papers', maker(undefined), () => liveWith([]), 1, []],
  ['the same, with one asked for', maker(['CHANGES.md']), () => liveWith([]), 1, ['new CHANGES.md of 1']],
  [
    'the same, with one more',
    maker(ALL),
    () => liveWith(['licenses.csv']),
    1,
    ['old licenses.csv', 'new CHANGES.md of 2'],
  ],
  ['the same, with one less', maker(['licenses.csv']), () => liveWith(ALL), 1, ['old licenses.csv']],
  ['the same, with none', maker([]), () => liveWith(ALL), 1, []],
  [
    'the same, one damaged',
    maker(undefined),
    () => liveWith(ALL, ['CHANGES.md']),
    1,
    ['old licenses.csv', 'new CHANGES.md of 2'],
  ],
  ['the same, one damaged that nobody makes', undefined, () => liveWith(ALL, ['CHANGES.md']), 1, ['old licenses.csv']],
];

describe('papersOf', () => {
  it.each(rows)('%s', async (_, papers, live, generation, expected) => {
    const manifest = { generation } as Manifest;
    const made = await papersOf(testRuntime(), papers, { manifest, artifacts: [], live: live() });
    expect(made.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(expected);
    expect(made.map(({ name }) => name).sort()).toEqual([...new Set(made.map(({ name }) => name))].sort());
  });
});
