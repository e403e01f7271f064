import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { SETTLED_MS } from '../../src/base/settled.js';
import { shardFiles } from '../../src/channel/index/shard-files.js';
import { zstdCompress } from '../../src/codec/zstd.js';
import { measured, takeContest, type Bench } from './bench-contest.js';
import { findLayer, PROJECT_ROOT } from './layers.js';
import { CLOSURES, makeLargeChannel } from './large-channel.js';
import { runOurs, runProgram } from './run-program.js';

const ROWS = {
  small: { first: { time: 2, memory: 0.8 }, again: { time: 0.7, memory: 0.8 } },
  large: { first: { time: 2, megabytes: 1200 }, again: { time: 2, megabytes: 1200 } },
} as const;

/** In pieces, as over a line of 100 Mbit/s. */
const PIECE = 1 << 16;
const PIECE_MS = 5;
const VERSIONS = 40;
const RECORDS = 480_000;
const VIRTUAL = [
  ['__unix', '0'],
  ['__linux', '4.18'],
  ['__glibc', '2.17'],
];

/** Nobody plans in the second in which an index is made, and nothing would be remembered of it. */
const OLD_ENOUGH_MS = SETTLED_MS + 500;

/** `plan` on a channel of the size of conda-forge's platforms, beside py-rattler's solve on the same file; and how fast we start at all. */
export async function benchPlan(bench: Bench): Promise<void> {
  const few = join(bench.folder, 'few');
  await makeLargeChannel(few, { names: 300, versions: 3 });
  await setTimeout(OLD_ENOUGH_MS);
  const plan = (channel: string, spec: string) => (home: string) =>
    measured(() =>
      runOurs('repackenv', planArgs(pathToFileURL(channel).href, spec, home), { home, watchMemory: true }),
    );
  const node = (home: string) => measured(() => runProgram(process.execPath, ['-e', '0'], { home, watchMemory: true }));
  await takeContest(
    {
      title: 'start',
      contenders: [
        {
          name: 'repackenv',
          phases: {
            '--version': (home) => measured(() => runOurs('repackenv', ['--version'], { home, watchMemory: true })),
            'plan of a small channel': plan(few, 'small-0'),
            'plan of a small channel, again': plan(few, 'small-0'),
          },
        },
        {
          name: 'node -e 0',
          phases: { '--version': node, 'plan of a small channel': node, 'plan of a small channel, again': node },
        },
      ],
      aims: { 'plan of a small channel, again': { time: 5 } },
    },
    { ...bench, rounds: Math.max(bench.rounds, 5) },
  );

  const layer = findLayer('py-rattler');
  if (!layer.available) return bench.skip('plan beside py-rattler', layer.why);
  const many = join(bench.folder, 'many');
  await makeLargeChannel(many, { names: RECORDS / VERSIONS, versions: VERSIONS });
  await setTimeout(OLD_ENOUGH_MS);
  for (const closure of ['small', 'large'] as const) {
    const aims = ROWS[closure];
    const ours = plan(many, `${closure}-0`);
    const theirs = (home: string) => solveByRattler(layer.path, { channel: many, spec: `${closure}-0`, home });
    await takeContest(
      {
        title: `plan, ${RECORDS.toLocaleString('en')} records, closure ${CLOSURES[closure]}`,
        contenders: [
          { name: 'repackenv plan', phases: { first: ours, again: ours } },
          { name: 'py-rattler solve', phases: { first: theirs, again: theirs } },
        ],
        aims,
      },
      bench,
    );
  }
  await inShards(bench, many);
}

/** What is fetched of the large channel where it has shards (CEP 16), beside its whole index as it is served, packed and not. */
async function inShards(bench: Bench, channel: string): Promise<void> {
  const files = new Map<string, Uint8Array>();
  const whole = readFileSync(join(channel, 'linux-64', 'repodata.json'));
  const repodata = JSON.parse(whole.toString()) as Parameters<typeof shardFiles>[0];
  for (const [name, bytes] of await shardFiles(repodata, { subdir: 'linux-64' })) files.set(`linux-64/${name}`, bytes);
  const packed = await zstdCompress(whole, 3);
  files.set('linux-64/repodata.json', whole).set('linux-64/repodata.json.zst', packed);
  files.set('noarch/repodata.json', Buffer.from('{"packages":{}}'));
  let sent = 0;
  const server = createServer((request, response) => {
    const bytes = files.get((request.url ?? '').slice(1));
    response.writeHead(bytes === undefined ? 404 : 200, { 'content-length': bytes?.length ?? 0 });
    const pieces = async function* () {
      for (let at = 0; at < (bytes?.length ?? 0); at += PIECE) {
        if (at > 0) await setTimeout(PIECE_MS);
        sent += Math.min(PIECE, bytes!.length - at);
        yield bytes!.subarray(at, at + PIECE);
      }
    };
    // What the client breaks off counts as far as it went. Without a pace that is what the buffers of this machine hold, some megabytes.
    pipeline(Readable.from(pieces(), { objectMode: false, highWaterMark: PIECE }), response).catch(() =>
      response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const home = join(bench.folder, 'in-shards');
    const { peakRss } = await measured(() =>
      runOurs('repackenv', planArgs(url, 'small-0', home), { home, watchMemory: true }),
    );
    for (const [beside, { length }] of Object.entries({ 'repodata.json': whole, 'repodata.json.zst': packed })) {
      const share = sent / length;
      const work = `bytes of ${RECORDS.toLocaleString('en')} records in shards, closure ${CLOSURES.small}`;
      const aims = beside === 'repodata.json' ? { time: 0.02 } : undefined;
      bench.outcomes.push({ work, beside, time: { min: share, median: share, max: share }, aims });
    }
    console.log(`\nplan in shards: ${sent} bytes fetched, ${((peakRss ?? 0) / 1e6).toFixed(0)} MB of memory`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

function planArgs(channel: string, spec: string, home: string): string[] {
  // The owner has published nothing.
  for (const path of ['vendor', 'vendor/label/none'])
    for (const subdir of ['linux-64', 'noarch']) {
      mkdirSync(join(home, path, subdir), { recursive: true });
      writeFileSync(join(home, path, subdir, 'repodata.json'), `{"info":{"subdir":"${subdir}"},"packages":{}}`);
    }
  const asked = ['plan', spec, '--label', 'none', '--root', join(home, 'root'), '--channel', channel];
  return [
    ...asked,
    '--base-url',
    home,
    '--owner',
    'vendor',
    '--subdir',
    'linux-64',
    '--cache-dir',
    join(home, 'cache'),
    '--quiet',
  ];
}

function solveByRattler(python: string, { channel, spec, home }: { channel: string; spec: string; home: string }) {
  const request = {
    channel: pathToFileURL(channel).href,
    specs: [spec],
    subdir: 'linux-64',
    virtual: VIRTUAL,
    pip: false,
  };
  const client = join(PROJECT_ROOT, 'test', 'helpers', 'rattler-client.py');
  // Through a shell, since what is asked goes to standard input; `exec`, so that the memory watched is Python's.
  const script = 'exec "$1" "$2" < "$3"';
  const asked = join(home, 'request.json');
  mkdirSync(home, { recursive: true });
  writeFileSync(asked, JSON.stringify(request));
  return measured(() => runProgram('sh', ['-ec', script, 'sh', python, client, asked], { home, watchMemory: true }));
}
