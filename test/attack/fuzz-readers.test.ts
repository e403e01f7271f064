import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readInfo } from '../../src/archive/read-info.js';
import { bufferSource } from '../../src/archive/source.js';
import { isRepackError } from '../../src/base/errors.js';
import { receiptIn } from '../../src/channel/manifest/other-file.js';
import { parseManifest } from '../../src/channel/manifest/read-manifest.js';
import { bzip2Decompress } from '../../src/codec/bzip2.js';
import { zstdCompress, zstdDecompress } from '../../src/codec/zstd.js';
import { advisoriesIn } from '../../src/conda/advisory/osv.js';
import { scanRepodata } from '../../src/conda/record/repodata-scan.js';
import { parseMatchSpec } from '../../src/conda/spec/match-spec.js';
import { readConfigText } from '../../src/config/config-file.js';
import { readLockText } from '../../src/config/lock-file/read-lock.js';
import { parseMirrorText } from '../../src/config/mirror-file/read.js';
import { parseNetrc } from '../../src/config/netrc.js';
import { readPackagesText } from '../../src/config/packages-file.js';
import { parseList, parseSums } from '../../src/media/archive/read-sums.js';
import { readTar, TarFault } from '../../src/media/archive/read-tar.js';
import { parseSetFile } from '../../src/media/set/headers.js';
import { parseRange } from '../../src/serve/byte-range.js';
import { parseRequestPath } from '../../src/serve/request-path.js';
import { parseCondaInfo } from '../../src/engine/conda-info.js';
import { readPrefixRecords } from '../../src/engine/prefix-records.js';
import { nodeFileSystem } from '../../src/runtime/fs.js';
import { tempDir } from '../helpers/artifacts.js';
import { holdsForAny } from '../helpers/attack.js';
import { mutated, mutations } from '../helpers/mutations.js';

const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
const text = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

const RECORD = {
  build: 'py_0',
  build_number: 0,
  depends: ['python >=3.9,<4', 'b[version=">=1"]'],
  md5: '0'.repeat(32),
  name: 'a',
  sha256: '1'.repeat(64),
  size: 12,
  subdir: 'noarch',
  noarch: 'python',
  timestamp: 1_700_000_000_000,
  version: '1!1.0rc1+x',
};
const REPODATA = text({
  info: { subdir: 'noarch' },
  packages: { 'a-1!1.0rc1+x-py_0.tar.bz2': RECORD },
  'packages.conda': { 'a-1!1.0rc1+x-py_0.conda': RECORD },
  removed: ['b-1-0.conda'],
  repodata_version: 1,
});
const ADVISORY = text({
  id: 'X-1',
  affected: [
    {
      package: { ecosystem: 'PyPI', name: 'a' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '2' }] }],
      versions: ['1.0'],
    },
  ],
});
const CONFIG = text(`channels: [https://conda.example/main]
subdirs: [linux-64, win-64]
keep: 5
defaults:
  bank: { subdirs: [linux-64] }
labels:
  acme: { from: bank, packages: [numpy >=1.26, "app[version='>=1']"] }
`);
/** As conda 4.3 and 26 write it. */
const INSTALLED = text({
  ...RECORD,
  channel: 'https://conda.example/main/noarch',
  depends: ['python'],
  extracted_package_dir: '/opt/pkgs/a-1!1.0rc1+x-py_0',
  files: ['lib/a.py', 'bin/a'],
  fn: 'a-1!1.0rc1+x-py_0.conda',
  link: { source: '/opt/pkgs/a-1!1.0rc1+x-py_0', type: 1 },
  paths_data: { paths: [{ _path: 'lib/a.py', path_type: 'hardlink', sha256: '1'.repeat(64) }], paths_version: 1 },
  url: 'https://conda.example/main/noarch/a-1!1.0rc1+x-py_0.conda',
});
const RECEIPT = text({
  label: 'acme',
  generation: 3,
  manifestSha256: '2'.repeat(64),
  startedAt: '2026-01-02T03:04:05Z',
});
const SUMS = text(`${'3'.repeat(64)}  acme/noarch/a-1-0.conda\r\n\\${'4'.repeat(64)} *a\\nb\n# why\n`);

const PART = fixture('media/parts/halkbank-g1.part001.tar');

async function installed(bytes: Buffer): Promise<void> {
  const prefix = tempDir();
  mkdirSync(join(prefix, 'conda-meta'));
  writeFileSync(join(prefix, 'conda-meta', 'a-1!1.0rc1+x-py_0.json'), bytes);
  await readPrefixRecords(nodeFileSystem(), prefix);
}

/** Every byte of every member is taken; what is wrong is said as a clause, for who knows the name of the file. */
async function tar(bytes: Buffer): Promise<void> {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
  }
  let taken = 0;
  try {
    for await (const { content } of readTar(source())) for await (const piece of content) taken += piece.length;
  } catch (error) {
    if (!(error instanceof TarFault)) throw error;
  }
  expect(taken).toBeLessThanOrEqual(bytes.length);
}

const info = (distFilename: string) => async (bytes: Buffer) =>
  readInfo(bufferSource(bytes), { distFilename, wanted: ['info/index.json', 'info/about.json'] });

/** What reads bytes of others: some sound bytes, and the reader. */
const READERS: Readonly<Record<string, [sound: Buffer, read: (bytes: Buffer) => unknown]>> = {
  repodata: [REPODATA, (bytes) => scanRepodata(bytes, 'x', { subdir: 'noarch' }).toBytes()],
  '.conda': [fixture('archives/refpkg-1.0-py_0.conda'), info('refpkg-1.0-py_0.conda')],
  '.tar.bz2': [fixture('archives/refpkg-1.0-py_0.tar.bz2'), info('refpkg-1.0-py_0.tar.bz2')],
  bzip2: [fixture('archives/many-streams.tar.bz2'), (bytes) => bzip2Decompress(bytes, { maxBytes: 1 << 24 })],
  zstd: [Buffer.from(await zstdCompress(REPODATA)), (bytes) => zstdDecompress(bytes, { maxBytes: 1 << 24 })],
  manifest: [fixture('media/delta/halkbank-g1-to-g2.manifest.json'), parseManifest],
  'conda-meta': [INSTALLED, installed],
  receipt: [RECEIPT, (bytes) => receiptIn(bytes.toString())],
  SHA256SUMS: [
    SUMS,
    (bytes) => [parseSums(bytes.toString(), 64), parseSums(bytes.toString(), 32), parseList(bytes.toString())],
  ],
  'part of a set': [PART, tar],
  'set file': [fixture('media/delta/halkbank-g1-to-g2.set.json'), (bytes) => parseSetFile(bytes, 'x')],
  'mirror file': [fixture('mirror/everything-of-ours.yml'), (bytes) => parseMirrorText(bytes, 'mirror.yml')],
  'repackenv.yml': [CONFIG, (bytes) => readConfigText(bytes, '/x/repackenv.yml')],
  'packages file': [text('numpy >=1.26\n# why\nscipy=1.11=py*\n'), (bytes) => readPackagesText(bytes, 'packages.txt')],
  'environment.yml': [
    text('name: x\nchannels: [a]\ndependencies:\n- python=3.11\n- b >=1\n'),
    (bytes) => readPackagesText(bytes, 'environment.yml'),
  ],
  'pixi.lock': [fixture('locks/pixi-6.lock'), (bytes) => readLockText(bytes.toString(), 'pixi.lock')],
  'conda-lock.yml': [fixture('locks/conda-lock.yml'), (bytes) => readLockText(bytes.toString(), 'conda-lock.yml')],
  'explicit lock': [fixture('locks/explicit-sha256.txt'), (bytes) => readLockText(bytes.toString(), 'explicit.txt')],
  OSV: [ADVISORY, (bytes) => advisoriesIn(asJson(bytes))],
  'info --json': [
    fixture('recordings/conda-26.7.1/info.json'),
    (bytes) => parseCondaInfo(bytes, { subject: 'conda info --json' }),
  ],
  MatchSpec: [text("conda-forge/linux-64::a[version='>=1,<2|3.*',build=py*]"), (bytes) => parseMatchSpec(`${bytes}`)],
  netrc: [
    text('machine a.example login u password p\nmacdef x\n\ndefault login q password r\n'),
    (bytes) => parseNetrc(`${bytes}`),
  ],
  'request path': [text('/t/abc/label/linux-64/a%2B1-1.0-0.conda?x#y'), (bytes) => parseRequestPath(`${bytes}`)],
  'byte range': [text('bytes=0-9, -5, 7-'), (bytes) => parseRange(`${bytes}`, 1000)],
};

/** A reader may take what it likes, or refuse it by a RepackError that is none of a bug; within a second. */
it.for(Object.entries(READERS))(
  'B3 N9 G1 %s, its bytes changed anyhow: read or refused, within a second',
  { timeout: 900_000 },
  async ([name, [sound, read]], context) => {
    await read(sound);
    await holdsForAny(
      context,
      {
        name: `bytes-of-${name.replaceAll(/[^\w.]+/g, '-')}`,
        cases: mutations,
        sizes: { smoke: 60, ci: 400, long: 10_000 },
      },
      async (changes) => {
        const bytes = mutated(sound, changes);
        const begun = process.cpuUsage();
        try {
          await read(bytes);
        } catch (error) {
          if (!isRepackError(error)) throw error;
          expect(error.exitCode).not.toBe(70);
          expect(error.what.length + (error.where?.length ?? 0) + (error.hint?.length ?? 0)).toBeLessThan(5000);
        }
        const { user, system } = process.cpuUsage(begun);
        expect(user + system).toBeLessThan(1_000_000);
        expect(({} as Record<string, unknown>)['x']).toBeUndefined();
      },
    );
  },
);

/** As who reads an advisory does it: what is no JSON has been refused by then. */
function asJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
