import { RepackError } from '../../model/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import { parseCondaInfo } from '../conda-info.js';
import type { CondaInfo } from '../conda-info.js';
import { printedJson, scrubUrls } from '../printed-json.js';
import { ASK_TIMEOUT_MS, runConda } from './run-conda.js';
import type { SealedHouse } from './sealed-house.js';

type Doors = Pick<Runtime, 'exec' | 'fs' | 'signal' | 'events'>;
type Settings = Record<string, unknown>;

/** A setting that is not ours: its key in the configuration files and what it is in force as. */
export interface ForeignSetting {
  /** Its name and older names, as a configuration file may spell it. */
  keys: readonly string[];
  value: string;
}

/**
 * Reads the configuration back that is really in force in the house (design D1a) and throws E_ENGINE_CONFIG where a channel, proxy,
 * package cache, tracked feature or exclusion is not ours, naming the file it comes from. System-wide files
 * (`/etc/conda`, `C:/ProgramData/conda`) are all that can still reach in here.
 */
export async function assertSealed(rt: Doors, house: SealedHouse, expected: ExpectedConfig): Promise<CondaInfo> {
  const [settings, info] = await Promise.all([shown(rt, house), sealedInfo(rt, house)]);
  const foreign = [
    ...foreignSettings(settings, expected),
    ...foreignChannels(info, expected),
    ...(await foreignCaches(rt, settings, expected)),
  ];
  if (foreign.length > 0) throw await refused(rt, house, foreign);
  return info;
}

export interface ExpectedConfig {
  /** URLs as the engine was told them, highest priority first. */
  channels: readonly string[];
  subdir: string;
  proxyUrl: string | undefined;
  pkgsDir: string;
  /** `-c` on the command line decides, so further channels in configuration files have no effect (4.4 and later). */
  channelsByOption: boolean;
}

/** Settings that files of lower priority are merged into, or that a file marked `#!final` can take over. */
export function foreignSettings(settings: Settings, expected: ExpectedConfig): ForeignSetting[] {
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
  ['exclude_newer'],
  ['exclude_newer_package'],
  ['override_virtual_packages', 'virtual_packages'],
];

function scalars(expected: ExpectedConfig): [readonly string[], unknown][] {
  return [
    [['offline'], expected.proxyUrl === undefined],
    [['add_anaconda_token', 'add_binstar_token'], false],
    [['add_pip_as_python_dependency'], true],
    [['use_only_tar_bz2'], false],
    [['subdir'], expected.subdir],
  ];
}

/** What `info` says after names, aliases and custom channels were resolved: the very URLs that will be asked for. */
function foreignChannels(info: CondaInfo, expected: ExpectedConfig): ForeignSetting[] {
  const wanted = new Set(expected.channels.flatMap((url) => [`${url}/${expected.subdir}`, `${url}/noarch`]));
  const inForce = new Set(info.channels);
  const rewritten = [...wanted].filter((url) => !inForce.has(url));
  if (rewritten.length > 0) {
    const keys = [
      'custom_channels',
      'migrated_custom_channels',
      'channel_alias',
      'migrated_channel_aliases',
      'channels',
    ];
    return [{ keys, value: `channels in force: ${info.channels.map(scrubUrls).join(', ')}` }];
  }
  const more = expected.channelsByOption ? [] : info.channels.filter((url) => !wanted.has(url));
  return more.length === 0 ? [] : [{ keys: ['channels', 'channel'], value: more.map(scrubUrls).join(', ') }];
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

async function refused(rt: Doors, house: SealedHouse, foreign: readonly ForeignSetting[]): Promise<RepackError> {
  const sources = await sourcesOf(rt, house, foreign);
  const files = [...new Set(sources.map((source) => source.file))];
  return new RepackError('E_ENGINE_CONFIG', {
    what: `conda's own configuration would change what is delivered: ${[...new Set(foreign.map((each) => each.keys[0]))].join(', ')}`,
    where: files.length === 0 ? house.engine.path : files.join(', '),
    hint: 'Take the setting out of that file, or use --engine embedded, which reads no configuration of conda.',
    details: foreign.map((each) => {
      const file = sources.find((source) => source.setting === each)?.file;
      return `${each.keys[0]}: ${each.value}${file === undefined ? '' : ` (from ${file})`}`;
    }),
  });
}

async function sourcesOf(
  rt: Doors,
  house: SealedHouse,
  foreign: readonly ForeignSetting[],
): Promise<{ setting: ForeignSetting; file: string }[]> {
  const subject = 'conda config --show-sources --json';
  const result = await runConda(rt, house, { args: ['config', '--show-sources', '--json'], timeoutMs: ASK_TIMEOUT_MS });
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
          file !== house.condarcPath && setting.keys.some((key) => Object.hasOwn(mapping(values), key)),
      )
      .map(([file]) => ({ setting, file })),
  );
}

async function shown(rt: Doors, house: SealedHouse): Promise<Settings> {
  const subject = 'conda config --show --json';
  const result = await runConda(rt, house, { args: ['config', '--show', '--json'], timeoutMs: ASK_TIMEOUT_MS });
  const settings = printedJson(result.stdout, { subject, truncated: result.truncated });
  // What every version prints; without it this is an error report or another program.
  if (!Object.hasOwn(settings, 'channels') || !Object.hasOwn(settings, 'pkgs_dirs')) {
    throw new RepackError('E_ENGINE_CONFIG', {
      what: `conda ${house.engine.version} does not accept its configuration`,
      where: house.engine.path,
      hint: 'Look at "conda config --validate", or use --engine embedded, which reads no configuration of conda.',
      details: [scrubUrls(String(settings['message'] ?? settings['error'] ?? 'no setting was listed')).slice(0, 1000)],
    });
  }
  return settings;
}

async function sealedInfo(rt: Doors, house: SealedHouse): Promise<CondaInfo> {
  const subject = 'conda info --json';
  const result = await runConda(rt, house, { args: ['info', '--json'], timeoutMs: ASK_TIMEOUT_MS });
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
