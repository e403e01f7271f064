import { delimiter, dirname, join } from 'node:path';
import type { TargetProfile } from '../../conda/plan/profile.js';
import type { Runtime } from '../../runtime/runtime.js';
import { ignoredVariables, systemEnv } from '../user-environment.js';
import type { CondaEngine } from './conda-engine.js';
import { condarcText } from './condarc.js';
import type { CondarcParts } from './condarc.js';
import { PROGRAM_TRAITS } from './programs.js';
import { overrideVariables } from './overrides.js';
import { removeTree } from './remove-tree.js';

/** Where an engine lives while it works for us (design D1a): private folders, our configuration, an allow-listed environment. */
export interface IsolatedEnvironment {
  dir: string;
  condarcPath: string;
  pkgsDir: string;
  /** The environment to create; not there yet. */
  prefix: string;
  proxyUrl: string | undefined;
  env: Readonly<Record<string, string>>;
  engine: CondaEngine;
  profile: TargetProfile;
  /** Names of the user's variables that have no effect in here. */
  ignored: readonly string[];
  /** Takes everything away, the environment too. Never throws: what stays is warned of. */
  close(): Promise<void>;
}

export interface IsolationOptions extends Omit<CondarcParts, 'envsDir' | 'engine' | 'subdir'> {
  engine: CondaEngine;
  profile: TargetProfile;
  /** Owner-only folder of this run. */
  runDir: string;
}

type Doors = Pick<Runtime, 'fs' | 'env' | 'machine' | 'clock' | 'events'>;

/** Makes the isolated environment in a folder of its own below `runDir`; every file is created exclusively and only its owner may read it. */
export async function openIsolatedEnvironment(rt: Doors, options: IsolationOptions): Promise<IsolatedEnvironment> {
  const { engine, profile, runDir } = options;
  const dir = join(runDir, `isolated-${rt.machine.randomId()}`);
  // Fails where something is there already, a symlink that someone laid included.
  await rt.fs.mkdir(dir, 0o700);
  const close = (): Promise<void> => removeTree(rt, dir);
  try {
    const folders = houseFolders(dir);
    for (const folder of Object.values(folders)) await rt.fs.mkdirp(folder, 0o700);
    await rt.fs.mkdirp(options.pkgsDir, 0o700);
    // The name must end in .yml: newer condas ignore any other silently, 4.3 asserts.
    const condarcPath = join(dir, 'condarc.yml');
    await rt.fs.writeNew(condarcPath, condarcText({ ...options, subdir: profile.subdir, envsDir: join(dir, 'envs') }));
    return {
      dir,
      condarcPath,
      pkgsDir: options.pkgsDir,
      // conda 4.3 installs a package named conda only where the folder's name begins with an underscore.
      prefix: join(dir, '_env'),
      proxyUrl: options.proxyUrl,
      env: houseEnv(rt, { engine, profile, folders, condarcPath, proxyUrl: options.proxyUrl }),
      engine,
      profile,
      ignored: ignoredVariables(rt),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function houseFolders(dir: string) {
  const home = join(dir, 'home');
  return {
    home,
    appData: join(home, 'AppData', 'Roaming'),
    localAppData: join(home, 'AppData', 'Local'),
    xdgConfig: join(home, '.config'),
    xdgData: join(home, '.local', 'share'),
    xdgCache: join(home, '.cache'),
    xdgState: join(home, '.local', 'state'),
    tmp: join(dir, 'tmp'),
    envs: join(dir, 'envs'),
    root: join(dir, 'root'),
  };
}

interface EnvParts {
  engine: CondaEngine;
  profile: TargetProfile;
  folders: ReturnType<typeof houseFolders>;
  condarcPath: string;
  proxyUrl: string | undefined;
}

function houseEnv(rt: Pick<Runtime, 'env' | 'machine'>, parts: EnvParts): Record<string, string> {
  const { folders, proxyUrl } = parts;
  const traits = PROGRAM_TRAITS[parts.engine.program];
  const env: Record<string, string> = {
    ...systemEnv(rt),
    PATH: searchPath(rt, parts.engine),
    HOME: folders.home,
    USERPROFILE: folders.home,
    APPDATA: folders.appData,
    LOCALAPPDATA: folders.localAppData,
    XDG_CONFIG_HOME: folders.xdgConfig,
    XDG_DATA_HOME: folders.xdgData,
    XDG_CACHE_HOME: folders.xdgCache,
    XDG_STATE_HOME: folders.xdgState,
    TMPDIR: folders.tmp,
    TEMP: folders.tmp,
    TMP: folders.tmp,
    ...(traits.configuredBy === 'CONDARC' ? { CONDARC: parts.condarcPath } : {}),
    ...Object.fromEntries(traits.rootVariables.map((name) => [name, folders.root])),
    ...traits.variables,
    PYTHONNOUSERSITE: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONIOENCODING: 'utf-8',
    // Both spellings; what is listed in no_proxy would go past the gateway.
    no_proxy: '',
    NO_PROXY: '',
    ...overrideVariables(parts.profile),
  };
  if (proxyUrl !== undefined) {
    for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']) env[name] = proxyUrl;
  }
  return env;
}

/** The engine's own programs, then the system's. Windows: conda's python finds its DLLs (OpenSSL) by PATH. */
function searchPath(rt: Pick<Runtime, 'env' | 'machine'>, engine: CondaEngine): string {
  const root = engine.info.rootPrefix;
  const beside = dirname(engine.path);
  if (rt.machine.platform !== 'win32') return [beside, '/usr/bin', '/bin'].join(':');
  const systemRoot = systemEnv(rt)['SystemRoot'] ?? 'C:\\Windows';
  const own = root === undefined ? [] : [root, join(root, 'Library', 'bin'), join(root, 'Scripts')];
  return [...own, beside, join(systemRoot, 'System32'), systemRoot].join(delimiter);
}
