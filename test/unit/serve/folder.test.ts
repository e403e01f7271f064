import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../../src/channel/manifest/manifest.js';
import { rawRequest } from '../../helpers/raw-http.js';
import { testRuntime } from '../../helpers/runtime.js';
import { startServing, type Serving, type ServingOptions } from '../../helpers/serving.js';
import { publishTiny, tinyRepodata, type TinySet } from '../../helpers/tiny-channel.js';

const SET: TinySet = { 'linux-64/a-1-0.conda': 'the package a', 'noarch/b-2-0.tar.bz2': 'the package b' };
const OLD = new Date('2026-01-02T03:04:05Z');

const dir = mkdtempSync(join(tmpdir(), 'repackenv-serve-folder-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let root: string;
let acme: string;
let serving: Serving | undefined;
beforeEach(async () => {
  root = mkdtempSync(join(dir, 'root-'));
  ({ labelDir: acme } = await publishTiny(testRuntime(), { root, packages: SET }));
});
afterEach(async () => {
  await serving?.stop();
  serving = undefined;
});

async function serve(folder: string, options?: ServingOptions): Promise<Serving> {
  return (serving = await startServing(folder, options));
}

/** Status of a GET. */
async function statusOf(path: string): Promise<number> {
  return (await rawRequest(serving!.port, path)).status;
}

function write(path: string, text: string | Buffer): void {
  writeFileSync(path, text);
  utimesSync(path, OLD, OLD);
}

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('one label folder', () => {
  it('serves what the manifest names, with its digest as the tag, at the top and below its label', async () => {
    await serve(acme);
    const manifest = JSON.parse(readFileSync(join(acme, 'manifest.json'), 'utf8')) as Manifest;
    for (const { path, sha256: digest, size } of manifest.files) {
      for (const place of [`/${path}`, `/acme/${path}`]) {
        const answer = await rawRequest(serving!.port, place);
        expect(answer, place).toMatchObject({ status: 200, body: readFileSync(join(acme, path)) });
        expect(answer.headers).toMatchObject({ etag: `"${digest}"`, 'content-length': String(size) });
      }
    }
    for (const name of ['manifest.json', 'SHA256SUMS']) {
      const bytes = readFileSync(join(acme, name));
      const answer = await rawRequest(serving!.port, `/${name}`);
      expect(answer).toMatchObject({ status: 200, body: bytes, headers: { etag: `"${sha256(bytes)}"` } });
    }
  });

  it('says what each file is', async () => {
    await serve(acme);
    const header = async (path: string, name: string): Promise<string | undefined> =>
      (await rawRequest(serving!.port, path)).headers[name];
    expect(await header('/linux-64/repodata.json', 'content-type')).toBe('application/json');
    expect(await header('/linux-64/repodata.json.zst', 'content-type')).toBe('application/zstd');
    expect(await header('/linux-64/a-1-0.conda', 'content-type')).toBe('application/octet-stream');
    expect(await header('/noarch/b-2-0.tar.bz2', 'content-type')).toBe('application/octet-stream');
    expect(await header('/SHA256SUMS', 'content-type')).toBe('text/plain; charset=utf-8');
    expect(await header('/noarch/repodata.json', 'cache-control')).toBe('no-cache');
    expect(await header('/noarch/b-2-0.tar.bz2', 'cache-control')).toBe('max-age=3600');
    for (const path of ['/linux-64/repodata.json.zst', '/noarch/b-2-0.tar.bz2', '/']) {
      expect(await header(path, 'content-encoding')).toBeUndefined();
      expect(await header(path, 'x-content-type-options')).toBe('nosniff');
    }
  });

  it.each([
    '/linux-64/current_repodata.json',
    '/linux-64/repodata.json.bz2',
    '/linux-64/repodata_shards.msgpack.zst',
    '/linux-64/repodata.jlap',
    '/channeldata.json',
    '/osx-64/repodata.json',
    '/linux-64/not-named-1-0.conda',
    '/linux-64/notes.txt',
    '/notes.txt',
    '/.repackenv/acme/journal.json',
    '/linux-64/.hidden',
    '/acme/acme/linux-64/repodata.json',
    '/other/linux-64/repodata.json',
    '/linux-64/A-1-0.conda',
    '/Linux-64/a-1-0.conda',
    '/linux-64/a-1-0.CONDA',
    '/linux-64/a-1-0.conda.',
    '/linux-64/a-1-0.conda%20',
    '/linux-64/a-1-0.conda/',
    '/linux-64/a-1-0.conda::$DATA',
    '/MANIFEST.JSON',
    '//linux-64/a-1-0.conda',
    '/linux-64//a-1-0.conda',
    '/linux-64/%252e%252e/manifest.json',
    '/etc/passwd',
    '/linux-64/con',
    '/__proto__',
    '/constructor/prototype',
  ])('N14 answers 404 to %s', async (path) => {
    for (const name of ['current_repodata.json', 'not-named-1-0.conda', 'notes.txt', '.hidden'])
      write(join(acme, 'linux-64', name), '{}');
    write(join(acme, 'notes.txt'), 'secret');
    await serve(acme);
    const answer = await rawRequest(serving!.port, path);
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toBe('404 Not Found\n');
  });

  it('N14 follows no link, to a file, a subdir or a manifest', async () => {
    const outside = join(root, 'outside');
    mkdirSync(outside);
    // The bytes are right: that they lie elsewhere is enough.
    renameSync(join(acme, 'linux-64', 'a-1-0.conda'), join(outside, 'a-1-0.conda'));
    symlinkSync(join(outside, 'a-1-0.conda'), join(acme, 'linux-64', 'a-1-0.conda'));
    renameSync(join(acme, 'noarch'), join(outside, 'noarch'));
    symlinkSync(join(outside, 'noarch'), join(acme, 'noarch'));
    symlinkSync('/etc/passwd', join(acme, 'linux-64', 'passwd-1-0.conda'));
    await serve(acme);
    expect(await statusOf('/linux-64/a-1-0.conda')).toBe(404);
    expect(await statusOf('/noarch/b-2-0.tar.bz2')).toBe(404);
    expect(await statusOf('/linux-64/passwd-1-0.conda')).toBe(404);
    expect(await statusOf('/linux-64/repodata.json')).toBe(200);
  });

  it('N14 opens no folder, pipe or device under the name of a file', async () => {
    rmSync(join(acme, 'linux-64', 'a-1-0.conda'));
    mkdirSync(join(acme, 'linux-64', 'a-1-0.conda'));
    await serve(acme);
    expect(await statusOf('/linux-64/a-1-0.conda')).toBe(404);
  });

  it('sends no other bytes under the tag of the manifest: 503 where a file was changed, until it is right again', async () => {
    const path = join(acme, 'linux-64', 'a-1-0.conda');
    const right = readFileSync(path);
    await serve(acme);
    expect(await statusOf('/linux-64/a-1-0.conda')).toBe(200);
    for (const wrong of [Buffer.from('The package a'), Buffer.concat([right, Buffer.from('x')]), Buffer.alloc(0)]) {
      write(path, wrong);
      const answer = await rawRequest(serving!.port, '/linux-64/a-1-0.conda');
      expect(answer.status).toBe(503);
      expect(answer.headers).toMatchObject({ 'retry-after': '2' });
      expect(answer.headers['etag']).toBeUndefined();
    }
    // Whoever serves is told why, once.
    const told = serving!.events.filter((event) => event.type === 'warning');
    expect(told).toEqual([{ type: 'warning', message: expect.stringContaining(`${path} is answered with 503`) }]);
    write(path, right);
    expect(await statusOf('/linux-64/a-1-0.conda')).toBe(200);
  });

  it('answers 404 to a file that is gone', async () => {
    await serve(acme);
    rmSync(join(acme, 'linux-64', 'a-1-0.conda'));
    expect(await statusOf('/linux-64/a-1-0.conda')).toBe(404);
  });

  it('N15 sends no time ahead of its clock, and none before 1970', async () => {
    const path = join(acme, 'linux-64', 'a-1-0.conda');
    await serve(acme);
    for (const [time, told] of [
      [new Date('2099-01-01T00:00:00Z'), undefined],
      [new Date('1960-01-01T00:00:00Z'), undefined],
      [OLD, 'Fri, 02 Jan 2026 03:04:05 GMT'],
    ] as const) {
      utimesSync(path, time, time);
      const { status, headers } = await rawRequest(serving!.port, '/linux-64/a-1-0.conda');
      expect([status, headers['last-modified']]).toEqual([200, told]);
    }
  });

  it('serves the next generation as soon as it is published, and keeps to the old one where its manifest is cut off', async () => {
    await serve(acme);
    expect(await statusOf('/linux-64/c-1-0.conda')).toBe(404);
    await publishTiny(testRuntime(), { root, packages: { ...SET, 'linux-64/c-1-0.conda': 'c' } });
    expect(await statusOf('/linux-64/c-1-0.conda')).toBe(200);
    const manifest = readFileSync(join(acme, 'manifest.json'));
    write(join(acme, 'manifest.json'), manifest.subarray(0, 100));
    expect(await statusOf('/linux-64/c-1-0.conda')).toBe(200);
    const answer = await rawRequest(serving!.port, '/manifest.json');
    expect(answer).toMatchObject({ status: 200, body: manifest, headers: { etag: `"${sha256(manifest)}"` } });
    expect(serving!.events).toContainEqual({
      type: 'warning',
      message: expect.stringContaining('the one before counts'),
    });
  });

  it('N14 links to nothing but subdirs, whatever a manifest calls one', async () => {
    const manifest = JSON.parse(readFileSync(join(acme, 'manifest.json'), 'utf8')) as Manifest;
    manifest.subdirs.push('javascript:alert(1)//', '//elsewhere.example', '..');
    write(join(acme, 'manifest.json'), JSON.stringify(manifest));
    await serve(acme);
    const page = (await rawRequest(serving!.port, '/')).body.toString();
    expect(page).toContain('<a href="linux-64/">');
    for (const text of ['javascript:', 'elsewhere.example', '"../"']) expect(page).not.toContain(text);
  });
});

describe('an index that the manifest does not know', () => {
  /** As a killed publication leaves it: the new package and the new index of a subdir, the old manifest. */
  function killed(): string {
    const packages = { ...SET, 'linux-64/c-1-0.conda': 'the package c' };
    write(join(acme, 'linux-64', 'c-1-0.conda'), 'the package c');
    const json = JSON.stringify(tinyRepodata('linux-64', packages));
    write(join(acme, 'linux-64', 'repodata.json'), json);
    return json;
  }

  it('goes out with its own tag where every file it names is there, and these with it; its old forms do not', async () => {
    const json = killed();
    await serve(acme);
    const answer = await rawRequest(serving!.port, '/linux-64/repodata.json');
    expect(answer).toMatchObject({ status: 200, headers: { etag: `"${sha256(json)}"` } });
    expect(answer.body.toString()).toBe(json);
    expect(await statusOf('/linux-64/c-1-0.conda')).toBe(200);
    expect(await statusOf('/linux-64/a-1-0.conda')).toBe(200);
    // Named by the manifest, and of older bytes than the plain one or newer: nobody knows.
    write(join(acme, 'linux-64', 'repodata.json.zst'), 'another form');
    expect(await statusOf('/linux-64/repodata.json.zst')).toBe(404);
  });

  it('is held back where a file of it is missing or of another size', async () => {
    killed();
    write(join(acme, 'linux-64', 'c-1-0.conda'), 'cut');
    await serve(acme);
    expect(await statusOf('/linux-64/repodata.json')).toBe(503);
    expect(await statusOf('/linux-64/c-1-0.conda')).toBe(503);
    rmSync(join(acme, 'linux-64', 'c-1-0.conda'));
    expect(await statusOf('/linux-64/repodata.json')).toBe(503);
    expect(await statusOf('/linux-64/c-1-0.conda')).toBe(404);
  });

  it('is held back where it is none', async () => {
    write(join(acme, 'linux-64', 'repodata.json'), '<html>');
    await serve(acme);
    expect(await statusOf('/linux-64/repodata.json')).toBe(503);
    expect(await statusOf('/noarch/repodata.json')).toBe(200);
  });
});

it.each(['', ' \n'])(
  'C3 an index that holds nothing (%j): empty in a channel of others, held back in one of ours',
  async (text) => {
    write(join(acme, 'linux-64', 'repodata.json'), text);
    await serve(acme);
    expect(await statusOf('/linux-64/repodata.json')).toBe(503);
    await serving!.stop();
    rmSync(join(acme, 'manifest.json'));
    await serve(acme);
    expect(await rawRequest(serving!.port, '/linux-64/repodata.json')).toMatchObject({ status: 200 });
    expect(await statusOf('/linux-64/a-1-0.conda')).toBe(404);
    expect(await statusOf('/noarch/b-2-0.tar.bz2')).toBe(200);
  },
);

describe('a channel without our manifest', () => {
  beforeEach(() => {
    rmSync(join(acme, 'manifest.json'));
    rmSync(join(acme, 'SHA256SUMS'));
  });

  it('serves what its indexes name, with digests taken of the bytes', async () => {
    write(join(acme, 'linux-64', 'not-named-1-0.conda'), 'x');
    await serve(acme);
    const answer = await rawRequest(serving!.port, '/acme/linux-64/a-1-0.conda');
    expect(answer).toMatchObject({ status: 200, headers: { etag: `"${sha256('the package a')}"` } });
    expect(await statusOf('/linux-64/repodata.json')).toBe(200);
    expect(await statusOf('/linux-64/repodata.json.zst')).toBe(200);
    expect(await statusOf('/linux-64/not-named-1-0.conda')).toBe(404);
    expect(await statusOf('/manifest.json')).toBe(404);
  });

  it('goes by md5 where the index has nothing else, and serves nothing that it has no digest of', async () => {
    const repodata = tinyRepodata('linux-64', SET) as { 'packages.conda': Record<string, Record<string, unknown>> };
    const record = repodata['packages.conda']['a-1-0.conda']!;
    delete record['sha256'];
    write(join(acme, 'linux-64', 'repodata.json'), JSON.stringify(repodata));
    await serve(acme);
    expect(await statusOf('/linux-64/a-1-0.conda')).toBe(200);
    write(join(acme, 'linux-64', 'a-1-0.conda'), 'THE PACKAGE A');
    expect(await statusOf('/linux-64/a-1-0.conda')).toBe(503);
    delete record['md5'];
    write(join(acme, 'linux-64', 'repodata.json'), JSON.stringify(repodata));
    expect(await statusOf('/linux-64/a-1-0.conda')).toBe(404);
  });

  it('N14 serves no name that leads out of the folder, though an index has it', async () => {
    const repodata = {
      info: { subdir: 'linux-64' },
      packages: {},
      'packages.conda': {
        '../../outside.conda': {
          name: 'x',
          version: '1',
          build: '0',
          build_number: 0,
          depends: [],
          md5: 'd41d8cd98f00b204e9800998ecf8427e',
        },
      },
    };
    write(join(acme, 'linux-64', 'repodata.json'), JSON.stringify(repodata));
    write(join(root, 'outside.conda'), '');
    await serve(acme);
    for (const path of ['/linux-64/../../outside.conda', '/linux-64/..%2f..%2foutside.conda', '/outside.conda'])
      expect([400, 404]).toContain(await statusOf(path));
  });
});

describe('a ROOT', () => {
  it('serves its label folders by their names, and nothing beside them', async () => {
    write(join(root, 'acme.verify.sh'), 'x');
    mkdirSync(join(root, 'photos'));
    symlinkSync(acme, join(root, 'linked'));
    await serve(root);
    expect(await statusOf('/acme/linux-64/a-1-0.conda')).toBe(200);
    for (const path of [
      '/linux-64/a-1-0.conda',
      '/linked/linux-64/a-1-0.conda',
      '/ACME/linux-64/a-1-0.conda',
      '/photos/',
      '/acme.verify.sh',
      '/.repackenv/acme/receipts/1.json',
    ])
      expect(await statusOf(path), path).toBe(404);
  });

  it('serves a label that is published later', async () => {
    let now = 0;
    const clock = { now: () => Date.now(), monotonic: () => now, sleep: async () => {} };
    await serve(root, { runtime: { clock: clock as never } });
    await publishTiny(testRuntime(), { root, label: 'beta', packages: SET });
    now += 2001;
    expect(await statusOf('/beta/linux-64/a-1-0.conda')).toBe(200);
    expect((await serving!.stop()).channels).toEqual(['acme', 'beta']);
  });
});

it.each(['nothing', 'file', 'missing'])('refuses a DIR that holds no channel: %s', async (what) => {
  const place = join(root, 'x');
  if (what === 'nothing') mkdirSync(place);
  if (what === 'file') writeFileSync(place, '');
  await expect(startServing(place)).rejects.toMatchObject({ code: 'E_NOT_A_CHANNEL', where: place });
});
