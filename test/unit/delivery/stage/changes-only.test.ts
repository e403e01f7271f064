import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePackage } from '../../../../scripts/lib/sample-upstream.js';
import { stageChannel } from '../../../../src/delivery/stage/stage-channel.js';
import type { AcquiredArtifact } from '../../../../src/conda/plan/plan.js';
import { inspectLabelFolder } from '../../../../src/delivery/place/inspect.js';
import { lockLabel } from '../../../../src/delivery/lock/lock.js';
import { publish } from '../../../../src/delivery/publish.js';
import { openRoot } from '../../../../src/delivery/place/root.js';
import { createStaging } from '../../../../src/delivery/stage/staging.js';
import { proveConsistent } from '../../../../src/delivery/proof/prove-consistent.js';
import { acquired, bytesBelow, planOf, tempDir } from '../../../helpers/artifacts.js';
import { failWhere, faultFs } from '../../../helpers/fault-fs.js';
import { testRuntime, type TestRuntime } from '../../../helpers/runtime.js';

/** Staging for mirrors: only what changes, by links. */
describe('changesOnly', () => {
  it('takes new artifacts over by hard links, writes nothing twice, and ends as the complete way does', async () => {
    const artifacts = await some('a', 'b');
    const root = tempDir();
    const { labelDir, staged } = await deliver(root, artifacts);
    expect(staged.files.filter(({ linked }) => linked).map(({ kind }) => kind)).toEqual(['artifact', 'artifact']);
    for (const { storePath, subdir, fn } of artifacts)
      expect(statSync(join(labelDir, subdir, fn)).ino).toBe(statSync(storePath).ino);
    expect(bytesBelow(labelDir)).toEqual(
      bytesBelow((await deliver(tempDir(), artifacts, { complete: true })).labelDir),
    );
  });

  it('stages nothing of what stays, and packs no index again that comes out the same', async () => {
    const root = tempDir();
    await deliver(root, await some('a', 'b'));
    const again = await deliver(root, await some('a', 'b'));
    expect(again.stagedPaths).toEqual([]);
    expect(again.receipt).toMatchObject({ unchanged: true, bytesWritten: 0 });
    const more = await deliver(root, await some('a', 'b', 'c'));
    expect(more.stagedPaths).toEqual([
      'SHA256SUMS',
      'linux-64/c-1-0.conda',
      'linux-64/repodata.json',
      'linux-64/repodata.json.zst',
      'manifest.json',
    ]);
  });

  it('E7 copies where the file system has no hard links', async () => {
    const rt = testRuntime({ fs: faultFs(failWhere(({ name }) => name === 'link', 'EPERM')).fs });
    const artifacts = await some('a');
    const { labelDir, staged } = await deliver(tempDir(), artifacts, { rt });
    expect(staged.files.some(({ linked }) => linked)).toBe(false);
    const [one] = artifacts;
    expect(statSync(join(labelDir, one!.subdir, one!.fn)).ino).not.toBe(statSync(one!.storePath).ino);
  });

  it('an index whose packed form somebody spoilt is packed again', async () => {
    const root = tempDir();
    const { labelDir } = await deliver(root, await some('a'));
    const before = bytesBelow(labelDir);
    writeFileSync(join(labelDir, 'linux-64/repodata.json.zst'), 'spoilt');
    const again = await deliver(root, await some('a'));
    expect(again.stagedPaths).toEqual(['linux-64/repodata.json.zst']);
    expect(bytesBelow(labelDir)).toEqual(before);
  });

  it('C8 the proof finds a store file that was altered after it was hashed', async () => {
    const artifacts = await some('a');
    const failed = deliver(tempDir(), artifacts, {
      spoil: () => writeFileSync(artifacts[0]!.storePath, Buffer.alloc(artifacts[0]!.size, 7), { mode: 0o644 }),
    });
    await expect(failed).rejects.toMatchObject({ code: 'E_PROOF' });
  });
});

async function some(...names: string[]): Promise<AcquiredArtifact[]> {
  const store = tempDir();
  return Promise.all(
    names.map(async (name) =>
      acquired(store, await makePackage({ name, version: '1', build: '0', subdir: 'linux-64' })),
    ),
  );
}

interface How {
  rt?: TestRuntime;
  complete?: boolean;
  /** After staging. */
  spoil?: () => void;
}

async function deliver(
  root: string,
  artifacts: AcquiredArtifact[],
  { rt = testRuntime(), complete = false, spoil }: How = {},
) {
  const place = await openRoot(rt, root, 'halkbank');
  const { stateDir, labelDir } = place;
  const lock = await lockLabel(rt, { stateDir, label: 'halkbank', waitMs: 0, command: 'test' });
  try {
    const live = await inspectLabelFolder(rt, { place });
    const staging = await createStaging(rt, { stateDir, command: 'test' });
    const staged = await stageChannel(rt, {
      plan: planOf(artifacts),
      acquired: artifacts,
      live,
      dir: staging.channelDir,
      indexBz2: false,
      replace: [],
      changesOnly: !complete,
    });
    const stagedPaths = readdirSync(staging.channelDir, { recursive: true, encoding: 'utf8' })
      .filter((path) => statSync(join(staging.channelDir, path)).isFile())
      .sort();
    spoil?.();
    if (!complete) await proveConsistent(rt, { staged, live });
    const how = { keep: 3, engine: 'test', tool: 'test', startedAt: new Date(0).toISOString() };
    const receipt = await publish(rt, { place, lock, staging, staged, live, ...how });
    return { labelDir, receipt, staged, stagedPaths };
  } finally {
    await lock.release();
  }
}
