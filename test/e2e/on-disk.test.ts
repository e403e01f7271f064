import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSampleUpstream, writeLayout } from '../../scripts/lib/sample-upstream.js';
import { changesBetween, snapshot } from '../../scripts/lib/snapshot.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { describeWithLayers } from '../helpers/layers.js';
import { mirrorPlaceOf } from '../helpers/mirrors.js';
import { startOldUpstream } from '../helpers/old-upstream.js';
import { openWorkplace, type UpdateOptions, type Workplace } from '../helpers/programs.js';
import { FOR_CONDA43, reportOf, withConda43 } from '../helpers/real-upstream.js';
import { expectRefusal } from '../helpers/refusals.js';
import { startUpstream } from '../helpers/upstream.js';

let work: Workplace;
let seen: number;

describe('what lies on this disk', () => {
  beforeEach(async () => {
    const dir = mkdtempSync(join(tmpdir(), 'repackenv-two-labels-'));
    const layout = await makeSampleUpstream(dir);
    const isbank = { path: 'prometeia/label/isbank', publicFolder: 'prometeia', tokenFolder: 'label/halkbank' };
    writeLayout(dir, { ...layout, channels: [...layout.channels, isbank] });
    work = await openWorkplace({ upstream: await startUpstream({ dir }) });
    await updated();
    expect(downloads()).toContain('pytho-1.9-py_0.conda');
    rmSync(work.cache, { recursive: true });
  });
  afterEach(async () => {
    await work.close();
    await work.upstream.close();
    rmSync(work.upstream.dir, { recursive: true });
  });

  it('in the label folder: an empty cache asks for nothing, and the store stays empty', async () => {
    const [before, inodes] = [work.published(), inodesIn(work.labelDir)];
    const { published, fetched } = await updated();
    expect(published).toMatchObject({ unchanged: true, bytesWritten: 0 });
    expect(fetched).toMatchObject({ download: { artifacts: 0, bytes: 0 }, store: { artifacts: artifacts().length } });
    expect(downloads()).toEqual([]);
    expect(changesBetween(before, work.published())).toEqual([]);
    expect(inodesIn(work.labelDir)).toEqual(inodes);
    expect(snapshot(join(work.cache, 'store'))).toEqual(new Map());
  });

  it('in another label’s folder: that one is as it was, and each has files of its own', async () => {
    const before = work.published();
    const { fetched } = await updated({ label: 'isbank', packages: ['pytho'] });
    expect(fetched).toMatchObject({ download: { artifacts: 0 } });
    expect(downloads()).toEqual([]);
    expect(changesBetween(before, work.published())).toEqual([]);
    const path = 'noarch/pytho-1.9-py_0.conda';
    const other = join(work.root, 'isbank');
    expect(readFileSync(join(other, path))).toEqual(readFileSync(join(work.labelDir, path)));
    expect(inodesIn(other)).not.toContain(statSync(join(work.labelDir, path)).ino);
    expect((await work.verify(other)).exitCode).toBe(0);
  });

  it('in a folder that others made, or in the pool', async () => {
    const files = artifacts();
    const [first, ...others] = files;
    keep(first!);
    for (const { path } of others) {
      mkdirSync(dirname(join(work.root, 'by-hand', path)), { recursive: true });
      cpSync(join(work.labelDir, path), join(work.root, 'by-hand', path));
    }
    forget('halkbank');
    const { fetched } = await updated();
    expect(fetched).toMatchObject({ download: { artifacts: 0 }, store: { artifacts: files.length } });
    expect(downloads()).toEqual([]);
  });

  it('damaged or altered: said, downloaded, and not mended', async () => {
    renameSync(work.labelDir, join(work.root, 'akbank'));
    rmSync(join(work.root, '.repackenv'), { recursive: true });
    const path = 'noarch/pytho-1.9-py_0.conda';
    const other = join(work.root, 'akbank', path);
    const bytes = readFileSync(other);
    bytes.fill(7, 40, 60);
    writeFileSync(other, bytes);
    const ran = await work.update();
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(downloads()).toEqual(['pytho-1.9-py_0.conda']);
    expect(ran.stdout + ran.stderr).toContain(`${other} was not used: it is damaged or was altered`);
    expect(readFileSync(other)).toEqual(bytes);
    expect((await work.verify()).exitCode).toBe(0);
  });

  it('of another owner’s token: who can’t see a package in his channels does not get it from here', async () => {
    expect(artifacts().map(({ path }) => path)).toContainEqual(expect.stringMatching(/ratekeys/));
    const packages = ['ratekeys'];
    const refused = await work.update({ label: 'isbank', token: 'none', packages });
    expectRefusal(refused, { code: 'E_PACKAGE_NOT_FOUND', says: ['ratekeys'] });
    expect(snapshot(join(work.root, 'isbank'))).toEqual(new Map());
  });

  it('in a label’s folder: a mirror does not download it either', async () => {
    const mirror = mirrorPlaceOf(work);
    mirror.downloads();
    mirror.write(`channels: [UPSTREAM/prometeia]\nplatforms: [linux-64]\nmirror_dir: ${work.root}/all`);
    const { fetched, artifacts: count } = await mirror.report();
    const had = ['pytho-1.9-py_0.conda'];
    const loaded = mirror.downloads();
    expect(loaded).not.toEqual(expect.arrayContaining(had));
    expect(fetched).toMatchObject({ artifacts: loaded.length, resumed: count - loaded.length });
    expect(fetched.resumed).toBeGreaterThan(0);
    expect((await work.verify(join(work.root, 'all'))).exitCode).toBe(0);
  });
});

describeWithLayers(['conda43'], 'an engine with an empty cache', () => {
  it('gets from us what lies on this disk, and the channels are asked for indexes only', async () => {
    const upstream = await startOldUpstream();
    work = await openWorkplace({ upstream });
    try {
      const args = [...withConda43(), ...FOR_CONDA43];
      await updated({ args });
      const first = downloads();
      expect(first.length).toBeGreaterThan(1);
      rmSync(work.cache, { recursive: true });
      expect((await updated({ args })).published).toMatchObject({ unchanged: true });
      expect(downloads()).toEqual([]);
      for (const folder of [work.cache, join(work.root, '.repackenv')]) rmSync(folder, { recursive: true });
      renameSync(work.labelDir, join(work.root, 'isbank'));
      expect((await updated({ args })).fetched).toMatchObject({ download: { artifacts: 0, bytes: 0 } });
      expect(downloads()).toEqual([]);
    } finally {
      await work.close();
      await upstream.close();
    }
  }, 120_000);
});

async function updated({ args = [], ...options }: UpdateOptions = {}) {
  seen = work.upstream.requests.length;
  const ran = await work.update({ ...options, args: [...args, '--json'] });
  expect(ran.exitCode, ran.stderr + ran.stdout).toBe(0);
  return reportOf(ran);
}

/** Names of the artifacts that the upstream gave since the last run began. */
function downloads(): string[] {
  const fresh = work.upstream.requests.slice(seen);
  seen = work.upstream.requests.length;
  return fresh
    .filter(({ method, path }) => method === 'GET' && /\.(conda|tar\.bz2)$/.test(path))
    .map(({ path }) => path.slice(path.lastIndexOf('/') + 1))
    .sort();
}

function inodesIn(dir: string): number[] {
  return [...snapshot(dir).keys()].map((path) => statSync(join(dir, path)).ino);
}

function artifacts(): { path: string; sha256: string }[] {
  const { files } = JSON.parse(readFileSync(join(work.labelDir, 'manifest.json'), 'utf8')) as Manifest;
  return files.filter(({ kind }) => kind === 'artifact');
}

function keep({ path, sha256 }: { path: string; sha256: string }): void {
  const kept = join(work.root, '.repackenv', '.kept', sha256.slice(0, 2), sha256);
  mkdirSync(dirname(kept), { recursive: true });
  cpSync(join(work.labelDir, path), kept);
}

function forget(label: string): void {
  rmSync(join(work.root, label), { recursive: true });
  rmSync(join(work.root, '.repackenv', label), { recursive: true });
}
