import { solverTitle } from '../engine/conda/conda-engine.js';
import type { CondaEngine } from '../engine/conda/conda-engine.js';
import { detectEngines } from '../engine/detect.js';
import { RATTLER_VERSION } from '../engine/embedded/solve.js';
import type { WorkSettings } from '../config/work-settings.js';
import type { Runtime } from '../runtime/runtime.js';

/** One line of `repackenv engines`. */
export interface EngineLine {
  program: string;
  version: string;
  /** Executable; `(built in)` for the embedded solver. */
  path: string;
  usable: boolean;
  /** What it can do here, or why it can't be used. */
  detail: string;
}

export async function listEngines(rt: Runtime, settings: Pick<WorkSettings, 'enginePath'>): Promise<EngineLine[]> {
  const found = await detectEngines(rt, { enginePath: settings.enginePath });
  return [
    ...found.map(({ program, path, version, conda, problem }) => ({
      program,
      version: version ?? 'unknown',
      path,
      usable: conda !== undefined,
      detail: conda === undefined ? (problem ?? 'not supported') : abilityText(conda, rt.machine.subdir),
    })),
    {
      program: 'embedded',
      version: RATTLER_VERSION,
      path: '(built in)',
      usable: true,
      detail: 'every subdir; needs neither conda nor Python',
    },
  ];
}

function abilityText(engine: CondaEngine, subdir: string): string {
  const { abilities } = engine;
  const solver = solverTitle(engine);
  const lacks = [
    ...(abilities.readsCondaFormat ? [] : ['.conda files']),
    ...(abilities.knowsVirtualPackages ? [] : ['virtual packages']),
    ...(abilities.readsJsonIndexOffline ? [] : ['offline channels without repodata.json.bz2']),
  ];
  return `solves ${subdir}${solver === undefined ? '' : ` with ${solver}`}${lacks.length === 0 ? '' : `, without ${lacks.join(', ')}`}; other subdirs go to embedded`;
}
