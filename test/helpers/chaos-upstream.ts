import { zstdCompress } from '../../src/codec/zstd.js';
import { makePackage, repodataOf, type PackageSpec, type SamplePackage } from '../../scripts/lib/sample-upstream.js';
import type { Channel } from '../../src/conda/channel/channel.js';
import { makeTestCa, type Leaf, type TestCa } from './certificates.js';
import { file, startChaosServer, type ChaosServer, type ChaosStep, type Headers } from './chaos-server.js';
import {
  CHAOS_TOKEN_WIRE,
  openTestGateway,
  ownerChannel,
  plannedOf,
  type TestGateway,
  type TestGatewayOptions,
} from './gateway.js';
import type { RepoDataRecord } from '../../src/conda/record/records.js';

/** A scripted TLS upstream with a CA of its own that holds the owner's channel, one package in it; and gateways to it. */
export interface ChaosUpstream {
  ca: TestCa;
  /** The server's own: good for localhost, 127.0.0.1 and 127.0.0.2. */
  certificate: Leaf;
  server: ChaosServer;
  channel: Channel;
  package: SamplePackage;
  /** The package as a plan names it. */
  planned: RepoDataRecord;
  /** Paths on the server, with the token. */
  paths: { index: string; artifact: string; subdir: string };
  scriptArtifact(...steps: ChaosStep[]): void;
  open(options?: TestGatewayOptions): Promise<TestGateway>;
  close(): Promise<void>;
}

/** Has 300 kB of text that does not pack, so that the artifact comes in many pieces. */
export async function startChaosUpstream(spec: Partial<PackageSpec> = {}): Promise<ChaosUpstream> {
  const { ca, certificate, pkg } = await madeOnce(spec);
  const server = await startChaosServer({ certificate });
  const channel = ownerChannel(server.url);
  const subdir = `/t/${CHAOS_TOKEN_WIRE}/prometeia/${pkg.subdir}`;
  const paths = { subdir, index: `${subdir}/repodata.json`, artifact: `${subdir}/${pkg.distFilename}` };
  const gateways: TestGateway[] = [];
  await scriptIndex(server, paths.subdir, pkg.subdir, [pkg]);
  return {
    ca,
    certificate,
    server,
    channel,
    package: pkg,
    planned: plannedOf(channel, pkg),
    paths,
    scriptArtifact: (...steps) => server.script(paths.artifact, ...steps),
    async open(options = {}) {
      const gateway = await openTestGateway({ channels: [channel], ca: [ca.cert], ...options });
      gateways.push(gateway);
      return gateway;
    },
    async close() {
      for (const gateway of gateways) await gateway.close();
      await server.close();
    },
  };
}

interface Made {
  ca: TestCa;
  certificate: Leaf;
  pkg: SamplePackage;
}

const made = new Map<string, Promise<Made>>();

/** Keys and packed noise are what takes time. */
function madeOnce(spec: Partial<PackageSpec>): Promise<Made> {
  const key = JSON.stringify(spec);
  const promise = made.get(key) ?? make(spec);
  made.set(key, promise);
  return promise;
}

async function make(spec: Partial<PackageSpec>): Promise<Made> {
  const ca = await makeTestCa();
  const certificate = await ca.issue({ hosts: ['localhost', '127.0.0.1', '127.0.0.2'] });
  return {
    ca,
    certificate,
    pkg: await makePackage({ name: 'pytho', version: '1.9', files: { 'share/noise': noise(300_000) }, ...spec }),
  };
}

/** Puts the index of these packages under a path, as `.zst` and `.json`. */
export async function scriptIndex(
  server: ChaosServer,
  path: string,
  subdir: string,
  packages: readonly SamplePackage[],
  headers: Headers = {},
): Promise<void> {
  const json = JSON.stringify(repodataOf(subdir, packages));
  server.script(`${path}/repodata.json`, file(json, headers));
  server.script(`${path}/repodata.json.zst`, file(await zstdCompress(Buffer.from(json), 1), headers));
}

/** The same bytes each time. */
export function noise(bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  let state = 0x2545f491;
  for (let at = 0; at < bytes; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[at] = state & 0xff;
  }
  return out;
}
