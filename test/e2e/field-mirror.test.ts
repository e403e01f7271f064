import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeChannel, type SamplePackage } from '../../scripts/lib/sample-upstream.js';
import { samplePackage } from '../helpers/label-folders.js';
import { openMirrorPlace, type MirrorPlace } from '../helpers/mirrors.js';
import { expectRefusal } from '../helpers/refusals.js';

let place: MirrorPlace;
beforeEach(async () => {
  place = await openMirrorPlace();
});
afterEach(() => place.close());

/** A channel of these packages, in a folder: its URL. */
async function channelOf(packages: readonly SamplePackage[], name = 'channel'): Promise<string> {
  const dir = join(place.dir, name);
  await makeChannel(dir, packages, { subdirs: ['linux-64'] });
  return pathToFileURL(dir).href;
}

async function write(lines: readonly string[], packages: readonly SamplePackage[]): Promise<void> {
  place.write([`channels: ["${await channelOf(packages)}"]`, 'platforms: [linux-64]', ...lines].join('\n'));
}

const linux = { subdir: 'linux-64' };

describe('mirror_dir, with --account and without', () => {
  it('M2: refuses a mirror_dir that holds mirrors, and names --account', async () => {
    await write([], [await samplePackage('app', '1.0', linux)]);
    await place.report(['--account', 'main']);
    for (const args of [[], ['--adopt'], ['--adopt', '--dry-run'], ['--explain', 'app']]) {
      const ran = await place.mirror(args);
      expectRefusal(ran, { code: 'E_ROOT' });
      expect(ran.stderr).toMatch(/it is one of label folders or mirrors: main\n(.*\n)*.*--account NAME/);
    }
    expect(existsSync(join(place.mirrorDir, 'noarch'))).toBe(false);
    await place.report(['--account', 'r-channel']);
  });

  it('M3: says how the mirror without account comes beside one with it, and fetches nothing again', async () => {
    await write([], [await samplePackage('app', '1.0', linux)]);
    await place.report();
    const ran = await place.mirror(['--account', 'r-channel']);
    expectRefusal(ran, { code: 'E_ROOT' });
    expect(ran.stderr).toContain('run it with --account main');
    const moves = [...ran.stderr.matchAll(/^ +(\/.*) -> (.*)$/gm)].map(([, from, to]) => [from!, to!] as const);
    expect(moves).toHaveLength(2);
    const aside = moves.map(
      ([from], index) => (renameSync(from, join(place.dir, `${index}`)), join(place.dir, `${index}`)),
    );
    for (const [index, [, to]] of moves.entries()) {
      mkdirSync(join(to, '..'), { recursive: true });
      renameSync(aside[index]!, to);
    }
    const main = await place.report(['--account', 'main']);
    expect(main).toMatchObject({ fetched: { artifacts: 0 }, published: { unchanged: true, generation: 1 } });
    // Its one artifact lies in the folder without account, below the same ROOT.
    expect(await place.report(['--account', 'r-channel'])).toMatchObject({ fetched: { artifacts: 0 } });
  });
});

describe('what lies beside a mirror', () => {
  const page = (): string => readFileSync(join(place.dir, 'mirrors', 'main.INSTALL.md'), 'utf8').split('\n')[3]!;

  it('M4: says whether the folder is enough, as it is now', async () => {
    const app = await samplePackage('app', '1.0', { ...linux, depends: ['lib'] });
    const lib = await samplePackage('lib', '1.0', { noarch: 'generic' });
    await write(['blacklist: [lib]'], [app, lib]);
    await place.report();
    const open = page();
    expect(open).toContain('1 dependency is open, for example of `linux-64/app-1.0-0.conda`: `lib`.');
    // Nothing is new: the records are not read again, and what another program made of the page is set right.
    writeFileSync(join(place.dir, 'mirrors', 'main.INSTALL.md'), 'No internet is needed, and no other channel.');
    expect(await place.report()).toMatchObject({ published: { unchanged: true } });
    expect(page()).toBe(open);
    await place.report();
    expect(page()).toBe(open);
    await write([], [app, lib]);
    await place.report();
    expect(page()).toBe('All that its packages need is in it. No internet is needed, and no other channel.');
  });
});

describe('a mirror every night from cron', () => {
  const lib = (version: string, more = {}) => samplePackage('lib', version, { ...linux, ...more });
  const app = (version: string) => samplePackage('app', version, { ...linux, depends: ['lib'] });
  const free = () => samplePackage('free', '1.0', linux);
  const night = async (exitCode = 0): Promise<string> => {
    const ran = await place.mirror(['--quiet']);
    expect(ran.exitCode, ran.stderr).toBe(exitCode);
    expect(ran.stdout).toBe('');
    return ran.stderr;
  };

  const lists = [
    ['all', 'blacklist: [lib]'],
    ['all', 'license_blacklist: [AGPL]'],
    ['solve', 'blacklist: [lib]'],
    ['solve', 'license_blacklist: [AGPL]'],
    ['solve', 'exclude: ["lib>0"]'],
  ];
  it.each(lists)('M5: with_dependencies %s, %s: told once, then only when it changes', async (mode, list) => {
    const agpl = await lib('1.0', { license: 'AGPL-3.0' });
    const lines = [list, `with_dependencies: ${mode}`];
    await write(lines, [await app('1.0'), agpl, await free()]);
    expect(await night()).toMatch(/^\S+ \S+ finding dependency-forbidden: .*app-1\.0-0\.conda.*lib.*\n$/);
    for (let each = 0; each < 2; each += 1) expect(await night()).toBe('');
    // Another version that asks for the same.
    await write(lines, [await app('1.0'), await app('1.1'), agpl, await free()]);
    expect(await night()).toBe('');
    // Another package, and it is told to whoever looks.
    const more = await samplePackage('more', '1.0', { ...linux, depends: ['lib'] });
    await write(lines, [await app('1.0'), await app('1.1'), agpl, await free(), more]);
    const told = await place.report([], 0);
    expect(told.findings).toMatchObject([{ code: 'dependency-forbidden', exit: false }]);
    await write([...lines, 'whitelist: [nothing]'], [await app('1.0'), await app('1.1'), agpl, await free(), more]);
    expect(await night()).toMatch(/^\S+ \S+ finding filter-unmatched: .*nothing.*\n$/);
    expect(await night()).toBe('');
  });

  it.each(['all', 'solve'])(
    'M5: with_dependencies %s: what no list forbids and no channel has stays a fault',
    async (mode) => {
      await write([`with_dependencies: ${mode}`, 'blacklist: [free]'], [await app('1.0'), await free()]);
      for (let each = 0; each < 2; each += 1)
        expect(await night(1)).toMatch(/open-dependencies: .*app-1\.0-0\.conda needs lib/);
    },
  );
});
