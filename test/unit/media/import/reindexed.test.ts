import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { merge } from '../../../../src/jobs/merge/merge.js';
import type { Manifest } from '../../../../src/channel/manifest/manifest.js';
import { bytesBelow, tempDir } from '../../../helpers/artifacts.js';
import { exportTo } from '../../../helpers/carry.js';
import { importAt, siteRuntime } from '../../../helpers/import-site.js';
import { publishSamples, samplePackage } from '../../../helpers/label-folders.js';
import { makeDeltaFolder } from '../../../helpers/media.js';
import { testRuntime } from '../../../helpers/runtime.js';

/** One generation, first without and then with the index for old clients: the generation does not move for that. */
let before: string;
let after: string;
let root: string;

beforeEach(async () => {
  const dir = tempDir();
  const rt = testRuntime();
  const packages = [await samplePackage('a', '1.0', { subdir: 'linux-64' }), await samplePackage('n', '1.0')];
  after = await publishSamples(rt, { root: join(dir, 'vendor'), packages });
  before = join(dir, 'g1', 'acme');
  cpSync(after, before, { recursive: true, preserveTimestamps: true });
  rt.clock.advance(86_400_000);
  await publishSamples(rt, { root: join(dir, 'vendor'), packages, bz2: true });
  expect((JSON.parse(readFileSync(join(after, 'manifest.json'), 'utf8')) as Manifest).generation).toBe(1);
  root = join(dir, 'site');
  await exportTo(join(dir, 'usb'), before);
  await importAt(root, join(dir, 'usb'));
});

it('G8 a delta that brings only other index files of the same generation is taken, and twice does nothing', async () => {
  const out = join(tempDir(), 'usb');
  await exportTo(out, after, { since: join(before, 'manifest.json') });
  const report = await importAt(root, out);
  expect(report).toMatchObject({ before: 1, generation: 1, unchanged: false, sets: [{ name: 'acme-g1-to-g1' }] });
  expect(bytesBelow(join(root, 'acme'))).toEqual(bytesBelow(after));
  expect(await importAt(root, out)).toMatchObject({ unchanged: true, bytesWritten: 0 });
});

it('G8 so is a delta folder that a mirror left', async () => {
  const since = readFileSync(join(before, 'manifest.json'));
  const from = makeDeltaFolder({ channel: after, out: tempDir(), since, name: 'acme-g1-to-g1' });
  const request = { from, channel: join(root, 'acme'), dryRun: false, adopt: false, replace: [] };
  const options = { ...request, siteFiles: false, waitLockMs: 0, takeOverLock: false };
  expect(await merge(siteRuntime(), options)).toMatchObject({ unchanged: false });
  expect(bytesBelow(join(root, 'acme'))).toEqual(bytesBelow(after));
  expect(await merge(siteRuntime(), options)).toMatchObject({ unchanged: true });
});

it('G8 a full set with the index files of before is refused all the same', async () => {
  const [forth, full] = [join(tempDir(), 'usb'), join(tempDir(), 'usb')];
  await exportTo(forth, after, { since: join(before, 'manifest.json') });
  await exportTo(full, before);
  await importAt(root, forth);
  await expect(importAt(root, full)).rejects.toMatchObject({ code: 'E_ROLLBACK' });
});
