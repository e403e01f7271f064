/**
 * node scripts/bootstrap.mjs TASK [args…]
 *
 * What the npm scripts run. On a fresh clone it first installs and builds; later it finds both done and adds some 50 ms. Plain
 * JavaScript without imports of its own, since nothing is there yet. Exits with the code of the first command that fails.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const ASSETS = join('src', 'site', 'assets');
const VITEST = ['vitest', 'run', '--config', 'test/vitest.config.ts'];

/** Task -> does it, given the arguments after its name. */
const TASKS = {
  build: () => buildAlways(),
  executable: (args) => {
    prepare();
    node(join('scripts', 'executable.mjs'), ...args);
  },
  attack: (args) => script('attack', args),
  demo: (args) => script('demo', args),
  test: (args) => {
    // By itself: what a developer waits for. With named files or tests, or with --all: all of them.
    const whole = args.some((arg) => arg === '--all' || arg === '-t' || !arg.startsWith('-'));
    if (!whole) process.env.REPACKENV_FIRST_TESTS = 'yes';
    prepare();
    bin(...VITEST, ...args.filter((arg) => arg !== '--all'));
  },
  bench: (args) => {
    upstream();
    script('bench', args);
  },
  lint: () => {
    install();
    every(
      ['oxlint', '--deny-warnings'],
      ['oxfmt', '--check'],
      ['dependency-cruiser', '--config', '.dependency-cruiser.cjs', 'src', 'scripts'],
      ['knip'],
    );
    shellcheck();
  },
  format: () => {
    install();
    bin('oxfmt');
  },
  typecheck: () => {
    install();
    // The tests' has src and scripts too.
    bin('typescript:tsc', '-p', 'test/tsconfig.json');
  },
  'record-calls': (args) => script('record-calls', args),
  layers: (args) => node(join('scripts', 'install-layers.mjs'), ...args),
  upstream: () => upstream(),
  sample: (args) => script('sample', args),
  picture: () => script('picture', []),
};

const [task = '', ...rest] = process.argv.slice(2);
if (!(task in TASKS)) {
  console.error(`usage: node scripts/bootstrap.mjs ${Object.keys(TASKS).join('|')} [args…]`);
  process.exit(2);
}
TASKS[task](rest);

function upstream() {
  node(join('scripts', 'install-layers.mjs'), 'py-rattler', 'python39');
  script('make-upstream', []);
}

function script(name, args) {
  prepare();
  node(join('dist', 'scripts', `${name}.js`), ...args);
}

function prepare() {
  install();
  if (!isBuilt()) build();
}

function buildAlways() {
  install();
  build();
}

function install() {
  if (isInstalled()) return;
  console.error('installing (npm ci)');
  const cli = process.env.npm_execpath;
  // On Windows `npm` is a .cmd, which can't be spawned: take npm's own JavaScript, as npm tells it to the scripts it runs.
  if (cli?.endsWith('js')) exitUnless(run(process.execPath, [cli, 'ci', '--include=dev']));
  else exitUnless(run('npm', ['ci', '--include=dev']));
}

/** Not an npm package: `npm run layers` installs it where it can. SC2020 takes two characters for `tr` for a slip. */
function shellcheck() {
  const scripts = readdirSync(join(ROOT, ASSETS))
    .filter((name) => name.endsWith('.sh'))
    .map((name) => join(ASSETS, name));
  if (spawnSync('shellcheck', ['--version']).error) console.error('shellcheck: skipped, it is not here');
  else exitUnless(run('shellcheck', ['--exclude', 'SC2020', ...scripts]));
}

function build() {
  console.error('building');
  node(join('scripts', 'bundle.mjs'));
  writeFileSync(join(ROOT, 'dist', '.built'), '');
}

/** Compares what npm noted in node_modules with the lock file: times say nothing after a checkout. */
function isInstalled() {
  const noted = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(noted)) return false;
  const there = JSON.parse(readFileSync(noted, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional || there[path]?.integrity === entry.integrity,
  );
}

function isBuilt() {
  const stamp = statSync(join(ROOT, 'dist', '.built'), { throwIfNoEntry: false });
  if (!stamp) return false;
  const files = ['src', 'scripts'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true }).map((name) => join(folder, name)),
  );
  return ['tsconfig.json', 'package.json', ...files].every(
    (file) => statSync(join(ROOT, file)).mtimeMs <= stamp.mtimeMs,
  );
}

/** Runs all of them, so that one look shows everything; fails if one did. */
function every(...commands) {
  const failed = commands.filter(([name, ...args]) => run(process.execPath, [binPath(name), ...args]) !== 0);
  for (const [name, ...args] of failed) console.error(`failed: ${name} ${args.join(' ')}`);
  exitUnless(failed.length === 0 ? 0 : 1);
}

function bin(name, ...args) {
  node(binPath(name), ...args);
}

/** The script behind `package` or `package:program`, so that no shell and no .cmd is needed. */
function binPath(name) {
  const [owner, program = owner] = name.split(':');
  const folder = join(ROOT, 'node_modules', owner);
  const { bin: programs } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const relative = typeof programs === 'string' ? programs : (programs[program] ?? Object.values(programs)[0]);
  return join(folder, relative);
}

function node(...args) {
  exitUnless(run(process.execPath, args));
}

function run(program, args) {
  const { status, signal, error } = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit' });
  if (error) console.error(error.message);
  return status ?? (signal === 'SIGINT' ? 130 : 1);
}

function exitUnless(status) {
  if (status !== 0) process.exit(status);
}
