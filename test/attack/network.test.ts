import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repodataOf } from '../../scripts/lib/sample-upstream.js';
import { EXIT, isRepackError } from '../../src/base/errors.js';
import type { Channel } from '../../src/conda/channel/channel.js';
import { undiciHttp } from '../../src/runtime/http.js';
import { tempDir } from '../helpers/artifacts.js';
import { holdsForAny } from '../helpers/attack.js';
import { file, startChaosServer, type ChaosServer, type ChaosStep } from '../helpers/chaos-server.js';
import { gatePackages, JOBS, type Gated } from '../helpers/gated-jobs.js';
import { openTestGateway, plannedOf } from '../helpers/gateway.js';
import { BUCKET_FAULTS, NET_FAULTS } from '../helpers/net-faults.js';
import { impatientClock } from '../helpers/runtime.js';
import { FIRST, openPushLab, pushHere, SECOND, type PushLab } from '../helpers/pushing.js';
import { startScriptedBucket, type ScriptedBucket } from '../helpers/scripted-bucket.js';
import { sharedThread } from '../helpers/shared-thread.js';
import { breaches, digests } from '../helpers/tiny-channel.js';

const workers = sharedThread();
afterAll(() => workers.end());

const clock = impatientClock();

/** A bucket that says of a file that it is gone, in the words of buckets, is believed. */
const SAYS_GONE = /^status (?:204|404)$|^NoSuch/;

let server: ChaosServer;
/** Path on the server, and what lies there. */
let files: Map<string, Buffer>;
beforeAll(async () => {
  server = await startChaosServer({ host: '127.0.0.1' });
  const packages = (await gatePackages()).two;
  const indexes = ['linux-64', 'noarch'].map((subdir): [string, Buffer] => {
    const inSubdir = packages.filter((each) => each.subdir === subdir);
    return [`/c/${subdir}/repodata.json`, Buffer.from(JSON.stringify(repodataOf(subdir, inSubdir)))];
  });
  files = new Map(indexes);
  for (const { subdir, distFilename, bytes } of packages) files.set(`/c/${subdir}/${distFilename}`, Buffer.from(bytes));
});
afterAll(() => server.close());

const channel = (): Channel => ({ url: `${server.url}/c`, name: 'c', authenticated: false, role: 'base' });

const COMMANDS: Readonly<Record<string, () => Promise<Gated>>> = {
  update: () => JOBS.update({ request: { channels: [channel()] } }),
  mirror: () => JOBS.mirror({ request: { channels: [channel()], allowShrink: true } }),
  capture: async () => {
    const job = await JOBS.capture();
    const meta = join(job.dir, 'envs', 'acme', 'conda-meta');
    for (const name of readdirSync(meta)) {
      const text = readFileSync(join(meta, name), 'utf8');
      writeFileSync(join(meta, name), text.replaceAll(pathToFileURL(join(job.dir, 'upstream')).href, channel().url));
    }
    return job;
  },
};

/** One fault, at one place, for so many answers: then the server is right again. */
const one = {
  fault: fc.constantFrom(...Object.keys(NET_FAULTS)),
  place: fc.nat({ max: 3 }),
  times: fc.constantFrom(1, 2, 99),
};

function script({ fault, place, times }: { fault: string; place: number; times: number }): () => void {
  const right = (): void => {
    for (const [path, bytes] of files) server.script(path, file(bytes, { etag: '"1"' }));
  };
  right();
  const [path, bytes] = [...files][place]!;
  let left = times;
  const step: ChaosStep = (request, response) =>
    (left-- > 0 ? NET_FAULTS[fault]!(bytes) : file(bytes, { etag: '"1"' }))(request, response);
  server.script(path, step);
  return right;
}

/** Whose fault it is: the network's, or of what it brought. */
const SAID = new Set<number>([EXIT.upstream, EXIT.artifact, EXIT.unsolvable]);

function expectSaid(error: unknown, where: string): void {
  if (!isRepackError(error)) throw error;
  expect(SAID, `${where}: ${error.code} ${error.what}`).toContain(error.exitCode);
  expect(`${error.where} ${error.details.join(' ')}`, where).toContain(server.url);
}

describe('N1-N12 an upstream that does anything', () => {
  it.for(Object.keys(COMMANDS))(
    '%s: ends well or says so, nothing is torn, and the next run is as if nothing had been',
    { timeout: 3_600_000 },
    async (name, context) => {
      const sizes = { smoke: 6, ci: 40, long: 1500 };
      await holdsForAny(context, { name: `network-${name}`, cases: fc.record(one), sizes }, async (given) => {
        const where = `${name}: ${JSON.stringify(given)}`;
        const right = script(given);
        const job = await COMMANDS[name]!();
        const old = await digests(job.labelDir);
        const run = (): Promise<unknown> => job.run({ workers, clock });
        const error: unknown = await run().catch((caught: unknown) => caught);
        if (error instanceof Error) {
          expectSaid(error, where);
          expect(await digests(job.labelDir), where).toEqual(old);
        }
        right();
        await run();
        expect(await breaches(job.labelDir), where).toEqual([]);
        expect(Object.keys(await digests(job.labelDir)), where).toContain('linux-64/app-2.0-0.conda');
        expect(readdirSync(job.stateDir), where).not.toContain('journal.json');
      });
    },
  );

  it(
    'a stall, on top of these: index and artifact, within the limits of the gateway',
    { timeout: 3_600_000 },
    async (context) => {
      const sizes = { smoke: 20, ci: 200, long: 6000 };
      const stalls = fc.record({ ...one, stall: fc.integer({ min: 1, max: 12 }).map((of) => of === 1) });
      const app = (await gatePackages()).two.find(({ subdir }) => subdir === 'linux-64')!;
      await holdsForAny(context, { name: 'network-gateway', cases: stalls, sizes }, async ({ stall, ...given }) => {
        script(given);
        const [path, bytes] = [...files][given.place]!;
        if (stall)
          server.script(path, (_request, response) => void response.writeHead(200).write(bytes.subarray(0, 9)));
        const gateway = await openTestGateway({
          channels: [channel()],
          token: null,
          limits: { idleTimeoutMs: 50, attempts: 2 },
        });
        try {
          for (const subdir of ['linux-64', 'noarch']) {
            const read: unknown = await gateway.repodata(channel(), subdir).catch((error: unknown) => error);
            if (read instanceof Error) expectSaid(read, JSON.stringify(given));
          }
          const got: unknown = await gateway.download(plannedOf(channel(), app)).catch((error: unknown) => error);
          if (got instanceof Error) expectSaid(got, JSON.stringify(given));
          else expect(got).toMatchObject({ sha256: app.record.sha256 });
        } finally {
          await gateway.close();
        }
      });
    },
  );
});

describe('a bucket that does anything', () => {
  let lab: PushLab;
  let bucket: ScriptedBucket;
  beforeAll(async () => {
    lab = await openPushLab();
    bucket = await startScriptedBucket('deliveries');
    await lab.publish(FIRST);
    await lab.publish(SECOND);
  });
  afterAll(async () => {
    await bucket.close();
    await lab.close();
  });

  const push = (generation: string) =>
    pushHere({ labelDir: `${lab.labelDir}${generation}` }, 's3://deliveries', {
      siteFiles: false,
      endpoint: bucket.url,
      rt: { http: undiciHttp(), clock, env: { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'sentinel-key' } },
    });

  it('N1-N12 push: ends well or says so, no index names what is not there, and the next push ends well', async (context) => {
    await push('@1');
    const before = new Map(bucket.objects);
    bucket.count = 0;
    await push('');
    const requests = bucket.count;
    const after = [...bucket.objects.keys()].sort();
    const meddling = fc.record({
      fault: fc.constantFrom(...Object.keys(BUCKET_FAULTS)),
      at: fc.nat({ max: requests }),
      times: fc.constantFrom(1, 2, 99),
    });
    const sizes = { smoke: 30, ci: 200, long: 6000 };
    await holdsForAny(context, { name: 'network-push', cases: meddling, sizes }, async ({ fault, at, times }) => {
      const where = `${fault}, ${times} times from request ${at} on`;
      bucket.objects.clear();
      for (const [key, object] of before) bucket.objects.set(key, object);
      bucket.count = 0;
      bucket.meddle = ({ method }, number) =>
        number >= at && number < at + times && !(method === 'DELETE' && SAYS_GONE.test(fault))
          ? BUCKET_FAULTS[fault]!(Buffer.from('<x/>'))
          : undefined;
      const error: unknown = await push('').catch((caught: unknown) => caught);
      bucket.meddle = () => undefined;
      if (error instanceof Error) {
        if (!isRepackError(error)) throw error;
        expect(error.exitCode, `${where}: ${error.stack}`).not.toBe(EXIT.bug);
        expect(error.where, where).toMatch(/deliveries/);
        expect(JSON.stringify([error.what, error.where, error.hint, error.details])).not.toContain('sentinel');
      }
      expect(await breaches(laidOut()), `${where}: ${String(error)}`).toEqual([]);
      await push('');
      expect([...bucket.objects.keys()].sort(), where).toEqual(after);
      expect(await breaches(laidOut()), where).toEqual([]);
    });
  }, 3_600_000);

  /** The label of the bucket, as a folder. */
  function laidOut(): string {
    const dir = tempDir();
    for (const [key, { bytes }] of bucket.objects) {
      mkdirSync(join(dir, key, '..'), { recursive: true });
      writeFileSync(join(dir, key), bytes);
    }
    return join(dir, 'acme');
  }
});
