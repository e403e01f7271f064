import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makePackage, packConda, packZip } from '../../scripts/lib/sample-upstream.js';
import { acquire, type AcquireOptions } from '../../src/store/acquire.js';
import { openStore } from '../../src/store/store.js';
import { digestsOf } from '../../src/codec/digests.js';
import type { PlannedArtifact } from '../../src/conda/plan/plan.js';
import type { FetchArtifact } from '../../src/conda/plan/artifact-store.js';
import { planned, tempDir, unpublished } from '../helpers/artifacts.js';
import { faultError, faultFs, type FsCall } from '../helpers/fault-fs.js';
import { testRuntime, type TestRuntimeOptions } from '../helpers/runtime.js';

const SAMPLE = await makePackage({
  name: 'ratingpro',
  version: '2.4.0',
  subdir: 'linux-64',
  files: { 'lib/r.bin': 'ratingpro '.repeat(500) },
});
const FN = SAMPLE.distFilename;
const BYTES = Buffer.from(SAMPLE.bytes);
const SHA256 = digestsOf(BYTES).sha256;

describe('package caches', () => {
  it('C1 takes an extracted folder without its archive for a miss, and says so (conda/conda#8731)', async () => {
    const cache = tempDir();
    mkdirSync(join(cache, FN.replace('.conda', ''), 'info'), { recursive: true });
    const failure = run({ artifacts: [planned(SAMPLE)], caches: [cache] });
    await expect(failure).rejects.toMatchObject({ code: 'E_ARTIFACT_MISSING', exitCode: 4, where: `linux-64/${FN}` });
    await expect(failure).rejects.toSatisfy((error: { details: string[] }) =>
      error.details.join('\n').includes(`${cache} has only the extracted folder`),
    );
    const { artifacts } = await run({ artifacts: [planned(SAMPLE)], caches: [cache], fetch: download(BYTES) });
    expect(artifacts[0]).toMatchObject({ source: 'download', sha256: SHA256 });
  });

  it.each(['a folder and half of its archive', 'half of the archive', 'a folder with half of its files'])(
    'I11 an engine was killed in the middle of extraction and left %s: never published',
    async (left) => {
      const cache = tempDir();
      if (left.includes('folder')) {
        const info = join(cache, FN.replace('.conda', ''), 'info');
        mkdirSync(info, { recursive: true });
        writeFileSync(join(info, 'index.json'), '{"name": "rating');
      }
      if (left.includes('archive')) writeFileSync(join(cache, FN), BYTES.subarray(0, BYTES.length >> 1));
      await expect(run({ artifacts: [planned(SAMPLE)], caches: [cache] })).rejects.toMatchObject({ exitCode: 4 });
      const { artifacts } = await run({ artifacts: [planned(SAMPLE)], caches: [cache], fetch: download(BYTES) });
      expect(artifacts[0]).toMatchObject({ source: 'download', sha256: SHA256 });
      expect(readFileSync(artifacts[0]!.storePath)).toEqual(BYTES);
    },
  );

  const truncations = [0, 1, 13, 50, Math.floor(BYTES.length / 2), BYTES.length - 1];
  it.each(truncations)('C2 passes over an archive cut at %i bytes and takes the next one', async (length) => {
    const [broken, whole] = [tempDir(), tempDir()];
    writeFileSync(join(broken, FN), BYTES);
    truncateSync(join(broken, FN), length);
    writeFileSync(join(whole, FN), BYTES);
    const { artifacts, findings } = await run({ artifacts: [planned(SAMPLE)], caches: [broken, whole] });
    expect(artifacts[0]).toMatchObject({ source: 'cache', sha256: SHA256, size: BYTES.length });
    expect(readFileSync(artifacts[0]!.storePath)).toEqual(BYTES);
    expect(findings).toMatchObject([{ code: 'cache-copy-refused', subject: join(broken, FN) }]);
    await expect(run({ artifacts: [planned(SAMPLE)], caches: [broken] })).rejects.toMatchObject({
      exitCode: 4,
      where: `linux-64/${FN}`,
    });
  });

  it.each([0, 30, BYTES.length >> 1, BYTES.length - 1])(
    'C3 refuses an archive with a flipped bit at byte %i',
    async (at) => {
      const cache = tempDir();
      writeFileSync(join(cache, FN), flipped(at));
      const { artifacts, findings } = await run({
        artifacts: [planned(SAMPLE)],
        caches: [cache],
        fetch: download(BYTES),
      });
      expect(artifacts[0]).toMatchObject({ source: 'download', sha256: SHA256 });
      expect(findings).toMatchObject([{ code: 'cache-copy-refused', exit: false }]);
    },
  );

  it('C3 lets sha256 decide where the md5 is right', async () => {
    const cache = tempDir();
    const other = flipped(40);
    writeFileSync(join(cache, FN), other);
    const artifact = planned(SAMPLE, { record: { md5: digestsOf(other).md5 } });
    await expect(run({ artifacts: [artifact], caches: [cache] })).rejects.toMatchObject({ code: 'E_ARTIFACT_MISSING' });
  });

  it('C4 never looks at half-made or discarded files', async () => {
    const cache = tempDir();
    mkdirSync(join(cache, '.trash'));
    for (const name of [`${FN}.partial`, `${FN}.part`, `${FN}.c~`, `${FN}.conda_trash`, join('.trash', FN)]) {
      writeFileSync(join(cache, name), BYTES);
    }
    await expect(run({ artifacts: [planned(SAMPLE)], caches: [cache] })).rejects.toMatchObject({
      code: 'E_ARTIFACT_MISSING',
    });
  });

  it('C5 takes the format that was installed, not the other one of the same build', async () => {
    const cache = tempDir();
    const twin = await makePackage({ name: 'ratingpro', version: '2.4.0', subdir: 'linux-64', format: 'tar.bz2' });
    writeFileSync(join(cache, FN), BYTES);
    writeFileSync(join(cache, twin.distFilename), twin.bytes);
    const { artifacts } = await run({ artifacts: [planned(twin)], caches: [cache] });
    expect(readFileSync(artifacts[0]!.storePath)).toEqual(Buffer.from(twin.bytes));
  });

  it('C6 takes the one of several caches whose digest is the record’s', async () => {
    const caches = [tempDir(), tempDir(), tempDir()];
    for (const [index, cache] of caches.entries())
      writeFileSync(join(cache, FN), index === 1 ? BYTES : flipped(60 + index));
    const { artifacts, findings } = await run({ artifacts: [planned(SAMPLE)], caches });
    expect(artifacts[0]).toMatchObject({ source: 'cache', sha256: SHA256 });
    expect(findings).toMatchObject([{ subject: join(caches[0]!, FN) }]);
  });

  const kinds: [string, (path: string) => void, string][] = [
    ['a symbolic link to the right bytes', (path) => symlinkSync(elsewhere(), path), 'symbolic link'],
    ['a folder', (path) => mkdirSync(path), 'folder'],
    ['a FIFO', (path) => execFileSync('mkfifo', [path]), 'no regular file'],
    ['a device', (path) => symlinkSync('/dev/zero', path), 'symbolic link'],
    [
      'a sparse file of the right size',
      (path) => {
        writeFileSync(path, '');
        truncateSync(path, BYTES.length);
      },
      'not the channel',
    ],
  ];
  it.each(kinds)('C7 refuses %s', async (_, make, reason) => {
    const cache = tempDir();
    make(join(cache, FN));
    const { artifacts, findings } = await run({
      artifacts: [planned(SAMPLE)],
      caches: [cache],
      fetch: download(BYTES),
    });
    expect(artifacts[0]).toMatchObject({ source: 'download' });
    expect(findings[0]!.message).toContain(reason);
  });

  it('C7 copies a hard link, so that a later change through its other name does not reach the store', async () => {
    const [cache, original] = [tempDir(), elsewhere()];
    linkSync(original, join(cache, FN));
    const { artifacts } = await run({ artifacts: [planned(SAMPLE)], caches: [cache] });
    writeFileSync(original, 'changed');
    expect(readFileSync(artifacts[0]!.storePath)).toEqual(BYTES);
    expect(statSync(artifacts[0]!.storePath).nlink).toBe(1);
  });

  it('C8 does not fall for a file that is swapped between looking and copying', async () => {
    const cache = tempDir();
    writeFileSync(join(cache, FN), BYTES);
    const swap = (call: FsCall): undefined => {
      if (call.name === 'openNoFollow' && call.args[0] === join(cache, FN))
        writeFileSync(join(cache, FN), flipped(100));
      return undefined;
    };
    const outcome = run({ artifacts: [planned(SAMPLE)], caches: [cache] }, { fs: faultFs(swap).fs });
    await expect(outcome).rejects.toMatchObject({ code: 'E_ARTIFACT_MISSING' });
  });

  it('C8 does not follow a link that is put there between looking and opening', async () => {
    const cache = tempDir();
    writeFileSync(join(cache, FN), BYTES);
    const swap = (call: FsCall): undefined => {
      if (call.name !== 'openNoFollow' || call.args[0] !== join(cache, FN)) return undefined;
      rmSync(join(cache, FN));
      symlinkSync(elsewhere(), join(cache, FN));
      return undefined;
    };
    const { findings } = await run(
      { artifacts: [planned(SAMPLE)], caches: [cache], fetch: download(BYTES) },
      { fs: faultFs(swap).fs },
    );
    expect(findings[0]!.message).toContain('symbolic link');
  });

  it('C9 warns once of a cache that every account can write to', async () => {
    const cache = tempDir();
    chmodSync(cache, 0o777);
    const others = await Promise.all(['one', 'two'].map((name) => makePackage({ name, version: '1' })));
    for (const each of [SAMPLE, ...others]) writeFileSync(join(cache, each.distFilename), each.bytes);
    const link = join(tempDir(), 'pkgs');
    symlinkSync(cache, link);
    const { findings } = await run({
      artifacts: [SAMPLE, ...others].map((each) => planned(each)),
      caches: [cache, link, cache],
    });
    expect(findings).toMatchObject([{ code: 'cache-not-private', subject: cache, exit: false }]);
  });

  it('C9 warns of a cache of another account, not of one of root', async () => {
    const cache = tempDir();
    writeFileSync(join(cache, FN), BYTES);
    const { uid } = statSync(cache);
    const base = faultFs(() => undefined).fs;
    const owned = (by: number) => ({
      ...base,
      stat: async (path: string) => Object.assign(await base.stat(path), path === cache ? { uid: by } : {}),
    });
    const foreign = await run({ artifacts: [planned(SAMPLE)], caches: [cache] }, { fs: owned(uid + 4242) });
    expect(foreign.findings).toMatchObject([
      { code: 'cache-not-private', message: expect.stringContaining('another account') as string },
    ]);
    expect((await run({ artifacts: [planned(SAMPLE)], caches: [cache] }, { fs: owned(0) })).findings).toEqual([]);
  });

  it.each(['lstat', 'openNoFollow', 'handle.read'])('C10 goes on when the cache is cleaned before %s', async (step) => {
    const cache = tempDir();
    writeFileSync(join(cache, FN), BYTES);
    let opened = false;
    const fault = (call: FsCall) => {
      const ours = call.args[0] === join(cache, FN);
      opened ||= ours && call.name === 'openNoFollow';
      if (step === 'handle.read') return opened && call.name === step ? 'ESTALE' : undefined;
      return ours && call.name === step ? 'ENOENT' : undefined;
    };
    const { artifacts, findings } = await run(
      { artifacts: [planned(SAMPLE)], caches: [cache], fetch: download(BYTES) },
      { fs: faultFs(fault).fs },
    );
    expect(artifacts[0]).toMatchObject({ source: 'download' });
    expect(findings).toEqual([]);
    // The cache is back: the next run works as if nothing had been.
    expect((await run({ artifacts: [planned(SAMPLE)], caches: [cache] })).artifacts[0]).toMatchObject({
      source: 'cache',
    });
  });

  it('C10 passes over a cache folder that is gone', async () => {
    const gone = join(tempDir(), 'gone');
    const { artifacts } = await run({ artifacts: [planned(SAMPLE)], caches: [gone], fetch: download(BYTES) });
    expect(artifacts).toHaveLength(1);
  });

  const notConda: [string, () => Promise<Uint8Array> | Uint8Array][] = [
    ['a page of HTML', () => Buffer.from('<!doctype html><title>404</title>')],
    ['an empty file', () => Buffer.alloc(0)],
    [
      'a zip with two info parts',
      () =>
        packZip([
          { name: 'metadata.json', content: '{"conda_pkg_format_version": 2}' },
          ...['info-a.tar.zst', 'info-b.tar.zst', 'pkg-a.tar.zst'].map((name) => ({ name, content: 'x' })),
        ]),
    ],
    ['a .conda of another name inside', () => packConda('other-1.0-0', { info: [], pkg: [] })],
  ];
  it.each(notConda)('C11 names %s whose record has to be read', async (_, bytes) => {
    const cache = tempDir();
    writeFileSync(join(cache, FN), await bytes());
    const outcome = run({ artifacts: [unpublished(SAMPLE)], caches: [cache] });
    await expect(outcome).rejects.toMatchObject({ code: 'E_ARTIFACT_CORRUPT', exitCode: 4 });
    await expect(outcome).rejects.toThrow(FN);
  });

  it.each(['lstat', 'openNoFollow', 'handle.read'])('C12 names file and account when %s is refused', async (step) => {
    const cache = tempDir();
    writeFileSync(join(cache, FN), BYTES);
    let opened = false;
    const fault = (call: FsCall) => {
      const ours = call.args[0] === join(cache, FN);
      opened ||= ours && call.name === 'openNoFollow';
      return call.name === step && (ours || (step === 'handle.read' && opened)) ? 'EACCES' : undefined;
    };
    const options: TestRuntimeOptions = { fs: faultFs(fault).fs, machine: { username: 'svc-build' } };
    const outcome = run({ artifacts: [planned(SAMPLE)], caches: [cache] }, options);
    await expect(outcome).rejects.toMatchObject({ code: 'E_ARTIFACT_MISSING' });
    await expect(outcome).rejects.toSatisfy((error: { details: string[] }) =>
      error.details.some(
        (line) => line.includes(join(cache, FN)) && line.includes('svc-build') && line.includes('EACCES'),
      ),
    );
  });

  it('C13 takes a file name of 211 characters', async () => {
    const long = await makePackage({
      name: 'n'.repeat(64),
      version: `1.${'2'.repeat(62)}`,
      build: `b${'0'.repeat(62)}_0`.slice(0, 64),
      subdir: 'linux-64',
      format: 'tar.bz2',
    });
    expect(long.distFilename.length).toBeGreaterThan(200);
    const cache = tempDir();
    writeFileSync(join(cache, long.distFilename), long.bytes);
    const { artifacts } = await run({ artifacts: [planned(long)], caches: [cache] });
    expect(artifacts[0]).toMatchObject({ source: 'cache', fn: long.distFilename });
  });

  it('E3 tries the next source when a cache can not be read', async () => {
    const [bad, good] = [tempDir(), tempDir()];
    for (const cache of [bad, good]) writeFileSync(join(cache, FN), BYTES);
    let inBad = false;
    const fault = (call: FsCall) => {
      if (call.name === 'openNoFollow') inBad = call.args[0] === join(bad, FN);
      return inBad && call.name === 'handle.read' ? 'EIO' : undefined;
    };
    const { artifacts, findings } = await run(
      { artifacts: [planned(SAMPLE)], caches: [bad, good] },
      { fs: faultFs(fault).fs },
    );
    expect(artifacts[0]).toMatchObject({ source: 'cache' });
    expect(findings).toMatchObject([{ subject: join(bad, FN), message: expect.stringContaining('EIO') as string }]);
  });

  it.each(['open', 'handle.write', 'rename'])('E1 ends with E_DISK_FULL when the store is full at %s', async (step) => {
    const cache = tempDir();
    writeFileSync(join(cache, FN), BYTES);
    const store = tempDir();
    let writing = false;
    const fault = (call: FsCall) => {
      writing ||= call.name === 'open' && String(call.args[0]).startsWith(store);
      return writing && call.name === step ? 'ENOSPC' : undefined;
    };
    const rt = testRuntime({ fs: faultFs(fault).fs });
    const outcome = acquire(rt, {
      artifacts: [planned(SAMPLE)],
      caches: [cache],
      store: await openStore(rt, store),
      fetch: download(BYTES),
    });
    await expect(outcome).rejects.toMatchObject({ code: 'E_DISK_FULL', exitCode: 5 });
    // Nothing is in the way of the next run.
    const again = testRuntime();
    expect(
      (await acquire(again, { artifacts: [planned(SAMPLE)], caches: [cache], store: await openStore(again, store) }))
        .artifacts,
    ).toHaveLength(1);
  });
});

it('E2 ends with E_DISK_FULL when a full store shows only at close', async () => {
  const cache = tempDir();
  writeFileSync(join(cache, FN), BYTES);
  const { fs } = testRuntime();
  const open: typeof fs.open = async (...args) => {
    const handle = await fs.open(...args);
    const close = handle.close.bind(handle);
    handle.close = async () => {
      await close();
      throw faultError('ENOSPC', { name: 'close', args: [args[0]] });
    };
    return handle;
  };
  await expect(run({ artifacts: [planned(SAMPLE)], caches: [cache] }, { fs: { ...fs, open } })).rejects.toMatchObject({
    code: 'E_DISK_FULL',
  });
});

async function run(
  options: Omit<AcquireOptions, 'store' | 'artifacts'> & { artifacts: PlannedArtifact[] },
  runtime: TestRuntimeOptions = {},
) {
  const rt = testRuntime(runtime);
  return acquire(rt, { ...options, store: await openStore(rt, tempDir()) });
}

function download(bytes: Uint8Array): FetchArtifact {
  return async (artifact, { store }) => {
    const writer = await store.writer();
    await writer.write(bytes);
    return writer.finish({ sha256: artifact.record?.sha256, md5: artifact.record?.md5 }, artifact.fn);
  };
}

function flipped(at: number): Buffer {
  const copy = Buffer.from(BYTES);
  copy[at]! ^= 1;
  return copy;
}

function elsewhere(): string {
  const path = join(tempDir(), 'elsewhere.conda');
  writeFileSync(path, BYTES);
  return path;
}
