import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unpackTar } from 'modern-tar';
import { onTestFinished } from 'vitest';
import { zstdDecompress } from '../../src/codec/zstd.js';
import { canonicalJson } from '../../src/base/json.js';
import type { Manifest, ManifestFile } from '../../src/channel/manifest/manifest.js';

/** A fresh folder that goes when the test ends. */
export function folderOfTest(): string {
  const dir = mkdtempSync(join(tmpdir(), 'repackenv-medium-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface MadeChannel {
  label?: string;
  generation?: number;
  previous?: string | null;
  /** Path to content; `repodata.json` files count as indexes. */
  files: Readonly<Record<string, string | Uint8Array>>;
  /** Content of `manifest.json.sig`. */
  signature?: string;
  subdirs?: readonly string[];
}

/** A channel folder with our manifest, whatever is in its files; indexes are made up where none is given. Returns the manifest's text. */
export function makeChannel(dir: string, made: MadeChannel): { manifest: Manifest; text: string } {
  const contents = new Map(Object.entries(made.files).map(([path, bytes]) => [path, Buffer.from(bytes)]));
  const found = [...contents.keys()].map((path) => path.split('/')[0]!).filter((name) => name !== 'installers');
  const subdirs = [...new Set(['noarch', ...(made.subdirs ?? found)])].sort();
  for (const subdir of subdirs) {
    const path = `${subdir}/repodata.json`;
    const names = [...contents.keys()].filter((name) => name.startsWith(`${subdir}/`));
    if (!contents.has(path)) contents.set(path, Buffer.from(`{"packages":{},"names":${JSON.stringify(names)}}`));
  }
  const files: ManifestFile[] = [...contents]
    .map(([path, bytes]) => ({
      path,
      kind: kindOf(path),
      size: bytes.length,
      sha256: hex('sha256', bytes),
      md5: hex('md5', bytes),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const manifest: Manifest = {
    schema: 1,
    label: made.label ?? 'acme',
    generation: made.generation ?? 1,
    previous: made.previous ?? null,
    specs: [],
    channels: [],
    subdirs,
    profiles: [],
    files,
  };
  const text = `${canonicalJson(manifest, 2)}\n`;
  rmSync(dir, { recursive: true, force: true });
  const own = {
    'manifest.json': text,
    ...(made.signature === undefined ? {} : { 'manifest.json.sig': made.signature }),
  };
  for (const [path, bytes] of Object.entries(own)) contents.set(path, Buffer.from(bytes));
  const sums = [...contents]
    .map(([path, bytes]) => `${hex('sha256', bytes)}  ${path}\n`)
    .sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1));
  contents.set('SHA256SUMS', Buffer.from(sums.join('')));
  for (const [path, bytes] of contents) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), bytes);
  }
  return { manifest, text };
}

function kindOf(path: string): ManifestFile['kind'] {
  if (path.includes('/repodata.json')) return 'index';
  return /\.(?:conda|tar\.bz2)$/.test(path) ? 'artifact' : 'side';
}

/** Members of every part in a folder, by name; parts in the order of their names. */
export async function membersIn(
  dir: string,
): Promise<Map<string, { bytes: Buffer; mtimeMs: number | undefined; part: string }>> {
  const members = new Map<string, { bytes: Buffer; mtimeMs: number | undefined; part: string }>();
  for (const part of readdirSync(dir)
    .filter((name) => /\.tar(\.zst)?$/.test(name))
    .sort()) {
    const bytes = readFileSync(join(dir, part));
    const tar = part.endsWith('.zst') ? await zstdDecompress(bytes, { maxBytes: 1e9 }) : bytes;
    for (const { header, data } of await unpackTar(tar, { strict: true })) {
      members.set(header.name, { bytes: Buffer.from(data ?? []), mtimeMs: header.mtime?.getTime(), part });
    }
  }
  return members;
}

export function jsonIn<T>(dir: string, name: string): T {
  return JSON.parse(readFileSync(join(dir, name), 'utf8')) as T;
}

function hex(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex');
}
