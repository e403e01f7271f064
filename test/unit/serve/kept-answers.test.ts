import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { nodeFileSystem } from '../../../src/runtime/fs.js';
import { rawRequest } from '../../helpers/raw-http.js';
import { testRuntime } from '../../helpers/runtime.js';
import { startServing } from '../../helpers/serving.js';
import { publishTiny, tinyRepodata, type TinySet } from '../../helpers/tiny-channel.js';

const PATH = 'linux-64/a-1-0.conda';
const SET: TinySet = { [PATH]: 'the package a', 'noarch/b-2-0.tar.bz2': 'the package b' };
const FROM_MEMORY = ['200', 'the package a'];

/** In place, with the same size and the time set back: only the change time tells. */
function overwrite(path: string, bytes: string | Buffer): void {
  const { atime, mtime } = statSync(path);
  writeFileSync(path, bytes);
  utimesSync(path, atime, mtime);
}

interface Folder {
  root: string;
  acme: string;
}

/** What is served of a channel whose manifest is ours and of one that has none, below a ROOT and alone. */
const KINDS: readonly [kind: string, url: string, served: (folder: Folder) => string][] = [
  ['ours', `/${PATH}`, ({ acme }) => acme],
  ['without a manifest', `/${PATH}`, ({ acme }) => acme],
  ['below a ROOT', `/acme/${PATH}`, ({ root }) => root],
];

/** Change -> what the next one who asks gets; nothing is said of kinds in which it changes nothing. */
const CHANGES: readonly [change: string, make: (folder: Folder) => void, gets: string, kinds?: readonly string[]][] = [
  ['other bytes, as if nothing were', ({ acme }) => overwrite(join(acme, PATH), 'THE PACKAGE A'), '503'],
  ['the file is gone', ({ acme }) => rmSync(join(acme, PATH)), '404'],
  [
    'another file under the name',
    ({ acme }) => {
      writeFileSync(join(acme, 'aside'), 'THE PACKAGE A');
      renameSync(join(acme, 'aside'), join(acme, PATH));
    },
    '503',
  ],
  [
    'the index names it no more',
    ({ acme }) => {
      const index = join(acme, 'linux-64', 'repodata.json');
      overwrite(index, readFileSync(index, 'utf8').replaceAll('a-1-0.conda', 'z-1-0.conda'));
    },
    '404',
    ['without a manifest'],
  ],
  [
    'the index states other bytes',
    ({ acme }) => {
      const other = tinyRepodata('linux-64', { ...SET, [PATH]: 'THE PACKAGE A' });
      overwrite(join(acme, 'linux-64', 'repodata.json'), JSON.stringify(other));
    },
    '503',
    ['without a manifest'],
  ],
  ['the label is gone', ({ acme, root }) => renameSync(acme, join(root, '.away')), '404', ['below a ROOT']],
];

const CASES = KINDS.flatMap(([kind, url, served]) =>
  CHANGES.filter(([, , , kinds]) => kinds?.includes(kind) ?? true).map(
    ([change, make, gets]) => [kind, change, { url, served, make, gets }] as const,
  ),
);

it.each(CASES)('%s: what was given from memory is not, once %s', async (kind, _, { url, served, make, gets }) => {
  const { port, folder, opened, wait } = await start(kind, served);
  expect(await got(port, url)).toEqual(FROM_MEMORY);
  const before = opened();
  expect(await got(port, url)).toEqual(FROM_MEMORY);
  expect(opened(), 'nothing was opened for it').toBe(before);
  make(folder);
  wait();
  expect((await got(port, url))[0]).toBe(gets);
});

it('a part, or what a reader has already, is answered by the bytes that are there', async () => {
  const { port } = await start('ours', ({ acme }) => acme);
  const { headers } = await rawRequest(port, `/${PATH}`);
  expect(headers['etag']).toBeDefined();
  const ask = async (asked: Record<string, string>) => [...(await got(port, `/${PATH}`, asked))].join(' ');
  expect(await ask({ range: 'bytes=4-10' })).toBe('206 package');
  expect(await ask({ 'if-none-match': String(headers['etag']) })).toBe('304 ');
  expect(await ask({ 'if-match': '"other"' })).toContain('412');
  expect((await rawRequest(port, `/${PATH}`, { method: 'HEAD' })).body.toString()).toBe('');
  expect(await ask({})).toBe('200 the package a');
});

async function got(port: number, url: string, headers: Record<string, string> = {}): Promise<string[]> {
  const { status, body } = await rawRequest(port, url, { headers });
  return [String(status), body.toString()];
}

async function start(kind: string, served: (folder: Folder) => string) {
  const root = mkdtempSync(join(tmpdir(), 'repackenv-serve-kept-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const { labelDir: acme } = await publishTiny(testRuntime(), { root, packages: SET });
  if (kind === 'without a manifest') for (const name of ['manifest.json', 'SHA256SUMS']) rmSync(join(acme, name));
  let opened = 0;
  let now = 0;
  const fs = nodeFileSystem();
  const openNoFollow: typeof fs.openNoFollow = (path) => {
    opened += 1;
    return fs.openNoFollow(path);
  };
  // Written long ago: of a file that is seconds old nothing is remembered.
  const clock = { now: () => Date.now() + 60_000, monotonic: () => now, sleep: async (ms: number) => void (now += ms) };
  const folder = { root, acme };
  const serving = await startServing(served(folder), {
    runtime: { fs: { ...fs, openNoFollow }, clock: clock as never },
  });
  onTestFinished(async () => void (await serving.stop()));
  return { port: serving.port, folder, opened: () => opened, wait: () => void (now += 10_000) };
}
