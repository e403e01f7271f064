import { cpSync, existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../../scripts/lib/layers.js';
import { snapshot } from '../../../scripts/lib/snapshot.js';
import type { ImportReport } from '../../../src/jobs/import/apply-sets.js';
import { importMedia, type ImportRequest } from '../../../src/jobs/import/import.js';
import { merge } from '../../../src/jobs/merge/merge.js';
import { execaExec } from '../../../src/runtime/exec.js';
import { tempDir } from '../../helpers/artifacts.js';
import { importRequest, siteRuntime } from '../../helpers/import-site.js';
import { describeWithLayers } from '../../helpers/layers.js';
import { breaches } from '../../helpers/tiny-channel.js';

/** Made by an earlier version with scripts/make-media-fixtures.ts, and never made anew. */
const FIXTURES = join(PROJECT_ROOT, 'test', 'fixtures', 'media');
const expected = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as Record<
  string,
  Record<string, string>
>;
const keys = join(FIXTURES, 'allowed_signers');

let root: string;
beforeEach(() => {
  root = join(tempDir(), 'site');
});

async function expectFolder(label: string, generation: string): Promise<void> {
  const there = Object.fromEntries([...snapshot(join(root, label))].map(([path, { sha256 }]) => [path, sha256]));
  expect(there).toEqual(expected[generation]);
  expect(await breaches(join(root, label))).toEqual([]);
}

function importHere(medium: string | string[], more: Partial<ImportRequest> = {}): Promise<ImportReport> {
  const rt = siteRuntime({ exec: execaExec(), machine: { tmpdir: tmpdir() } });
  return importMedia(rt, importRequest(medium, root, more));
}

const fixture = (name: string): string => join(FIXTURES, name);

describe('media of earlier versions are imported', () => {
  it.each(['full', 'parts', 'packed'])('generation 1: %s', async (medium) => {
    expect(await importHere(fixture(medium))).toMatchObject({ generation: 1, before: null, findings: [] });
    await expectFolder('halkbank', 'halkbank-g1');
  });

  it.each(['delta', 'delta-packed'])('generation 2 on 1: %s', async (medium) => {
    await importHere(fixture('parts'));
    expect(await importHere(fixture(medium))).toMatchObject({ generation: 2, before: 1, findings: [] });
    await expectFolder('halkbank', 'halkbank-g2');
  });

  it('a full set and the delta in one run; then the full set of generation 2 brings nothing', async () => {
    await importHere([fixture('packed'), fixture('delta')]);
    await expectFolder('halkbank', 'halkbank-g2');
    expect(await importHere(fixture('signed'))).toMatchObject({ unchanged: true });
  });

  it.each(['linux-64', 'win-64'])('for %s only', async (subdir) => {
    const { sets } = await importHere(fixture(`platforms/halkbank-g1-${subdir}.set.json`));
    expect(sets).toMatchObject([{ name: `halkbank-g1-${subdir}`, kind: 'full' }]);
    expect(await breaches(join(root, 'halkbank'))).toEqual([]);
    expect(['linux-64', 'win-64'].filter((each) => existsSync(join(root, 'halkbank', each)))).toEqual([subdir]);
  });
});

describeWithLayers(['ssh-keygen'], 'signatures of earlier versions are good', () => {
  it.each(['signed', 'delta-packed', 'platforms/halkbank-g1-win-64.set.json'])('%s', async (medium) => {
    if (medium === 'delta-packed') await importHere(fixture('full'));
    const { sets } = await importHere(fixture(medium), { allowedSigners: keys, requireSignature: true });
    expect(sets).toMatchObject([{ signature: 'verified by vendor@example.com' }]);
  });
});

it('the deltas that a mirror of an earlier version left are merged', async () => {
  const request = { dryRun: false, adopt: false, replace: [], siteFiles: false, waitLockMs: 0, takeOverLock: false };
  for (const [delta, generation] of [
    ['main-g1', 'main-g1'],
    ['main-g1-to-g2', 'main-g2'],
  ] as const) {
    const from = join(tempDir(), delta);
    cpSync(join(FIXTURES, 'deltas', delta), from, { recursive: true });
    const report = await merge(siteRuntime(), { ...request, from, channel: join(root, 'main') });
    expect(report).toMatchObject({ job: 'merge', unchanged: false, sets: [{ name: delta }] });
    await expectFolder('main', generation);
  }
});
