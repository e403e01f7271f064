import path from 'node:path';
import type { ArtifactStore } from '../../conda/plan/artifact-store.js';
import type { CondaEngine } from '../../engine/conda/conda-engine.js';
import { openEmbeddedSolver, type EmbeddedSolver } from '../../engine/embedded/solver.js';
import { solverPool } from '../../engine/embedded/solver-pool.js';
import { sharedIndexes, type SharedIndexes } from '../../gateway/repodata/shared-indexes.js';
import type { Runtime } from '../../runtime/runtime.js';
import { openStore } from '../../store/store.js';
import { chooseConda, type EngineWishes } from './choose-conda.js';

/** What the labels of one process have in common. Nothing in it belongs to one label: a token opens only what was asked with it. */
export interface SharedTools {
  solver: EmbeddedSolver;
  indexes: SharedIndexes;
  /** The conda of those wishes; looked for once. Rejects as `chooseEngine` throws. */
  conda(wishes: EngineWishes): Promise<CondaEngine | undefined>;
  /** The store of a cache folder; opened once. */
  store(cacheDir: string): Promise<ArtifactStore>;
}

export interface SharedToolsOptions {
  /** Labels at once. */
  jobs: number;
  /** How many bytes of indexes are kept in memory for labels that come later. */
  indexBytes: number;
}

/** Runs `work` with tools for many labels; all of them end with it. `rt` is the run's, not a label's. */
export async function withSharedTools<T>(
  rt: Runtime,
  { jobs, indexBytes }: SharedToolsOptions,
  work: (shared: SharedTools) => Promise<T>,
): Promise<T> {
  const done = new AbortController();
  const machine: Runtime = { ...rt, signal: AbortSignal.any([rt.signal, done.signal]) };
  const solver = solverPool(Math.max(1, Math.min(jobs, rt.machine.cpus)), () =>
    // A signal of its own: Node warns of more than ten listeners.
    openEmbeddedSolver({ ...rt, signal: AbortSignal.any([rt.signal]) }),
  );
  const condas = new Map<string, Promise<CondaEngine | undefined>>();
  const stores = new Map<string, Promise<ArtifactStore>>();
  try {
    return await work({
      solver,
      indexes: sharedIndexes(indexBytes),
      conda: ({ engine, enginePath, subdirs }) => {
        const wishes = { engine, enginePath, subdirs: subdirs.filter((each) => each === rt.machine.subdir) };
        return once(condas, JSON.stringify(wishes), () => chooseConda(machine, wishes));
      },
      store: (cacheDir) => once(stores, cacheDir, () => openStore(rt, path.join(cacheDir, 'store'))),
    });
  } finally {
    done.abort();
    await Promise.allSettled([...condas.values(), solver.close()]);
  }
}

function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const promise = made.get(key) ?? make();
  made.set(key, promise);
  return promise;
}
