import { RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import { parseCondaInfo } from '../conda-info.js';
import type { CondaInfo } from '../conda-info.js';
import { printedJson, scrubUrls } from '../printed-json.js';
import { engineTitle } from './conda-engine.js';
import type { ExpectedConfig, ForeignSetting } from './expected-config.js';
import { foreignChannels, foreignInMamba } from './info-in-force.js';
import { PROGRAM_TRAITS } from './programs.js';
import { ASK_TIMEOUT_MS, runConda } from './run-conda.js';
import type { IsolatedEnvironment } from './isolated-environment.js';

type Doors = Pick<Runtime, 'exec' | 'fs' | 'signal' | 'events'>;
type Settings = Record<string, unknown>;

/**
 * Reads the configuration back that is really in force in the isolated environment (design D1a) and throws E_ENGINE_CONFIG where a channel, proxy,
 * package cache, tracked feature or exclusion is not ours, naming the file it comes from. System-wide files
 * (`/etc/conda`, `C:/ProgramData/conda`) are all that can still reach in here.
 */
export async function assertSealed(
  rt: Doors,
  isolated: IsolatedEnvironment,
  expected: ExpectedConfig,
): Promise<CondaInfo> {
  if (PROGRAM_TRAITS[isolated.engine.program].readBack === 'info') return assertSealedMamba(rt, isolated, expected);
  const [settings, info] = await Promise.all([shown(rt, isolated), sealedInfo(rt, isolated)]);
  const foreign = [
    ...foreignSettings(settings, { ...expected, solver: isolated.engine.info.solver?.name }),
    ...foreignChannels(info, expected),
    ...(await foreignCaches(rt, settings, expected)),
  ];
  if (foreign.length > 0) throw await refused(rt, isolated, foreign);
  return info;
}

async function assertSealedMamba(
  rt: Doors,
  isolated: IsolatedEnvironment,
  expected: ExpectedConfig,
): Promise<CondaInfo> {
  const info = await sealedInfo(rt, isolated);
  const { condarcPath } = isolated;
  const { virtualPackages } = isolated.profile;
  const told = { condarcPath, virtualPackages, overridesArchspec: isolated.engine.abilities.overridesArchspec };
  const foreign = foreignInMamba(info, { ...expected, ...told });
  if (foreign.length > 0) throw notOurs(isolated, foreign, []);
  return info;
}

/** Settings that files of lower priority are merged into, or that a file marked `#!final` can take over. */
export function foreignSettings(
  settings: Settings,
  expected: ExpectedConfig & { solver?: string | undefined },
): ForeignSetting[] {
  const foreign: ForeignSetting[] = [];
  const wrong = (keys: readonly string[], value: unknown): void => {
    foreign.push({ keys, value: scrubUrls(JSON.stringify(value)) });
  };
  for (const keys of MUST_BE_EMPTY) {
    for (const key of keys) {
      const value = settings[key];
      if (!isEmpty(value)) wrong(keys, value);
    }
  }
  // The rest of it is about passwords.
  const channelSettings = Array.isArray(settings['channel_settings']) ? settings['channel_settings'] : [];
  for (const each of channelSettings.map(mapping)) {
    if (each['exclude_newer'] !== undefined || each['exclude-newer'] !== undefined) wrong(['channel_settings'], each);
  }
  for (const [key, value] of Object.entries(mapping(settings['proxy_servers']))) {
    const ours = expected.proxyUrl === undefined || value === expected.proxyUrl;
    if (!ours || (key !== 'http' && key !== 'https')) wrong(['proxy_servers'], { [key]: value });
  }
  for (const [keys, value] of scalars(expected)) {
    for (const key of keys) {
      const inForce = settings[key];
      // A key that the version does not list is one it does not have.
      if (inForce !== undefined && inForce !== value) wrong(keys, inForce);
    }
  }
  return foreign;
}

/** Current and older names of settings that would leave packages out or draw others in. */
const MUST_BE_EMPTY: readonly (readonly string[])[] = [
  ['track_features'],
  ['disallowed_packages', 'disallow'],
  ['denylist_channels', 'blacklist_channels'],
  ['allowlist_channels', 'whitelist_channels'],
  ['exclude_newer', 'cooldown'],
  ['exclude_newer_package', 'cooldown_exclude'],
  ['override_virtual_packages', 'virtual_packages'],
];

function scalars(expected: ExpectedConfig & { solver?: string | undefined }): [readonly string[], unknown][] {
  return [
    [['offline'], expected.proxyUrl === undefined],
    [['add_anaconda_token', 'add_binstar_token'], false],
    [['add_pip_as_python_dependency'], true],
    [['use_only_tar_bz2'], false],
    [['subdir'], expected.subdir],
    ...(expected.solver === undefined
      ? []
      : [[['solver', 'experimental_solver'], expected.solver] as [string[], string]]),
  ];
}

/** conda extracts and writes in every package cache that it may write to: a further one must at least be read-only. */
async function foreignCaches(rt: Doors, settings: Settings, expected: ExpectedConfig): Promise<ForeignSetting[]> {
  const listed = Array.isArray(settings['pkgs_dirs']) ? settings['pkgs_dirs'] : [];
  const foreign: string[] = [];
  for (const dir of listed) {
    if (typeof dir === 'string' && dir !== expected.pkgsDir && (await isWritable(rt, dir))) foreign.push(dir);
  }
  return foreign.length === 0 ? [] : [{ keys: ['pkgs_dirs'], value: foreign.join(', ') }];
}

async function isWritable(rt: Doors, dir: string): Promise<boolean> {
  try {
    await rt.fs.access(dir, 2);
    return true;
  } catch (error) {
    // conda would make one that is not there.
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

async function refused(
  rt: Doors,
  isolated: IsolatedEnvironment,
  foreign: readonly ForeignSetting[],
): Promise<RepackError> {
  return notOurs(isolated, foreign, await sourcesOf(rt, isolated, foreign));
}

function notOurs(
  { engine }: IsolatedEnvironment,
  foreign: readonly ForeignSetting[],
  sources: readonly { setting: ForeignSetting; file: string }[],
): RepackError {
  const files = [...new Set(sources.map((source) => source.file))];
  return new RepackError('E_ENGINE_CONFIG', {
    what: `${engine.program}'s own configuration would change what is delivered: ${[...new Set(foreign.map((each) => each.keys[0]))].join(', ')}`,
    where: files.length === 0 ? engine.path : files.join(', '),
    hint: `Take the setting out of that file, or use --engine embedded, which reads no configuration of ${engine.program}.`,
    details: foreign.map((each) => {
      const file = sources.find((source) => source.setting === each)?.file;
      return `${each.keys[0]}: ${each.value}${file === undefined ? '' : ` (from ${file})`}`;
    }),
  });
}

async function sourcesOf(
  rt: Doors,
  isolated: IsolatedEnvironment,
  foreign: readonly ForeignSetting[],
): Promise<{ setting: ForeignSetting; file: string }[]> {
  const subject = 'conda config --show-sources --json';
  const result = await runConda(rt, isolated, {
    args: ['config', '--show-sources', '--json'],
    timeoutMs: ASK_TIMEOUT_MS,
  });
  let sources: Settings;
  try {
    sources = printedJson(result.stdout, { subject, truncated: result.truncated });
  } catch {
    return [];
  }
  return foreign.flatMap((setting) =>
    Object.entries(sources)
      .filter(
        ([file, values]) =>
          file !== isolated.condarcPath && setting.keys.some((key) => Object.hasOwn(mapping(values), key)),
      )
      .map(([file]) => ({ setting, file })),
  );
}

async function shown(rt: Doors, isolated: IsolatedEnvironment): Promise<Settings> {
  const subject = 'conda config --show --json';
  const result = await runConda(rt, isolated, { args: ['config', '--show', '--json'], timeoutMs: ASK_TIMEOUT_MS });
  const settings = printedJson(result.stdout, { subject, truncated: result.truncated });
  // What every version prints; without it this is an error report or another program.
  if (!Object.hasOwn(settings, 'channels') || !Object.hasOwn(settings, 'pkgs_dirs')) {
    throw new RepackError('E_ENGINE_CONFIG', {
      what: `${engineTitle(isolated.engine)} does not accept its configuration`,
      where: isolated.engine.path,
      hint: 'Look at "conda config --validate", or use --engine embedded, which reads no configuration of conda.',
      details: [scrubUrls(String(settings['message'] ?? settings['error'] ?? 'no setting was listed')).slice(0, 1000)],
    });
  }
  return settings;
}

async function sealedInfo(rt: Doors, isolated: IsolatedEnvironment): Promise<CondaInfo> {
  const subject = `${isolated.engine.program} info --json`;
  const result = await runConda(rt, isolated, { args: ['info', '--json'], timeoutMs: ASK_TIMEOUT_MS });
  return parseCondaInfo(result.stdout, { subject, truncated: result.truncated });
}

function mapping(value: unknown): Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Settings) : {};
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
