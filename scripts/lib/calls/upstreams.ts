import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import {
  forOldClients,
  makePackage,
  makeSampleUpstream,
  writeIndex,
  writeLayout,
  type PackageSpec,
} from '../sample-upstream.js';

type Index = Record<'packages' | 'packages.conda', Record<string, { sha256?: string }>>;

/** What the upstream's generations are for, beside 1 and 2. */
export const REPLACED = 3;
export const DAMAGED = 4;
export const MISSING = 5;
export const SHRUNK = 6;

const OWNER_FOLDERS = ['prometeia', 'private/prometeia'];

/**
 * The sample upstream and four more generations: 3 has other bytes under a published name, in 4 a file is damaged, in 5 it is missing,
 * in 6 most of the base channel is gone. ratingpro of the label has attestations from generation 2 on.
 */
export async function makeUpstreams(places: { upstream: string; oldUpstream: string }): Promise<void> {
  const { upstream, oldUpstream } = places;
  await makeSampleUpstream(oldUpstream, forOldClients);
  const layout = await makeSampleUpstream(upstream);
  const generation = (number: number): string => join(upstream, `gen${number}`);
  attest(join(generation(2), 'label/halkbank/noarch'), 'ratingpro-2.5.0-py_0.conda');
  for (const number of [REPLACED, DAMAGED, MISSING, SHRUNK]) cpSync(generation(2), generation(number), COPY);
  for (const folder of OWNER_FOLDERS) {
    const files = { 'share/doc/rate docs/index.html': '<h1>docs, built anew</h1>\n' };
    await putPackage(join(generation(REPLACED), folder), { name: 'ratedocs', version: '5.1', files });
    const file = join(folder, 'noarch', 'pytho-2.0-py_0.conda');
    writeFileSync(join(generation(DAMAGED), file), 'not the bytes that the index names');
    rmSync(join(generation(MISSING), file));
  }
  await keepOnly(join(generation(SHRUNK), 'pkgs/main/noarch'), /^(pip|six|tzdata)-/);
  writeLayout(upstream, { ...layout, generations: [1, 2, REPLACED, DAMAGED, MISSING, SHRUNK] });
}

const COPY = { recursive: true, preserveTimestamps: true };

/** Puts a package into a channel folder, over one of its name. */
export async function putPackage(channel: string, spec: PackageSpec): Promise<string> {
  const made = await makePackage(spec);
  const folder = join(channel, made.subdir);
  const path = join(folder, made.distFilename);
  rmSync(path, { force: true });
  writeFileSync(path, made.bytes);
  const index = readIndex(folder);
  index[made.distFilename.endsWith('.conda') ? 'packages.conda' : 'packages'][made.distFilename] = made.record;
  await writeIndex(folder, index, ['json', 'zst', 'bz2']);
  return path;
}

async function keepOnly(folder: string, names: RegExp): Promise<void> {
  const index = readIndex(folder);
  for (const key of ['packages', 'packages.conda'] as const)
    index[key] = Object.fromEntries(Object.entries(index[key]).filter(([fn]) => names.test(fn)));
  await writeIndex(folder, index, ['json', 'zst', 'bz2']);
}

/** Records of both formats, by file name. */
export function recordsOf(folder: string): Record<string, { sha256?: string }> {
  if (!existsSync(join(folder, 'repodata.json'))) return {};
  const index = readIndex(folder);
  return { ...index.packages, ...index['packages.conda'] };
}

function readIndex(folder: string): Index {
  return JSON.parse(readFileSync(join(folder, 'repodata.json'), 'utf8')) as Index;
}

/** A publish attestation of CEP 27 in a Sigstore bundle; its signature and certificate are none. */
function attest(folder: string, fn: string): void {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: fn, digest: { sha256: recordsOf(folder)[fn]!.sha256 } }],
    predicateType: 'https://schemas.conda.org/attestations-publish-1.schema.json',
    predicate: { targetChannel: 'https://prefix.dev/acme' },
  };
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { certificate: { rawBytes: 'AAAA' }, tlogEntries: [{ logIndex: '1' }] },
    dsseEnvelope: {
      payload: Buffer.from(JSON.stringify(statement)).toString('base64'),
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ sig: 'AAAA' }],
    },
  };
  writeFileSync(join(folder, `${fn}.v0.sigs`), JSON.stringify([bundle]));
}

/** A channel host that takes a question and answers only when it is let go: whoever asks it holds its label meanwhile. */
export async function startSlowHost(port: number): Promise<{ asked: Promise<void>; letGo(): void; close(): void }> {
  const waiting: (() => void)[] = [];
  let tell = (): void => undefined;
  const asked = new Promise<void>((resolve) => (tell = resolve));
  const server = createServer((_, response) => {
    waiting.push(() => response.writeHead(404, { 'content-length': 0 }).end());
    tell();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    asked,
    letGo: () => {
      for (const answer of waiting.splice(0)) answer();
      server.close();
      server.closeIdleConnections();
    },
    close: () => server.close(),
  };
}
