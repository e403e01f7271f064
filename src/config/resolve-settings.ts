import path from 'node:path';
import { folderUrl } from './folder-url.js';
import { pathInFile } from './path-in-file.js';
import { RepackError } from '../base/errors.js';
import type { Runtime } from '../runtime/runtime.js';
import { SETTINGS, SETTING_NAMES } from './settings.js';
import type { SettingName, SettingValues } from './settings.js';

/** Where a value came from, for `--show-config`. */
export type Origins = Record<SettingName, string>;

export interface ResolvedSettings {
  values: SettingValues;
  origins: Origins;
  configFile: string | undefined;
}

/** What the command line said, by setting; absent where the option was not given. */
export type GivenOptions = Partial<Record<SettingName, unknown>>;

type Door = Pick<Runtime, 'fs' | 'env' | 'machine'>;

/**
 * Option over environment over file over default (design D13). Every path comes out absolute: one in the file counts from the file's folder, as
 * cron starts programs anywhere (and `~` is the user's home there), any other from the working directory.
 *
 * @throws RepackError E_CONFIG, E_USAGE for a value that is not right, naming where it was given.
 */
export async function resolveSettings(
  rt: Door,
  given: GivenOptions,
  places: { config: string | undefined; root: string | undefined },
): Promise<ResolvedSettings> {
  const file = await findConfigFile(rt, places);
  // Loaded only where there is a file: the YAML parser is 0.05 s of the start.
  const fromFile =
    file === undefined
      ? new Map<SettingName, unknown>()
      : await (await import('./config-file.js')).readConfigFile(rt, file);
  const fromMachine: Partial<SettingValues> = { cacheDir: defaultCacheDir(rt), subdirs: [rt.machine.subdir] };
  const fromAmbient = ambient(rt.env);
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const name of SETTING_NAMES) {
    const variable = SETTINGS[name].variable;
    const fromEnv = rt.env[variable];
    if (given[name] !== undefined) {
      values[name] = check(name, given[name], `option --${SETTINGS[name].flag}`);
      origins[name] = 'command line';
    } else if (fromEnv !== undefined && fromEnv !== '') {
      values[name] = check(name, fromText(name, fromEnv), `environment variable ${variable}`);
      origins[name] = variable;
    } else if (fromFile.has(name)) {
      values[name] = fromFile.get(name);
      origins[name] = file ?? '';
    } else {
      values[name] = fromAmbient[name] ?? fromMachine[name] ?? SETTINGS[name].schema.parse(undefined);
      origins[name] = name in fromAmbient ? 'environment' : 'default';
    }
    values[name] = absolute(rt, { name, value: values[name], file: origins[name] === file ? file : undefined });
  }
  return { values: values as unknown as SettingValues, origins: origins as Origins, configFile: file };
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

/** `--config`, `REPACKENV_CONFIG`, `ROOT/repackenv.yml`, the user's configuration folder: the first that is there. */
async function findConfigFile(
  rt: Door,
  places: { config: string | undefined; root: string | undefined },
): Promise<string | undefined> {
  const named = places.config ?? (rt.env['REPACKENV_CONFIG'] || undefined);
  if (named !== undefined) return path.resolve(rt.machine.cwd, named);
  const candidates = [
    ...(places.root === undefined || places.root === ''
      ? []
      : [path.resolve(rt.machine.cwd, places.root, 'repackenv.yml')]),
    path.join(userConfigDir(rt), 'repackenv', 'repackenv.yml'),
  ];
  for (const candidate of candidates) {
    const there = await rt.fs.stat(candidate).then(
      (stat) => stat.isFile(),
      () => false,
    );
    if (there) return candidate;
  }
  return undefined;
}

function check(name: SettingName, value: unknown, where: string): unknown {
  const checked = SETTINGS[name].schema.safeParse(value);
  if (checked.success) return checked.data;
  throw new RepackError('E_USAGE', {
    what: `Wrong value ${JSON.stringify(value)}: ${checked.error.issues[0]?.message ?? 'not understood'}`,
    where,
    hint: `Expected: ${SETTINGS[name].value ?? 'true or false'}.`,
  });
}

/** Lists in a variable are separated by blanks; switches are true/1/yes or false/0/no. */
function fromText(name: SettingName, raw: string): unknown {
  if (SETTINGS[name].repeatable) return raw.split(/\s+/).filter((item) => item !== '');
  const word = raw.toLowerCase();
  if (SETTINGS[name].value !== undefined && SETTINGS[name].wordless !== true) return raw;
  if (['1', 'true', 'yes', 'on'].includes(word)) return true;
  if (['0', 'false', 'no', 'off'].includes(word)) return false;
  return raw;
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
