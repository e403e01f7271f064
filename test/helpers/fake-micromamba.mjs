// Stands in for micromamba 2.0.5 where none is at hand: answers in the shapes of the recordings, obeys the same files and variables as the
// real one (mamba libmamba/src/api/configuration.cpp), and fetches through the proxy it is given. Its solver takes the newest version of the
// highest channel, which is enough for the packages of the tests.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RECORDINGS = join(dirname(fileURLToPath(import.meta.url)), '../fixtures/recordings/mamba-2.0.5');
const recorded = (name) => readFileSync(join(RECORDINGS, name), 'utf8');
const VERSION = '2.0.5';
const FLAGS = new Set([
  '--yes',
  '--json',
  '--quiet',
  '--no-pin',
  '--offline',
  '--override-channels',
  '--no-rc',
  '--version',
]);

const [command, ...rest] = process.argv.slice(2);
const { options, specs } = parsed(rest);
const settings = inForce();

if (command === '--version') console.log(VERSION);
else if (command === 'info') console.log(JSON.stringify(info(), undefined, 4));
else if (command === 'create') await create();
else fail('unknown command', 109);

/** Options take all values up to the next option, as the real one's `--rc-file` does. */
function parsed(args) {
  const found = { options: {}, specs: [] };
  let open;
  for (const arg of args) {
    if (arg.startsWith('-')) {
      open = FLAGS.has(arg) || arg.startsWith('--log-level=') ? undefined : arg;
      found.options[arg] ??= [];
    } else if (open === undefined) {
      found.specs.push(arg);
    } else {
      found.options[open].push(arg);
      if (open !== '--rc-file') open = undefined;
    }
  }
  return found;
}

/** The one file, else the user's; a variable beats both. */
function inForce() {
  const home = process.env.HOME ?? '/nowhere';
  const named = options['--rc-file'];
  const files = (
    named ?? [join(home, '.condarc'), join(home, '.mambarc'), process.env.CONDARC, process.env.MAMBARC]
  ).filter((file) => file !== undefined && existsSync(file));
  const merged = {};
  for (const file of files) Object.assign(merged, JSON.parse(readFileSync(file, 'utf8')));
  const { CONDA_CHANNELS, CONDA_PKGS_DIRS, MAMBA_OFFLINE, MAMBA_PLATFORM, CONDA_SUBDIR } = process.env;
  if (CONDA_CHANNELS !== undefined) merged.channels = CONDA_CHANNELS.split(',');
  if (CONDA_PKGS_DIRS !== undefined) merged.pkgs_dirs = [CONDA_PKGS_DIRS];
  if (MAMBA_OFFLINE !== undefined) merged.offline = true;
  return { ...merged, platform: MAMBA_PLATFORM ?? CONDA_SUBDIR ?? merged.platform ?? 'linux-64', files };
}

function info() {
  const { CONDA_OVERRIDE_GLIBC: glibc = '2.36', CONDA_OVERRIDE_LINUX: linux = '6.1.0' } = process.env;
  const archspec = process.env.CONDA_OVERRIDE_ARCHSPEC ?? 'x86_64_v4';
  const { 'mamba version': version, ...common } = JSON.parse(recorded('info.json'));
  return {
    ...common,
    'micromamba version': version,
    'base environment': process.env.MAMBA_ROOT_PREFIX ?? '/opt/mamba',
    channels: (settings.channels ?? []).flatMap((url) => [`${url}/${settings.platform}`, `${url}/noarch`]),
    'package cache': settings.pkgs_dirs ?? ['/opt/mamba/pkgs'],
    platform: settings.platform,
    'populated config files': settings.files.length === 0 ? null : settings.files,
    'virtual packages': [
      '__unix=0=0',
      `__linux=${linux || '0'}=0`,
      ...(glibc === '' ? [] : [`__glibc=${glibc}=0`]),
      `__archspec=1=${archspec || '0'}`,
    ],
  };
}

async function create() {
  const prefix = options['--prefix'][0];
  const channels = options['--override-channels'] === undefined ? settings.channels : options['--channel'];
  const indexes = [];
  for (const url of channels) {
    for (const subdir of [settings.platform, 'noarch']) {
      const text = await get(`${url}/${subdir}/repodata.json`);
      const { packages = {}, 'packages.conda': conda = {} } = JSON.parse(text.toString());
      indexes.push({ url, subdir, records: Object.entries({ ...packages, ...conda }) });
    }
  }
  const picked = new Map();
  const wanted = specs.map((text) => ({ text, requested: text }));
  while (wanted.length > 0) {
    const { text, requested } = wanted.shift();
    // Of versions it knows one form, `name=1.2`.
    const [, name, version = ''] = /^([\w.-]+)(?:=([\w.]+)$)?/.exec(text);
    if (name.startsWith('__') || picked.has(name)) continue;
    const found = best(indexes, name, version);
    if (found === undefined) fail(recorded('create-not-found.txt'), 1);
    picked.set(name, { ...found, requested });
    for (const depend of found.record.depends ?? []) wanted.push({ text: depend, requested: '' });
    // As the real one does: it is in the solution, and in no record.
    if (name === 'python') wanted.push({ text: 'pip', requested: '' });
  }
  mkdirSync(join(prefix, 'conda-meta'), { recursive: true });
  for (const each of picked.values()) await install(prefix, each);
  writeFileSync(
    join(prefix, 'conda-meta', 'history'),
    `==> now <==\n# cmd: ${process.argv.slice(1).join(' ')}\n# conda version: 3.8.0\n`,
  );
  console.log(JSON.stringify({ actions: {}, prefix, success: true }));
}

function best(indexes, name, version) {
  for (const { url } of indexes) {
    const candidates = indexes
      .filter((index) => index.url === url)
      .flatMap(({ subdir, records }) =>
        records
          .filter(([, record]) => record.name === name && record.version.startsWith(version))
          .map(([fn, record]) => ({ url, subdir, fn, record })),
      )
      .sort(
        (a, b) => b.record.version.localeCompare(a.record.version, 'en', { numeric: true }) || (b.fn > a.fn ? -1 : 1),
      );
    // Of a build in both formats the `.conda` sorts first.
    if (candidates.length > 0) return candidates[0];
  }
  return undefined;
}

async function install(prefix, { url, subdir, fn, record, requested }) {
  const stem = fn.replace(/\.(conda|tar\.bz2)$/, '');
  const cache = settings.pkgs_dirs[0];
  const extracted = join(cache, stem);
  const path = join(cache, fn);
  if (!existsSync(path)) writeFileSync(path, await get(`${url}/${subdir}/${fn}`));
  mkdirSync(join(extracted, 'info'), { recursive: true });
  const full = { ...record, fn, channel: url, url: `${url}/${subdir}/${fn}`, subdir };
  writeFileSync(join(extracted, 'info', 'repodata_record.json'), JSON.stringify(full));
  const shape = JSON.parse(recorded('conda-meta.rateutil-0.7-py_0.json'));
  const meta = {
    ...shape,
    ...full,
    ...(record.noarch === undefined ? { noarch: undefined } : {}),
    build_string: record.build,
    extracted_package_dir: extracted,
    // The real one names it so whatever its format is.
    package_tarball_full_path: `${extracted}.tar.bz2`,
    link: { source: extracted, type: 1 },
    files: [],
    paths_data: { paths: [], paths_version: 1 },
    requested_spec: requested,
  };
  writeFileSync(join(prefix, 'conda-meta', `${stem}.json`), JSON.stringify(meta));
}

async function get(url) {
  // Offline 2.0 loads no channel, not even one that is a folder; what is asked for then "does not exist".
  if (settings.offline || options['--offline'] !== undefined) fail(recorded('create-not-found.txt'), 1);
  if (url.startsWith('file://')) return readFileSync(fileURLToPath(url));
  const proxy = new URL(settings.proxy_servers?.http ?? process.env.http_proxy);
  const credentials = Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`);
  return new Promise((resolve) => {
    const request = http.get(
      {
        host: proxy.hostname,
        port: proxy.port,
        path: url,
        headers: { host: new URL(url).host, 'proxy-authorization': `Basic ${credentials.toString('base64')}` },
      },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks));
          else fail(recorded('create-refused.txt').replaceAll(/http:\S+repodata\.json/g, url), 1);
        });
      },
    );
    request.on('error', () => fail(recorded('create-unreachable.txt'), 1));
  });
}

function fail(text, code) {
  console.log(text);
  process.exit(code);
}
