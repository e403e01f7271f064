import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/store/store.js';
import { openGateway, type Gateway, type GatewayOptions } from '../../src/gateway/gateway.js';
import { isRepackError, type RepackError } from '../../src/base/errors.js';
import type { Channel } from '../../src/conda/channel/channel.js';
import type { RepoDataRecord } from '../../src/conda/record/records.js';
import { Secret } from '../../src/base/secret.js';
import type { ArtifactStore, StoredFile } from '../../src/conda/plan/artifact-store.js';
import { undiciHttp } from '../../src/runtime/http.js';
import type { SamplePackage } from '../../scripts/lib/sample-upstream.js';
import { testRuntime, type TestRuntime } from './runtime.js';

/** The sentinel: of the shape of a real one, with what conda's own masks miss. */
export const CHAOS_TOKEN = 'xx-0123.4567_89ab-sentinel+token%41';
/** As it stands in a URL's path. */
export const CHAOS_TOKEN_WIRE = encodeURIComponent(CHAOS_TOKEN);

export interface TestGateway extends Gateway {
  rt: TestRuntime;
  /** Removed by `close`. */
  cacheDir: string;
  store: ArtifactStore;
  download(artifact: RepoDataRecord, onBytes?: (bytes: number) => void): Promise<StoredFile>;
  /** Files below the cache folder that hold the text. */
  filesWith(text: string): string[];
}

export type TestGatewayOptions = Partial<Omit<GatewayOptions, 'token'>> & {
  token?: string | null;
  rt?: TestRuntime;
  keepCache?: boolean;
};

/** A gateway with the real network and store, a fake clock and a cache folder of its own. `token: null` for none. */
export async function openTestGateway({
  token = CHAOS_TOKEN,
  rt,
  keepCache = false,
  ...options
}: TestGatewayOptions): Promise<TestGateway> {
  const cacheDir = options.cacheDir ?? mkdtempSync(join(tmpdir(), 'repackenv-gateway-'));
  let ids = 0;
  const runtime =
    rt ?? testRuntime({ http: undiciHttp(), machine: { randomId: () => `id-${process.hrtime.bigint()}-${++ids}` } });
  const store = await openStore(runtime, join(cacheDir, 'store'));
  const gateway = await openGateway(runtime, {
    channels: [],
    view: (index) => index,
    store,
    random: () => 1,
    ...options,
    cacheDir,
    token: token === null ? undefined : new Secret(token),
  }).catch((error: unknown) => {
    rmSync(cacheDir, { recursive: true, force: true });
    throw error;
  });
  return {
    ...gateway,
    rt: runtime,
    cacheDir,
    store,
    download: (artifact, onBytes) =>
      gateway.fetchArtifact(artifact, { store, signal: runtime.signal, ...(onBytes === undefined ? {} : { onBytes }) }),
    filesWith: (text) =>
      readdirSync(cacheDir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .filter((path) => path.includes(text) || readFileSync(path).includes(text)),
    close: async () => {
      await gateway.close();
      if (!keepCache) rmSync(cacheDir, { recursive: true, force: true });
    },
  };
}

export function ownerChannel(origin: string, more: Partial<Channel> = {}): Channel {
  return { url: `${origin}/prometeia`, name: 'prometeia', authenticated: true, role: 'owner', ...more };
}

export function labelChannel(origin: string): Channel {
  return {
    url: `${origin}/prometeia/label/halkbank`,
    name: 'prometeia/label/halkbank',
    authenticated: true,
    role: 'label',
  };
}

export function baseChannel(origin: string): Channel {
  return { url: `${origin}/pkgs/main`, name: 'pkgs/main', authenticated: false, role: 'base' };
}

/** A sample package as the plan names it. */
export function plannedOf(channel: Channel, { distFilename, subdir, record }: SamplePackage): RepoDataRecord {
  return { fn: distFilename, subdir, channel, url: `${channel.url}/${subdir}/${distFilename}`, record };
}

/** The typed error that a promise is rejected with; fails where there is none. */
export async function failureOf(promise: Promise<unknown>): Promise<RepackError> {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!isRepackError(error)) throw error;
  return error;
}

/** Everything of an error that could be printed, causes and all. */
export function allTextOf(error: RepackError): string {
  const parts: string[] = [];
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    parts.push(current.message, current.stack ?? '', JSON.stringify(current, Object.getOwnPropertyNames(current)));
  }
  return parts.join('\n');
}
