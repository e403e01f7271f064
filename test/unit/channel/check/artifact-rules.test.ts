import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyFolder } from '../../../helpers/verify-call.js';
import { digest, makeChannel, makePackage, repodataOf, writeIndex } from '../../../../scripts/lib/sample-upstream.js';
import { testRuntime } from '../../../helpers/runtime.js';

async function channel(patches: Record<string, Record<string, unknown>> = {}): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'artifact-rules-'));
  const packages = [
    await makePackage({ name: 'plain', version: '1.0', depends: ['fixed'] }),
    await makePackage({ name: 'fixed', version: '1.0', depends: ['plain <2', 'other'], format: 'tar.bz2' }),
    await makePackage({ name: 'other', version: '1.0' }),
  ];
  await makeChannel(dir, packages, { patches, index: ['json'] });
  return dir;
}

const codes = async (dir: string) =>
  (await verifyFolder(testRuntime(), { dir })).findings.map(({ code, subject, exit }) => ({ code, subject, exit }));

describe('F6 what an artifact says of itself, beside its record', () => {
  it('is not told where they agree', async () => {
    expect(await codes(await channel())).toEqual([]);
  });

  it.each([
    ['fixed-1.0-0.tar.bz2', { depends: ['plain'] }, 'depends'],
    ['plain-1.0-0.conda', { constrains: ['x <3'], depends: [] }, 'constrains, depends'],
  ])('is told for a hotfixed record of %s, and is no fault', async (fn, patch, keys) => {
    const report = await verifyFolder(testRuntime(), { dir: await channel({ [fn]: patch }) });
    expect(report.findings).toEqual([
      { code: 'hotfixed', subject: `noarch/${fn}`, message: expect.stringContaining(`in ${keys}:`), exit: false },
    ]);
    expect(report.ok).toBe(true);
  });

  it.each([
    ['keys that no index needs', { arch: 'x86_64', platform: 'linux', has_prefix: true, mtime: 7, binstar: {} }],
    ['what a channel adds', { indexed_timestamp: 1_700_000_000_000, attestations_sha256: 'a'.repeat(64) }],
    ['nothing, said as null', { license: null, track_features: null }],
  ])('M1 is not told for %s', async (_, patch) => {
    expect(await codes(await channel({ 'plain-1.0-0.conda': patch }))).toEqual([]);
  });

  it('C11 is told for a file that is no archive, though its digest is the index’s', async () => {
    const dir = await channel();
    const plain = await makePackage({ name: 'plain', version: '1.0', depends: ['fixed'] });
    const bytes = Buffer.from('<html>not found</html>');
    const record = { ...plain.record, size: bytes.length, sha256: digest('sha256', bytes), md5: digest('md5', bytes) };
    await writeFile(path.join(dir, 'noarch', plain.distFilename), bytes);
    const fixed = await makePackage({
      name: 'fixed',
      version: '1.0',
      depends: ['plain <2', 'other'],
      format: 'tar.bz2',
    });
    const other = await makePackage({ name: 'other', version: '1.0' });
    await writeIndex(path.join(dir, 'noarch'), repodataOf('noarch', [{ ...plain, record }, fixed, other]), ['json']);
    expect(await codes(dir)).toEqual([
      { code: 'artifact-corrupt', subject: `noarch/${plain.distFilename}`, exit: true },
    ]);
  });
});
