import { existsSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { findLayer } from './layers.js';
import { runProgram } from './run-program.js';

/** Makes the index of a channel folder by hand. */
export type Indexer = {
  /** With the version, where it tells one. */
  name: string;
  /** Undefined: none is at hand, and the flow by hand goes without an index. */
  command: ((dir: string) => { file: string; args: string[] }) | undefined;
};

type Ask = { asked?: string | undefined; conda?: string | undefined; home: string };

/**
 * The one asked for (a `conda-index`, a `rattler-index`, a `conda` with conda-build, or a Python with conda-index or py-rattler), else
 * conda-index beside conda or on PATH, `rattler-index` on PATH, `conda index`, the layer py-rattler: the first that is there.
 */
export async function findIndexer({ asked, conda, home }: Ask): Promise<Indexer> {
  const layer = findLayer('py-rattler');
  const candidates =
    asked === undefined
      ? [
          ...(conda === undefined
            ? []
            : ['conda-index', 'python'].map((name) => join(dirname(conda), programName(name)))),
          ...['conda-index', 'rattler-index'].flatMap(onPath),
          ...(conda === undefined ? [] : [conda]),
          ...(layer.available ? [layer.path] : []),
        ]
      : [asked];
  for (const path of candidates.filter((each) => existsSync(each))) {
    const indexer = await indexerAt(path, home);
    if (indexer !== undefined) return indexer;
  }
  if (asked !== undefined) throw new Error(`--indexer ${asked} is no indexer that is known here`);
  return { name: 'none at hand: the flow by hand leaves the index out', command: undefined };
}

async function indexerAt(file: string, home: string): Promise<Indexer | undefined> {
  const program = basename(file).replace(/\.exe$/i, '');
  if (program === 'conda-index') {
    const version = await printed(join(dirname(file), programName('python')), ['-c', distVersion('conda-index')], home);
    return { name: `conda-index ${version ?? ''}`.trimEnd(), command: (dir) => ({ file, args: [dir] }) };
  }
  if (program === 'rattler-index') {
    return {
      name: (await printed(file, ['--version'], home)) ?? program,
      command: (dir) => ({ file, args: ['fs', dir] }),
    };
  }
  if (/^python[\d.]*$/.test(program)) return pythonIndexer(file, home);
  // Without conda-build or conda-index there is no such subcommand.
  const help = await printed(file, ['index', '--help'], home);
  return help === undefined ? undefined : { name: 'conda index', command: (dir) => ({ file, args: ['index', dir] }) };
}

async function pythonIndexer(file: string, home: string): Promise<Indexer | undefined> {
  const condaIndex = await printed(file, ['-c', distVersion('conda-index')], home);
  if (condaIndex !== undefined) {
    return { name: `conda-index ${condaIndex}`, command: (dir) => ({ file, args: ['-m', 'conda_index', dir] }) };
  }
  const pyRattler = await printed(file, ['-c', distVersion('py-rattler')], home);
  if (pyRattler === undefined) return undefined;
  // Without os._exit, py-rattler 0.28 crashes now and then when Python ends while a thread of its own is still there.
  const run = 'asyncio.run(rattler.index.index_fs(pathlib.Path(sys.argv[1]))); os._exit(0)';
  const code = `import asyncio, os, pathlib, sys, rattler.index; ${run}`;
  return { name: `py-rattler ${pyRattler} (rattler.index)`, command: (dir) => ({ file, args: ['-c', code, dir] }) };
}

function distVersion(name: string): string {
  return `from importlib.metadata import version; print(version(${JSON.stringify(name)}))`;
}

/** The last line printed, where the program is there and ends well. */
async function printed(file: string, args: readonly string[], home: string): Promise<string | undefined> {
  const result = await runProgram(file, args, { home }).catch(() => undefined);
  return result?.exitCode === 0 ? (result.stdout.trim().split('\n').at(-1) ?? '') : undefined;
}

function onPath(program: string): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, programName(program)));
}

function programName(program: string): string {
  return process.platform === 'win32' ? `${program}.exe` : program;
}
