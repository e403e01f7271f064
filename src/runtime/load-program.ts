import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import vm from 'node:vm';
import { cachedDataVersionTag } from 'node:v8';
import { tuneV8 } from './tune-v8.js';

/** What V8 has made of the program's files, by program or command: beside them, so whoever may write it may change the program itself. */
const FOLDER = 'code';
/** Other Nodes and other flags have files of their own; those of Nodes that are gone go some day. */
const MANY = 100;
const MAIN = 'main.cjs';
/** Of sha256, in hex. */
const DIGEST_LENGTH = 64;

/** What takes long to load and is seldom needed is loaded when something of it is asked for. */
const LATER = new Set([
  '@bokuweb/zstd-wasm',
  'child_process',
  'http',
  'readline/promises',
  'tls',
  'worker_threads',
  'zlib',
]);

type Exports = Record<string, unknown>;
type Process = Pick<NodeJS.Process, 'argv' | 'env' | 'versions' | 'arch' | 'on'>;

/** A file of the program as it was when V8 compiled it. */
interface Compiled {
  size: number;
  mtimeMs: number;
  bytes: Buffer;
}

interface Loaded extends Omit<Compiled, 'bytes'> {
  file: string;
  script: vm.Script;
}

/**
 * The exports of `main.cjs` in `dir`, dist/src. Its files are CommonJS, since Node 20 takes no compiled code for ES modules: half of the time
 * of a short command is compiling. What a run that ended well has compiled is kept in dist/code, where that may be written; without it, or
 * where it does not fit this V8 or these files, all is compiled anew. Throws where a file can't be read or is none of ours.
 */
export function loadProgram(dir: string, program: string, process: Process): Exports {
  const { argv, env, versions } = process;
  // Before anything is compiled: what V8 has compiled under other flags it does not take.
  tuneV8(versions.node, argv[2]);
  const require = createRequire(join(dir, MAIN));
  // Node knows source maps of modules it loads itself. What is measured is compiled otherwise.
  if (argv.includes('--debug') || env['NODE_V8_COVERAGE'] !== undefined) return require(`./${MAIN}`) as Exports;

  const command = program === 'repackenv' ? (argv[2] ?? '') : program;
  const tag = cachedDataVersionTag().toString(16);
  const kept = join(dirname(dir), FOLDER, `${command}-${versions.node}-${process.arch}-${tag}`);
  const isNamed = /^[\w-]+$/.test(command);
  const compiled = isNamed ? readCompiled(kept) : new Map<string, Compiled>();
  const modules = new Map<string, { exports: Exports }>();
  const loaded: Loaded[] = [];
  let isNew = false;

  const later = (id: string): unknown =>
    LATER.has(id.replace('node:', '')) ? whenAsked(() => require(id) as object) : require(id);
  /** They lie flat in `dir`. */
  const load = (file: string): Exports => {
    const there = modules.get(file);
    if (there !== undefined) return there.exports;
    const module = { exports: {} as Exports };
    modules.set(file, module);
    const path = `${dir}${sep}${file}`;
    const { source, size, mtimeMs } = readPart(path);
    // V8 itself compares no more than the length; the names of all but the first have a digest.
    const isKept = file !== MAIN;
    const before = isKept ? compiled.get(file) : undefined;
    const fits = before?.size === size && before.mtimeMs === mtimeMs;
    const script = new vm.Script(`(function (exports, require, module, __filename, __dirname) { ${source}\n})`, {
      filename: path,
      ...(fits && { cachedData: before.bytes }),
    });
    if (isKept) {
      isNew ||= !fits || script.cachedDataRejected === true;
      loaded.push({ file, size, mtimeMs, script });
    }
    const wants = (id: string): unknown => (id.startsWith('./') ? load(id.slice(2)) : later(id));
    wants.import = imported;
    (script.runInThisContext() as (...of: unknown[]) => void)(module.exports, wants, module, path, dir);
    return module.exports;
  };

  if (isNamed) {
    process.on('exit', (code) => {
      if (code === 0 && isNew) keep(kept, compiled, loaded);
    });
  }
  return load(MAIN);
}

/** Where it is gone, in Node's words for a module that is. */
function readPart(path: string): { source: string; size: number; mtimeMs: number } {
  try {
    const { size, mtimeMs } = statSync(path);
    return { source: readFileSync(path, 'utf8'), size, mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw Object.assign(new Error(`Cannot find module '${path}'`), { code: 'MODULE_NOT_FOUND', path });
  }
}

/** Code that V8 takes from a file knows no `import()`: scripts/bundle.mjs asks for this one. */
const imported = (id: string): unknown => import(id);

/** Stands for the exports of a module until one of them is asked for. */
function whenAsked(load: () => object): object {
  let exports: object | undefined;
  return new Proxy({}, { get: (_, name) => Reflect.get((exports ??= load()), name) as unknown });
}

/**
 * The digest of all else, a line of JSON, then the bytes of each file that it names: V8 ends the process where they are damaged. Nothing where
 * there is no such file, or another.
 */
function readCompiled(kept: string): Map<string, Compiled> {
  try {
    const bytes = readFileSync(kept);
    const body = bytes.subarray(DIGEST_LENGTH);
    if (digestOf([body]) !== bytes.toString('latin1', 0, DIGEST_LENGTH)) return new Map();
    let at = body.indexOf('\n') + 1;
    const rows = JSON.parse(body.toString('utf8', 0, at)) as [string, number, number, number][];
    const compiled = new Map<string, Compiled>();
    for (const [file, size, mtimeMs, length] of rows) {
      compiled.set(file, { size, mtimeMs, bytes: body.subarray(at, (at += length)) });
    }
    return compiled;
  } catch {
    return new Map();
  }
}

/** It saves time only: where it can't be written, nothing is. */
function keep(kept: string, before: ReadonlyMap<string, Compiled>, loaded: readonly Loaded[]): void {
  const folder = dirname(kept);
  const aside = `${kept}.${randomBytes(4).toString('hex')}`;
  try {
    const files = new Map(before);
    for (const { file, size, mtimeMs, script } of loaded) {
      files.set(file, { size, mtimeMs, bytes: script.createCachedData() });
    }
    const rows = [...files].map(([file, { size, mtimeMs, bytes }]) => [file, size, mtimeMs, bytes.length]);
    const body = [Buffer.from(`${JSON.stringify(rows)}\n`), ...[...files.values()].map(({ bytes }) => bytes)];
    // Not more open than a program is, whatever the umask.
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const there = readdirSync(folder);
    if (there.length >= MANY) for (const name of there) rmSync(join(folder, name));
    writeFileSync(aside, Buffer.concat([Buffer.from(digestOf(body)), ...body]), { flag: 'wx', mode: 0o644 });
    renameSync(aside, kept);
  } catch {
    removeIfThere(aside);
  }
}

function removeIfThere(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Then neither could it be written.
  }
}

function digestOf(parts: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
