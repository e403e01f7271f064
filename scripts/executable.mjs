/**
 * npm run executable [-- --node FILE] [--out FILE]
 *
 * Writes the program as one executable file, for machines without Node: dist/executable/repackenv, made of the Node that runs this, or of
 * FILE, the node of another system (its node.exe gives repackenv.exe). Takes what `npm run build` wrote, and goes Node's own way
 * (https://nodejs.org/docs/latest-v20.x/api/single-executable-applications.html): a script in CommonJS, put into a copy of node.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { rolldown } from 'rolldown';
import { THREADS } from './threads.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const BUILT = join(ROOT, 'dist', 'src');
/** By their paths below dist/src: src/runtime/program-files.ts asks for them. */
const TEXTS = ['cli/pages', 'site/assets'];
/** Of node's own, by which it finds out whether it has a script in it. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
/** Packages that read their WebAssembly from beside themselves: where, what stands there, what stands there instead. */
const WASM = [
  {
    file: '@bokuweb/zstd-wasm/dist/common/index.node.js',
    before: `yield readFile(resolve(__dirname, './zstd.wasm'))`,
    after: bytes('@bokuweb/zstd-wasm/dist/common/zstd.wasm'),
  },
  {
    file: 'bzip2-wasm/index.js',
    before: 'loadBZip2WASM()',
    after: `loadBZip2WASM({ wasmBinary: ${bytes('bzip2-wasm/bzip2-1.0.8/bzip2.wasm')} })`,
  },
];

const { values } = parseArgs({ options: { node: { type: 'string' }, out: { type: 'string' } } });
const node = resolve(values.node ?? process.execPath);
const name = node.endsWith('.exe') ? 'repackenv.exe' : 'repackenv';
const target = resolve(values.out ?? join(ROOT, 'dist', 'executable', name));
const { peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

mkdirSync(dirname(target), { recursive: true });
const work = mkdtempSync(join(tmpdir(), 'repackenv-executable-'));
try {
  await make();
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(target);

async function make() {
  const replaced = new Set();
  await bundle('scripts/executable-entry.mjs', 'main.cjs', replaced);
  const assets = Object.fromEntries(
    TEXTS.flatMap((folder) => readdirSync(join(BUILT, folder)).map((file) => `${folder}/${file}`)).map((path) => [
      path,
      join(BUILT, path),
    ]),
  );
  for (const [at, path] of THREADS.entries()) {
    assets[`${path}.cjs`] = await bundle(`src/${path}.ts`, `thread-${at}.cjs`, replaced);
  }
  if (replaced.size !== WASM.length) throw new Error(`WebAssembly was put only into: ${[...replaced]}`);
  const settings = {
    main: join(work, 'main.cjs'),
    output: join(work, 'blob'),
    disableExperimentalSEAWarning: true,
    // What one V8 has compiled is of no use to another.
    useCodeCache: node === process.execPath,
    assets,
  };
  writeFileSync(join(work, 'sea.json'), JSON.stringify(settings));
  run('--experimental-sea-config', join(work, 'sea.json'));
  const file = join(work, name);
  copyFileSync(node, file);
  chmodSync(file, 0o755);
  const postject = join(ROOT, 'node_modules', 'postject', 'dist', 'cli.js');
  run(postject, file, 'NODE_SEA_BLOB', join(work, 'blob'), '--sentinel-fuse', FUSE);
  rmSync(target, { force: true });
  copyFileSync(file, target);
  copyFileSync(join(BUILT, 'THIRD-PARTY-LICENSES.txt'), join(dirname(target), 'THIRD-PARTY-LICENSES.txt'));
}

/** All that `input` loads in one file; what it takes from packages too. Gives its path. */
async function bundle(input, file, replaced) {
  const build = await rolldown({
    cwd: ROOT,
    input,
    platform: 'node',
    // Neither can be had from within one file; who asks for a queue is told so.
    external: [...Object.keys(peerDependencies), 'xmlbuilder2'],
    plugins: [{ name: 'wasm', transform: (code, id) => withWasm(code, id.replaceAll('\\', '/'), replaced) }],
  });
  const path = join(work, file);
  // Node 20 has no `import()` in such a script.
  await build.write({ file: path, format: 'cjs', codeSplitting: false, dynamicImportInCjs: false });
  await build.close();
  return path;
}

function withWasm(code, id, replaced) {
  const found = WASM.find(({ file }) => id.endsWith(`/node_modules/${file}`));
  if (found === undefined) return undefined;
  if (code.split(found.before).length !== 2) throw new Error(`${found.file} has not exactly one: ${found.before}`);
  replaced.add(found.file);
  return code.replace(found.before, () => found.after);
}

function bytes(path) {
  return `Buffer.from('${readFileSync(join(ROOT, 'node_modules', path)).toString('base64')}', 'base64')`;
}

/** Node with these arguments. What postject warns of (sections without a name, Windows' signature, which is void) is of no use. */
function run(...args) {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`${args[0]} ended with ${status}\n${stdout}${stderr}`);
}
