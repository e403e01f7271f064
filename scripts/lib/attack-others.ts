import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { sha256Of } from '../../src/codec/digests.js';
import { zstdDecompress } from '../../src/codec/zstd.js';
import { PROJECT_ROOT } from './layers.js';
import { makeChannel, makePackage } from './sample-upstream.js';

/** What indexes or mirrors a channel folder; `line` is its command for a folder, whose channel is at `url` or in a folder. */
interface Other {
  name: string;
  /** An index is made where the artifacts lie, or a mirror of a channel. */
  mirrors: boolean;
  line: (at: { dir: string; url: string; upstream: string; home: string }) => string[];
}

const KILLS = 25;
const OLD = 60;
const NEW = 20;
const SUBDIR = 'linux-64';
const RATTLER = `import asyncio, os, pathlib, sys, rattler.index
asyncio.run(rattler.index.index_fs(pathlib.Path(sys.argv[1]), write_shards=False)); os._exit(0)`;

/** Those that this Python has (PyPI: conda-index, py-rattler, conda-mirror), and ours. */
function others(python: string): Other[] {
  const version = (name: string): string | undefined => {
    const code = `from importlib.metadata import version; print(version('${name}'))`;
    const ran = spawnSync(python, ['-c', code], { encoding: 'utf8' });
    return ran.status === 0 ? ran.stdout.trim() : undefined;
  };
  const alone = join(PROJECT_ROOT, 'scripts', 'lib', 'conda-index-alone.py');
  const theirs: [string, Other['mirrors'], Other['line']][] = [
    ['conda-index', false, ({ dir }) => [python, alone, '--no-current-repodata', '--zst', '--threads', '1', dir]],
    ['py-rattler', false, ({ dir }) => [python, '-c', RATTLER, dir]],
    [
      'conda-mirror',
      true,
      ({ dir, url }) => [
        join(python, '..', 'conda-mirror'),
        `--upstream-channel=${url}`,
        `--target-directory=${dir}`,
        `--platform=${SUBDIR}`,
        '--num-threads=1',
        '--no-progress',
      ],
    ],
  ];
  const program = join(PROJECT_ROOT, 'bin', 'repackenv.js');
  const ours: Other = {
    name: 'repackenv mirror',
    mirrors: true,
    line: ({ dir, upstream, home }) => {
      const file = join(home, 'mirror.yml');
      const text = `channels: ["${pathToFileURL(upstream).href}"]\nplatforms: [${SUBDIR}]\nmirror_dir: ${dir}\n`;
      writeFileSync(file, text);
      return [process.execPath, program, 'mirror', '-f', file, '--cache-dir', join(home, 'cache')];
    },
  };
  const there = theirs.flatMap(([name, mirrors, line]) => {
    const found = version(name);
    if (found === undefined) console.error(`${name} is not at hand`);
    return found === undefined ? [] : [{ name: `${name} ${found}`, mirrors, line }];
  });
  return [...there, ours];
}

interface Ended {
  code: number | null;
  ms: number;
}

function run([file, ...args]: string[], home: string, killAfterMs = Infinity): Promise<Ended> {
  const began = performance.now();
  const child = spawn(file!, args, {
    env: { PATH: process.env['PATH'], HOME: home, TMPDIR: home },
    detached: true,
    stdio: 'ignore',
  });
  const end = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // It had ended.
    }
  };
  const timer = setTimeout(end, Math.min(killAfterMs, 120_000));
  return new Promise((resolve) => {
    child.on('error', () => resolve({ code: -1, ms: 0 }));
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve({ code, ms: performance.now() - began });
    });
  });
}

/** Names in each form of the index, or why it can't be read; and those that name what is not there as it says. */
async function looked(dir: string): Promise<{ torn: boolean; wrong: number; disagree: boolean; names: Set<string> }> {
  const forms: Set<string>[] = [];
  let [torn, wrong] = [false, 0];
  for (const form of ['repodata.json', 'repodata.json.zst']) {
    const path = join(dir, SUBDIR, form);
    if (!existsSync(path)) continue;
    try {
      const bytes = readFileSync(path);
      const json = form.endsWith('.zst') ? await zstdDecompress(bytes, { maxBytes: 1e8 }) : bytes;
      const { packages, 'packages.conda': conda } = JSON.parse(Buffer.from(json).toString()) as Record<string, object>;
      const records = Object.entries({ ...packages, ...conda } as Record<string, { sha256: string }>);
      forms.push(new Set(records.map(([fn, { sha256 }]) => `${fn} ${sha256}`)));
      for (const [fn, { sha256 }] of records) {
        const artifact = join(dir, SUBDIR, fn);
        if (!existsSync(artifact) || sha256Of(readFileSync(artifact)) !== sha256) wrong += 1;
      }
    } catch {
      torn = true;
    }
  }
  const [a, b] = forms;
  const disagree = a !== undefined && b !== undefined && [...a].sort().join() !== [...b].sort().join();
  return {
    torn: torn || forms.length === 0,
    wrong,
    disagree,
    names: new Set([...(a ?? [])].map((each) => each.split(' ')[0]!)),
  };
}

const namesIn = (dir: string): string[] => readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();

/** A row for each: what is there after kills, damage and a full disk. Prints a table. */
export async function attackOthers(python: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'repackenv-others-'));
  const packages = await Promise.all(
    Array.from({ length: OLD + NEW }, (_, at) =>
      makePackage({ name: `p${at}`, version: '1.0', subdir: SUBDIR, files: { 'share/x': `${at} `.repeat(20_000) } }),
    ),
  );
  const upstreams = { old: join(work, 'old'), new: join(work, 'new') };
  await makeChannel(upstreams.old, packages.slice(0, OLD));
  await makeChannel(upstreams.new, packages);
  const server = await serve(() => at.upstream);
  const at = { upstream: upstreams.old, url: '', dir: '', home: '' };
  at.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  console.log(
    '| program | killed | torn | names what is not there | forms disagree | left over | a truncated new artifact | one that is there | disk full |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |');
  for (const other of others(python)) console.log(`| ${[other.name, ...(await attacked(other))].join(' | ')} |`);
  server.close();
  rmSync(work, { recursive: true, force: true });

  async function attacked(other: Other): Promise<(string | number)[]> {
    const begun = join(work, 'begun');
    const lay = (from?: string): void => {
      for (const dir of [at.dir, at.home]) rmSync(dir, { recursive: true, force: true });
      if (from !== undefined) cpSync(from, at.dir, { recursive: true, preserveTimestamps: true });
      mkdirSync(at.dir, { recursive: true });
      mkdirSync(at.home);
    };
    const bring = (): void => {
      at.upstream = upstreams.new;
      if (other.mirrors) return;
      for (const { distFilename } of packages.slice(OLD))
        cpSync(join(upstreams.new, SUBDIR, distFilename), join(at.dir, SUBDIR, distFilename), {
          preserveTimestamps: true,
        });
    };
    const places = (name: string): void =>
      void Object.assign(at, { dir: join(work, name, 'c'), home: join(work, name, 'home') });
    rmSync(begun, { recursive: true, force: true });
    places('one');
    at.upstream = upstreams.old;
    lay();
    if (!other.mirrors)
      for (const each of [SUBDIR, 'noarch']) {
        mkdirSync(join(at.dir, each), { recursive: true });
        for (const fn of readdirSync(join(upstreams.old, each)).filter((name) => name.endsWith('.conda')))
          cpSync(join(upstreams.old, each, fn), join(at.dir, each, fn), { preserveTimestamps: true });
      }
    const first = await run(other.line(at), at.home);
    const { names } = await looked(at.dir);
    if (first.code !== 0 || names.size !== OLD) return [`the first run ended with ${first.code}, ${names.size} names`];
    // Some files of a program carry the absolute place: the same place each time.
    cpSync(at.dir, begun, { recursive: true, preserveTimestamps: true });
    const again = async (killAfterMs?: number): Promise<Ended> => {
      lay(begun);
      bring();
      return run(other.line(at), at.home, killAfterMs);
    };
    const { ms } = await again();
    const whole = new Set(namesIn(at.dir));
    const sum = { killed: 0, torn: 0, wrong: 0, disagree: 0, left: 0 };
    for (let kill = 1; kill <= KILLS; kill += 1) {
      if ((await again((ms * (kill + 4)) / (KILLS + 6))).code !== null) continue;
      sum.killed += 1;
      const { torn, wrong, disagree } = await looked(at.dir);
      sum.torn += Number(torn);
      sum.wrong += Number(wrong > 0);
      sum.disagree += Number(disagree);
      await run(other.line(at), at.home);
      sum.left += Number(namesIn(at.dir).some((name) => !whole.has(name) && !/\d{8}|\.lock$|-(?:shm|wal)$/.test(name)));
    }
    const broken = packages.at(-1)!.distFilename;
    lay(begun);
    bring();
    const spoilt = join(work, 'spoilt');
    if (other.mirrors) {
      cpSync(upstreams.new, spoilt, { recursive: true, preserveTimestamps: true });
      at.upstream = spoilt;
    }
    truncateSync(join(other.mirrors ? spoilt : at.dir, SUBDIR, broken), 3000);
    const ran = await run(other.line(at), at.home);
    const after = await looked(at.dir);
    const fresh = `exit ${ran.code}, ${after.names.has(broken) ? (after.wrong > 0 ? 'delivered wrong' : 'indexed as it is') : 'left out'}`;
    lay(begun);
    at.upstream = upstreams.old;
    truncateSync(join(at.dir, SUBDIR, packages[0]!.distFilename), 3000);
    const ranOver = await run(other.line(at), at.home);
    const over = await looked(at.dir);
    const there = `exit ${ranOver.code}, ${over.wrong > 0 ? 'stays wrong' : over.names.has(packages[0]!.distFilename) ? (other.mirrors ? 'mended' : 'indexed as it is') : 'left out'}`;
    return [
      sum.killed,
      sum.torn,
      sum.wrong,
      sum.disagree,
      sum.left,
      fresh,
      there,
      await onFullDisk(other, begun, bring, lay),
    ];
  }

  async function onFullDisk(
    other: Other,
    begun: string,
    bring: () => void,
    lay: (from: string) => void,
  ): Promise<string> {
    const disk = join(work, 'disk');
    mkdirSync(disk, { recursive: true });
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]).status !== 0) return 'no tmpfs here';
    Object.assign(at, { dir: join(disk, 'c'), home: join(disk, 'home') });
    try {
      lay(begun);
      bring();
      const line = other.line(at);
      try {
        for (;;) appendFileSync(join(disk, 'filler'), Buffer.alloc(1024));
      } catch {
        // Full.
      }
      const { code } = await run(line, at.home);
      const { torn, wrong } = await looked(at.dir);
      return `exit ${code}, ${torn ? 'torn' : wrong > 0 ? 'names what is not there' : 'whole'}`;
    } finally {
      execFileSync('umount', [disk]);
    }
  }
}

/** The folder that `where` says at the time, over HTTP. */
async function serve(where: () => string): Promise<Server> {
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(where(), decodeURIComponent(new URL(request.url!, 'http://x').pathname))));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
