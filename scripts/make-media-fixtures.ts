/**
 * Writes test/fixtures/media/: media and deltas as the program makes them that this is run with, so that every later version is known to
 * take them. Needs ssh-keygen. To be run again only for a new form of a medium, into a folder beside the old ones.
 *
 *     npm run build && node dist/scripts/make-media-fixtures.js
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from './lib/layers.js';
import { runOurs } from './lib/run-program.js';
import {
  BASE_CHANNEL,
  LABEL,
  makeChannel,
  makePackage,
  OWNER,
  SUBDIRS,
  standardLayout,
  writeLayout,
  type PackageSpec,
} from './lib/sample-upstream.js';
import { snapshot } from './lib/snapshot.js';
import { startTokenServer } from './lib/token-server.js';

const TOKEN = 'xx-7d1f0c52-media-4c3e-8a2b-not-a-real-token';
const OUT = join(PROJECT_ROOT, 'test', 'fixtures', 'media');

const work = mkdtempSync(join(tmpdir(), 'repackenv-media-'));
/** By generation: one more of the owner's, in the base channel one that stays, one that leaves, one that is there twice then. */
const lib = { name: 'lib', version: '1.0' };
const data: PackageSpec = { name: 'data', version: '1.0', format: 'tar.bz2' };
const PACKAGES: Readonly<Record<number, { owner: PackageSpec[]; base: PackageSpec[] }>> = {
  1: {
    owner: [{ name: 'app', version: '1.0', depends: ['lib', 'old'] }],
    base: [
      { ...lib, subdir: 'linux-64', depends: ['data'] },
      { ...lib, subdir: 'win-64' },
      data,
      { name: 'old', version: '1.0' },
    ],
  },
  2: {
    owner: [{ name: 'app', version: '2.0', depends: ['lib >=2'] }],
    base: [
      { ...lib, version: '2.0', subdir: 'linux-64', depends: ['data'] },
      { ...lib, version: '2.0', subdir: 'win-64' },
      { ...lib, subdir: 'win-64' },
      data,
    ],
  },
};

const root = join(work, 'root');
const label = join(root, LABEL);
const mirror = join(work, 'mirrors', 'main');
const key = join(work, 'key');

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
await makeUpstream();
const server = await startTokenServer({ dir: join(work, 'upstream'), token: TOKEN });
const expected: Record<string, Record<string, string>> = {};
try {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'vendor', '-f', key]);
  writeFileSync(join(OUT, 'allowed_signers'), `vendor@example.com ${readFileSync(`${key}.pub`, 'utf8')}`);

  await update();
  keep('halkbank-g1', label);
  await run('export', label, '--to', out('full'));
  await run('export', label, '--to', out('parts'), '--part-size', '12KB', '--site-files', 'off');
  await run('export', label, '--to', out('packed'), '--zstd', '--site-files', 'off');
  await run(
    'export',
    label,
    '--to',
    out('platforms'),
    '--per-platform',
    '--zstd',
    '--site-files',
    'off',
    '--sign-key',
    key,
  );
  server.setGeneration(2);
  await update('--sign-key', key);
  keep('halkbank-g2', label);
  const since = join(out('full'), 'halkbank-g1.manifest.json');
  await run('delta', label, '--since', since, '--to', out('delta'));
  await run(
    'delta',
    label,
    '--since',
    since,
    '--to',
    out('delta-packed'),
    '--zstd',
    '--part-size',
    '12KB',
    '--site-files',
    'off',
  );
  await run('export', label, '--to', out('signed'), '--site-files', 'off');

  server.setGeneration(1);
  const file = join(work, 'mirror.yml');
  const deltas = out('deltas');
  writeFileSync(
    file,
    `latest: 1\nchannels: [pkgs/main]\nplatforms: [linux-64]\nmirror_dir: ${mirror}\ndelta: true\ndelta_dir: ${deltas}\n`,
  );
  await run('mirror', '-f', file, '--base-url', server.url);
  keep('main-g1', mirror);
  server.setGeneration(2);
  await run('clean', '-f', file, '--base-url', server.url);
  await run('mirror', '-f', file, '--base-url', server.url, '--sign-key', key, '--allow-shrink');
  keep('main-g2', mirror);
  writeFileSync(join(OUT, 'expected.json'), `${JSON.stringify(expected, null, 1)}\n`);
} finally {
  await server.close();
  rmSync(work, { recursive: true, force: true });
}

async function makeUpstream(): Promise<void> {
  const dir = join(work, 'upstream');
  for (const generation of [1, 2]) {
    const { owner, base } = PACKAGES[generation]!;
    const write = async (folder: string, specs: readonly PackageSpec[]): Promise<void> =>
      makeChannel(join(dir, `gen${generation}`, folder), await Promise.all(specs.map(makePackage)), {
        subdirs: SUBDIRS,
      });
    await write(BASE_CHANNEL, base);
    await write(OWNER, owner);
    await write(`private/${OWNER}`, owner);
    await write(`label/${LABEL}`, owner);
  }
  writeLayout(dir, standardLayout('sample', [1, 2]));
}

function out(name: string): string {
  return join(OUT, name);
}

/** What lies in a folder of this generation. */
function keep(name: string, dir: string): void {
  expected[name] = Object.fromEntries([...snapshot(dir)].map(([path, { sha256 }]) => [path, sha256]));
}

async function update(...more: string[]): Promise<void> {
  const channels = ['--base-url', server.url, '--owner', server.layout.owner, '--channel', `${server.url}/pkgs/main`];
  const target = ['--engine', 'embedded', '--subdir', 'linux-64', '--subdir', 'win-64', ...more];
  await ours('update-offline-repo', LABEL, 'env:FIXTURE_TOKEN', root, 'app', ...channels, ...target);
}

async function run(...args: string[]): Promise<void> {
  await ours('repackenv', ...args);
}

async function ours(program: string, ...args: string[]): Promise<void> {
  const env = { FIXTURE_TOKEN: TOKEN };
  const { exitCode, stdout, stderr } = await runOurs(program, args, { home: join(work, 'home'), cwd: work, env });
  if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')} exits with ${exitCode}\n${stdout}${stderr}`);
}
