import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLOSURES, makeLargeChannel } from '../../scripts/lib/large-channel.js';
import { shardFiles } from '../../src/channel/index/shard-files.js';
import { zstdCompress } from '../../src/codec/zstd.js';
import { answer, file, startChaosServer, type ChaosServer } from '../helpers/chaos-server.js';
import { delivered, reportOf } from '../helpers/real-upstream.js';
import { runOurs, type Ran } from '../helpers/programs.js';

/** A channel of 60,000 records, whole and in shards (CEP 16), by the installed program. */

let dir: string;
let server: ChaosServer;
let whole: Uint8Array;
let wire: number;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-shards-'));
  await makeLargeChannel(join(dir, 'large'), { names: 1500, versions: 40 });
  whole = readFileSync(join(dir, 'large/linux-64/repodata.json'));
  const repodata = JSON.parse(Buffer.from(whole).toString()) as Parameters<typeof shardFiles>[0];
  const packed = await zstdCompress(whole, 1);
  server = await startChaosServer();
  const counted =
    (bytes: Uint8Array) =>
    (...call: Parameters<ReturnType<typeof file>>) => {
      wire += bytes.length;
      return file(bytes)(...call);
    };
  server.script('/large/linux-64/repodata.json', counted(whole));
  server.script('/large/linux-64/repodata.json.zst', file(packed));
  server.script('/plain/linux-64/repodata.json.zst', file(packed));
  for (const [name, bytes] of await shardFiles(repodata, { subdir: 'linux-64' }))
    server.script(`/large/linux-64/${name}`, counted(bytes));
  for (const channel of ['large', 'plain'])
    server.script(`/${channel}/noarch/repodata.json.zst`, file(await zstdCompress(Buffer.from('{"packages":{}}'), 1)));
  server.script('/plain/linux-64/repodata_shards.msgpack.zst', answer(404));
}, 60_000);
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

async function planOf(channel: string, spec: string): Promise<Ran> {
  for (const path of ['vendor', 'vendor/label/lab'])
    await makeLargeChannel(join(dir, 'owners', path), { names: 0, versions: 0 });
  const asked = ['plan', spec, '--label', 'lab', '--root', join(dir, 'root'), '--channel', `${server.url}/${channel}`];
  const more = [
    '--base-url',
    join(dir, 'owners'),
    '--owner',
    'vendor',
    '--subdir',
    'linux-64',
    '--allow-http',
    new URL(server.url).hostname,
  ];
  return runOurs('repackenv', [...asked, ...more, '--cache-dir', join(dir, `cache-${channel}`), '--json'], {
    home: dir,
  });
}

it('plans the same as from the whole index, for a hundredth of its bytes', async () => {
  wire = 0;
  const sharded = await planOf('large', 'small-0');
  expect([sharded.exitCode, sharded.stderr]).toEqual([0, '']);
  expect(wire).toBeLessThan(whole.length / 50);
  const plain = await planOf('plain', 'small-0');
  expect(delivered(reportOf(sharded))).toHaveLength(CLOSURES.small);
  expect(delivered(reportOf(sharded))).toEqual(delivered(reportOf(plain)));
});

it('knows what a slip meant, though that was not fetched', async () => {
  const ran = await planOf('large', 'smal-0');
  expect(ran.exitCode).not.toBe(0);
  expect(ran.stdout + ran.stderr).toContain('small-0');
});
