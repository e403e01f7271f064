import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openWorkplace, type Workplace } from '../helpers/programs.js';
import { expectClean } from '../helpers/refusals.js';
import { breaches } from '../helpers/tiny-channel.js';

/** Disks that are really full, read-only or out of inodes. */
const disk = mkdtempSync(join(tmpdir(), 'repackenv-disk-'));
const mount = (...options: string[]): boolean =>
  process.platform === 'linux' && spawnSync('mount', [...options, 'tmpfs', disk]).status === 0;
const unmount = (): void => void spawnSync('umount', [disk]);
const mayMount = mount('-t', 'tmpfs', '-o', 'size=1m');
unmount();
if (!mayMount) console.log('small disks skipped: this account may not mount a tmpfs');

describe.runIf(mayMount)('a disk of its own', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openWorkplace();
    expect((await work.update()).exitCode).toBe(0);
    work.upstream.setGeneration(2);
  });
  afterEach(unmount);
  afterAll(() => work.close());

  const at = { cache: join(disk, 'cache'), ROOT: join(disk, 'root') };
  type Place = keyof typeof at;
  const args = (place: Place) => (place === 'cache' ? ['--cache-dir', at.cache] : []);

  /** The first generation is on it already, where it holds the ROOT. */
  function prepare(place: Place, options: string): void {
    expect(mount('-t', 'tmpfs', '-o', options)).toBe(true);
    if (place === 'ROOT') cpSync(work.root, at.ROOT, { recursive: true, preserveTimestamps: true });
    else mkdirSync(at.cache, { mode: 0o700 });
  }

  async function update(place: Place) {
    // In a ROOT of its own: what the label folder has needs no room in the cache.
    const root = place === 'ROOT' ? at.ROOT : join(work.dir, 'no-label-yet');
    const ran = await work.update({ args: args(place), root });
    expect(ran.stderr).not.toContain('bug');
    expect(ran.stderr).toContain(disk);
    expectClean(ran);
    expect(await breaches(join(root, 'halkbank'))).toEqual([]);
    return ran;
  }

  it.each<[Place]>([['cache'], ['ROOT']])('M13 E1: %s on a full disk: bytes are said, not inodes', async (place) => {
    prepare(place, 'size=8m');
    expect(() => {
      for (;;) appendFileSync(join(disk, 'filler'), Buffer.alloc(4096));
    }).toThrow('ENOSPC');
    const ran = await update(place);
    expect(ran.exitCode, ran.stderr).toBe(5);
    expect(ran.stderr).toMatch(/E_DISK_FULL/);
    expect(ran.stderr).not.toContain('inodes');
  });

  it.each<[Place, number]>([
    ['cache', 12],
    ['cache', 30],
    ['ROOT', 60],
  ])('E5: %s on a disk of %i inodes: inodes are said', async (place, inodes) => {
    prepare(place, `size=50m,nr_inodes=${inodes}`);
    for (let left = place === 'ROOT' ? inodes : 0; left > 0; left -= 1) {
      try {
        writeFileSync(join(disk, `filler-${left}`), '');
      } catch {
        break;
      }
    }
    const ran = await update(place);
    expect(ran.exitCode, ran.stderr).toBe(5);
    expect(ran.stderr).toMatch(/inodes/);
  });

  it.each<[Place, number]>([
    ['cache', 5],
    ['ROOT', 2],
  ])('E1: %s on a read-only disk ends with %i', async (place, exit) => {
    prepare(place, 'size=20m');
    expect(mount('-o', 'remount,ro')).toBe(true);
    const ran = await update(place);
    expect(ran.exitCode, ran.stderr).toBe(exit);
    expect(ran.stderr).toMatch(/EROFS/);
  });
});

afterAll(() => rmSync(disk, { recursive: true, force: true }));
