import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manifestBytes } from '../../src/channel/manifest/make-manifest.js';
import type { Manifest, ManifestFile } from '../../src/channel/manifest/manifest.js';
import type { PublishReceipt } from '../../src/channel/staged.js';
import { digestsOf, sha256Of } from '../../src/codec/digests.js';

export interface MadeHistory {
  labels: number;
  generations: number;
  packages: number;
}

/**
 * A ROOT as years of updates leave it, by its manifests and receipts alone, without artifacts: generation N of each label was published on day N, has
 * `openssl 3.0.(10+N)`, and every tenth package in a version of its own. `only` is in generations 3 to 5 of the label `bank-07` alone.
 */
export function makeHistory(root: string, { labels, generations, packages }: MadeHistory): void {
  for (let at = 1; at <= labels; at += 1) {
    const label = `bank-${String(at).padStart(2, '0')}`;
    let previous: string | null = null;
    for (let generation = 1; generation <= generations; generation += 1) {
      const names = Array.from({ length: packages - 1 }, (_, index) => {
        const version = index % 10 === generation % 10 ? generation : 0;
        return `package-${String(index).padStart(4, '0')}-1.${version}-h0_0`;
      });
      if (at === 7 && generation >= 3 && generation <= 5) names.push('only-1.0-0');
      const files = [`openssl-3.0.${10 + generation}-h1_0`, ...names].map(fileOf);
      const manifest: Manifest = {
        schema: 1,
        label,
        generation,
        previous,
        specs: ['openssl'],
        channels: ['https://conda.example/main'],
        subdirs: ['linux-64', 'noarch'],
        profiles: [],
        files: files.sort((a, b) => (a.path < b.path ? -1 : 1)),
      };
      const bytes = manifestBytes(manifest);
      previous = writeGeneration(root, { label, generation, bytes, previous });
      if (generation < generations) continue;
      mkdirSync(join(root, label), { recursive: true });
      writeFileSync(join(root, label, 'manifest.json'), bytes);
    }
  }
}

/** When generation N was published. */
export function dayOfGeneration(generation: number): string {
  return new Date(Date.UTC(2026, 0, generation)).toISOString();
}

function fileOf(stem: string): ManifestFile {
  const path = `linux-64/${stem}.conda`;
  const bytes = Buffer.from(path);
  return {
    path,
    kind: 'artifact',
    ...digestsOf(bytes),
    size: 1_000_000,
    channel: 'https://conda.example/main',
    record: sha256Of(bytes),
  };
}

/** The digest of its manifest. */
function writeGeneration(
  root: string,
  {
    label,
    generation,
    bytes,
    previous,
  }: { label: string; generation: number; bytes: Uint8Array; previous: string | null },
): string {
  const manifestSha256 = sha256Of(bytes);
  const state = join(root, '.repackenv', label);
  const dir = join(state, 'generations', String(generation));
  const receipt: PublishReceipt = {
    schema: 1,
    label,
    generation,
    manifestSha256,
    previous,
    startedAt: dayOfGeneration(generation),
    finishedAt: dayOfGeneration(generation),
    host: 'made',
    tool: 'made',
    engine: 'none',
    written: [],
    removed: [],
    bytesWritten: 0,
    bytesToTravel: 0,
    unchanged: false,
  };
  for (const folder of [dir, join(state, 'receipts')]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(dir, 'manifest.json'), bytes);
  for (const file of [join(dir, 'receipt.json'), join(state, 'receipts', `${generation}.json`)])
    writeFileSync(file, JSON.stringify(receipt));
  return manifestSha256;
}
