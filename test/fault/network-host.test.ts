import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isRepackError, type RepackError } from '../../src/base/errors.js';
import { execaExec } from '../../src/runtime/exec.js';
import { holdsForAny } from '../helpers/attack.js';
import { startBrokenLine, type BrokenLine } from '../helpers/broken-line.js';
import { startHost, type FarHost } from '../helpers/far-servers.js';
import { describeWithLayers, layerPath } from '../helpers/layers.js';
import { FIRST, openPushLab, pushHere, SECOND, type PushLab } from '../helpers/pushing.js';
import { breaches, digests } from '../helpers/tiny-channel.js';

const LARGE = { 'noarch/large-1-0.conda': text(7), 'noarch/grown-1-0.conda': text(8) };
const LARGER = { 'noarch/large-1-0.conda': text(9), 'noarch/added-1-0.conda': text(10) };

describeWithLayers(['rsync', 'sshd', 'ssh-keygen'], 'N6 N7 push to a host whose line breaks', () => {
  let lab: PushLab;
  let far: FarHost;
  let line: BrokenLine;
  let site: string;
  /** The site with the first generation, and how many bytes each connection of a push of the second carries. */
  let before: string;
  let usual: readonly number[];
  beforeAll(async () => {
    lab = await openPushLab();
    site = join(lab.dir, 'site');
    before = join(lab.dir, 'before');
    const programs = join(lab.dir, 'programs');
    mkdirSync(programs);
    // Tells who it is, and then is the real one.
    const started = `#!/bin/sh\necho $$ >> '${join(lab.dir, 'pids')}'\n. '${join(lab.dir, 'fault')}'\nexec '${layerPath('rsync')}' "$@"\n`;
    writeFileSync(join(programs, 'rsync'), started);
    chmodSync(join(programs, 'rsync'), 0o755);
    writeFileSync(join(lab.dir, 'fault'), '');
    far = await startHost(lab.dir, { programs });
    line = await startBrokenLine(far.port);
    await lab.publish({ ...FIRST, ...LARGE }, { bz2: true });
    await push();
    cpSync(site, before, { recursive: true, preserveTimestamps: true });
    await lab.publish({ ...SECOND, ...LARGER });
    line.arm();
    await push();
    usual = line.carried();
  }, 600_000);
  afterAll(async () => {
    await line.close();
    await far.close();
    await lab.close();
  });

  const there = (): string => join(site, 'acme');
  const throughLine = (): string =>
    `${far.rsh.replace(`-p ${far.port}`, `-p ${line.port}`)} -o HostKeyAlias=[127.0.0.1]:${far.port}`;
  const push = (rsh = throughLine()) =>
    pushHere(lab, `${far.host}:${site}`, {
      rt: { exec: execaExec(), env: { PATH: process.env['PATH'], HOME: lab.dir, RSYNC_RSH: rsh } },
    });
  const failureOf = (rsh?: string): Promise<unknown> =>
    push(rsh).then(
      () => undefined,
      (error: unknown) => error,
    );

  /** Those of the far side, until none is left: they notice later than we. */
  async function farSideEnds(kill = false): Promise<void> {
    const file = join(lab.dir, 'pids');
    const pids = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : [];
    for (const pid of pids) while (isThere(pid, kill ? 'SIGKILL' : 0)) await delay(20);
    rmSync(file, { force: true });
  }

  function layBefore(): void {
    rmSync(site, { recursive: true, force: true });
    cpSync(before, site, { recursive: true, preserveTimestamps: true });
  }

  async function expectMended(where: string): Promise<void> {
    expect(await breaches(there()), where).toEqual([]);
    await push();
    expect(await digests(there()), where).toEqual(await digests(lab.labelDir));
    expect(readdirSync(site).sort(), where).toEqual(['acme', 'acme.INSTALL.md', 'acme.verify.ps1', 'acme.verify.sh']);
  }

  function expectSaid(error: unknown, where: string): void {
    if (!isRepackError(error)) throw new Error(where, { cause: error });
    expect(error.exitCode, `${where}: ${error.stack}`).toBe(5);
    expect(error.hint, where).toMatch(/\w/);
    expect(error.where, where).toContain('127.0.0.1');
  }

  const FAULTS = ['the line is cut', 'rsync is killed there'] as const;
  const breaks = fc.record({
    fault: fc.constantFrom(...FAULTS),
    connection: fc.nat(30),
    share: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0.6, max: 1, noNaN: true })),
  });

  it(
    'anywhere: 5 and what to do, no index names what is not there, the next push ends well and leaves nothing',
    { tags: ['long'], timeout: 3_600_000 },
    async (context) => {
      const sizes = { smoke: 1, ci: 5, long: 300 };
      await holdsForAny(
        context,
        { name: 'network-host', cases: breaks, sizes },
        async ({ fault, connection, share }) => {
          layBefore();
          const number = connection % usual.length;
          const bytes = Math.floor(usual[number]! * share);
          const where = `${fault}, connection ${number}, at byte ${bytes}`;
          let broke = false;
          const act = (): 'cut' | 'goes on' => {
            broke = true;
            if (fault === 'the line is cut') return 'cut';
            void farSideEnds(true);
            return 'goes on';
          };
          line.arm({ connection: number, bytes, act });
          const error = await failureOf();
          line.arm();
          await farSideEnds();
          if (error !== undefined) expectSaid(error, where);
          expect(broke || error === undefined, where).toBe(true);
          await expectMended(where);
        },
      );
    },
  );

  it.each<[what: string, fault: string, said: RegExp]>([
    ['prints a greeting', 'echo welcome; echo to all', /connection|rsync ended/],
    ['has no rsync', 'exec /nowhere/rsync', /rsync is not on that host/],
    ['may write no file of any size', 'ulimit -f 0', /rsync ended|connection|full/],
  ])(
    'a far side that %s: 5, no index names what is not there, and the next push ends well',
    async (what, fault, said) => {
      layBefore();
      writeFileSync(join(lab.dir, 'fault'), fault);
      const error = await failureOf();
      writeFileSync(join(lab.dir, 'fault'), '');
      await farSideEnds();
      expectSaid(error, what);
      expect((error as Error).message, what).toMatch(said);
      await expectMended(what);
    },
    600_000,
  );

  it('a host with another key than the known one: 5, and it is said that the key is another', async () => {
    layBefore();
    const known = join(lab.dir, 'other_hosts');
    const user = readFileSync(join(lab.dir, 'sshd', 'user.pub'), 'utf8');
    writeFileSync(known, `[127.0.0.1]:${far.port} ${user}`);
    const was = await digests(site);
    const error = await failureOf(throughLine().replace(/UserKnownHostsFile=\S+/, `UserKnownHostsFile=${known}`));
    expectSaid(error, 'another key');
    expect((error as Error).message).toContain('another key');
    expect(await digests(site)).toEqual(was);
  }, 600_000);

  it('a far disk that fills anywhere: 5 and how to go on, no index names what is not there, and with room it ends well', async (context) => {
    const full: number[] = [];
    for (const room of [0, 2, 6, 40]) {
      rmSync(site, { recursive: true, force: true });
      mkdirSync(site);
      if (spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', site]).status !== 0) return context.skip();
      try {
        cpSync(before, site, { recursive: true, preserveTimestamps: true });
        const { blocks, bfree, bsize } = statfsSync(site);
        spawnSync('mount', ['-o', `remount,size=${(blocks - bfree + room) * bsize}`, site]);
        const error = await failureOf();
        await farSideEnds();
        if (error !== undefined) {
          expectSaid(error, `room for ${room}`);
          expect((error as RepackError).code, `room for ${room}: ${(error as Error).stack}`).toBe('E_DISK_FULL');
          full.push(room);
        }
        spawnSync('mount', ['-o', 'remount,size=16m', site]);
        await expectMended(`room for ${room}`);
      } finally {
        spawnSync('umount', [site]);
      }
    }
    expect(full).toEqual(expect.arrayContaining([0, 2]));
  }, 600_000);
});

function isThere(pid: number, signal: 0 | 'SIGKILL'): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** That no compression makes small. */
function text(seed: number): string {
  let state = seed;
  return Array.from({ length: 20_000 }, () =>
    String.fromCharCode(33 + ((state = (state * 48_271) % 2_147_483_647) % 94)),
  ).join('');
}
