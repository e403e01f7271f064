import { appendFileSync, cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../scripts/lib/layers.js';
import { changesBetween } from '../../scripts/lib/snapshot.js';
import { gate, type GatedUpstream } from '../helpers/gate.js';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { expectClean, expectNothingLeft } from '../helpers/refusals.js';
import { startSampleUpstream } from '../helpers/upstream.js';

const PACKAGES = ['@bokuweb/zstd-wasm', 'bzip2-wasm', '@conda-org/rattler'];
const INDEX = /repodata/;
const ARTIFACT = /\.(?:conda|tar\.bz2)$/;

describe('a program that is replaced while a run of it waits for the upstream', () => {
  let work: Workplace;
  let upstream: GatedUpstream;
  /** As `npm install -g` puts it there. */
  let installed: string;
  beforeAll(async () => {
    upstream = await gate(await startSampleUpstream());
    work = await openWorkplace({ upstream });
    installed = join(work.dir, 'repackenv');
    install();
    const ran = await update([]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    upstream.setGeneration(2);
  });
  afterAll(async () => {
    await work.close();
    await upstream.close();
  });

  function install(): void {
    rmSync(installed, { recursive: true, force: true });
    mkdirSync(join(installed, 'dist'), { recursive: true });
    for (const part of ['bin', join('dist', 'src'), 'package.json']) {
      cpSync(join(PROJECT_ROOT, part), join(installed, part), { recursive: true });
    }
    for (const name of PACKAGES) {
      const folder = join('node_modules', name);
      cpSync(join(PROJECT_ROOT, folder), join(installed, folder), { recursive: true });
    }
  }

  const options = (args: readonly string[]) => ({
    bin: join(installed, 'bin'),
    args: ['--index', 'bz2', '--site-files', 'on', ...args],
  });
  const update = (args: readonly string[]) => work.update(options(args));

  const removed = () => renameSync(join(installed, 'dist'), join(installed, 'away'));
  const uninstalled = () => rmSync(installed, { recursive: true });
  const packages = () => rmSync(join(installed, 'node_modules'), { recursive: true });
  const another = () => appendFileSync(join(installed, 'dist', 'src', 'main.cjs'), '\n');

  // At another build, the files of this one that it has too are the same: their names are their digests.
  it.each([
    ['its files moved away, at the index', INDEX, removed, []],
    ['its files moved away, at an artifact', ARTIFACT, removed, []],
    ['its files moved away, with --debug', INDEX, removed, ['--debug']],
    ['uninstalled, at the index', INDEX, uninstalled, []],
    ['uninstalled, at an artifact', ARTIFACT, uninstalled, []],
    ['its packages gone', ARTIFACT, packages, []],
    ['another build in its place, at an artifact', ARTIFACT, another, []],
  ])('%s: says so, and the next run does it', async (_name, path, replace, args) => {
    install();
    rmSync(work.cache, { recursive: true, force: true });
    const before = work.published();
    const held = upstream.hold(path);
    const running = work.start(options(args));
    await Promise.race([held.came, running.ended]);
    replace();
    held.open();
    const ran = await running.ended;
    expect(ran.stderr).toMatch(/^error: A part of the program is gone: it was replaced .*\n {2}where: \S/m);
    expect(ran.stderr).toContain('what to do: Run the same command again');
    expect(ran.stderr).toContain('[E_DISK]');
    expect(ran.exitCode).toBe(5);
    if (args.length === 0) expectClean(ran);
    expect(changesBetween(before, work.published())).toEqual([]);
    expectNothingLeft(work);
  });

  it('is run again', async () => {
    install();
    const next = await update([]);
    expect(next.exitCode, next.stderr).toBe(0);
    expect((await work.verify()).exitCode).toBe(0);
  });
});
