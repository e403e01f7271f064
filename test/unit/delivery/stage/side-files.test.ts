import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePackage } from '../../../../scripts/lib/sample-upstream.js';
import { stageChannel, type StageOptions } from '../../../../src/delivery/stage/stage-channel.js';
import { digestsOf } from '../../../../src/codec/digests.js';
import type { SideFile } from '../../../../src/channel/staged.js';
import { inspectLabelFolder } from '../../../../src/delivery/place/inspect.js';
import { lockLabel } from '../../../../src/delivery/lock/lock.js';
import { publish } from '../../../../src/delivery/publish.js';
import { openRoot } from '../../../../src/delivery/place/root.js';
import { createStaging } from '../../../../src/delivery/stage/staging.js';
import { verifyFolder } from '../../../helpers/verify-call.js';
import { acquired, bytesBelow, planOf, tempDir } from '../../../helpers/artifacts.js';
import { testRuntime } from '../../../helpers/runtime.js';

const SIGS = 'linux-64/ratingpro-2.4.0-0.conda.v0.sigs';
const INSTALLER = 'installers/Miniforge3.sh';

describe('side files and the signature', () => {
  it('travel with the channel, are in the manifest, and pass verify', async () => {
    const root = tempDir();
    const { labelDir, receipt } = await deliver(root, { side: [side(SIGS, '[]'), side(INSTALLER, '#!/bin/sh\n')] });
    expect(receipt.written).toEqual(expect.arrayContaining([SIGS, INSTALLER]));
    expect(Object.keys(bytesBelow(labelDir))).toEqual(expect.arrayContaining([SIGS, INSTALLER]));
    const report = await verifyFolder(testRuntime(), { dir: labelDir });
    expect(report.findings).toEqual([]);
    expect(report.subdirs).toEqual(['linux-64', 'noarch']);
  });

  it('stay untouched while they are wanted, leave with their generation when they are not', async () => {
    const root = tempDir();
    const files = [side(SIGS, '[]'), side(INSTALLER, '#!/bin/sh\n')];
    await deliver(root, { side: files });
    expect((await deliver(root, { side: files })).receipt).toMatchObject({ unchanged: true, generation: 1 });
    const { labelDir, receipt } = await deliver(root, {});
    expect(receipt).toMatchObject({ generation: 2, removed: [INSTALLER, SIGS] });
    expect((await verifyFolder(testRuntime(), { dir: labelDir })).findings).toEqual([]);
  });

  it('tells a side file that was changed, and one that is missing', async () => {
    const root = tempDir();
    const { labelDir } = await deliver(root, { side: [side(SIGS, '[]'), side(INSTALLER, '#!/bin/sh\n')] });
    writeFileSync(join(labelDir, INSTALLER), 'evil');
    const { findings } = await verifyFolder(testRuntime(), { dir: labelDir });
    expect(findings.filter(({ subject }) => subject === INSTALLER).length).toBeGreaterThan(0);
  });

  it('signs the bytes of the manifest, and asks for no second signature over the same bytes', async () => {
    const root = tempDir();
    const asked: string[] = [];
    const sign = async (manifest: Uint8Array) => {
      asked.push(digestsOf(manifest).sha256);
      return Buffer.from(`signature ${asked.length}`);
    };
    const first = await deliver(root, { sign });
    expect(asked).toEqual([bytesBelow(first.labelDir)['manifest.json']]);
    expect((await deliver(root, { sign })).receipt.unchanged).toBe(true);
    expect(asked).toHaveLength(1);
    expect((await verifyFolder(testRuntime(), { dir: first.labelDir })).findings).toEqual([]);
  });

  it('keeps a signature as long as its manifest, and not longer', async () => {
    const root = tempDir();
    await deliver(root, { sign: async () => Buffer.from('signature') });
    expect((await deliver(root, {})).receipt.unchanged).toBe(true);
    const { labelDir, receipt } = await deliver(root, { side: [side(INSTALLER, 'x')] });
    expect(receipt.removed).toEqual(['manifest.json.sig']);
    expect((await verifyFolder(testRuntime(), { dir: labelDir })).findings).toEqual([]);
  });
});

function side(path: string, text: string): SideFile {
  const storePath = join(tempDir(), 'bytes');
  writeFileSync(storePath, text);
  return { path, storePath, ...digestsOf(Buffer.from(text)) };
}

async function deliver(root: string, options: Pick<StageOptions, 'side' | 'sign'>) {
  const rt = testRuntime();
  const place = await openRoot(rt, root, 'halkbank');
  const lock = await lockLabel(rt, {
    stateDir: place.stateDir,
    label: 'halkbank',
    waitMs: 0,
    takeOver: false,
    command: 'test',
  });
  try {
    const live = await inspectLabelFolder(rt, { place });
    const staging = await createStaging(rt, { stateDir: place.stateDir, command: 'test' });
    const artifacts = [
      acquired(tempDir(), await makePackage({ name: 'ratingpro', version: '2.4.0', subdir: 'linux-64' })),
    ];
    const staged = await stageChannel(rt, {
      plan: planOf(artifacts),
      acquired: artifacts,
      live,
      dir: staging.channelDir,
      indexBz2: false,
      replace: [],
      ...options,
    });
    const how = { keep: 3, engine: 'test', tool: 'test', startedAt: new Date(0).toISOString() };
    const receipt = await publish(rt, { place, lock, staging, staged, live, ...how });
    return { labelDir: place.labelDir, receipt };
  } finally {
    await lock.release();
  }
}
