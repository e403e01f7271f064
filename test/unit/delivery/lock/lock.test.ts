import { utimesSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockLabel, type LockOptions } from '../../../../src/delivery/lock/lock.js';
import { describeOwner, type LockOwner } from '../../../../src/delivery/lock/lock-owner.js';
import type { Exec, ExecResult } from '../../../../src/runtime/exec.js';
import { failWhere, faultFs } from '../../../helpers/fault-fs.js';
import { testRuntime, type TestRuntime, type TestRuntimeOptions } from '../../../helpers/runtime.js';

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'repackenv-lock-'));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

describe('lockLabel', () => {
  it('is held by one at a time, and free again afterwards', async () => {
    const first = await lock(runtime());
    await expect(lock(runtime())).rejects.toMatchObject({ code: 'E_LOCKED', exitCode: 6 });
    await first.assertHeld();
    await first.release();
    const second = await lock(runtime());
    await second.assertHeld();
    await expect(first.assertHeld()).rejects.toMatchObject({ code: 'E_LOCK' });
    await second.release();
  });

  it('waits also for a run that takes its lock away with the folder', async () => {
    const first = await lock(runtime());
    let looks = 0;
    const clock = {
      ...runtime().clock,
      sleep: async () => {
        looks += 1;
        if (looks === 2) await first.withdraw();
        if (looks === 2) await rm(stateDir, { recursive: true });
      },
    };
    const second = await lock({ ...runtime(), clock }, { waitMs: 60_000 });
    await second.assertHeld();
    expect(await readdir(join(stateDir, 'lock'))).toEqual(['1']);
  });

  it('a claim loses where the lower one, once free, is held again: its number was used anew', async () => {
    await (await lock(runtime())).release();
    const owner = `${JSON.stringify(await describeOwner(runtime(), 'update'))}\n`;
    const number = join(stateDir, 'lock', '1');
    let claims = 0;
    const fs = faultFs((call) => {
      if (call.name === 'rename' && String(call.args[1]).endsWith('2')) claims += 1;
      return undefined;
    }).fs;
    const racing = {
      ...fs,
      rename: async (from: string, to: string) => {
        if (to.endsWith('2') && claims === 0) {
          await rm(number, { recursive: true });
          await mkdir(number);
          await writeFile(join(number, 'owner.json'), owner);
        }
        await fs.rename(from, to);
      },
    };
    await expect(lock(runtime({ fs: racing }))).rejects.toMatchObject({ code: 'E_LOCKED' });
    expect(await readdir(join(stateDir, 'lock'))).toEqual(['1']);
  });

  it('A15 follows no symbolic link: neither the lock nor the owner of a claim', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'repackenv-elsewhere-'));
    await mkdir(join(elsewhere, '7'));
    await symlink(elsewhere, join(stateDir, 'lock'));
    await expect(lock(runtime())).rejects.toMatchObject({
      code: 'E_LOCK',
      what: expect.stringContaining('a symbolic link'),
    });
    expect(await readdir(elsewhere)).toEqual(['7']);
    await rm(join(stateDir, 'lock'));

    await mkdir(join(stateDir, 'lock', '1'), { recursive: true });
    await writeFile(
      join(elsewhere, 'owner'),
      JSON.stringify({ ...(await describeOwner(runtime(), 'update')), pid: 2 ** 22 }),
    );
    await symlink(join(elsewhere, 'owner'), join(stateDir, 'lock', '1', 'owner.json'));
    await expect(lock(runtime())).rejects.toMatchObject({
      code: 'E_LOCKED',
      what: expect.stringContaining('left no readable name'),
    });
    await rm(elsewhere, { recursive: true });
  });

  it('I1 I6 E_LOCKED names pid, host and since, and says that nothing was done', async () => {
    const held = await lock(runtime());
    const error = await lock(runtime()).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      hint: expect.stringContaining('Nothing was done'),
      where: expect.stringContaining(stateDir),
    });
    for (const part of [String(process.pid), 'build-host', held.owner.since, 'update'])
      expect((error as { what: string }).what).toContain(part);
  });

  it('I1 waiting is said at once and ends when the lock is given back', async () => {
    const held = await lock(runtime());
    const rt: TestRuntime = runtime({
      onEvent: (event) => {
        if (event.type === 'waiting') {
          expect(rt.clock.sleeps).toEqual([]);
          void held.release();
        }
      },
    });
    const second = await lock(rt, { waitMs: 60_000 });
    expect(rt.collected).toEqual([{ type: 'waiting', reason: expect.stringContaining('is locked by update, pid') }]);
    await second.assertHeld();
  });

  it('waiting ends with E_LOCKED when the time is up, and with the signal', async () => {
    await lock(runtime());
    const rt = runtime();
    await expect(lock(rt, { waitMs: 3000 })).rejects.toMatchObject({ code: 'E_LOCKED' });
    expect(rt.clock.monotonic()).toBe(3000);

    const stopped: TestRuntime = runtime({ onEvent: () => stopped.abort(new Error('Ctrl-C')) });
    await expect(lock(stopped, { waitMs: 3000 })).rejects.toThrow('Ctrl-C');
  });

  it('H11 is one lock for one folder, however it is reached', async () => {
    const held = await lock(runtime());
    await expect(
      lock(runtime(), { stateDir: join(stateDir, '.', '..', stateDir.slice(stateDir.lastIndexOf('/') + 1)) }),
    ).rejects.toMatchObject({ code: 'E_LOCKED' });
    await held.release();
  });

  it('release leaves another run its lock', async () => {
    const first = await lock(runtime());
    await rm(join(stateDir, 'lock'), { recursive: true });
    const second = await lock(runtime());
    await first.release();
    await second.assertHeld();
    await expect(lock(runtime())).rejects.toMatchObject({ code: 'E_LOCKED' });
  });

  it.each(['EACCES', 'EROFS', 'EPERM', 'EIO'] as const)('I5 never goes on without a lock (%s)', async (code) => {
    for (const name of ['mkdirp', 'mkdir', 'writeNew', 'syncFile', 'rename', 'readdir']) {
      const fs = faultFs(failWhere((call) => call.name === name, code)).fs;
      const error = await lock(runtime({ fs })).catch((caught: unknown) => caught);
      expect(error, name).toMatchObject({
        code: 'E_LOCK',
        exitCode: 5,
        hint: expect.stringContaining('Nothing was done'),
      });
    }
  });

  it('E1 a full disk is said as such', async () => {
    const fs = faultFs(failWhere((call) => call.name === 'writeNew', 'ENOSPC')).fs;
    await expect(lock(runtime({ fs }))).rejects.toMatchObject({ code: 'E_DISK_FULL' });
    await (await lock(runtime())).release();
  });

  it('keeps no more than the last claim', async () => {
    for (let i = 0; i < 5; i++) await (await lock(runtime())).release();
    expect(await readdir(join(stateDir, 'lock'))).toEqual(['5']);
  });

  it('a claim that finds a higher number has lost', async () => {
    await (await lock(runtime())).release();
    const other = runtime();
    let raced = false;
    const slow = faultFs(() => undefined);
    const fs = {
      ...slow.fs,
      // Between looking and claiming the other run takes number 2, gives it back, and a third takes 3 and sweeps 2.
      mkdir: async (path: string) => {
        if (!raced) {
          raced = true;
          await (await lock(other)).release();
          await lock(runtime());
        }
        await slow.fs.mkdir(path);
      },
    };
    await expect(lock(runtime({ fs }))).rejects.toMatchObject({ code: 'E_LOCKED' });
    expect(await readdir(join(stateDir, 'lock'))).toEqual(['3']);
  });

  it('the owner file holds no argument', async () => {
    await lock(runtime());
    const owner = JSON.parse(await readFile(join(stateDir, 'lock', '1', 'owner.json'), 'utf8'));
    expect(Object.keys(owner).sort()).toEqual([
      'boot',
      'command',
      'host',
      'machine',
      'pid',
      'pidSpace',
      'run',
      'schema',
      'since',
      'startTicks',
      'user',
    ]);
  });
});

describe('a claim', () => {
  const at = (path: string) => join(stateDir, 'lock', path);
  const readJson = async (path: string) => JSON.parse(await readFile(at(path), 'utf8')) as { run: string };

  it('that can be put nowhere, though nobody is quicker, ends', async () => {
    const rt = runtime({
      fs: faultFs(failWhere(({ name, args }) => name === 'rename' && args[1] === at('1'), 'EEXIST')).fs,
    });
    await expect(lock(rt)).rejects.toMatchObject({
      code: 'E_LOCK',
      cause: expect.objectContaining({ message: expect.stringContaining('no claim can be put') as string }) as Error,
    });
    expect(rt.clock.sleeps).toEqual(Array.from({ length: 50 }, () => 20));
  });

  it('goes on as long as others are quicker and give it back', async () => {
    let others = 0;
    const plain = faultFs(() => undefined).fs;
    const fs = {
      ...plain,
      rename: async (from: string, to: string) => {
        if (others < 60 && from.includes('new-')) {
          others += 1;
          await mkdir(to);
          await writeFile(join(to, 'released.json'), '{}');
          throw Object.assign(new Error('taken'), { code: 'ENOTEMPTY' });
        }
        await plain.rename(from, to);
      },
    };
    await (await lock(runtime({ fs }))).assertHeld();
    expect(await readdir(at(''))).toEqual(['61']);
  });

  it.each([
    ['win32', 'EPERM', true],
    ['win32', 'EACCES', true],
    ['win32', 'EIO', false],
    ['linux', 'EPERM', false],
    ['linux', 'EEXIST', true],
    ['linux', 'ENOENT', true],
  ] as const)('on %s, %s of the rename says that the number is taken: %s', async (platform, code, taken) => {
    const { fs } = faultFs(failWhere(({ name }) => name === 'rename', code, 1));
    const rt = runtime({ fs, machine: { platform } });
    if (taken) await (await lock(rt)).assertHeld();
    else await expect(lock(rt)).rejects.toMatchObject({ code: 'E_LOCK' });
    expect((await readdir(stateDir)).filter((name) => name !== 'lock')).toEqual([]);
  });

  it('that could not be made safe is given back: the next run waits for nobody', async () => {
    const { fs } = faultFs(failWhere(({ name, args }) => name === 'syncDir' && args[0] === at(''), 'EIO'));
    await expect(lock(runtime({ fs }))).rejects.toMatchObject({ code: 'E_LOCK' });
    expect(await readdir(at('1'))).toEqual(['released.json']);
    const next = runtime();
    await lock(next);
    expect(next.collected).toEqual([]);
  });

  it('sweeps claims below it and unfinished ones, and nothing else', async () => {
    await (await lock(runtime())).release();
    for (const name of ['new-other-2', '2x', 'x2', 'keep-new-', '11']) await mkdir(at(name));
    await writeFile(at('11/released.json'), '{}');
    for (const name of ['10', 'new-file']) await writeFile(at(name), '');
    await lock(runtime());
    expect((await readdir(at(''))).sort()).toEqual(['10', '12', '2x', 'keep-new-', 'new-file', 'x2']);
  });

  it('of a run that took it over is no longer ours, whoever made it', async () => {
    const first = await lock(runtime());
    const owner = await readJson('1/owner.json');
    await writeFile(at('1/owner.json'), JSON.stringify({ ...owner, run: 'another' }));
    await expect(first.assertHeld()).rejects.toMatchObject({ code: 'E_LOCK', where: at('').replace(/\/$/, '') });
    await first.release();
    expect(await readJson('1/owner.json')).toMatchObject({ run: 'another' });
  });

  it.each(['garbage', undefined])('whose owner file says %j is no longer ours, and is left as it is', async (text) => {
    const held = await lock(runtime());
    if (text === undefined) await rm(at('1/owner.json'));
    else await writeFile(at('1/owner.json'), text);
    await expect(held.assertHeld()).rejects.toMatchObject({ code: 'E_LOCK' });
    const rt = runtime();
    await held.release();
    expect(rt.collected).toEqual([]);
    expect(await readdir(at('1'))).toEqual(text === undefined ? [] : ['owner.json']);
  });

  it('that a disk does not show is an error of the disk', async () => {
    let broken = false;
    const { fs } = faultFs((call) => (broken && call.name === 'readdir' ? 'EIO' : undefined));
    const held = await lock(runtime({ fs }));
    broken = true;
    await expect(held.assertHeld()).rejects.toMatchObject({
      code: 'E_DISK',
      what: expect.stringContaining('make sure of the lock of label acme') as string,
    });
  });

  it('that can not be given back is only told to who asks for everything', async () => {
    let broken = false;
    const { fs } = faultFs((call) => (broken && call.name === 'rename' ? 'EROFS' : undefined));
    const rt = runtime({ fs });
    const held = await lock(rt);
    broken = true;
    await held.release();
    expect(rt.collected).toEqual([{ type: 'debug', message: 'the lock of label acme could not be given back: EROFS' }]);
  });

  it('that was given back is held no more', async () => {
    const held = await lock(runtime());
    await held.release();
    await expect(held.assertHeld()).rejects.toMatchObject({ code: 'E_LOCK' });
    await held.release();
    expect(await readdir(at('1'))).toEqual(['released.json']);
  });
});

describe('a lock that is withdrawn', () => {
  const there = async () => (await readdir(stateDir, { recursive: true })).sort();

  it('leaves no trace where the state folder holds nothing else', async () => {
    const held = await lock(runtime());
    await held.withdraw();
    expect(await there()).toEqual([]);
    await expect(held.assertHeld()).rejects.toMatchObject({ code: 'E_LOCK' });
  });

  it('stays held where something else lies there', async () => {
    const held = await lock(runtime());
    await writeFile(join(stateDir, 'receipts'), '');
    await held.withdraw();
    await held.assertHeld();
    expect(await there()).toEqual(['lock', 'lock/1', 'lock/1/owner.json', 'receipts']);
  });

  it('leaves a lock that was given back, and one that another run has', async () => {
    const held = await lock(runtime());
    await held.release();
    await held.withdraw();
    expect(await there()).toEqual(['lock', 'lock/1', 'lock/1/released.json']);
    const other = await lock(runtime());
    await held.withdraw();
    await other.assertHeld();
  });

  it('and of which another run waits: its own claim stays', async () => {
    const held = await lock(runtime());
    await mkdir(join(stateDir, 'lock', 'new-other-2'));
    await held.withdraw();
    expect(await there()).toEqual(['lock', 'lock/new-other-2']);
    await expect(held.assertHeld()).rejects.toMatchObject({ code: 'E_LOCK' });
  });
});

describe('what is said of a lock', () => {
  it('that is waited for: by whom it is held, and how long', async () => {
    await lock(runtime());
    const rt = runtime();
    await expect(lock(rt, { waitMs: 3000 })).rejects.toMatchObject({ code: 'E_LOCKED' });
    expect(rt.collected).toEqual([
      { type: 'waiting', reason: expect.stringMatching(/^label acme is locked by update, .*; waiting up to 3 s$/) },
    ]);
  });

  it('that is a link: the label, and what to do', async () => {
    await mkdir(join(stateDir, 'elsewhere'));
    await symlink(join(stateDir, 'elsewhere'), join(stateDir, 'lock'));
    await expect(lock(runtime())).rejects.toMatchObject({
      what: 'The lock of label acme is a symbolic link',
      where: join(stateDir, 'lock'),
      hint: expect.stringContaining('Remove the link') as string,
    });
  });

  it('that is held: what to do, by whether its owner is known', async () => {
    await left({ host: 'far-away' }, 0);
    await expect(lock(runtime())).rejects.toMatchObject({
      what: expect.stringContaining('another run holds label acme: update, pid') as string,
      where: join(stateDir, 'lock', '1'),
      hint: expect.stringContaining('--wait-lock SECONDS') as string,
    });
    await left({}, 0, 'garbage');
    await expect(lock(runtime())).rejects.toMatchObject({
      hint: expect.stringContaining('ten minutes after its last change') as string,
    });
  });
});

describe.runIf(process.platform === 'linux')('I4 a lock that was left', () => {
  const DEAD_PID = 2 ** 22 + 1;

  const cases: [name: string, change: Partial<LockOwner>, ageMs: number, taken: boolean][] = [
    ['a dead pid', { pid: DEAD_PID }, 0, true],
    ['a reused pid', { startTicks: '1' }, 0, true],
    ['a dead pid, the clock moved back', { pid: DEAD_PID }, -86_400_000, true],
    ['a live pid, heartbeat ages old', {}, 86_400_000, false],
    ['a live pid, the clock moved back', {}, -86_400_000, false],
    ['booted since', { boot: 'before', machine: 'same' }, 3_600_000, true],
    ['booted since, by its name only', { boot: 'before', machine: 'other' }, 3_600_000, false],
    ['booted since, heartbeat fresh', { boot: 'before', machine: 'same' }, 1000, false],
    ['another host', { host: 'far-away', pid: DEAD_PID }, 3_600_000, false],
    ['another container on this host', { pidSpace: '1', pid: DEAD_PID }, 3_600_000, false],
  ];

  it.each(cases)('%s', async (_name, change, ageMs, taken) => {
    const machine = (await describeOwner(runtime(), 'x')).machine;
    const same = change.machine === 'same' ? { machine } : {};
    if (change.machine === 'same' && machine === null) change = { ...change, machine: null };
    await left({ ...change, ...same }, ageMs);
    const rt = runtime();
    const outcome = await lock(rt).catch((caught: unknown) => caught);
    // Without a machine id a reboot can't be told from another machine of that name.
    if (taken && !(change.boot !== undefined && machine === null)) {
      expect(outcome).toHaveProperty('owner');
      expect(rt.collected).toEqual([{ type: 'note', message: expect.stringContaining('took over the lock') }]);
    } else {
      expect(outcome).toMatchObject({ code: 'E_LOCKED' });
    }
  });

  it('one that gives the lock back and ends between the two looks was no dead run: nothing is said of a takeover', async () => {
    await left({ pid: DEAD_PID }, 0);
    const plain = faultFs(() => undefined).fs;
    const claim = join(stateDir, 'lock', '1');
    const fs = {
      ...plain,
      readText: async (path: string) => {
        if (path === `/proc/${DEAD_PID}/stat`) await rename(join(claim, 'owner.json'), join(claim, 'released.json'));
        return plain.readText(path);
      },
    };
    const rt = runtime({ fs });
    await (await lock(rt)).release();
    expect(rt.collected).toEqual([]);
  });

  it('whose number is used anew while it is taken over: the run that has it now keeps it', async () => {
    await left({ pid: DEAD_PID }, 0);
    const number = join(stateDir, 'lock', '1');
    const plain = faultFs(() => undefined).fs;
    const fs = {
      ...plain,
      rename: async (from: string, to: string) => {
        // Another run took it over, failed and took its claim away; a third begins anew.
        if (to.endsWith('2')) {
          await rm(number, { recursive: true });
          await left({}, 0);
        }
        await plain.rename(from, to);
      },
    };
    await expect(lock(runtime({ fs }))).rejects.toMatchObject({ code: 'E_LOCKED', where: number });
    expect(await readdir(join(stateDir, 'lock'))).toEqual(['1']);
  });

  it('by a dead run: says whose it was, and why it could be taken', async () => {
    await left({ pid: DEAD_PID }, 0);
    const rt = runtime();
    await lock(rt);
    expect(rt.collected).toEqual([
      {
        type: 'note',
        message: expect.stringMatching(
          `^took over the lock of label acme: update, pid ${DEAD_PID} on .* does not run any more$`,
        ) as string,
      },
    ]);
  });

  it('a dead pid that cannot be seen (hidepid) is not taken for dead', async () => {
    await left({ pid: DEAD_PID }, 0);
    const fs = faultFs(failWhere((call) => call.name === 'readText' && call.args[0] === '/proc/1/stat', 'ENOENT')).fs;
    await expect(lock(runtime({ fs }))).rejects.toMatchObject({ code: 'E_LOCKED' });
  });

  it.each(['', '\0\0\0\0', '{"schema":1', '{"schema":1,"pid":"12"}', 'garbage'])(
    'an owner file that says %j: told how, taken over after ten minutes',
    async (text) => {
      await left({}, 60_000, text);
      await expect(lock(runtime())).rejects.toMatchObject({
        code: 'E_LOCKED',
        hint: expect.stringContaining('--take-over-lock'),
      });
      await left({}, 11 * 60_000, text);
      const rt = runtime();
      await lock(rt);
      expect(rt.collected).toEqual([{ type: 'note', message: expect.stringContaining('not readable') }]);
    },
  );

  it('another host: with the flag, once its heartbeat stood still', async () => {
    await left({ host: 'far-away' }, 3_600_000);
    const rt = runtime();
    await (await lock(rt, { takeOver: true })).assertHeld();
    expect(rt.clock.sleeps).toEqual([60_000]);
    expect(rt.collected.map((event) => event.type)).toEqual(['waiting', 'note']);
  });

  it('says whose lock it watches, and whose it took', async () => {
    await left({ host: 'far-away' }, 3_600_000);
    const rt = runtime();
    await lock(rt, { takeOver: true });
    expect(rt.collected).toEqual([
      {
        type: 'waiting',
        reason: expect.stringMatching(/^watching the lock of label acme \(update, pid .* on far-away/),
      },
      {
        type: 'note',
        message: expect.stringMatching(/^took over the lock of label acme: update, pid .* gave no sign for a minute/),
      },
    ]);
  });

  it('an owner file that is not readable: with the flag, once it stood still; by itself not before ten minutes are over', async () => {
    await left({}, 0, 'garbage');
    const rt = runtime();
    await (await lock(rt, { takeOver: true })).assertHeld();
    expect(rt.clock.sleeps).toEqual([60_000]);
    expect(rt.collected.at(-1)).toEqual({
      type: 'note',
      message: 'took over the lock of label acme: its owner file is not readable',
    });
    await rm(join(stateDir, 'lock'), { recursive: true });
    await left({}, 600_000, 'garbage');
    const without = runtime();
    await expect(lock(without)).rejects.toMatchObject({ code: 'E_LOCKED' });
    expect(without.collected).toEqual([]);
    expect(without.clock.sleeps).toEqual([]);
    await left({}, 600_001, 'garbage');
    await lock(runtime());
  });

  it('another host, whose run ends while it is watched: followed as any, with nothing taken over', async () => {
    await left({ host: 'far-away' }, 3_600_000);
    const claim = join(stateDir, 'lock', '1');
    const rt = runtime();
    const clock = {
      ...rt.clock,
      sleep: async (ms: number) => {
        await rename(join(claim, 'owner.json'), join(claim, 'released.json')).catch(() => undefined);
        await rt.clock.sleep(ms);
      },
    };
    await (await lock({ ...rt, clock }, { takeOver: true, waitMs: 120_000 })).assertHeld();
    expect(rt.collected.map(({ type }) => type)).not.toContain('note');
  });

  it('another host, followed by a third while it is watched: that one holds it', async () => {
    await left({ host: 'far-away' }, 3_600_000);
    const rt = runtime();
    const clock = {
      ...rt.clock,
      sleep: async (ms: number) => {
        await left({ host: 'third' }, 3_600_000, undefined, 2);
        await rt.clock.sleep(ms);
      },
    };
    await expect(lock({ ...rt, clock }, { takeOver: true })).rejects.toMatchObject({
      code: 'E_LOCKED',
      where: join(stateDir, 'lock', '1'),
    });
    expect((await readdir(join(stateDir, 'lock'))).sort()).toEqual(['1', '2']);
  });

  it('another host: never while its heartbeat goes on, whatever its clock says', async () => {
    await left({ host: 'far-away' }, 3_600_000);
    const owner = join(stateDir, 'lock', '1', 'owner.json');
    const rt = runtime({ onEvent: () => utimesSync(owner, 1, 1) });
    await expect(lock(rt, { takeOver: true })).rejects.toMatchObject({ code: 'E_LOCKED' });
  });

  it('a live run on this host is never taken over, flag or not', async () => {
    await left({}, 3_600_000);
    await expect(lock(runtime(), { takeOver: true })).rejects.toMatchObject({ code: 'E_LOCKED' });
  });

  it('a run whose lock was taken over hears of it before it publishes', async () => {
    const first = await lock(runtime());
    await left({ host: 'far-away' }, 0, undefined, 2);
    await expect(first.assertHeld()).rejects.toMatchObject({
      code: 'E_LOCK',
      hint: expect.stringContaining('Nothing was published'),
    });
  });
});

describe('I4 where there is no /proc', () => {
  const since = Date.UTC(2026, 0, 2, 3, 0, 0);
  const cases: [
    platform: NodeJS.Platform,
    name: string,
    answer: Partial<ExecResult> & { text?: string },
    taken: boolean,
  ][] = [
    ['darwin', 'no such process', { exitCode: 1, text: '' }, true],
    ['darwin', 'started before the lock', { exitCode: 0, text: 'Fri Jan  2 02:59:00 2026\n' }, false],
    ['darwin', 'started after the lock: another process', { exitCode: 0, text: 'Fri Jan  2 03:10:00 2026\n' }, true],
    ['darwin', 'ps is missing', { startError: 'ENOENT' }, false],
    ['win32', 'no such process', { exitCode: 0, text: 'none\r\n' }, true],
    ['win32', 'started before the lock', { exitCode: 0, text: 'found\r\n2026-01-02T02:59:00.0000000Z\r\n' }, false],
    [
      'win32',
      'started after the lock: another process',
      { exitCode: 0, text: 'found\r\n2026-01-02T03:10:00.0000000Z\r\n' },
      true,
    ],
    ['win32', 'another account: start not shown', { exitCode: 0, text: 'found\r\n' }, false],
    ['win32', 'no answer', { exitCode: undefined, timedOut: true }, false],
  ];

  it.each(cases)('%s: %s', async (platform, _name, { text = '', ...answer }, taken) => {
    await left(
      { pid: 4711, boot: null, machine: null, pidSpace: null, startTicks: null, since: new Date(since).toISOString() },
      0,
    );
    const result = {
      exitCode: undefined,
      signal: undefined,
      stdout: Buffer.from(text),
      stderr: Buffer.alloc(0),
      truncated: false,
      timedOut: false,
      aborted: false,
      startError: undefined,
      ...answer,
    };
    const exec: Exec = { run: async ({ args }) => (expect(args.join(' ')).toContain('4711'), result) };
    const outcome = await lock(runtime({ exec, machine: { platform } })).catch((caught: unknown) => caught);
    if (taken) expect(outcome).toHaveProperty('owner');
    else expect(outcome).toMatchObject({ code: 'E_LOCKED' });
  });
});

let runs = 0;
function runtime(options: TestRuntimeOptions = {}): TestRuntime {
  return testRuntime({ ...options, machine: { randomId: () => `run${++runs}`, ...options.machine } });
}

function lock(rt: TestRuntime, options: Partial<LockOptions> = {}) {
  return lockLabel(rt, { stateDir, label: 'acme', waitMs: 0, command: 'update', ...options });
}

/** A claim as a run of this process would have left it, but for `change`. */
async function left(change: Partial<LockOwner>, ageMs: number, text?: string, number = 1): Promise<void> {
  const rt = runtime();
  const folder = join(stateDir, 'lock', String(number));
  await mkdir(folder, { recursive: true });
  const owner = { ...(await describeOwner(rt, 'update')), ...change };
  await writeFile(join(folder, 'owner.json'), text ?? JSON.stringify(owner));
  const heartbeat = new Date(rt.clock.now() - ageMs);
  await utimes(join(folder, 'owner.json'), heartbeat, heartbeat);
}
