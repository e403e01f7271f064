import { z } from 'zod';
import { NETWORK_STATED } from './settings-of-network.js';
import { item, onOff, place, text, texts, whole, type Stated } from './stated.js';

/**
 * Every setting, once, in the order of help and `--show-config`: the command line option, the `REPACKENV_…` variable, the key in
 * `repackenv.yml` and its JSON Schema, the help text, the default, the check and the type all come from this table (design D13).
 */
const STATED = {
  baseUrl: {
    group: 'Channels',
    value: 'URL|FOLDER',
    help: 'server of the owner’s channels, or a folder that holds them',
    schema: place.default('https://conda.anaconda.org'),
  },
  owner: {
    group: 'Channels',
    value: 'NAME',
    help: 'the vendor’s account, as in BASE-URL/OWNER/label/LABEL',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be one path segment of letters, digits, ".", "_" and "-"')
      .optional(),
  },
  labelPath: {
    group: 'Channels',
    help: 'how the server spells a label’s channel: OWNER/label/LABEL, or the older OWNER/channel/LABEL',
    schema: z.enum(['label', 'channel']).default('label'),
  },
  channels: {
    group: 'Channels',
    flag: 'channel',
    value: 'NAME|URL',
    help: 'base channel below the owner’s, highest priority first: a URL, conda-forge, or defaults',
    schema: texts,
  },
  channelPriority: {
    group: 'Channels',
    help: 'conda’s rule for a package that several channels have',
    schema: z.enum(['flexible', 'strict', 'disabled']).default('flexible'),
  },
  subdirs: {
    group: 'Target',
    flag: 'subdir',
    value: 'SUBDIR',
    help: 'platform of the customer’s machines (linux-64, win-64, …); several are delivered together',
    schema: z.array(item),
    defaultText: 'this machine’s',
  },
  virtualPackages: {
    group: 'Target',
    flag: 'virtual-package',
    value: '__NAME=VERSION',
    help: 'what the customer’s machines have, e.g. __glibc=2.17',
    schema: texts,
  },
  client: {
    group: 'Target',
    value: '"NAME VERSION"',
    help: 'the program that will install at the site, e.g. "conda 4.4": only what it can read is delivered; none: not known',
    schema: text.optional(),
  },
  packagesFile: {
    group: 'Target',
    value: 'FILE',
    path: true,
    help: 'more packages: MatchSpecs, a line each, or an environment.yml',
    schema: text.optional(),
  },
  allowPipSection: {
    group: 'Target',
    inFile: false,
    help: 'deliver an environment.yml without what its pip: section names; that is listed (exit code 1)',
    schema: onOff,
  },
  lock: {
    group: 'Target',
    value: 'FILE',
    path: true,
    help: 'deliver exactly what a lock names, without a solve: pixi.lock, conda.lock, conda-lock.yml or @EXPLICIT',
    schema: text.optional(),
  },
  lockEnvironment: {
    group: 'Target',
    value: 'NAME',
    help: 'the environment of the lock (of a conda-lock.yml: the category beside main)',
    schema: text.optional(),
    defaultText: 'default',
  },
  engine: {
    group: 'Engine',
    help: 'what solves: your conda, mamba or micromamba, or the solver that comes with this tool (needs none of them, nor Python)',
    schema: z.enum(['auto', 'conda', 'mamba', 'micromamba', 'embedded']).default('auto'),
    defaultText: 'auto: conda when found, else embedded',
  },
  enginePath: {
    group: 'Engine',
    value: 'FILE',
    path: true,
    help: 'the conda, mamba or micromamba executable to use',
    schema: text.optional(),
  },
  prove: {
    group: 'Proof and publishing',
    value: 'solve|install[=PATH]',
    help: 'proof before publishing: an offline solve, or also a real installation with the conda in use or at PATH',
    schema: z
      .string()
      .regex(/^(solve|install|install=.+)$/, 'must be solve, install or install=PATH')
      .default('solve'),
  },
  index: {
    group: 'Proof and publishing',
    value: 'bz2',
    help: 'write repodata.json.bz2 too (conda 4.3 needs it)',
    schema: z.array(z.enum(['bz2'])).default([]),
  },
  replace: {
    group: 'Proof and publishing',
    value: 'NAME|all',
    inFile: false,
    help: 'accept that a published file has other bytes upstream now',
    schema: texts,
  },
  keep: {
    group: 'Proof and publishing',
    value: 'N',
    help: 'how many generations stay complete, the live one among them: what leaves is kept beside the label folders',
    schema: whole(0, 10_000, 'generations').optional(),
    defaultText: 'as last time; at first 3 for labels, 0 for mirrors and imported folders',
  },
  signKey: {
    group: 'Proof and publishing',
    value: 'FILE',
    path: true,
    help: 'sign the manifest with this SSH key: manifest.json.sig, for ssh-keygen -Y verify',
    schema: text.optional(),
  },
  siteFiles: {
    group: 'Proof and publishing',
    help: 'write LABEL.verify.sh, LABEL.verify.ps1 and LABEL.INSTALL.md beside the label folder, for sites without this tool',
    schema: z.enum(['on', 'off']).default('on'),
  },
  papers: {
    group: 'Proof and publishing',
    value: 'changes|licenses|sbom|page|none',
    help: 'what is laid into LABEL/papers: CHANGES.md, licenses.csv, sbom.cdx.json (CycloneDX), index.html',
    schema: z
      .array(z.enum(['changes', 'licenses', 'sbom', 'page', 'none']))
      .refine((words) => !words.includes('none') || words.length === 1, 'none stands alone')
      .optional(),
    defaultText: 'all of them, with each new generation; mirrors have none',
  },
  attestations: {
    group: 'Proof and publishing',
    help: 'carry the attestations (CEP 27) of the artifacts, where their channel has them',
    schema: onOff,
  },
  policyFile: {
    group: 'Proof and publishing',
    flag: 'policy',
    value: 'FILE',
    path: true,
    help: 'a policy that must allow every package, beside the one that ROOT/repackenv.yml names for the label',
    schema: text.optional(),
  },
  adopt: {
    group: 'Proof and publishing',
    inFile: false,
    help: 'take over a label folder that another tool made (lists what will leave it)',
    schema: onOff,
  },
  dryRun: {
    group: 'Proof and publishing',
    inFile: false,
    help: 'show what would change; write nothing',
    schema: onOff,
  },
  recheck: {
    group: 'Proof and publishing',
    help: 'solve, read and prove all of it, also where neither the channels nor the folder changed since the last update',
    schema: onOff,
  },
  waitLock: {
    group: 'Proof and publishing',
    value: 'SECONDS',
    help: 'how long to wait while another run works on the same label',
    schema: whole(0, 86_400, 'seconds').default(0),
    defaultText: '0: end at once with exit code 6',
  },
  takeOverLock: {
    group: 'Proof and publishing',
    inFile: false,
    help: 'take the lock of a run on another host that has given no sign for a minute',
    schema: onOff,
  },
  jobs: {
    group: 'Proof and publishing',
    value: 'N',
    ofRun: true,
    help: 'how many labels are worked on at once, where several are updated or planned',
    schema: whole(1, 64, 'labels').optional(),
    defaultText: 'by cores and memory',
  },
  notify: {
    group: 'Proof and publishing',
    value: 'CMD',
    ofRun: true,
    help: 'program that is run once after an update in which something changed or failed, with the report as JSON on its standard input; no shell reads CMD; none: nobody is told',
    schema: text.optional(),
  },
  ...NETWORK_STATED,
  cacheDir: {
    group: 'Places',
    value: 'DIR',
    path: true,
    help: 'downloaded artifacts and repodata, kept for the next run',
    schema: text,
    defaultText: 'the user’s cache folder + /repackenv',
  },
  logDir: {
    group: 'Places',
    value: 'DIR',
    path: true,
    help: 'write YYYY/MM/DD/HH.MM-COMMAND-NAME.log below DIR',
    schema: text.optional(),
  },
  json: {
    group: 'Output',
    inFile: false,
    help: 'one event a line, then the report, on standard output',
    schema: onOff,
  },
  quiet: {
    group: 'Output',
    inFile: false,
    help: 'only warnings, errors, and an answer that the exit code can’t give (plan, --dry-run)',
    schema: onOff,
  },
  debug: { group: 'Output', inFile: false, help: 'more lines, and stack traces', schema: onOff },
} satisfies Record<string, Stated>;

export type SettingName = keyof typeof STATED;

/** Every setting's value, checked. */
export type SettingValues = { [Name in SettingName]: z.output<(typeof STATED)[Name]['schema']> };

export type EngineChoice = SettingValues['engine'];

/** A setting with what follows from its name and its schema. */
export interface Setting extends Stated {
  flag: string;
  /** Its variable, `REPACKENV_BASE_URL`. */
  variable: string;
  /** Key in the configuration file; absent where it can't stand there. */
  key: string | undefined;
  repeatable: boolean;
  /** What a value that is given has to be: the schema without its default. */
  given: z.ZodType;
}

export const SETTING_NAMES = Object.keys(STATED) as SettingName[];

export const SETTINGS = Object.fromEntries(SETTING_NAMES.map((name) => [name, complete(name)])) as Record<
  SettingName,
  Setting
>;

function complete(name: SettingName): Setting {
  const stated: Stated = STATED[name];
  const { schema, flag = spelled(name, '-') } = stated;
  const hasInner = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional;
  const given = hasInner ? (schema.unwrap() as z.ZodType) : schema;
  const value = stated.value ?? (given instanceof z.ZodEnum ? given.options.join('|') : undefined);
  const absent = schema.safeParse(undefined).data;
  const defaultText =
    stated.defaultText ?? (typeof absent === 'string' || typeof absent === 'number' ? String(absent) : undefined);
  return {
    ...stated,
    flag,
    variable: variableOf(flag),
    key: stated.inFile === false ? undefined : spelled(name, '_'),
    repeatable: given instanceof z.ZodArray,
    given,
    ...(value === undefined ? {} : { value }),
    ...(defaultText === undefined ? {} : { defaultText }),
  };
}

/** `base-url` or `--base-url` -> `REPACKENV_BASE_URL` */
export function variableOf(flag: string): string {
  return `REPACKENV_${flag.replace(/^--/, '').toUpperCase().replaceAll('-', '_')}`;
}

/** `baseUrl` -> `base-url`, `base_url` */
function spelled(name: string, joint: '-' | '_'): string {
  return name.replaceAll(/[A-Z]/g, (capital) => joint + capital.toLowerCase());
}
