import type { WorkSettings } from '../../config/work-settings.js';
import type { Subdir } from '../../conda/channel/channel.js';
import type { CondaEngine } from '../../engine/conda/conda-engine.js';
import { checkEnginePath, chooseEngine, detectEngines } from '../../engine/detect.js';
import type { Runtime } from '../../runtime/runtime.js';

export type EngineWishes = Pick<WorkSettings, 'engine' | 'enginePath'> & {
  subdirs: readonly Subdir[];
  prove?: WorkSettings['prove'];
};

/** A wrong path is reported before ROOT is made, and before a proof that would come to nothing. */
export async function checkEnginePaths(
  rt: Runtime,
  { engine, enginePath, subdirs, prove }: EngineWishes,
): Promise<void> {
  const solvesHere = engine !== 'embedded' && subdirs.includes(rt.machine.subdir);
  if (enginePath !== undefined && solvesHere) await checkEnginePath(rt, { enginePath });
  const prover = prove?.kind === 'install' ? prove.enginePath : undefined;
  if (prover !== undefined) await checkEnginePath(rt, { enginePath: prover, option: '--prove install' });
}

/** The conda, mamba or micromamba that solves the host's own subdir. Throws as `chooseEngine`. */
export async function chooseConda(rt: Runtime, options: EngineWishes): Promise<CondaEngine | undefined> {
  const { engine: wanted, enginePath, subdirs } = options;
  const hostSubdir = rt.machine.subdir;
  if (wanted === 'embedded' || !subdirs.includes(hostSubdir)) return undefined;
  const found = await detectEngines(rt, { enginePath });
  const chosen = chooseEngine({ wanted, found, subdir: hostSubdir, hostSubdir, enginePath });
  return chosen.kind === 'conda' ? chosen.engine : undefined;
}
