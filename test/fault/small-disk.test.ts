import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { holdsForAny } from '../helpers/attack.js';
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

  it(
    'E1: ROOT filled at any moment of a run: done, or 5; never torn, and the next run on an emptied disk ends well',
    { timeout: 3_600_000 },
    async (context) => {
      const moment = fc.record({
        afterMs: fc.integer({ min: 0, max: 2500 }),
        leftKb: fc.constantFrom(0, 0, 4, 40, 400),
      });
      const sizes = { smoke: 2, ci: 6, long: 200 };
      await holdsForAny(context, { name: 'filled-late', cases: moment, sizes }, async ({ afterMs, leftKb }) => {
        prepare('ROOT', 'size=8m');
        try {
          const begun = performance.now();
          const running = work.start({ root: at.ROOT });
          const said = new Promise((resolve) => void running.ended.then(resolve));
          await Promise.race([said, delay(afterMs)]);
          const full = setInterval(() => fill(leftKb), 1);
          fill(leftKb);
          const ran = await running.ended;
          clearInterval(full);
          const where = `filled after ${afterMs} of ${Math.round(performance.now() - begun)} ms: ${ran.exitCode}\n${ran.stderr}${ran.stdout}`;
          // 1: the switch was done, and what belongs beside the folder found no room (seen once in some 70 runs, by chance of the moment).
          expect(ran.stderr.includes('not what belongs beside it') ? [1] : [0, 5], where).toContain(ran.exitCode);
          expectClean(ran);
          expect(await breaches(join(at.ROOT, 'halkbank')), where).toEqual([]);
          rmSync(join(disk, 'filler'));
          const next = await work.update({ root: at.ROOT });
          expect(next.exitCode, `${where}\n${next.stderr}`).toBe(0);
          expect(await breaches(join(at.ROOT, 'halkbank')), where).toEqual([]);
        } finally {
          unmount();
        }
      });
    },
  );

  it('E1: a volume that is gone in the middle of a run: said, and nothing torn is left in its place', async (context) => {
    const moment = fc.integer({ min: 200, max: 2500 });
    const sizes = { smoke: 1, ci: 4, long: 100 };
    await holdsForAny(context, { name: 'volume-gone', cases: moment, sizes }, async (afterMs) => {
      prepare('ROOT', 'size=20m');
      const running = work.start({ root: at.ROOT });
      await Promise.race([running.ended, delay(afterMs)]);
      spawnSync('umount', ['-l', disk]);
      const ran = await running.ended;
      const where = `gone after ${afterMs} ms: ${ran.exitCode}\n${ran.stderr}`;
      expect([0, 2, 5], where).toContain(ran.exitCode);
      if (ran.exitCode !== 0) expect(ran.stderr, where).toContain(disk);
      expectClean(ran);
      expect(await breaches(join(at.ROOT, 'halkbank')), where).toEqual([]);
      rmSync(at.ROOT, { recursive: true, force: true });
    });
  });

  it('E7: exFAT, which has no hard links and no modes: delivered, updated and verified', async () => {
    const image = join(work.dir, 'exfat.img');
    writeFileSync(image, '');
    truncateSync(image, 64 << 20);
    const device = spawnSync('losetup', ['-f', '--show', image], { encoding: 'utf8' }).stdout?.trim() ?? '';
    try {
      if (device === '' || spawnSync('mkfs.exfat', [image]).status !== 0 || !mountedAs(device)) {
        console.log('exFAT skipped: no loop device, mkfs.exfat or mount.exfat-fuse here (apt: exfatprogs, exfat-fuse)');
        return;
      }
      cpSync(work.root, at.ROOT, { recursive: true, preserveTimestamps: true });
      const args = ['--cache-dir', at.cache];
      for (const said of ['generation 2', 'nothing new']) {
        const ran = await work.update({ root: at.ROOT, args });
        expect(ran.exitCode, ran.stderr).toBe(0);
        expect(ran.stdout + ran.stderr).toContain(said);
      }
      expect(await breaches(join(at.ROOT, 'halkbank'))).toEqual([]);
      const verified = await work.verify(join(at.ROOT, 'halkbank'));
      expect(verified.exitCode, verified.stdout).toBe(0);
    } finally {
      unmount();
      if (device !== '') spawnSync('losetup', ['-d', device]);
    }
  });

  const mountedAs = (device: string): boolean => spawnSync('mount.exfat-fuse', [device, disk]).status === 0;

  function fill(leftKb: number): void {
    try {
      for (;;) {
        const { bavail, bsize } = statfsSync(disk);
        if (leftKb > 0 && bavail * bsize <= leftKb * 1024) return;
        appendFileSync(join(disk, 'filler'), Buffer.alloc(4096));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
});

afterAll(() => rmSync(disk, { recursive: true, force: true }));
