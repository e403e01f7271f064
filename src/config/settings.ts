import { z } from 'zod';

/**
 * Every setting, once: the command line option, the `REPACKENV_…` variable, the key in `repackenv.yml`, the help text and
 * the check all come from this table (design D13).
 */
export interface Setting {
  /** Option name without dashes; the variable is `REPACKENV_` + upper case with `_`. */
  flag: string;
  /** Placeholder in the help; absent for a switch. */
  value?: string;
  repeatable?: boolean;
  /** The value is a path (or several). */
  path?: true;
  /** Key in the configuration file; absent where a file makes no sense (`--dry-run`). */
  key?: string;
  help: string;
  group: 'Channels' | 'Target' | 'Engine' | 'Proof and publishing' | 'Network' | 'Places' | 'Output' | 'Configuration';
  schema: z.ZodType;
  /** Shown in the help; the value itself comes from `DEFAULTS` (setting-values.ts). */
  defaultText?: string;
}

const text = z.string().min(1, 'must not be empty');
const texts = z.array(text);
const onOff = z.boolean();

/** A whole URL of http, https or file. */
const url = z.string().regex(/^(https?|file):\/\/\S+$/, 'must be a URL that begins with https://, http:// or file://');

export const SETTINGS = {
  baseUrl: {
    flag: 'base-url',
    value: 'URL',
    key: 'base_url',
    help: 'server of the owner’s channels',
    group: 'Channels',
    schema: url,
    defaultText: 'https://conda.anaconda.org',
  },
  owner: {
    flag: 'owner',
    value: 'NAME',
    key: 'owner',
    help: 'the vendor’s account, as in BASE-URL/OWNER/label/LABEL',
    group: 'Channels',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be one path segment of letters, digits, ".", "_" and "-"'),
  },
  labelPath: {
    flag: 'label-path',
    value: 'label|channel',
    key: 'label_path',
    help: 'how the server spells a label’s channel: OWNER/label/LABEL, or the older OWNER/channel/LABEL',
    group: 'Channels',
    schema: z.enum(['label', 'channel']),
    defaultText: 'label',
  },
  channels: {
    flag: 'channel',
    value: 'NAME|URL',
    repeatable: true,
    key: 'channels',
    help: 'base channel below the owner’s, highest priority first: a URL, conda-forge, or defaults',
    group: 'Channels',
    schema: texts,
  },
  channelPriority: {
    flag: 'channel-priority',
    value: 'flexible|strict|disabled',
    key: 'channel_priority',
    help: 'conda’s rule for a package that several channels have',
    group: 'Channels',
    schema: z.enum(['flexible', 'strict', 'disabled']),
    defaultText: 'flexible',
  },
  subdirs: {
    flag: 'subdir',
    value: 'SUBDIR',
    repeatable: true,
    key: 'subdirs',
    help: 'platform of the customer’s machines (linux-64, win-64, …); several are delivered together',
    group: 'Target',
    schema: texts,
    defaultText: 'this machine’s',
  },
  virtualPackages: {
    flag: 'virtual-package',
    value: '__NAME=VERSION',
    repeatable: true,
    key: 'virtual_packages',
    help: 'what the customer’s machines have, e.g. __glibc=2.17',
    group: 'Target',
    schema: texts,
  },
  client: {
    flag: 'client',
    value: '"NAME VERSION"',
    key: 'client',
    help: 'the program that will install at the site, e.g. "conda 4.4": only what it can read is delivered',
    group: 'Target',
    schema: text,
  },
  packagesFile: {
    flag: 'packages-file',
    value: 'FILE',
    key: 'packages_file',
    path: true,
    help: 'more packages: MatchSpecs, a line each, or an environment.yml',
    group: 'Target',
    schema: text,
  },
  engine: {
    flag: 'engine',
    value: 'auto|conda|mamba|micromamba|embedded',
    key: 'engine',
    help: 'what solves: your conda, mamba or micromamba, or the solver that comes with this tool (needs none of them, nor Python)',
    group: 'Engine',
    schema: z.enum(['auto', 'conda', 'mamba', 'micromamba', 'embedded']),
    defaultText: 'auto: conda when found, else embedded',
  },
  enginePath: {
    flag: 'engine-path',
    value: 'FILE',
    key: 'engine_path',
    path: true,
    help: 'the conda, mamba or micromamba executable to use',
    group: 'Engine',
    schema: text,
  },
  prove: {
    flag: 'prove',
    value: 'solve|install[=PATH]',
    key: 'prove',
    help: 'proof before publishing: an offline solve, or also a real installation with the conda in use or at PATH',
    group: 'Proof and publishing',
    schema: z.string().regex(/^(solve|install|install=.+)$/, 'must be solve, install or install=PATH'),
    defaultText: 'solve',
  },
  index: {
    flag: 'index',
    value: 'bz2',
    repeatable: true,
    key: 'index',
    help: 'write repodata.json.bz2 too (conda 4.3 needs it)',
    group: 'Proof and publishing',
    schema: z.array(z.enum(['bz2'])),
  },
  replace: {
    flag: 'replace',
    value: 'NAME|all',
    repeatable: true,
    help: 'accept that a published file has other bytes upstream now',
    group: 'Proof and publishing',
    schema: texts,
  },
  signKey: {
    flag: 'sign-key',
    value: 'FILE',
    key: 'sign_key',
    path: true,
    help: 'sign the manifest with this SSH key: manifest.json.sig, for ssh-keygen -Y verify',
    group: 'Proof and publishing',
    schema: text,
  },
  siteFiles: {
    flag: 'site-files',
    value: 'on|off',
    key: 'site_files',
    help: 'write LABEL.verify.sh, LABEL.verify.ps1 and LABEL.INSTALL.md beside the label folder, for sites without this tool',
    group: 'Proof and publishing',
    schema: z.enum(['on', 'off']),
    defaultText: 'on',
  },
  attestations: {
    flag: 'attestations',
    key: 'attestations',
    help: 'carry the attestations (CEP 27) of the artifacts, where their channel has them',
    group: 'Proof and publishing',
    schema: onOff,
  },
  adopt: {
    flag: 'adopt',
    help: 'take over a label folder that another tool made (lists what will leave it)',
    group: 'Proof and publishing',
    schema: onOff,
  },
  dryRun: {
    flag: 'dry-run',
    help: 'show what would change; write nothing',
    group: 'Proof and publishing',
    schema: onOff,
  },
  waitLock: {
    flag: 'wait-lock',
    value: 'SECONDS',
    key: 'wait_lock',
    help: 'how long to wait while another run works on the same label',
    group: 'Proof and publishing',
    schema: z.coerce
      .number()
      .int('must be a whole number of seconds')
      .min(0, 'must be 0 or more')
      .max(86_400, 'must be a day at most'),
    defaultText: '0: end at once with exit code 6',
  },
  takeOverLock: {
    flag: 'take-over-lock',
    help: 'take the lock of a run on another host that has given no sign for a minute',
    group: 'Proof and publishing',
    schema: onOff,
  },
  allowHttp: {
    flag: 'allow-http',
    value: 'HOST',
    repeatable: true,
    key: 'allow_http',
    help: 'allow http:// for this host’s channels without a token (loopback is always allowed)',
    group: 'Network',
    schema: texts,
  },
  maxIndexMb: {
    flag: 'max-index-mb',
    value: 'MB',
    key: 'max_index_mb',
    help: 'the largest index of a channel that is read, unpacked, in MB',
    group: 'Network',
    schema: z.coerce
      .number()
      .int('must be a whole number of MB')
      .min(1, 'must be 1 or more')
      .max(1_500, 'must be 1500 at most'),
    defaultText: '450',
  },
  proxy: {
    flag: 'proxy',
    value: 'URL',
    key: 'proxy',
    help: 'proxy to the outside; also taken from https_proxy',
    group: 'Network',
    schema: z.string().regex(/^https?:\/\/\S+$/, 'must be a URL that begins with http:// or https://'),
  },
  noProxy: {
    flag: 'proxy-bypass',
    value: 'HOST',
    repeatable: true,
    key: 'no_proxy',
    help: 'host that is reached without the proxy; also taken from no_proxy',
    group: 'Network',
    schema: texts,
  },
  caFiles: {
    flag: 'ca-file',
    value: 'FILE',
    repeatable: true,
    key: 'ca_files',
    path: true,
    help: 'PEM file with an own certificate authority; also taken from SSL_CERT_FILE',
    group: 'Network',
    schema: texts,
  },
  cacheDir: {
    flag: 'cache-dir',
    value: 'DIR',
    key: 'cache_dir',
    path: true,
    help: 'downloaded artifacts and repodata, kept for the next run',
    group: 'Places',
    schema: text,
    defaultText: 'the user’s cache folder + /repackenv',
  },
  logDir: {
    flag: 'log-dir',
    value: 'DIR',
    key: 'log_dir',
    path: true,
    help: 'write YYYY/MM/DD/HH.MM-COMMAND-NAME.log below DIR',
    group: 'Places',
    schema: text,
  },
  json: { flag: 'json', help: 'one event a line, then the report, on standard output', group: 'Output', schema: onOff },
  quiet: {
    flag: 'quiet',
    help: 'only warnings, errors, and an answer that the exit code can’t give (plan, --dry-run)',
    group: 'Output',
    schema: onOff,
  },
  debug: { flag: 'debug', help: 'more lines, and stack traces', group: 'Output', schema: onOff },
} satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export function setting(name: SettingName): Setting {
  return SETTINGS[name];
}

export function environmentName(name: SettingName): string {
  return `REPACKENV_${setting(name).flag.toUpperCase().replaceAll('-', '_')}`;
}
