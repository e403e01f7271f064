import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { snapshot } from '../../scripts/lib/snapshot.js';
import { exportTo } from '../helpers/carry.js';
import { folderOfTest, makeChannel } from '../helpers/made-channel.js';

/** Names that need a pax header, sizes around a block, nothing in a file, bytes that do not pack. */
const FILES = {
  [`linux-64/${'a-name-of-many-letters-'.repeat(8)}1.0-0.conda`]: 'long',
  'linux-64/empty-1-0.conda': '',
  'linux-64/block-1-0.conda': 'b'.repeat(512),
  'linux-64/large-1-0.conda': noise(5_000_000),
  'linux-64/second-1-0.conda': noise(3_000_000),
  'noarch/n-1-0.tar.bz2': 'n'.repeat(513),
  'noarch/n-1-0.tar.bz2.v0.sigs': '[]',
};

describe.runIf(has('tar') && has('sha256sum') && has('md5sum'))('what other programs make of an exported set', () => {
  it.each([
    ['one archive', { zstd: false, partSize: undefined }],
    ['parts', { zstd: false, partSize: '5100000' }],
    ['one packed archive', { zstd: true, partSize: undefined }],
    ['packed parts', { zstd: true, partSize: '5200000' }],
  ])('tar, zstd, sha256sum and md5sum read %s; unpacked by hand it is the folder', async (_what, options) => {
    if (options.zstd && !has('zstd')) return void console.log('not read: there is no zstd');
    const dir = join(folderOfTest(), 'acme');
    const out = join(folderOfTest(), 'out');
    makeChannel(dir, { files: FILES, signature: 'signed' });
    await exportTo(out, dir, { siteFiles: true, ...options });

    expect(run('sha256sum', ['--strict', '-c', 'SHA256SUMS'], out)).not.toContain('FAILED');
    const parts = readdirSync(out).filter((name) => /\.tar(\.zst)?$/.test(name));
    expect(parts.length > 1).toBe(options.partSize !== undefined);
    const unpacked = folderOfTest();
    for (const part of parts) {
      expect(run('md5sum', ['--strict', '-c', `${part}.md5`], out)).toBe(`${part}: OK\n`);
      if (options.zstd) run('zstd', ['-q', '-t', part], out);
      const read = options.zstd ? ['--zstd', '-f', join(out, part)] : ['-f', join(out, part)];
      expect(run('tar', ['-t', ...read], out)).toBe(readFileSync(join(out, `${part}.list`), 'utf8'));
      const [header] = run('tar', ['-t', ...read], out).split('\n');
      expect(header).toMatch(/^acme-g1\.part\d{3}\.json$/);
      run('tar', ['-x', ...read], unpacked);
    }
    const digests = (folder: string) => [...snapshot(folder)].map(([path, { size, sha256 }]) => [path, size, sha256]);
    expect(digests(join(unpacked, 'acme'))).toEqual(digests(dir));
    expect(run('sha256sum', ['--strict', '-c', 'SHA256SUMS'], join(unpacked, 'acme'))).not.toContain('FAILED');
  });

  it('a later generation unpacked over an earlier one gives its index a later time', async () => {
    const dir = join(folderOfTest(), 'acme');
    const out = folderOfTest();
    const unpacked = folderOfTest();
    const times: number[] = [];
    for (const generation of [1, 2]) {
      makeChannel(dir, { files: { 'noarch/n-1-0.conda': 'same' }, generation });
      await exportTo(out, dir, { siteFiles: true });
      run('tar', ['-xf', join(out, `acme-g${generation}.tar`)], unpacked);
      times.push(snapshot(unpacked).get('acme/noarch/repodata.json')!.mtimeMs);
      expect(snapshot(unpacked).get('acme/noarch/n-1-0.conda')!.mtimeMs).toBe(Date.UTC(1980, 0, 2));
    }
    expect(times[1]! - times[0]!).toBe(2000);
  });
});

function run(program: string, args: readonly string[], cwd: string): string {
  return execFileSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
  });
}

function has(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = 2_463_534_242;
  for (let at = 0; at < size; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}
