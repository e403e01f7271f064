/**
 * npm run upstream
 *
 * Makes the real upstreams .layers/upstream/{mixed,bz2}: python 3.9, numpy, pandas, requests and what they need, out of wheels and
 * of a CPython 3.9 on this machine, with the owner's packages over them. `mixed` has `.conda` and `.tar.bz2`; in `bz2` every
 * package is a `.tar.bz2` and none asks for a virtual package. What was downloaded and converted is kept; a second run finds
 * all of it ready.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ArtifactFormat } from '../src/conda/record/records.js';
import { LAYERS_DIR, PROJECT_ROOT, requireLayer } from './lib/layers.js';
import {
  forOldClients,
  makeOwnerChannels,
  recordOf,
  standardLayout,
  writeLayout,
  type SamplePackage,
} from './lib/sample-upstream.js';

const UPSTREAM = join(LAYERS_DIR, 'upstream');
const CACHE = join(UPSTREAM, 'cache');
const CONVERTER = join(PROJECT_ROOT, 'scripts', 'wheels-to-conda.py');

/** The last versions with wheels for Python 3.9; two of numpy, so that an upper bound decides something. */
const WHEELS: readonly { platform: string; pins: readonly string[] }[] = [
  {
    platform: 'manylinux2014_x86_64',
    pins: [
      'pip==24.2',
      'setuptools==72.1.0',
      'wheel==0.44.0',
      'requests==2.32.3',
      'certifi==2024.8.30',
      'idna==3.10',
      'urllib3==2.2.3',
      'charset-normalizer==3.4.0',
      'python-dateutil==2.9.0.post0',
      'six==1.16.0',
      'pytz==2024.2',
      'tzdata==2024.2',
      'numpy==2.0.2',
      'pandas==2.2.3',
    ],
  },
  { platform: 'manylinux2014_x86_64', pins: ['numpy==1.26.4'] },
  { platform: 'win_amd64', pins: ['numpy==2.0.2', 'pandas==2.2.3', 'charset-normalizer==3.4.0'] },
];

/** Shown as `.tar.bz2` in the mixed upstream too. */
const OLD_FORMAT = new Set(['certifi', 'six', 'wheel']);

const python39 = requireLayer('python39');
const python = requireLayer('py-rattler');
const converted = convert();
for (const kind of ['mixed', 'bz2'] as const) await makeUpstream(kind, converted);

/** Folder with every base package in both formats; made anew when a pin, the converter or the Python changed. */
function convert(): { dir: string; key: string } {
  const version = execFileSync(python39, ['--version'], { encoding: 'utf8' });
  const key = digestOf([JSON.stringify(WHEELS), readFileSync(CONVERTER, 'utf8'), version]);
  const dir = join(CACHE, 'converted');
  if (readText(join(dir, 'key')) === key) return { dir, key };
  const wheels = join(CACHE, 'wheels');
  console.log('upstream: downloading wheels');
  rmSync(wheels, { recursive: true, force: true });
  for (const { platform, pins } of WHEELS) download(wheels, platform, pins);
  console.log('upstream: converting wheels and python to conda packages');
  rmSync(dir, { recursive: true, force: true });
  const prefix = execFileSync(python39, ['-c', 'import sys; print(sys.base_prefix)'], { encoding: 'utf8' }).trim();
  execFileSync(python, [CONVERTER, '--wheels', wheels, '--python', prefix, '--out', dir], { stdio: 'inherit' });
  writeFileSync(join(dir, 'key'), key);
  return { dir, key };
}

function download(wheels: string, platform: string, pins: readonly string[]): void {
  const target = ['--implementation', 'cp', '--python-version', '3.9', '--abi', 'cp39', '--platform', platform];
  const options = ['-q', '--no-deps', '--only-binary', ':all:', '-d', wheels];
  execFileSync(python, ['-m', 'pip', 'download', ...options, ...target, ...pins], { stdio: 'inherit' });
}

async function makeUpstream(kind: 'mixed' | 'bz2', source: { dir: string; key: string }): Promise<void> {
  const dir = join(UPSTREAM, kind);
  const key = digestOf([source.key, ...readCode()]);
  if (readText(join(dir, 'key')) === key) return console.log(`upstream: ready (${dir})`);
  const fresh = `${dir}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const base = basePackages(kind, source.dir);
  const layout = standardLayout(kind, [1, 2]);
  for (const generation of layout.generations) {
    const adapt = kind === 'bz2' ? forOldClients : undefined;
    await makeOwnerChannels({ dir: join(fresh, `gen${generation}`), generation, base, ...(adapt && { adapt }) });
  }
  writeLayout(fresh, layout);
  writeFileSync(join(fresh, 'key'), key);
  rmSync(dir, { recursive: true, force: true });
  renameSync(fresh, dir);
  console.log(`upstream: made (${dir})`);
}

function basePackages(kind: 'mixed' | 'bz2', dir: string): SamplePackage[] {
  return ['linux-64', 'noarch', 'win-64'].flatMap((subdir) => {
    const files = readdirSync(join(dir, subdir)).filter((name) => /\.(conda|tar\.bz2)$/.test(name));
    return files.sort().flatMap((distFilename): SamplePackage[] => {
      const file = join(dir, subdir, distFilename);
      const indexJson = JSON.parse(readFileSync(`${file}.index.json`, 'utf8')) as Record<string, unknown>;
      const format: ArtifactFormat = distFilename.endsWith('.conda') ? 'conda' : 'tar.bz2';
      const old = kind === 'bz2' || OLD_FORMAT.has(String(indexJson['name']));
      if (format !== (old ? 'tar.bz2' : 'conda')) return [];
      const bytes = readFileSync(file);
      return [{ distFilename, subdir, bytes, file, indexJson, record: recordOf(indexJson, bytes) }];
    });
  });
}

/** The text of the modules that decide what is written: a change there makes the upstreams anew. */
function readCode(): string[] {
  const lib = ['owner-packages', 'sample-upstream', 'conda-package', 'conda-channel', 'upstream-layout'];
  return ['make-upstream', ...lib.map((name) => `lib/${name}`)].map((name) =>
    readFileSync(join(PROJECT_ROOT, 'scripts', `${name}.ts`), 'utf8'),
  );
}

function digestOf(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}

function readText(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
