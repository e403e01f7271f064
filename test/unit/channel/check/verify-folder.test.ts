import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeChannel, makePackage } from '../../../../scripts/lib/sample-upstream.js';
import { zstdCompress } from '../../../../src/codec/zstd.js';
import { openEmbeddedSolver } from '../../../../src/engine/embedded/solver.js';
import type { EmbeddedSolver } from '../../../../src/engine/embedded/solver.js';
import type { RepackError } from '../../../../src/base/errors.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import { nodeFileSystem } from '../../../../src/runtime/fs.js';
import { diff } from '../../../../src/jobs/diff/diff.js';
import { callDoctor } from '../../../helpers/doctor-call.js';
import { verifyFolder } from '../../../helpers/verify-call.js';
import { testRuntime } from '../../../helpers/runtime.js';
import type { Staged } from '../../delivery/proof/staged.js';
import { samplePackages, stage, tempDir, writeManifest } from '../../delivery/proof/staged.js';

const temp = tempDir();
const rt = { ...testRuntime(), clock: systemClock() };
let solver: EmbeddedSolver;
let ours: Staged;
let count = 0;

beforeAll(async () => {
  solver = openEmbeddedSolver(rt);
  ours = await stage(temp.sub('ours'), await samplePackages());
  await makeChannel(temp.sub('foreign'), await samplePackages(), { subdirs: ['linux-64'] });
});
afterAll(async () => {
  await solver.close();
  temp.remove();
});

function copyOf(name: 'ours' | 'foreign'): string {
  const dir = temp.sub(`copy-${++count}`);
  cpSync(join(temp.path, name), dir, { recursive: true, preserveTimestamps: true });
  return dir;
}

async function codesOf(dir: string, solve: EmbeddedSolver | undefined = undefined): Promise<string[]> {
  const { findings, ok } = await verifyFolder(rt, { dir, solver: solve });
  expect(ok).toBe(!findings.some(({ exit }) => exit));
  return findings.map(({ code, subject }) => `${code} ${subject}`).sort();
}

const NUMPY = 'linux-64/numpy-1.26.4-py39_0.conda';
const SIX = 'noarch/six-1.16.0-0.tar.bz2';
const INDEX = 'noarch/repodata.json';

describe('sound folders', () => {
  it('ours: no finding, and what it is', async () => {
    const report = await verifyFolder(rt, { dir: ours.dir, solver });
    expect(report).toMatchObject({
      findings: [],
      ok: true,
      files: 9,
      generation: 3,
      label: 'halkbank',
      subdirs: ['linux-64', 'noarch'],
      dir: ours.dir,
    });
    expect(report.bytes).toBe([...ours.staged.files].reduce((sum, { size }) => sum + size, 0));
  });

  it("anybody else's: no finding", async () => {
    const report = await verifyFolder(rt, { dir: join(temp.path, 'foreign'), solver });
    expect(report).toMatchObject({ findings: [], ok: true, files: 9, generation: undefined, label: undefined });
  });

  it('is not touched', async () => {
    const before = readdirSync(ours.dir, { recursive: true }).map((path) => [
      path,
      statSync(join(ours.dir, String(path))).mtimeMs,
    ]);
    await verifyFolder(rt, { dir: ours.dir });
    expect(
      readdirSync(ours.dir, { recursive: true }).map((path) => [path, statSync(join(ours.dir, String(path))).mtimeMs]),
    ).toEqual(before);
  });

  it('ours with things beside it: strangers, and harmless', async () => {
    const dir = copyOf('ours');
    mkdirSync(join(dir, 'old-backup'));
    writeFileSync(join(dir, 'README.txt'), '');
    const { findings, ok } = await verifyFolder(rt, { dir });
    expect(findings.map(({ code, subject, exit }) => [code, subject, exit])).toEqual([
      ['stranger', 'README.txt', false],
      ['stranger', 'old-backup', false],
    ]);
    expect(ok).toBe(true);
  });

  it('a subdir that conda does not know is judged by its index where there is no manifest of ours, else a stranger', async () => {
    const [foreign, own] = [copyOf('foreign'), copyOf('ours')];
    for (const dir of [foreign, own]) {
      mkdirSync(join(dir, 'linux-loong64'));
      writeFileSync(join(dir, 'linux-loong64/repodata.json'), '');
    }
    expect(await codesOf(foreign)).toEqual(['index-empty linux-loong64/repodata.json']);
    expect(await codesOf(own)).toEqual(['stranger linux-loong64']);
  });

  it.each(['', '\n', ' \r\n\t'])('C3 an index of others that holds nothing (%j) is an empty one', async (text) => {
    const dir = copyOf('foreign');
    rmSync(join(dir, 'osx-64'), { recursive: true, force: true });
    mkdirSync(join(dir, 'osx-64'));
    writeFileSync(join(dir, 'osx-64/repodata.json'), text);
    const { findings, ok } = await verifyFolder(rt, { dir });
    expect(findings.map(({ code, subject, exit }) => [code, subject, exit])).toEqual([
      ['index-empty', 'osx-64/repodata.json', false],
    ]);
    expect(ok).toBe(true);
    const examined = await callDoctor(dir);
    expect([examined.ok, examined.findings.map(({ code, repair }) => [code, repair])]).toEqual([
      true,
      [['index-empty', 'mends']],
    ]);
    const equal = await diff(rt as never, { a: dir, b: dir, newest: false, subdirs: [], token: undefined } as never);
    expect(equal.equal).toBe(true);
    const mended = await callDoctor(dir, { repair: true });
    expect([mended.ok, mended.findings]).toEqual([true, []]);
    expect(JSON.parse(readFileSync(join(dir, 'osx-64/repodata.json'), 'utf8'))).toMatchObject({ packages: {} });
  });

  it('C3 one that holds nothing beside packages has lost its records', async () => {
    const dir = copyOf('foreign');
    for (const name of ['.zst', '.bz2']) rmSync(join(dir, `${INDEX}${name}`), { force: true });
    writeFileSync(join(dir, INDEX), '');
    const { findings } = await verifyFolder(rt, { dir });
    expect(findings.map(({ code, subject, exit }) => [code, subject, exit])).toContainEqual([
      'index-empty',
      INDEX,
      true,
    ]);
  });
});

type Spoil = (dir: string) => void | Promise<void>;
const CASES: [string, 'ours' | 'foreign', Spoil, string[]][] = [
  ['a lost artifact', 'ours', (dir) => rmSync(join(dir, NUMPY)), [`manifest-missing-file ${NUMPY}`]],
  ['a lost artifact', 'foreign', (dir) => rmSync(join(dir, NUMPY)), [`file-missing ${NUMPY}`]],
  [
    'an artifact too many',
    'ours',
    (dir) => cpSync(join(dir, NUMPY), join(dir, 'linux-64/numpy-9-0.conda')),
    ['manifest-extra-file linux-64/numpy-9-0.conda'],
  ],
  [
    'an artifact too many',
    'foreign',
    (dir) => cpSync(join(dir, NUMPY), join(dir, 'linux-64/numpy-9-0.conda')),
    ['file-unindexed linux-64/numpy-9-0.conda'],
  ],
  [
    'F2 a changed artifact of the same size',
    'ours',
    (dir) => flip(join(dir, NUMPY)),
    [`digest-differs ${NUMPY}`, `digest-differs ${NUMPY}`],
  ],
  [
    'C2 an artifact that is cut off',
    'foreign',
    (dir) => writeFileSync(join(dir, NUMPY), readFileSync(join(dir, NUMPY)).subarray(0, 50)),
    [`digest-differs ${NUMPY}`, `digest-differs ${NUMPY}`, `size-differs ${NUMPY}`],
  ],
  [
    'no compressed index beside the plain one',
    'ours',
    (dir) => rmSync(join(dir, 'linux-64/repodata.json.zst')),
    ['manifest-missing-file linux-64/repodata.json.zst'],
  ],
  [
    'a manifest without the compressed index',
    'ours',
    (dir) => {
      rmSync(join(dir, 'linux-64/repodata.json.zst'));
      const listed = (path: string): boolean => path !== 'linux-64/repodata.json.zst';
      rewriteManifest(dir, (each) => ({ ...each, files: each.files.filter(({ path }) => listed(path)) }));
    },
    ['form-missing linux-64/repodata.json.zst'],
  ],
  [
    'E4 a pipe in the place of a package',
    'foreign',
    (dir) => {
      rmSync(join(dir, NUMPY));
      execFileSync('mkfifo', [join(dir, NUMPY)]);
    },
    [`special ${NUMPY}`],
  ],
  ['F3 no noarch', 'foreign', (dir) => rmSync(join(dir, 'noarch'), { recursive: true }), [`index-missing ${INDEX}`]],
  [
    'no index in a subdir',
    'foreign',
    (dir) => ['', '.zst', '.bz2'].forEach((ext) => rmSync(join(dir, `linux-64/repodata.json${ext}`))),
    ['index-missing linux-64/repodata.json'],
  ],
  [
    'E8 an index of 0 bytes',
    'foreign',
    (dir) => writeFileSync(join(dir, INDEX), ''),
    ['form-differs noarch/repodata.json.bz2', 'form-differs noarch/repodata.json.zst', `index-empty ${INDEX}`],
  ],
  [
    'E8 an index filled with NUL',
    'ours',
    (dir) => writeFileSync(join(dir, INDEX), Buffer.alloc(500)),
    ['form-differs noarch/repodata.json.zst', `index-nul ${INDEX}`],
  ],
  [
    'N9 an index that is a login page',
    'ours',
    (dir) => writeFileSync(join(dir, INDEX), '<html>Please log in</html>'),
    ['form-differs noarch/repodata.json.zst', `index-broken ${INDEX}`],
  ],
  [
    'N9 an index that is cut off',
    'foreign',
    (dir) => writeFileSync(join(dir, INDEX), readFileSync(join(dir, INDEX)).subarray(0, -20)),
    ['form-differs noarch/repodata.json.bz2', 'form-differs noarch/repodata.json.zst', `index-broken ${INDEX}`],
  ],
  [
    'E8 a .zst of 0 bytes',
    'foreign',
    (dir) => writeFileSync(join(dir, `${INDEX}.zst`), ''),
    [`index-empty ${INDEX}.zst`],
  ],
  [
    'F4 a .zst of another index',
    'foreign',
    async (dir) => writeFileSync(join(dir, `${INDEX}.zst`), await zstdCompress(Buffer.from('{"packages":{}}'))),
    [`form-differs ${INDEX}.zst`],
  ],
  [
    'a .bz2 that is none',
    'foreign',
    (dir) => writeFileSync(join(dir, `${INDEX}.bz2`), 'plain'),
    [`form-broken ${INDEX}.bz2`],
  ],
  [
    'no .zst beside our index',
    'ours',
    (dir) => rmSync(join(dir, `${INDEX}.zst`)),
    [`manifest-missing-file ${INDEX}.zst`],
  ],
  [
    'F10 an index that another indexer wrote anew',
    'ours',
    (dir) => rewrite(dir, INDEX),
    [`form-differs ${INDEX}.zst`, `index-rewritten ${INDEX}`],
  ],
  [
    'a half synchronised folder: the index is newer',
    'ours',
    (dir) =>
      rewrite(
        dir,
        INDEX,
        (r) =>
          void (r['packages.conda']['pytho-2.0-0.conda'] = {
            ...r['packages.conda']['pytho-1.9-0.conda'],
            version: '2.0',
          }),
      ),
    ['file-missing noarch/pytho-2.0-0.conda', `form-differs ${INDEX}.zst`, `generation-mix ${INDEX}`],
  ],
  [
    'a half synchronised folder: the index is older',
    'ours',
    (dir) => rewrite(dir, INDEX, (r) => void delete r['packages.conda']['pytho-1.9-0.conda']),
    ['file-unindexed noarch/pytho-1.9-0.conda', `form-differs ${INDEX}.zst`, `generation-mix ${INDEX}`],
  ],
  [
    'a manifest of 0 bytes',
    'ours',
    (dir) => writeFileSync(join(dir, 'manifest.json'), ''),
    ['manifest-broken manifest.json', 'sums-differs SHA256SUMS'],
  ],
  [
    'a manifest of a newer version',
    'ours',
    (dir) => writeFileSync(join(dir, 'manifest.json'), '{"schema":2,"label":"x"}'),
    ['manifest-newer manifest.json', 'sums-differs SHA256SUMS'],
  ],
  [
    "somebody else's manifest.json",
    'foreign',
    (dir) => writeFileSync(join(dir, 'manifest.json'), '{"name":"app"}'),
    [],
  ],
  ['no SHA256SUMS', 'ours', (dir) => rmSync(join(dir, 'SHA256SUMS')), ['sums-missing SHA256SUMS']],
  [
    'G6 SHA256SUMS of another generation',
    'ours',
    (dir) => editSums(dir, (text) => text.replace(/^\w{4}/, 'ffff')),
    ['sums-differs SHA256SUMS'],
  ],
  [
    'G6 SHA256SUMS that name an unknown file',
    'ours',
    (dir) => editSums(dir, (text) => `${text}${'0'.repeat(64)}  noarch/none\n`),
    ['sums-missing-file SHA256SUMS'],
  ],
  [
    'G6 SHA256SUMS that leave one out',
    'ours',
    (dir) => editSums(dir, (text) => text.replace(/^.*numpy.*\n/m, '')),
    ['sums-unlisted SHA256SUMS'],
  ],
  [
    'G6 SHA256SUMS with a line that is none',
    'ours',
    (dir) => editSums(dir, (text) => `garbage\n${text}`),
    ['sums-broken SHA256SUMS'],
  ],
  [
    'G6 SHA256SUMS with CR LF and stars',
    'ours',
    (dir) => editSums(dir, (text) => text.replaceAll('  ', ' *').replaceAll('\n', '\r\n')),
    [],
  ],
  ['C7 a link instead of an artifact', 'ours', (dir) => relink(dir, NUMPY), [`link ${NUMPY}`]],
  ['C7 a link instead of an index', 'foreign', (dir) => relink(dir, INDEX), [`link ${INDEX}`]],
  ['C7 a link instead of a subdir', 'foreign', (dir) => relink(dir, 'noarch'), ['link noarch']],
  ['a folder in a subdir', 'foreign', (dir) => void mkdirSync(join(dir, 'noarch/shards')), ['folder noarch/shards']],
  [
    'H12 names that differ in case only',
    'foreign',
    (dir) => cpSync(join(dir, SIX), join(dir, 'noarch/Six-1.16.0-0.tar.bz2')),
    ['case-clash noarch/six-1.16.0-0.tar.bz2', 'file-unindexed noarch/Six-1.16.0-0.tar.bz2'],
  ],
  [
    'B8 a name that leads out of the folder',
    'foreign',
    (dir) => reindexed(dir, (r) => void (r['packages']['../six-1-0.tar.bz2'] = r['packages']['six-1.16.0-0.tar.bz2'])),
    ['file-missing noarch/../six-1-0.tar.bz2', 'record-name noarch/../six-1-0.tar.bz2'],
  ],
  [
    'B9 a record without digests',
    'foreign',
    (dir) =>
      reindexed(dir, (r) => {
        for (const key of ['md5', 'sha256']) delete r['packages']['six-1.16.0-0.tar.bz2'][key];
      }),
    [`no-digest ${SIX}`],
  ],
  [
    'repodata_version 2',
    'foreign',
    (dir) => reindexed(dir, (r) => void ((r as Record<string, unknown>)['repodata_version'] = 2)),
    [`index-version ${INDEX}`],
  ],
];

describe('folders with one thing wrong', () => {
  it.each(CASES)('%s (%s)', async (_, kind, spoil, expected) => {
    const dir = copyOf(kind);
    await spoil(dir);
    expect(await codesOf(dir)).toEqual(expected);
  });

  it.each([
    ['C12 open refused', 'openNoFollow', NUMPY, 'EACCES'],
    ['E3 the disk fails', 'readFile', INDEX, 'EIO'],
  ] as const)('%s: named, and the rest is read', async (_, call, path, errno) => {
    const fs = nodeFileSystem();
    const failing = async (asked: string) =>
      asked.endsWith(path) ? Promise.reject(Object.assign(new Error(errno), { code: errno })) : fs[call](asked);
    const { findings } = await verifyFolder(
      { ...rt, fs: { ...fs, [call]: failing } },
      { dir: join(temp.path, 'foreign') },
    );
    expect(findings).toEqual([
      { code: 'unreadable', subject: path, message: `${path} can't be read (${errno})`, exit: true },
    ]);
  });
});

describe("the label's specs", () => {
  it('are solved from the folder alone', async () => {
    const dir = copyOf('ours');
    rewriteManifest(dir, (manifest) => ({ ...manifest, specs: ['pytho>=3'] }));
    expect(await codesOf(dir)).toEqual([]);
    expect(await codesOf(dir, solver)).toEqual([expect.stringMatching(/^unsolvable pytho ?>=3 on linux-64$/)]);
  });

  it('are solved with the machines of the manifest', async () => {
    const dir = copyOf('ours');
    rewriteManifest(dir, (manifest) => ({
      ...manifest,
      profiles: [{ subdir: 'linux-64', virtual_packages: [], client: 'conda 24.1' }],
    }));
    expect(await codesOf(dir, solver)).toEqual([expect.stringMatching(/^unsolvable/)]);
  });

  it('that nobody can read are named', async () => {
    const dir = copyOf('ours');
    rewriteManifest(dir, (manifest) => ({ ...manifest, specs: ['--evil', 'pytho'] }));
    expect(await codesOf(dir, solver)).toEqual(['spec-unreadable --evil']);
  });
});

describe('a folder that is being published meanwhile', () => {
  it('I9 gets a second look before a file is called missing', async () => {
    const dir = copyOf('ours');
    const next = temp.sub(`next-${++count}`);
    await stage(next, [
      ...(await samplePackages()).filter(({ distFilename }) => !distFilename.startsWith('six')),
      await makePackage({ name: 'six', version: '1.17.0' }),
    ]);
    const fs = nodeFileSystem();
    let published = false;
    // Between the listing of noarch/ and the reading of its files a publish takes place.
    const readdir: typeof fs.readdir = async (path) => {
      const entries = await fs.readdir(path);
      if (!published && path.endsWith('noarch')) {
        published = true;
        rmSync(join(dir, SIX));
        cpSync(next, dir, { recursive: true });
      }
      return entries;
    };
    const report = await verifyFolder({ ...rt, fs: { ...fs, readdir } }, { dir, solver });
    expect(published).toBe(true);
    expect(report.findings).toEqual([]);
  });

  it('I9 gets another look for as long as each sees something else', async () => {
    const dir = copyOf('ours');
    const next = temp.sub(`next-${++count}`);
    await stage(next, [
      ...(await samplePackages()).filter(({ distFilename }) => !distFilename.startsWith('six')),
      await makePackage({ name: 'six', version: '1.17.0' }),
    ]);
    const fs = nodeFileSystem();
    // One before each look: a package more, its index, the manifest, and the old package out.
    const steps = [
      () => cpSync(join(next, 'noarch/six-1.17.0-0.conda'), join(dir, 'noarch/six-1.17.0-0.conda')),
      () => ['', '.zst'].forEach((form) => cpSync(join(next, `${INDEX}${form}`), join(dir, `${INDEX}${form}`))),
      () => ['manifest.json', 'SHA256SUMS'].forEach((name) => cpSync(join(next, name), join(dir, name))),
      () => rmSync(join(dir, SIX)),
    ];
    const readdir: typeof fs.readdir = async (path) => {
      if (path.endsWith('noarch')) steps.shift()?.();
      return fs.readdir(path);
    };
    const report = await verifyFolder({ ...rt, fs: { ...fs, readdir } }, { dir, solver });
    expect(steps).toEqual([]);
    expect(report.findings).toEqual([]);
  });
});

describe('what is no channel', () => {
  const cases: [string, (dir: string) => string, string][] = [
    ['nothing there', (dir) => join(dir, 'none'), 'There is no such folder'],
    ['a file', (dir) => join(dir, 'manifest.json'), 'This is no folder'],
    ['a subdir', (dir) => join(dir, 'noarch'), 'This folder is no channel'],
    ['an empty folder', () => temp.sub('empty'), 'This folder is no channel'],
  ];
  it.each(cases)('%s: E_NOT_A_CHANNEL', async (_, pick, what) => {
    const error = await verifyFolder(rt, { dir: pick(ours.dir) }).then(
      () => expect.fail('a channel'),
      (error: RepackError) => error,
    );
    expect({ code: error.code, what: error.what }).toEqual({
      code: 'E_NOT_A_CHANNEL',
      what: expect.stringContaining(what),
    });
  });

  it('the ROOT that holds the channels: they are named', async () => {
    const root = temp.sub('root');
    for (const label of ['beta', 'acme']) {
      mkdirSync(join(root, label, 'noarch'), { recursive: true });
      writeFileSync(join(root, label, label === 'acme' ? 'manifest.json' : 'noarch/repodata.json'), '{}');
    }
    await expect(verifyFolder(rt, { dir: root })).rejects.toMatchObject({
      code: 'E_NOT_A_CHANNEL',
      what: 'That folder holds channel folders, and is none itself',
      hint: 'Name one of them: acme, beta.',
    });
  });
});

// eslint-disable-next-line typescript/no-explicit-any -- indexes are spoilt in ways that no type has
type Loose = Record<string, any>;

function rewrite(dir: string, path: string, change: (repodata: Loose) => void = () => undefined): void {
  const repodata = JSON.parse(readFileSync(join(dir, path), 'utf8')) as Loose;
  change(repodata);
  writeFileSync(join(dir, path), JSON.stringify(repodata, undefined, 2));
}

/** The plain index of noarch changed; the compressed ones go. */
function reindexed(dir: string, change: (repodata: Loose) => void): void {
  rewrite(dir, INDEX, change);
  for (const ext of ['.zst', '.bz2']) rmSync(join(dir, `${INDEX}${ext}`));
}

function editSums(dir: string, change: (text: string) => string): void {
  writeFileSync(join(dir, 'SHA256SUMS'), change(readFileSync(join(dir, 'SHA256SUMS'), 'utf8')));
}

function rewriteManifest(
  dir: string,
  change: (manifest: Staged['staged']['manifest']) => Staged['staged']['manifest'],
): void {
  const manifest = change(JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')));
  writeManifest(dir, manifest);
}

function relink(dir: string, path: string): void {
  cpSync(join(dir, path), `${dir}-target`, { recursive: true });
  rmSync(join(dir, path), { recursive: true });
  symlinkSync(`${dir}-target`, join(dir, path));
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[40] = bytes[40]! ^ 1;
  writeFileSync(path, bytes);
}
