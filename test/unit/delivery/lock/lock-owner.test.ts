import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { topClaim } from '../../../../src/delivery/lock/lock-claims.js';
import {
  describeOwner,
  ownerState,
  parseOwner,
  readOwner,
  type LockOwner,
} from '../../../../src/delivery/lock/lock-owner.js';
import { lockHolder } from '../../../../src/delivery/lock/lock-peek.js';
import type { Exec, ExecResult } from '../../../../src/runtime/exec.js';
import type { FileSystem } from '../../../../src/runtime/fs.js';
import { folderOfTest } from '../../../helpers/made-channel.js';
import { failWhere, faultFs } from '../../../helpers/fault-fs.js';
import { testRuntime, type TestRuntime } from '../../../helpers/runtime.js';

/** What Linux says in its files: proc(5), machine-id(5), pid_namespaces(7). */
const HERE: Record<string, string> = {
  '/proc/sys/kernel/random/boot_id': '0f1e\n',
  '/etc/machine-id': 'abc123\n',
  // Of a program that is called `a b) S (c`: the name may hold what parts the fields.
  '/proc/4711/stat': stat(4711, 'a b) S (c', 'R', '987'),
  '/proc/1/stat': stat(1, 'systemd', 'S', '3'),
};
const MACHINE = createHash('sha256').update('abc123').digest('hex').slice(0, 16);

/** 22 fields: the third is the state, the 22nd the start time. */
function stat(pid: number, name: string, state: string, startTicks: string): string {
  const between = Array.from({ length: 18 }, (_, at) => `${at + 100}`);
  return `${[pid, `(${name})`, state, ...between, startTicks, '5', '6'].join(' ')}\n`;
}

function linux(files: Record<string, string | undefined> = {}, space: number | undefined = 42): TestRuntime {
  const there = { ...HERE, ...files };
  const plain = testRuntime().fs;
  const missing = (path: string) => Object.assign(new Error(path), { code: 'ENOENT' });
  const fs = {
    ...plain,
    readText: async (path: string) => {
      const text = there[path];
      if (text === undefined) throw missing(path);
      return text;
    },
    stat: async (path: string) => {
      if (path !== '/proc/self/ns/pid' || space === undefined) throw missing(path);
      return { ino: space };
    },
  } as unknown as FileSystem;
  return testRuntime({ fs, machine: { platform: 'linux', pid: 4711 } });
}

const OWNER: LockOwner = {
  schema: 1,
  pid: 4711,
  startTicks: '987',
  host: 'build-host',
  boot: '0f1e',
  machine: MACHINE,
  pidSpace: '42',
  user: 'builder',
  run: 'id-1',
  command: 'update',
  since: '2026-01-02T03:04:05.000Z',
};

describe('the owner of a lock', () => {
  it('is this process, as Linux tells of it', async () => {
    expect(await describeOwner(linux(), 'update')).toEqual(OWNER);
  });

  it.each<[string, TestRuntime, Partial<LockOwner>]>([
    ['no machine id', linux({ '/etc/machine-id': undefined }), { machine: null }],
    ['an empty machine id', linux({ '/etc/machine-id': ' \n' }), { machine: null }],
    ['no boot id', linux({ '/proc/sys/kernel/random/boot_id': undefined }), { boot: null }],
    ['no process', linux({ '/proc/4711/stat': undefined }), { startTicks: null }],
    ['a process that is told in part', linux({ '/proc/4711/stat': '4711 (node) R 1 2' }), { startTicks: null }],
  ])('is null in what is not told: %s', async (_, rt, change) => {
    expect(await describeOwner(rt, 'update')).toEqual({ ...OWNER, ...change });
  });

  it('has no pid space where there are no namespaces, and nothing of the system elsewhere', async () => {
    const none = linux({}, undefined);
    const bare = { ...none, fs: { ...none.fs, stat: async () => Promise.reject(new Error('ENOENT')) } };
    expect((await describeOwner(bare, 'update')).pidSpace).toBeNull();
    const mac = { ...linux(), machine: { ...linux().machine, platform: 'darwin' as const } };
    expect(await describeOwner(mac, 'update')).toMatchObject({
      startTicks: null,
      boot: null,
      machine: null,
      pidSpace: null,
    });
  });
});

describe('an owner file', () => {
  it('is whole, or says nothing', () => {
    expect(parseOwner(JSON.stringify(OWNER))).toEqual(OWNER);
    const nulls = { ...OWNER, startTicks: null, boot: null, machine: null, pidSpace: null };
    expect(parseOwner(JSON.stringify(nulls))).toEqual(nulls);
  });

  it.each(Object.keys(OWNER))('is none without %s, or with something else there', (key) => {
    expect(parseOwner(JSON.stringify({ ...OWNER, [key]: undefined }))).toBeUndefined();
    expect(parseOwner(JSON.stringify({ ...OWNER, [key]: ['x'] }))).toBeUndefined();
    expect(parseOwner(JSON.stringify({ ...OWNER, [key]: 1.5 }))).toBeUndefined();
  });

  it('is none where it is no JSON', () => expect(parseOwner('')).toBeUndefined());
});

describe('whether an owner still runs', () => {
  const MINUTE = 60_000;
  it.each<[string, Partial<LockOwner>, Record<string, string | undefined>, number, string]>([
    ['the process itself', {}, {}, 0, 'alive'],
    ['one whose start time it could not read', { startTicks: null }, {}, 0, 'alive'],
    ['a pid that was given to another', { startTicks: '986' }, {}, 0, 'dead'],
    ['a zombie', {}, { '/proc/4711/stat': stat(4711, 'n', 'Z', '987') }, 0, 'dead'],
    ['one that is going', {}, { '/proc/4711/stat': stat(4711, 'n', 'X', '987') }, 0, 'dead'],
    ['one that sleeps', {}, { '/proc/4711/stat': stat(4711, 'n', 'D', '987') }, 0, 'alive'],
    ['no such process', {}, { '/proc/4711/stat': undefined }, 0, 'dead'],
    ['no process to be seen at all', {}, { '/proc/4711/stat': undefined, '/proc/1/stat': undefined }, 0, 'unknown'],
    [
      'processes of which only a part is told',
      {},
      { '/proc/4711/stat': '4711 (node) R 1 2', '/proc/1/stat': '1 (systemd) S' },
      0,
      'unknown',
    ],
    ['another host', { host: 'other' }, {}, 10 * MINUTE, 'elsewhere'],
    ['another machine of that name', { machine: 'other' }, {}, 10 * MINUTE, 'elsewhere'],
    ['another machine of that name, booted', { machine: 'other', boot: 'b' }, {}, 10 * MINUTE, 'elsewhere'],
    ['booted since, a minute ago', { boot: 'b' }, {}, MINUTE, 'elsewhere'],
    ['booted since, more than a minute ago', { boot: 'b' }, {}, MINUTE + 1, 'dead'],
    [
      'booted since, without a machine id on both sides',
      { boot: 'b', machine: null },
      { '/etc/machine-id': undefined },
      10 * MINUTE,
      'elsewhere',
    ],
    ['another container', { pidSpace: '43' }, {}, 10 * MINUTE, 'elsewhere'],
  ])('%s', async (_, change, files, age, state) => {
    expect(await ownerState(linux(files), { ...OWNER, ...change }, age)).toBe(state);
  });

  /** Where one of both has no boot id, the system's own program is asked. */
  const asked = async (
    platform: NodeJS.Platform,
    answer: Partial<ExecResult> & { text?: string; throws?: boolean },
    env: Record<string, string> = {},
    change: Partial<LockOwner> = { boot: null },
  ) => {
    const requests: Parameters<Exec['run']>[0][] = [];
    const { text = '', throws = false, ...rest } = answer;
    const rt = linux();
    const result = { exitCode: 0, timedOut: false, startError: undefined, stdout: Buffer.from(text), ...rest };
    const state = await ownerState(
      {
        ...rt,
        env,
        machine: { ...rt.machine, platform, tmpdir: '/tmp' },
        exec: {
          run: async (request) => {
            requests.push(request);
            if (throws) throw new Error('x');
            return result as ExecResult;
          },
        },
      },
      { ...OWNER, ...change },
      0,
    );
    return { state, requests };
  };

  it('is asked of ps elsewhere, in its own words and in UTC, and not for long', async () => {
    const { state, requests } = await asked('darwin', { text: 'Fri Jan  2 03:04:05 2026\n' });
    expect(state).toBe('alive');
    expect(requests).toEqual([
      {
        file: '/bin/ps',
        args: ['-o', 'lstart=', '-p', '4711'],
        env: { LC_ALL: 'C', TZ: 'UTC' },
        cwd: '/tmp',
        timeoutMs: 20_000,
      },
    ]);
  });

  it.each<[string, Parameters<typeof asked>[1], string]>([
    // ps counts whole seconds: two of grace.
    ['started two seconds later', { text: 'Fri Jan  2 03:04:07 2026' }, 'alive'],
    ['started three seconds later', { text: 'Fri Jan  2 03:04:08 2026' }, 'dead'],
    ['nothing, and the code of "none such"', { exitCode: 1 }, 'dead'],
    ['blanks, and that code', { exitCode: 1, text: ' \n' }, 'dead'],
    ['nothing, and all is well', { exitCode: 0 }, 'unknown'],
    ['nothing, and another code', { exitCode: 2 }, 'unknown'],
    ['no code', { exitCode: undefined, text: 'Fri Jan  2 03:04:08 2026' }, 'unknown'],
    ['too late', { timedOut: true, text: 'Fri Jan  2 03:04:08 2026' }, 'unknown'],
    ['not there', { startError: 'ENOENT', text: 'Fri Jan  2 03:04:08 2026' }, 'unknown'],
    ['an error', { throws: true }, 'unknown'],
    ['a time that is none', { text: 'yesterday' }, 'alive'],
  ])('ps says: %s', async (_, answer, state) => {
    expect((await asked('darwin', answer)).state).toBe(state);
  });

  it('is asked of PowerShell on Windows, without the profile of anyone, and of no other', async () => {
    const { requests } = await asked('win32', { text: 'none' });
    const [request] = requests;
    expect(request!.file).toBe(join('C:\\Windows', 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe'));
    expect(request!.args.slice(0, 3)).toEqual(['-NoProfile', '-NonInteractive', '-Command']);
    expect(request!.args[3]).toContain('Get-Process -Id 4711 ');
    expect(request!.env).toEqual({ SystemRoot: 'C:\\Windows' });
    for (const name of ['SystemRoot', 'SYSTEMROOT']) {
      const other = (await asked('win32', { text: 'none' }, { [name]: 'D:\\W' })).requests[0]!;
      expect(other.file.startsWith('D:\\W')).toBe(true);
      expect(other.env).toEqual({ SystemRoot: 'D:\\W' });
    }
    const both = await asked('win32', { text: 'none' }, { SystemRoot: 'D:\\W', SYSTEMROOT: 'E:\\W' });
    expect(both.requests[0]!.env).toEqual({ SystemRoot: 'D:\\W' });
  });

  it.each<[string, Parameters<typeof asked>[1], string]>([
    ['none', { text: 'none\r\n' }, 'dead'],
    ['found, no time', { text: 'found\r\n' }, 'alive'],
    ['found, the same time', { text: 'found\r\n2026-01-02T03:04:05.0000000Z\r\n' }, 'alive'],
    ['found, two seconds later', { text: 'found\r\n2026-01-02T03:04:07.0000000Z\r\n' }, 'alive'],
    ['found, later', { text: 'found\r\n2026-01-02T03:04:08.0000000Z\r\n' }, 'dead'],
    ['found, later, with line feeds only', { text: 'found\n2026-01-02T03:04:08.0000000Z\n' }, 'dead'],
    ['something else', { text: 'Access denied\r\n2026-01-02T03:04:08.0000000Z\r\n' }, 'unknown'],
    ['nothing', { timedOut: true }, 'unknown'],
  ])('PowerShell says: %s', async (_, answer, state) => {
    expect((await asked('win32', answer)).state).toBe(state);
  });

  it('asks the system where the owner had no boot id, or where there is none here', async () => {
    const ps = { exitCode: 1 };
    expect((await asked('darwin', ps, {}, {})).requests).toHaveLength(1);
    const rt = { ...linux(), exec: { run: async () => ({ ...ps, stdout: Buffer.alloc(0) }) as unknown as ExecResult } };
    expect(await ownerState(rt, { ...OWNER, boot: null, pidSpace: 'x' }, 0)).toBe('dead');
  });
});

describe('the files of a claim', () => {
  const rt = testRuntime();
  const claim = (files: Record<string, string>, number = 1) => {
    const dir = join(folderOfTest(), 'lock');
    mkdirSync(join(dir, String(number)), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, String(number), name), text);
    return dir;
  };
  const whole = JSON.stringify(OWNER);

  it('its owner, with the time of its last sign; nothing where no file is', async () => {
    const dir = claim({ 'owner.json': whole });
    utimesSync(join(dir, '1', 'owner.json'), 1000, 1000);
    expect(await readOwner(rt, join(dir, '1'))).toEqual({ owner: OWNER, heartbeatMs: 1_000_000 });
    expect(await readOwner(rt, join(dir, '2'))).toBeUndefined();
    const failing = testRuntime({ fs: faultFs(failWhere(({ name }) => name === 'lstat', 'EIO')).fs });
    await expect(readOwner(failing, join(dir, '1'))).rejects.toMatchObject({ code: 'EIO' });
  });

  it('a link in its place is nobody', async () => {
    const dir = claim({ other: whole });
    symlinkSync(join(dir, '1', 'other'), join(dir, '1', 'owner.json'));
    expect((await readOwner(rt, join(dir, '1')))?.owner).toBeUndefined();
  });

  it('the highest number counts, of folders with a number of ours', async () => {
    const dir = claim({ 'owner.json': whole }, 12);
    for (const name of ['9', '013', '0', '14x', 'x14', '-15', '1'.repeat(16)]) mkdirSync(join(dir, name));
    writeFileSync(join(dir, '99'), '');
    expect(await topClaim(rt, dir)).toMatchObject({ number: 12, free: false, owner: OWNER });
  });

  it('none is free; one that was given back is free; one with neither file is held by nobody that is known', async () => {
    expect(await topClaim(rt, join(folderOfTest(), 'lock'))).toEqual({
      number: 0,
      free: true,
      owner: undefined,
      heartbeatMs: 0,
    });
    expect(await topClaim(rt, claim({ 'released.json': whole }))).toMatchObject({ number: 1, free: true });
    const bare = claim({});
    utimesSync(join(bare, '1'), 1000, 1000);
    expect(await topClaim(rt, bare)).toEqual({ number: 1, free: false, owner: undefined, heartbeatMs: 1_000_000 });
  });

  it('looks again where the owner came, or the claim went, between two looks', async () => {
    const dir = claim({});
    const plain = rt.fs;
    let looks = 0;
    const came = {
      ...plain,
      readdir: async (path: string) => {
        if (path === join(dir, '1') && ++looks === 1) writeFileSync(join(path, 'owner.json'), whole);
        return plain.readdir(path);
      },
    } as FileSystem;
    expect(await topClaim(testRuntime({ fs: came }), dir)).toMatchObject({ number: 1, free: false, owner: OWNER });

    const gone = claim({});
    let first = true;
    const went = {
      ...plain,
      readdir: async (path: string) => {
        if (path === join(gone, '1') && first) {
          first = false;
          mkdirSync(join(gone, '2'));
          writeFileSync(join(gone, '2', 'released.json'), whole);
          throw Object.assign(new Error('gone'), { code: 'ENOENT' });
        }
        return plain.readdir(path);
      },
    } as FileSystem;
    expect(await topClaim(testRuntime({ fs: went }), gone)).toMatchObject({ number: 2, free: true });
  });

  it('a disk that fails is no free lock', async () => {
    const dir = claim({});
    for (const path of [dir, join(dir, '1')]) {
      const { fs } = faultFs(failWhere(({ name, args }) => name === 'readdir' && args[0] === path, 'EIO'));
      await expect(topClaim(testRuntime({ fs }), dir)).rejects.toMatchObject({ code: 'EIO' });
    }
  });
});

describe('who holds the lock, for who only asks', () => {
  const state = (claims: Record<string, Partial<LockOwner> | string>) => {
    const dir = folderOfTest();
    for (const [number, owner] of Object.entries(claims)) {
      mkdirSync(join(dir, 'lock', number), { recursive: true });
      const text = typeof owner === 'string' ? owner : JSON.stringify({ ...OWNER, ...owner });
      const name = owner === 'free' ? 'released.json' : 'owner.json';
      writeFileSync(join(dir, 'lock', number, name), text);
    }
    return dir;
  };
  const holder = async (claims: Parameters<typeof state>[0], ageMs = 0) => {
    const dir = state(claims);
    const { fs } = testRuntime();
    const there = linux();
    const mixed = {
      ...fs,
      stat: there.fs.stat,
      readText: async (path: string) => (path.startsWith(dir) ? fs.readText(path) : there.fs.readText(path)),
    };
    const rt = { ...there, fs: mixed };
    for (const number of Object.keys(claims)) {
      if (claims[number] === 'free') continue;
      const at = (rt.clock.now() - ageMs) / 1000;
      utimesSync(join(dir, 'lock', number, 'owner.json'), at, at);
    }
    return lockHolder(rt, dir);
  };

  it.each<[string, Parameters<typeof state>[0], string | undefined]>([
    ['nobody ever', {}, undefined],
    ['a run', { '1': {} }, 'id-1'],
    ['a run on another host', { '1': { host: 'other' } }, 'id-1'],
    ['a run that died', { '1': { startTicks: '1' } }, undefined],
    ['the highest claim, by number', { '9': { run: 'nine' }, '10': { run: 'ten' } }, 'ten'],
    ['one that was given back', { '1': {}, '2': 'free' }, undefined],
    ['one that is not readable', { '1': 'garbage' }, undefined],
    ['an unfinished claim', { 'new-x-7': {} }, undefined],
    ['a claim beside what is no number of ours', { '1': {}, '7x': {}, x7: {} }, 'id-1'],
    ['no number of ours', { '07': {}, '7x': {}, x7: {} }, undefined],
  ])('%s', async (_, claims, run) => {
    expect((await holder(claims))?.run).toBe(run);
  });

  it('of a machine that was booted since, by the age of the last sign', async () => {
    expect(await holder({ '1': { boot: 'b' } }, 50_000)).toMatchObject({ run: 'id-1' });
    expect(await holder({ '1': { boot: 'b' } }, 70_000)).toBeUndefined();
  });

  it('nobody where the disk says nothing', async () => {
    const dir = state({ '1': {} });
    for (const name of ['readdir', 'lstat']) {
      const { fs } = faultFs(failWhere((call) => call.name === name, 'EIO'));
      expect(await lockHolder(testRuntime({ fs }), dir)).toBeUndefined();
    }
  });
});
