import type { Runtime } from '../runtime/runtime.js';

/** What a program needs to start at all, and in which language it speaks. */
const SYSTEM = [
  'SystemRoot',
  'SystemDrive',
  'windir',
  'ComSpec',
  'PATHEXT',
  'NUMBER_OF_PROCESSORS',
  'PROCESSOR_ARCHITECTURE',
  'PROCESSOR_ARCHITEW6432',
  'LANG',
  'LANGUAGE',
  'TZ',
];
/** Where the user's folders are and which conda settings are in force. No value of these is ever a token. */
const PERSONAL = [
  'PATH',
  'HOME',
  'USERPROFILE',
  'HOMEDRIVE',
  'HOMEPATH',
  'APPDATA',
  'LOCALAPPDATA',
  'ProgramData',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'XDG_CACHE_HOME',
  'TEMP',
  'TMP',
  'TMPDIR',
  'CONDARC',
  'CONDA_PKGS_DIRS',
  'CONDA_ENVS_PATH',
  'CONDA_ENVS_DIRS',
  'CONDA_PREFIX',
  'CONDA_DEFAULT_ENV',
  'CONDA_SHLVL',
  'CONDA_ROOT',
  'MAMBA_ROOT_PREFIX',
];
/** Activation's book-keeping: always set in an activated shell, no settings of the user. */
/** Or ours: the name that the README gives the variable of the token. */
const BOOKKEEPING =
  /^CONDA_(?:TOKEN|EXE|PYTHON_EXE|SHLVL|DEFAULT_ENV|PROMPT_MODIFIER|PREFIX(?:_\d+)?|BAT|DESKTOP_\w+)$/i;
const SETTINGS =
  /^(?:(?:CONDA|MAMBA|ANACONDA|BINSTAR|PIP|PYTHON)_\w+|CONDARC|MAMBARC|PYTHON(?:PATH|HOME|STARTUP|WARNINGS)|NETRC|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSL_CERT_(?:FILE|DIR)|LD_PRELOAD|LD_LIBRARY_PATH|DYLD_\w+)$/i;

/** The part of the environment that every child gets. */
export function systemEnv(rt: Pick<Runtime, 'env'>): Record<string, string> {
  return picked(rt, (name) => SYSTEM.includes(name) || name.startsWith('LC_'));
}

/**
 * The environment in which an engine is asked what the user has (`info --json`, `--version`): an allow-list, since the token may be in
 * a variable of any other name. Python writes no byte code: the user's installation stays as it is.
 */
export function personalEnv(rt: Pick<Runtime, 'env'>): Record<string, string> {
  return {
    ...systemEnv(rt),
    ...picked(rt, (name) => PERSONAL.includes(name)),
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONIOENCODING: 'utf-8',
    // Else newer condas start a second Python to look for a graphics card, which takes as long as the rest of the answer.
    CONDA_OVERRIDE_CUDA: '',
  };
}

/** Names of the user's variables that would change what conda does and that it is not given: for the report (never their values). */
export function ignoredVariables(rt: Pick<Runtime, 'env'>): string[] {
  return Object.keys(rt.env)
    .filter(
      (name) => rt.env[name] !== undefined && rt.env[name] !== '' && SETTINGS.test(name) && !BOOKKEEPING.test(name),
    )
    .sort();
}

/** Windows spells names in any case (`Path`, `SYSTEMROOT`): compared there without it, handed on as listed. */
function picked(rt: Pick<Runtime, 'env'>, wanted: (name: string) => boolean): Record<string, string> {
  const canonical = new Map([...SYSTEM, ...PERSONAL].map((name) => [name.toLowerCase(), name]));
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(rt.env)) {
    const spelled =
      rt.env['SystemRoot'] === undefined && rt.env['SYSTEMROOT'] === undefined
        ? name
        : (canonical.get(name.toLowerCase()) ?? name);
    if (value !== undefined && value !== '' && wanted(spelled)) env[spelled] = value;
  }
  return env;
}
