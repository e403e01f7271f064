import { lookAtFolder, verifyFolder as report } from '../../src/channel/check/verify-folder.js';
import type { VerifyReport } from '../../src/channel/check/verify-folder.js';
import { solveManifest } from '../../src/delivery/proof/solve-alone.js';
import type { EmbeddedSolver } from '../../src/engine/embedded/solver.js';
import type { Runtime } from '../../src/runtime/runtime.js';

/** As the job `verify` does it, without the signature; with a `solver` the manifest's specs are solved from the folder alone. */
export async function verifyFolder(
  rt: Runtime,
  { dir, solver }: { dir: string; solver?: EmbeddedSolver | undefined },
): Promise<VerifyReport> {
  const look = await lookAtFolder(rt, dir);
  const { manifest, indexes } = look;
  if (solver === undefined || manifest === undefined) return report(rt, look);
  return report(rt, look, await solveManifest(rt, { dir, indexes, solver }, manifest));
}
