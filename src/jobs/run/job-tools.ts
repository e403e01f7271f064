import path from 'node:path';
import { openStore } from '../../store/store.js';
import { prepareZstd } from '../../codec/zstd.js';
import type { CondaEngine } from '../../engine/conda/conda-engine.js';
import { engineTitle, enginePkgsName } from '../../engine/conda/conda-engine.js';
import { openEmbeddedSolver } from '../../engine/embedded/solver.js';
import type { EmbeddedSolver } from '../../engine/embedded/solver.js';
import { openGateway } from '../../gateway/gateway.js';
import { gatewayWay } from './gateway-way.js';
import type { Gateway, GatewayOptions } from '../../gateway/gateway.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import type { TargetClient, TargetProfile } from '../../conda/plan/profile.js';
import type { WorkSettings } from '../../config/work-settings.js';
import type { Secret } from '../../base/secret.js';
import type { ArtifactStore } from '../../conda/plan/artifact-store.js';
import { parseClient } from '../../conda/plan/target.js';
import { clientView } from '../../conda/channel/view.js';
import { engineViewBy } from '../policy/denies.js';
import type { Policy } from '../../conda/policy/policy.js';
import type { Runtime } from '../../runtime/runtime.js';
import { waitWhileCleaning } from './cache-guard.js';
import { rootStore } from './root-store.js';
import { checkEnginePaths, chooseConda, type EngineWishes } from './choose-conda.js';
import type { SharedTools } from './shared-tools.js';
import { makeRunFolder, removeRunFolder, sweepRunFolders } from './run-folder.js';

/** What a job works with; everything in it is gone or given back when the job ends. */
export interface JobTools {
  store: ArtifactStore;
  gateway: Gateway;
  solver: EmbeddedSolver;
  runDir: string;
  /** The conda, mamba or micromamba that solves the host's own subdir; undefined: the embedded solver does. */
  conda: CondaEngine | undefined;
  /** The engine's own package cache, one for all labels (design M5). */
  enginePkgsDir: string;
  /** Who must be able to read what is delivered: the client at the site, or the engine itself where it is the older one. */
  reader: TargetClient | undefined;
}

export interface ToolOptions extends WorkSettings {
  job: string;
  /** As `openRoot` gives it: what lies below it is not downloaded again. */
  root: string;
  channels: readonly Channel[];
  token: Secret | undefined;
  profiles: readonly TargetProfile[];
  subdirs: readonly Subdir[];
  engines: Engines;
  /** A real engine is not shown what it denies. */
  policy?: Policy | undefined;
  /** MatchSpecs: where a solve of these is all that the channels are asked, those that have shards (CEP 16) are not read whole. */
  specs?: readonly MatchSpec[] | undefined;
  pip?: object | undefined;
}

/** What takes a while to start. */
export interface Engines {
  solver: EmbeddedSolver;
  /** Looked for only where it can be used: undefined where the embedded solver does all. Rejects as `chooseEngine` throws. */
  conda: Promise<CondaEngine | undefined>;
  /** Where this label is one of many. */
  shared: SharedTools | undefined;
}

/**
 * Runs `work` with the engines, which start here and now, beside what comes before the first solve: rattler's thread warms up for
 * 0.2 s, and a conda takes 0.5 s to say what it is. `solvesLater`: perhaps nothing is to be solved.
 */
export async function withEngines<T>(
  rt: Runtime,
  options: EngineWishes & { solvesLater?: boolean },
  work: (engines: Engines) => Promise<T>,
  shared?: SharedTools,
): Promise<T> {
  await checkEnginePaths(rt, options);
  // What was solved before is read without it.
  if (options.solvesLater !== true) await prepareZstd();
  if (shared !== undefined) {
    const conda = shared.conda(options);
    conda.catch(() => undefined);
    return work({ solver: shared.solver, conda, shared });
  }
  const done = new AbortController();
  const solver = openEmbeddedSolver(rt, { later: options.solvesLater ?? false });
  const conda = chooseConda({ ...rt, signal: AbortSignal.any([rt.signal, done.signal]) }, options);
  // Told where it is awaited, if it still is then.
  conda.catch(() => undefined);
  try {
    return await work({ solver, conda, shared });
  } finally {
    done.abort();
    await Promise.allSettled([conda, solver.close()]);
  }
}

/** Opens store, gateway and engine, runs `work`, and leaves nothing behind but caches: on success, failure and interruption. */
export async function withTools<T>(
  rt: Runtime,
  options: ToolOptions,
  work: (tools: JobTools) => Promise<T>,
): Promise<T> {
  const { shared } = options.engines;
  await sweepRunFolders(rt, options.cacheDir);
  const opened = await (shared?.store(options.cacheDir) ?? openStore(rt, path.join(options.cacheDir, 'store')));
  const store = rootStore(rt, opened, options.root);
  const runDir = await makeRunFolder(rt, options.cacheDir, options.job);
  let gateway: Gateway | undefined;
  try {
    await waitWhileCleaning(rt, options.cacheDir);
    const conda = await options.engines.conda;
    const client = options.profiles[0]?.client;
    const reader = client ?? (conda === undefined ? undefined : engineAsClient(conda));
    gateway = await openGateway(rt, {
      ...(await gatewayWay(rt, options)),
      view: clientView(reader ?? { readsCondaFormat: true, knowsVirtualPackages: true }),
      showsEngine: options.policy && engineViewBy(options.policy),
      store,
      indexes: shared?.indexes,
      // Many labels read each index once, and whole; and who knows what a conda looks at.
      reach: shared === undefined && conda === undefined ? reachOf(options) : undefined,
    });
    const enginePkgsDir = path.join(
      options.cacheDir,
      'engine-pkgs',
      conda === undefined ? 'none' : enginePkgsName(conda),
    );
    const made = await work({
      store,
      gateway,
      solver: options.engines.solver,
      runDir,
      conda,
      enginePkgsDir,
      reader,
    });
    return made;
  } finally {
    await gateway?.close().catch(() => undefined);
    await removeRunFolder(rt, runDir);
  }
}

/** What a `pip:` section names is looked for in the records of every package. */
function reachOf({ specs, subdirs, pip }: ToolOptions): GatewayOptions['reach'] {
  return pip === undefined && specs !== undefined ? { names: specs.map(({ name }) => name), subdirs } : undefined;
}

/** An old conda delivers only what it can read itself, whoever installs at the site. */
function engineAsClient(conda: CondaEngine): TargetClient | undefined {
  const client = parseClient(engineTitle(conda));
  return client.readsCondaFormat && client.knowsVirtualPackages ? undefined : client;
}
