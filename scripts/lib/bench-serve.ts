import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { takeContest, type Bench, type Contender } from './bench-contest.js';
import { loadByNode, loadByWrk, type Load } from './bench-load.js';
import { onPath, PROJECT_ROOT } from './layers.js';
import { watchPeakMemory } from './peak-memory.js';
import { writeIndex } from './sample-upstream.js';

const LARGE = { fn: 'large-1.0-0.conda', bytes: 256 * 2 ** 20 };
const SMALL = { count: 200, bytes: 2048 };

type Server = { name: string; port: number; file: string; args: readonly string[] };

/** `repackenv serve` beside `python -m http.server` and nginx: one large artifact, and many small ones on kept connections. */
export async function benchServe(bench: Bench): Promise<void> {
  const dir = join(bench.folder, 'channel');
  const small = await makeFolder(dir);
  const load = onPath('wrk') === undefined ? loadByNode : loadByWrk;
  if (load === loadByNode)
    bench.skip('wrk', 'not on PATH; the client is node, and may be what limits: npm run layers -- --bench');

  const running = new Map<string, { child: ChildProcess; peak: () => number | undefined }>();
  const stop = (name: string): void => {
    running.get(name)?.peak();
    running.get(name)?.child.kill('SIGTERM');
    running.delete(name);
  };
  const contender = ({ name, port }: Server): Contender => {
    const take = async (paths: readonly string[], ask: Pick<Load, 'connections' | 'seconds' | 'requests'>) => {
      const { requests, bytes, seconds } = await load({ port, paths, home: bench.folder, ...ask });
      if (bytes === 0) throw new Error(`${name} answered nothing`);
      return { requests, bytes, seconds, peakRss: running.get(name)?.peak() };
    };
    const large = [`/linux-64/${LARGE.fn}`];
    const oneLarge = { connections: 1, seconds: 2, requests: 4 };
    return {
      name,
      phases: {
        'large artifact, asked for the first time, per GB': async () => {
          const one = await loadByNode({ port, paths: large, home: bench.folder, ...oneLarge, requests: 1 });
          return { seconds: (one.seconds / one.bytes) * 1e9 };
        },
        'large artifact, again, per GB': async () => {
          const { seconds, bytes, peakRss } = await take(large, oneLarge);
          return { seconds: (seconds / bytes) * 1e9, peakRss };
        },
        'small artifacts, 16 kept connections, per 10,000': async () => {
          const { seconds, requests, peakRss } = await take(small, { connections: 16, seconds: 2, requests: 5000 });
          return { seconds: (seconds / requests) * 10_000, peakRss };
        },
      },
    };
  };

  const servers = await findServers(bench, dir);
  try {
    await takeContest(
      {
        title: 'serve',
        contenders: servers.map(contender),
        aims: { 'small artifacts, 16 kept connections, per 10,000': { time: 4 } },
        async before(home, name) {
          mkdirSync(home, { recursive: true });
          const server = servers.find((each) => each.name === name)!;
          const child = spawn(server.file, server.args, { cwd: home, stdio: 'ignore' });
          running.set(name, { child, peak: watchPeakMemory(child.pid ?? 0) });
          await answers(server);
        },
        after: (_, name) => stop(name),
      },
      bench,
    );
  } finally {
    for (const name of running.keys()) stop(name);
  }
}

async function findServers(bench: Bench, dir: string): Promise<Server[]> {
  const ours = join(PROJECT_ROOT, 'bin', 'repackenv.js');
  const [port, pythonPort, nginxPort] = [await freePort(), await freePort(), await freePort()];
  const servers: Server[] = [
    {
      name: 'repackenv serve',
      port,
      file: process.execPath,
      args: [ours, 'serve', dir, '--port', String(port), '--quiet'],
    },
  ];
  // Debian puts it where only root's PATH looks.
  const nginx = [onPath('nginx'), '/usr/sbin/nginx'].find((each) => each !== undefined && existsSync(each));
  if (nginx === undefined) bench.skip('nginx', 'not on PATH');
  else {
    const config = join(bench.folder, 'nginx.conf');
    writeFileSync(config, nginxConfig({ dir, home: bench.folder, port: nginxPort }));
    const args = ['-c', config, '-p', bench.folder, '-e', join(bench.folder, 'nginx.log')];
    servers.push({ name: 'nginx', port: nginxPort, file: nginx, args });
  }
  const python = onPath('python3') ?? onPath('python');
  if (python === undefined) bench.skip('python -m http.server', 'no python3 on PATH');
  else {
    const args = ['-m', 'http.server', '-b', '127.0.0.1', '-d', dir, '-p', 'HTTP/1.1', String(pythonPort)];
    servers.push({ name: 'python -m http.server', port: pythonPort, file: python, args });
  }
  return servers;
}

/** One process, as the others are. */
function nginxConfig({ dir, home, port }: { dir: string; home: string; port: number }): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(home, `nginx-${name}`)};`,
  );
  const server = `server { listen 127.0.0.1:${port}; root ${dir}; keepalive_requests 1000000; }`;
  return `daemon off; master_process off; pid ${join(home, 'nginx.pid')};
events {}
http { access_log off; sendfile on; tcp_nopush on; ${temporary.join(' ')} ${server} }
`;
}

/** A channel of one large artifact and many small ones; gives the URL paths of the small ones. */
async function makeFolder(dir: string): Promise<string[]> {
  const names = Array.from({ length: SMALL.count }, (_, at) => `small${at}-1.0-0.conda`);
  for (const subdir of ['linux-64', 'noarch']) {
    mkdirSync(join(dir, subdir), { recursive: true });
    const packages = subdir === 'noarch' ? [] : [LARGE.fn, ...names];
    const records = packages.map((fn) => {
      const bytes = randomFillSync(Buffer.alloc(fn === LARGE.fn ? LARGE.bytes : SMALL.bytes));
      writeFileSync(join(dir, subdir, fn), bytes);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const [name, version, build] = fn.slice(0, -'.conda'.length).split('-');
      return [fn, { name, version, build, build_number: 0, depends: [], subdir, size: bytes.length, sha256 }];
    });
    const index = {
      info: { subdir },
      packages: {},
      'packages.conda': Object.fromEntries(records),
      repodata_version: 1,
    };
    await writeIndex(join(dir, subdir), index, ['json', 'zst']);
  }
  return names.map((fn) => `/linux-64/${fn}`);
}

async function answers({ name, port }: Server): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const response = await fetch(`http://127.0.0.1:${port}/noarch/repodata.json`).catch(() => undefined);
    if (response?.ok) return void (await response.text());
    await setTimeout(100);
  }
  throw new Error(`${name} does not answer on port ${port}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
