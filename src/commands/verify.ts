import path from 'node:path';
import { openEmbeddedSolver } from '../engine/embedded/solver.js';
import { solveEmbedded } from '../engine/embedded/solve.js';
import type { Runtime } from '../runtime/runtime.js';
import { verifyFolder } from '../verify/verify-folder.js';
import type { VerifyReport } from '../verify/verify-folder.js';

/** `repackenv verify DIR`: everything that is wrong with a channel folder, as findings. Reads only. */
export async function verify(rt: Runtime, { dir }: { dir: string }): Promise<VerifyReport> {
  const solver = openEmbeddedSolver(rt);
  try {
    return await verifyFolder(rt, {
      dir: path.resolve(rt.machine.cwd, dir),
      solveOffline: (request, source) => solveEmbedded(rt, { request, source, solver }),
    });
  } finally {
    await solver.close();
  }
}
