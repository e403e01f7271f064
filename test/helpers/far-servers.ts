import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { layerPath } from './layers.js';

/** A bucket server of somebody else; its objects are files below `folder`. */
export interface FarBuckets {
  url: string;
  env: Readonly<Record<string, string>>;
  /** What a bucket of that name holds. */
  folder(bucket: string): string;
  close(): Promise<void>;
}

export const BUCKET_KEYS = { id: 'repackenv-test', secret: 'only/for+the=tests1234567890' };

export async function startBuckets(dir: string, buckets: readonly string[] = ['deliveries']): Promise<FarBuckets> {
  const top = join(dir, 'buckets');
  for (const bucket of buckets) mkdirSync(join(top, bucket), { recursive: true });
  const port = await freePort();
  const args = ['--port', `127.0.0.1:${port}`, '--access', BUCKET_KEYS.id, '--secret', BUCKET_KEYS.secret, '--quiet'];
  const server = spawn(layerPath('versitygw'), [...args, 'posix', top], { stdio: ['ignore', 'ignore', 'pipe'] });
  const url = `http://127.0.0.1:${port}`;
  await answers(server, port);
  return {
    url,
    env: { AWS_ACCESS_KEY_ID: BUCKET_KEYS.id, AWS_SECRET_ACCESS_KEY: BUCKET_KEYS.secret, AWS_ENDPOINT_URL: url },
    folder: (bucket) => join(top, bucket),
    close: () => ended(server),
  };
}

/** A real sshd on a port of its own, for this user. */
export interface FarHost {
  /** `user@127.0.0.1`. */
  host: string;
  port: number;
  /** For RSYNC_RSH. */
  rsh: string;
  /** Each login, as sshd tells it. */
  log(): string;
  close(): Promise<void>;
}

/** `programs`: a folder that comes first in the PATH of who logs in. */
export async function startHost(dir: string, { programs }: { programs?: string } = {}): Promise<FarHost> {
  const place = join(dir, 'sshd');
  mkdirSync(place, { recursive: true, mode: 0o700 });
  for (const key of ['host', 'user']) {
    const args = ['-q', '-t', 'ed25519', '-N', '', '-f', join(place, key)];
    if (!existsSync(join(place, key))) execFileSync(layerPath('ssh-keygen'), args);
  }
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const port = await freePort();
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(place, 'host')}`,
    `AuthorizedKeysFile ${join(place, 'user.pub')}`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'PermitRootLogin yes',
    'MaxStartups 100',
    ...(programs === undefined ? [] : [`SetEnv PATH=${programs}:/usr/local/bin:/usr/bin:/bin`]),
  ];
  writeFileSync(join(place, 'sshd_config'), `${lines.join('\n')}\n`);
  const host = readFileSync(join(place, 'host.pub'), 'utf8');
  writeFileSync(join(place, 'known_hosts'), `[127.0.0.1]:${port} ${host}`);
  const server = spawn(layerPath('sshd'), ['-D', '-e', '-f', join(place, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  server.stderr!.on('data', (piece) => (log += String(piece)));
  await answers(server, port);
  const options = `-F none -i ${join(place, 'user')} -o BatchMode=yes -o UserKnownHostsFile=${join(place, 'known_hosts')} -p ${port}`;
  return {
    host: `${userInfo().username}@127.0.0.1`,
    port,
    rsh: `ssh ${options}`,
    log: () => log,
    close: () => ended(server),
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Until something listens there. */
async function answers(child: ChildProcess, port: number): Promise<void> {
  const { connect } = await import('node:net');
  let said = '';
  child.stderr?.on('data', (piece) => (said += String(piece)));
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`the server ended: ${said}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => (socket.destroy(), resolve(true)));
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await delay(50);
  }
  throw new Error(`nothing listens on ${port}: ${said}`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}

/** A real Redis on a port of its own, behind a password. */
export interface FarRedis {
  url: string;
  keys(): Promise<string[]>;
  /** Every key with all that it holds, as text. */
  dump(): Promise<string>;
  /** All commands from now on, as they come. */
  watch(): Promise<{ seen(): string }>;
  close(): Promise<void>;
}

export async function startRedis(dir: string, password: string): Promise<FarRedis> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--requirepass', password];
  const server = spawn(layerPath('redis'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  await answers(server, port);
  const url = `redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`;
  const { Redis } = await import('ioredis');
  const client = new Redis(url);
  client.on('error', () => undefined);
  /** How a key of each type is read whole. */
  const READS: Readonly<Record<string, readonly string[]>> = {
    string: ['get'],
    hash: ['hgetall'],
    list: ['lrange', '0', '-1'],
    set: ['smembers'],
    zset: ['zrange', '0', '-1', 'withscores'],
    stream: ['xrange', '-', '+'],
  };

  const closing: (() => void)[] = [];
  return {
    url,
    keys: () => client.keys('*'),
    async dump() {
      const held = (await client.keys('*')).map(async (key) => {
        const ask = READS[await client.type(key)];
        // One that has gone meanwhile is of no type.
        return ask === undefined ? [key] : [key, await client.call(ask[0]!, key, ...ask.slice(1))];
      });
      return JSON.stringify(await Promise.all(held));
    },
    async watch() {
      const asking = client.duplicate();
      asking.on('error', () => undefined);
      const monitor = await asking.monitor();
      monitor.on('error', () => undefined);
      let text = '';
      monitor.on('monitor', (_time: unknown, command: string[]) => (text += `${command.join(' ')}\n`));
      closing.push(() => [monitor, asking].forEach((each) => each.disconnect()));
      return { seen: () => text };
    },
    async close() {
      for (const each of closing) each();
      client.disconnect();
      await ended(server);
    },
  };
}

/** An nginx that serves a folder as it comes: no option but ports, places and short times. */
export async function startNginx(dir: string, root: string): Promise<{ port: number; close(): Promise<void> }> {
  const place = join(dir, 'nginx');
  mkdirSync(place, { recursive: true });
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((each) => `  ${each}_temp_path ${join(place, each)};`)
    .join('\n');
  writeFileSync(
    join(place, 'nginx.conf'),
    `daemon off; master_process off; pid ${join(place, 'pid')}; error_log stderr crit;
events { }
http {
  access_log off; keepalive_timeout 4s; client_header_timeout 4s; client_body_timeout 4s; lingering_timeout 1s;
${temporary}
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`,
  );
  const args = ['-p', place, '-c', join(place, 'nginx.conf'), '-e', 'stderr'];
  const server = spawn(layerPath('nginx'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  await answers(server, port);
  return { port, close: () => ended(server) };
}
