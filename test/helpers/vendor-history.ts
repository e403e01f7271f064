import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SamplePackage } from '../../scripts/lib/sample-upstream.js';
import { snapshot, type Snapshot } from '../../scripts/lib/snapshot.js';
import { digestsOf } from '../../src/codec/digests.js';
import type { SideFile } from '../../src/channel/staged.js';
import { publishSamples, samplePackage } from './label-folders.js';
import type { TestRuntime } from './runtime.js';

/** What a generation is made of, each a number that is taken modulo what there is to choose from. */
export interface GenerationChoice {
  /** One bit a package of the pool. */
  packages: number;
  bz2: boolean;
  signed: boolean;
  attested: boolean;
  installer: boolean;
  /** Time between this generation and the one before. */
  days: number;
}

export interface Generation {
  /** A copy of the label folder as it was then. */
  dir: string;
  files: Snapshot;
}

/** Packages that come, go, or are built anew under one name; of three subdirs and both formats. */
export async function packagePool(): Promise<SamplePackage[]> {
  const linux = { subdir: 'linux-64' };
  return Promise.all([
    samplePackage('a', '1.0', linux),
    samplePackage('a', '2.0', { ...linux, format: 'tar.bz2' }),
    samplePackage('b', '1.0', { ...linux, depends: ['a'] }),
    samplePackage('b', '1.0', { ...linux, files: { 'share/b': 'built anew' } }),
    samplePackage('c', '1.0', { ...linux, build: 'h0' }),
    samplePackage('c', '1.0', { ...linux, build: 'h0', format: 'tar.bz2' }),
    samplePackage('w', '1.0', { subdir: 'win-64' }),
    samplePackage('n', '1.0', { noarch: 'generic' }),
    samplePackage('n', '1.0', { noarch: 'generic', timestamp: 0, files: { 'share/n': 'without a time' } }),
    samplePackage('m', '1.0', { noarch: 'generic', format: 'tar.bz2' }),
  ]);
}

/** Publishes one generation after the other into `dir/vendor/acme`, and keeps each as `dir/gN/acme`. */
export async function publishHistory(
  rt: TestRuntime,
  dir: string,
  { pool, choices }: { pool: readonly SamplePackage[]; choices: readonly GenerationChoice[] },
): Promise<Generation[]> {
  const history: Generation[] = [];
  for (const [at, choice] of choices.entries()) {
    rt.clock.advance(1000 + choice.days * 86_400_000);
    const packages = withoutTwins(pool.filter((_each, bit) => ((choice.packages >> bit) & 1) === 1));
    const live = await publishSamples(rt, {
      root: join(dir, 'vendor'),
      packages,
      bz2: choice.bz2,
      side: sideFiles(dir, choice, packages),
      ...(choice.signed ? { sign: async (manifest: Uint8Array) => madeUpSignature(manifest) } : {}),
    });
    const kept = join(dir, `g${at + 1}`, 'acme');
    mkdirSync(join(dir, `g${at + 1}`), { recursive: true });
    cpSync(live, kept, { recursive: true, preserveTimestamps: true });
    history.push({ dir: kept, files: snapshot(kept) });
  }
  return history;
}

/** Of two builds under one name, the last one. */
function withoutTwins(packages: readonly SamplePackage[]): SamplePackage[] {
  return [...new Map(packages.map((each) => [`${each.subdir}/${each.distFilename}`, each])).values()];
}

function sideFiles(dir: string, choice: GenerationChoice, packages: readonly SamplePackage[]): SideFile[] {
  const texts: [path: string, text: string][] = [];
  const [first] = packages;
  if (choice.attested && first !== undefined)
    texts.push([`${first.subdir}/${first.distFilename}.v0.sigs`, `[${choice.packages}]`]);
  if (choice.installer) texts.push(['installers/Miniforge3-Linux-x86_64.sh', `#!/bin/sh\necho ${choice.days}\n`]);
  return texts.map(([path, text]) => {
    const bytes = Buffer.from(text);
    const { size, sha256, md5 } = digestsOf(bytes);
    const storePath = join(dir, `side-${sha256}`);
    writeFileSync(storePath, bytes);
    return { path, storePath, size, sha256, md5 };
  });
}

/** Has the form of an OpenSSH signature over these bytes for the label `acme`; no key made it. */
export function madeUpSignature(manifest: Uint8Array): Uint8Array {
  const field = (content: Uint8Array | string): Buffer => {
    const bytes = Buffer.from(content);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const digest = createHash('sha256').update(manifest).digest();
  const fields = ['key', 'repackenv-acme', '', 'sha512'].map(field);
  const blob = Buffer.concat([Buffer.from('SSHSIG\0\0\0\x01', 'latin1'), ...fields, field(digest)]);
  return Buffer.from(`-----BEGIN SSH SIGNATURE-----\n${blob.toString('base64')}\n-----END SSH SIGNATURE-----\n`);
}

/** What `sha256sum -c` would say against a folder, by the lines of its SHA256SUMS: files that differ, are missing, or are not listed. */
export function sumsProblems(dir: string): string[] {
  const files = snapshot(dir);
  const lines = readFileSync(join(dir, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
  const listed = new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
  const wrong = [...listed].filter(([path, sha256]) => files.get(path)?.sha256 !== sha256).map(([path]) => path);
  return [...wrong, ...[...files.keys()].filter((path) => path !== 'SHA256SUMS' && !listed.has(path))];
}
