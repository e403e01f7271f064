import path from 'node:path';
import { folderUrl } from './folder-url.js';
import { pathInFile } from './path-in-file.js';
import { RepackError } from '../base/errors.js';
import type { ConfigFile } from './config-file.js';
import type { Declared } from './labels/types.js';
import type { Runtime } from '../runtime/runtime.js';
import { SETTINGS, SETTING_NAMES } from './settings.js';
import type { SettingName, SettingValues } from './settings.js';

/** Where a value came from, for `--show-config`. */
export type Origins = Record<SettingName, string>;

export interface ResolvedSettings {
  values: SettingValues;
  origins: Origins;
  configFile: string | undefined;
  /** What ROOT/repackenv.yml declares, of the same reading. */
  declared: Declared | undefined;
  /** The same with `layers` between the environment and the file, the highest first. */
  under(layers: readonly SettingsLayer[]): ResolvedSettings;
}

export interface ConfigPlaces {
  /** As `--config` names it. */
  config: string | undefined;
  root: string | undefined;
  /** The labels of ROOT are wanted, also where another file has the settings. */
  labels?: boolean;
}

/** What a part of a configuration file sets. */
export interface SettingsLayer {
  values: ReadonlyMap<SettingName, unknown>;
  /** Paths count from its folder. */
  file: string;
  /** As `--show-config` says it. */
  origin: string;
}

/** What the command line said, by setting; absent where the option was not given. */
export type GivenOptions = Partial<Record<SettingName, unknown>>;

type Door = Pick<Runtime, 'fs' | 'env' | 'machine'>;

export const CONFIG_NAME = 'repackenv.yml';

/**
 * Option over environment over file over default (design D13). Every path comes out absolute: one in the file counts from the file's folder, as
 * cron starts programs anywhere (and `~` is the user's home there), any other from the working directory.
 *
 * @throws RepackError E_CONFIG, E_USAGE for a value that is not right, naming where it was given.
 */
export async function resolveSettings(rt: Door, given: GivenOptions, places: ConfigPlaces): Promise<ResolvedSettings> {
  const found = await findConfigFile(rt, places);
  // Loaded only where there is a file: the YAML parser is 0.05 s of the start.
  const read = async ({ file, elsewhere }: FoundFile): Promise<ConfigFile> =>
    (await import('./config-file.js')).readConfigFile(rt, file, elsewhere);
  const config = found && (await read(found));
  const layers = found && config ? [{ values: config.values, file: found.file, origin: found.file }] : [];
  const ofRoot = places.root === undefined ? undefined : rootFile(rt, places.root);
  const isApart = places.labels === true && found?.elsewhere !== undefined && ofRoot !== undefined;
  const declared = isApart && (await isFile(rt, ofRoot)) ? (await read({ file: ofRoot })).declared : config?.declared;
  return resolved(rt, { given, layers, file: found?.file, declared });
}

interface Whole extends Pick<ResolvedSettings, 'declared'> {
  given: GivenOptions;
  /** The highest first. */
  layers: readonly SettingsLayer[];
  file: string | undefined;
}

function resolved(rt: Door, whole: Whole): ResolvedSettings {
  const { given, layers, file, declared } = whole;
  const fromMachine: Partial<SettingValues> = { cacheDir: defaultCacheDir(rt), subdirs: [rt.machine.subdir] };
  const fromAmbient = ambient(rt.env);
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const name of SETTING_NAMES) {
    const variable = SETTINGS[name].variable;
    const fromEnv = rt.env[variable];
    const layer = layers.find((each) => each.values.has(name));
    let from: string | undefined;
    if (given[name] !== undefined) {
      values[name] = check(name, given[name], `option --${SETTINGS[name].flag}`);
      origins[name] = 'command line';
    } else if (fromEnv !== undefined && fromEnv.trim() !== '') {
      values[name] = check(name, fromText(name, fromEnv), `environment variable ${variable}`);
      origins[name] = variable;
    } else if (layer !== undefined) {
      values[name] = layer.values.get(name);
      origins[name] = layer.origin;
      from = layer.file;
    } else {
      values[name] = fromAmbient[name] ?? fromMachine[name] ?? SETTINGS[name].schema.parse(undefined);
      origins[name] = name in fromAmbient ? 'environment' : 'default';
    }
    values[name] = absolute(rt, { name, value: values[name], file: from });
  }
  return {
    values: values as unknown as SettingValues,
    origins: origins as Origins,
    configFile: file,
    declared,
    under: (more) => resolved(rt, { ...whole, layers: [...more, ...layers] }),
  };
}

function absolute(
  { machine }: Pick<Runtime, 'machine'>,
  { name, value, file }: { name: SettingName; value: unknown; file: string | undefined },
): unknown {
  const full = (written: string): string =>
    file === undefined ? path.resolve(machine.cwd, written) : pathInFile(machine, path.dirname(file), written);
  if (name === 'prove' && typeof value === 'string' && value.startsWith(INSTALL_WITH))
    return `${INSTALL_WITH}${full(value.slice(INSTALL_WITH.length))}`;
  if (name === 'baseUrl') return folderUrl(String(value), full);
  if (name === 'channels' && Array.isArray(value)) return value.map((each: string) => folderUrl(each, full));
  if (name === 'channelLogins' && Array.isArray(value))
    return value.map((each: string) =>
      each.replace(/^([^=]*=file:)(.+)$/s, (_, front: string, at: string) => front + full(at)),
    );
  if (SETTINGS[name].path !== true) return value;
  if (Array.isArray(value)) return value.map((each: string) => full(each));
  return typeof value === 'string' ? full(value) : value;
}

const INSTALL_WITH = 'install=';

interface FoundFile {
  file: string;
  /** Where `labels:` has to stand instead; undefined where this is the place. */
  elsewhere?: string;
}

/** `--config`, `REPACKENV_CONFIG`, `ROOT/repackenv.yml`, the user's configuration folder: the first that is there. */
async function findConfigFile(rt: Door, { config, root }: ConfigPlaces): Promise<FoundFile | undefined> {
  const named = config ?? (rt.env['REPACKENV_CONFIG'] || undefined);
  const ofRoot = root === undefined || root === '' ? undefined : rootFile(rt, root);
  const elsewhere = `Labels and policies stand in ROOT/${CONFIG_NAME}${ofRoot === undefined ? '' : `, here ${ofRoot}`}: move the lines there.`;
  if (named !== undefined) {
    const file = path.resolve(rt.machine.cwd, named);
    return ofRoot === undefined || (await isSame(rt, file, ofRoot)) ? { file } : { file, elsewhere };
  }
  if (ofRoot !== undefined && (await isFile(rt, ofRoot))) return { file: ofRoot };
  const users = path.join(userConfigDir(rt), 'repackenv', CONFIG_NAME);
  return (await isFile(rt, users)) ? { file: users, elsewhere } : undefined;
}

function rootFile({ machine }: Pick<Runtime, 'machine'>, root: string): string {
  return path.resolve(machine.cwd, root, CONFIG_NAME);
}

async function isSame({ fs }: Pick<Runtime, 'fs'>, one: string, other: string): Promise<boolean> {
  const [real, otherReal] = await Promise.all([one, other].map((file) => fs.realpath(file).catch(() => file)));
  return real === otherReal;
}

async function isFile({ fs }: Pick<Runtime, 'fs'>, file: string): Promise<boolean> {
  return fs.stat(file).then(
    (stat) => stat.isFile(),
    () => false,
  );
}

function check(name: SettingName, value: unknown, where: string): unknown {
  const { schema, value: expected = 'true or false', flag, repeatable } = SETTINGS[name];
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const { path: at = [], message = '' } = checked.error.issues[0] ?? {};
  const wrong: unknown = Array.isArray(value) ? value[Number(at[0])] : value;
  throw new RepackError('E_USAGE', {
    // What zod says of its own accord is what the hint says, in the words of programs.
    what: `Wrong value ${JSON.stringify(wrong ?? value)}${message.startsWith('Invalid ') ? '' : `: ${message}`}`,
    where,
    hint: `Expected: ${expected}${repeatable ? `; several as --${flag} … --${flag} …, in a variable with blanks between them` : ''}.`,
  });
}

/**
 * Lists in a variable are separated by blanks, and an item with a blank stands in "…"; switches are true/1/yes or false/0/no. A path may stand in
 * "…" too, as `set NAME="C:\Program Files\x"` of cmd.exe leaves it.
 */
function fromText(name: SettingName, raw: string): unknown {
  if (SETTINGS[name].repeatable) return [...raw.matchAll(/"([^"]*)"|\S+/g)].map(([item, inner]) => inner ?? item);
  const word = raw.trim().toLowerCase();
  if (SETTINGS[name].value !== undefined && SETTINGS[name].wordless !== true)
    return SETTINGS[name].path === true ? unquoted(raw) : raw;
  if (['1', 'true', 'yes', 'on'].includes(word)) return true;
  if (['0', 'false', 'no', 'off'].includes(word)) return false;
  return unquoted(raw);
}

function unquoted(raw: string): string {
  return /^"([^"]+)"$/.exec(raw)?.[1] ?? raw;
}

/** What every network program on the machine goes by. */
function ambient(env: Door['env']): Partial<SettingValues> {
  const proxy = env['https_proxy'] || env['HTTPS_PROXY'] || env['http_proxy'] || env['HTTP_PROXY'];
  const noProxy = env['no_proxy'] || env['NO_PROXY'];
  const ca = env['SSL_CERT_FILE'] || env['REQUESTS_CA_BUNDLE'] || env['NODE_EXTRA_CA_CERTS'];
  return {
    ...(proxy ? { proxy: /^https?:\/\//.test(proxy) ? proxy : `http://${proxy}` } : {}),
    ...(noProxy ? { noProxy: noProxy.split(/[\s,]+/).filter((host) => host !== '') } : {}),
    ...(ca ? { caFiles: [ca] } : {}),
  };
}

function userConfigDir(rt: Door): string {
  if (rt.machine.platform === 'win32') return rt.env['APPDATA'] || path.join(rt.machine.homedir, 'AppData', 'Roaming');
  return rt.env['XDG_CONFIG_HOME'] || path.join(rt.machine.homedir, '.config');
}

function defaultCacheDir(rt: Door): string {
  if (rt.machine.platform === 'win32') {
    return path.join(rt.env['LOCALAPPDATA'] || path.join(rt.machine.homedir, 'AppData', 'Local'), 'repackenv', 'cache');
  }
  return path.join(rt.env['XDG_CACHE_HOME'] || path.join(rt.machine.homedir, '.cache'), 'repackenv');
}
