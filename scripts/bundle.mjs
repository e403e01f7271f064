/**
 * node scripts/bundle.mjs
 *
 * Writes the program to dist/src and the scripts to dist/scripts. The program takes the packages it is written with into its files, except
 * those that find their WebAssembly beside themselves: these are the `dependencies` of package.json, which is held against what is
 * imported. Each `import()` stays a point where the rest is loaded only when it is needed. Types are not checked.
 */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { THREADS } from './threads.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OUT = join(ROOT, 'dist');
/** Shipped as they are: src/runtime/program-files.ts says where. */
const ASSETS = [join('src', 'site', 'assets'), join('src', 'cli', 'pages')];
/** Asked for by a package that does without: CycloneDX writes XML with it, which nobody asks for. */
const OPTIONAL = ['xmlbuilder2'];
const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

for (const folder of ['src', 'scripts', 'code']) rmSync(join(OUT, folder), { recursive: true, force: true });
// Entries lie as in src/, all else flat beside main.cjs: where a file of the program is, can then be told from the bundle as from the sources.
const chunks = await bundle('src', {
  format: 'cjs',
  input: {
    ...Object.fromEntries(['main', ...THREADS].map((name) => [name, `src/${name}.ts`])),
    load: 'src/runtime/load-program.ts',
  },
  // Peers are not installed with the program: who wants them brings them.
  external: [...Object.keys(dependencies), ...Object.keys(peerDependencies), ...OPTIONAL],
});
for (const { fileName, code } of chunks) {
  // Asked of src/runtime/load-program.ts where that loads the file: code that V8 takes from a file knows no `import()`.
  const asking = code.replaceAll(/\bimport\((?="[\w@])/g, '(require.import ?? ((id) => import(id)))(');
  if (asking !== code) writeFileSync(join(OUT, 'src', fileName), asking);
}
for (const folder of ASSETS) cpSync(join(ROOT, folder), join(OUT, folder), { recursive: true });
writeFileSync(join(OUT, 'src', 'THIRD-PARTY-LICENSES.txt'), licences(chunks));
const imported = chunks.flatMap((chunk) => chunk.imports.concat(chunk.dynamicImports));
const outside = new Set(imported.filter((name) => isPackage(name) && !(name in peerDependencies)));
if ([...outside].sort().join() !== Object.keys(dependencies).sort().join()) {
  throw new Error(`package.json says dependencies ${Object.keys(dependencies)}, the program imports ${[...outside]}`);
}

const scripts = readdirSync(join(ROOT, 'scripts')).filter((name) => name.endsWith('.ts'));
await bundle('scripts', {
  format: 'esm',
  input: Object.fromEntries(scripts.map((name) => [name.slice(0, -3), `scripts/${name}`])),
  external: isPackage,
});

/** The chunks it wrote below dist/`to`. */
async function bundle(to, { format, input, external }) {
  const build = await rolldown({ cwd: ROOT, input, external, platform: 'node' });
  const ending = format === 'cjs' ? 'cjs' : 'js';
  const names = { format, entryFileNames: `[name].${ending}`, chunkFileNames: `[name]-[hash].${ending}` };
  const apart = chunksOf(await build.generate(names));
  const { output } = await build.write({
    ...names,
    dir: join(OUT, to),
    codeSplitting: { groups: [{ name: 'start', test: atStart(apart) }] },
    // Nobody reads them here, and each start would.
    comments: false,
    // Read with --debug only: names stay as they are, so a stack can be read without.
    sourcemap: true,
    sourcemapExcludeSources: true,
  });
  await build.close();
  return chunksOf({ output });
}

function chunksOf({ output }) {
  return output.filter(({ type }) => type === 'chunk');
}

/** Whether a module is loaded whatever is asked for: one file of them takes less time than the forty that other parts share them by. */
function atStart(chunks) {
  const byName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  const names = new Set(['main.cjs']);
  for (const name of names) for (const next of byName.get(name)?.imports ?? []) names.add(next);
  const ids = new Set([...names].flatMap((name) => byName.get(name)?.moduleIds ?? []));
  return (id) => ids.has(id);
}

function isPackage(name) {
  return /^[@\w]/.test(name) && !isBuiltin(name) && !/\.c?js$/.test(name);
}

/** What the packages in `chunks` want to be told wherever they go. */
function licences(chunks) {
  const ids = chunks.flatMap(({ moduleIds }) => moduleIds).map((id) => id.replaceAll('\\', '/'));
  const folders = new Set(ids.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []));
  return [...folders]
    .sort()
    .map(licence)
    .join(`\n${'-'.repeat(80)}\n`);
}

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  const text = file === undefined ? '' : `\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  return `${name} ${version} (${license})\n${text}`;
}
