import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { execaExec, type Exec } from '../../src/runtime/exec.js';
import { startHost, type FarHost } from '../helpers/far-servers.js';
import { describeWithLayers } from '../helpers/layers.js';
import { FIRST, openPushLab, pushHere, SECOND, type PushLab } from '../helpers/pushing.js';
import { breaches, digests, snapshot } from '../helpers/tiny-channel.js';

describeWithLayers(['rsync', 'sshd', 'ssh-keygen'], 'push to a host, by rsync over a real sshd', () => {
  let far: FarHost;
  let keys: PushLab;
  let lab: PushLab;
  beforeAll(async () => {
    keys = await openPushLab();
    far = await startHost(keys.dir);
  });
  afterAll(async () => {
    await far.close();
    await keys.close();
  });
  const silentServers: Server[] = [];
  beforeEach(async () => (lab = await openPushLab()));
  afterEach(async () => {
    for (const server of silentServers.splice(0)) server.close();
    await lab.close();
  });

  const site = (): string => join(lab.dir, 'the site');
  const there = (): string => join(site(), 'acme');
  const send: typeof pushHere = (from, target, options) =>
    pushHere(from, target, {
      ...options,
      rt: { exec: execaExec(), env: { PATH: process.env['PATH'], HOME: lab.dir, RSYNC_RSH: far.rsh }, ...options?.rt },
    });

  it('brings the label, then what changed, then nothing; no index ever names what is not there', async () => {
    await lab.publish(FIRST, { bz2: true });
    const target = `${far.host}:${site()}`;
    expect(await send(lab, target)).toMatchObject({ unchanged: false, before: null });
    expect(await digests(there())).toEqual(await digests(lab.labelDir));
    expect(await snapshot(there())).toEqual(await snapshot(lab.labelDir));

    await lab.publish(SECOND);
    await mkdir(join(there(), 'noarch', 'left'));
    await writeFile(join(there(), 'noarch', 'left', 'x'), 'left by somebody');
    const steps: string[] = [];
    const onStep = async (step: string): Promise<void> => {
      steps.push(step);
      expect(await breaches(there()), step).toEqual([]);
    };
    const second = await send(lab, target, { onStep });
    expect(second.bytes).toBeGreaterThan(0);
    expect(second.put).not.toContain('acme/linux-64/b-1-0.conda');
    expect(steps).toContain('push:reduced');
    expect(await digests(there())).toEqual(await digests(lab.labelDir));
    expect((await readdir(there())).sort()).toEqual((await readdir(lab.labelDir)).sort());
    expect((await readdir(site())).sort()).toEqual(['acme', 'acme.INSTALL.md', 'acme.verify.ps1', 'acme.verify.sh']);

    expect(await send(lab, `ssh://${far.host}:${far.port}${site()}/`)).toMatchObject({ unchanged: true, bytes: 0 });
  }, 60_000);

  it('an earlier generation, which lies in no folder', async () => {
    await lab.publish(FIRST);
    const was = await digests(lab.labelDir);
    await lab.publish(SECOND);
    await send({ labelDir: `${lab.labelDir}@1` }, `${far.host}:${site()}`);
    expect(await digests(there())).toEqual(was);
    await expect(send({ labelDir: `${lab.labelDir}@1` }, `${far.host}:${site()}`)).resolves.toMatchObject({ put: [] });
  }, 60_000);

  it.each<
    [
      what: string,
      code: string,
      said: RegExp,
      prepare: () => Promise<Parameters<typeof pushHere>[2]>,
      target?: () => string,
    ]
  >([
    [
      'a host that is not known',
      'E_PUSH',
      /does not know this host/,
      async () => ({ rt: env(far.rsh.replace('known_hosts', 'none')) }),
    ],
    [
      'a key that does not fit',
      'E_PUSH',
      /not let in/,
      async () => ({ rt: env(far.rsh.replace('/user -o', '/host -o')) }),
    ],
    ['nobody listens', 'E_PUSH', /connection/, async () => ({ rt: env(far.rsh.replace(`-p ${far.port}`, '-p 1')) })],
    [
      'a host that says nothing: rsync waits no longer',
      'E_PUSH',
      /says nothing/,
      async () => ({ rt: soon(await silent(), { timeout: true }) }),
    ],
    [
      'a host that says nothing: ssh waits no longer',
      'E_PUSH',
      /says nothing/,
      async () => ({ rt: env(`${await silent()} -o ConnectTimeout=1`) }),
    ],
    ['a host that says nothing, and neither ends', 'E_PUSH', /stood still/, async () => ({ rt: soon(await silent()) })],
    [
      'an rsync that is stopped there when the first file is sent',
      'E_PUSH',
      /stood still/,
      async () => {
        await mkdir(site());
        const stand = join(lab.dir, 'rsh');
        // Those that ask what is there have --sender.
        await writeFile(
          stand,
          '#!/bin/sh\nwhile [ "$1" != rsync ]; do shift; done\ncase "$*" in *--sender*) exec "$@" ;; esac\n' +
            'exec 3<&0\n"$@" <&3 &\nkill -STOP $!\nwait $!\n',
          { mode: 0o755 },
        );
        return { rt: soon(stand) };
      },
    ],
    ['no rsync here', 'E_PUSH', /rsync is not on this machine/, async () => ({ rt: { env: { PATH: lab.dir } } })],
    ['a file in the way', 'E_PUSH', /rsync|folder/, async () => void (await writeFile(site(), ''))],
    [
      'bytes that are not the manifest’s',
      'E_FOLDER_DIFFERS',
      /other bytes/,
      async () => {
        await writeFile(join(lab.labelDir, 'linux-64/a-1-0.conda'), 'A 1');
        return {};
      },
    ],
    [
      'another label there',
      'E_TARGET',
      /isbank/,
      async () => {
        await mkdir(there(), { recursive: true });
        const manifest = await readFile(join(lab.labelDir, 'manifest.json'), 'utf8');
        await writeFile(join(there(), 'manifest.json'), manifest.replace('"label": "acme"', '"label": "isbank"'));
        return {};
      },
    ],
  ])(
    '%s',
    async (_what, code, said, prepare) => {
      await lab.publish(FIRST);
      const options = await prepare();
      const failed = send(lab, `${far.host}:${site()}`, options ?? {});
      await expect(failed).rejects.toMatchObject({ code });
      await expect(failed).rejects.toThrow(said);
      const { details = [] } = (await failed.catch((error: unknown) => error)) as { details?: string[] };
      for (const line of details) expect(line).not.toContain('\r');
    },
    60_000,
  );

  /** ssh to a port that takes connections and never answers. */
  async function silent(): Promise<string> {
    const server = createServer((socket) => void socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    silentServers.push(server);
    return far.rsh.replace(`-p ${far.port}`, `-p ${(server.address() as AddressInfo).port}`);
  }

  /** Who waits half an hour for a line of rsync waits a second here; or rsync itself, for a sign of the other side. */
  function soon(rsh: string, { timeout = false } = {}) {
    const exec: Exec = {
      run: (command) =>
        execaExec().run(
          timeout
            ? { ...command, args: command.args.map((each) => each.replace(/^--timeout=300$/, '--timeout=1')) }
            : { ...command, silentMs: 1000 },
        ),
    };
    return { ...env(rsh), exec };
  }

  function env(rsh: string): { env: Record<string, string | undefined> } {
    return { env: { PATH: process.env['PATH'], HOME: lab.dir, RSYNC_RSH: rsh } };
  }
});
