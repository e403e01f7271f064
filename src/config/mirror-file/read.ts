import type { z } from 'zod';
import { isRepackError } from '../../base/errors.js';
import { errnoOf } from '../../base/disk-errors.js';
import type { Finding } from '../../base/findings.js';
import type { Secret } from '../../base/secret.js';
import { reveal } from '../../base/secret.js';
import type { Subdir } from '../../conda/channel/channel.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { caseFoldClash, shown } from '../../conda/channel/names.js';
import type { Runtime } from '../../runtime/runtime.js';
import { swallowedForm, swallowedKeys } from '../yaml/broken-forms.js';
import { checked } from '../yaml/check.js';
import type { Path, Place, YamlFile } from '../yaml/read-yaml.js';
import { readYaml } from '../yaml/read-yaml.js';
import { Wrong } from '../yaml/step.js';
import { fileError, readFormFile } from '../yaml/text-file.js';
import type { FileForm, Parts } from '../yaml/text-file.js';
import { locateInstaller } from './channel-schema.js';
import type { MirrorFilter } from './filter.js';
import { MIRROR_KEYS, MIRROR_SCHEMA, platformAdvice } from './schema.js';
import type { MirrorKey } from './schema.js';
import { DEFAULT_MIRROR_DIR, DEFAULT_PLATFORMS, DEFAULT_REMOTE_URL, DEFAULT_SHRINK_LIMIT } from './types.js';
import type { Installer } from '../installers.js';
import type { MirrorChannel } from './types.js';
import { about, mirrorWords } from './words.js';

export type { MirrorChannel } from './types.js';

/** Where a value comes from: a line of the file, an option, or nothing but the default. */
export interface MirrorOrigin {
  readonly line?: number | undefined;
  /** `default`, `file`, or the option's name (`--account`). */
  readonly from: string;
}

/** A mirror file, read and checked. */
export interface MirrorSettings {
  /** Where it was read from. */
  readonly file: string | undefined;
  /** Highest priority first; absent in the file: `defaults`. */
  readonly channels: readonly MirrorChannel[];
  /** Without noarch, which always comes along; absent: all platforms that the old tools know. */
  readonly platforms: readonly Subdir[];
  /** As written; see `resolveMirrorDir`. */
  readonly mirrorDir: string;
  /** Set by --account: the mirror is the folder of that name in `mirrorDir`. */
  readonly account: string | undefined;
  /** Where installers named by `file` are below; '' = none. Ends with `/` otherwise. */
  readonly remoteUrl: string;
  readonly fetchInstallers: boolean;
  readonly installers: readonly Installer[];
  readonly filter: MirrorFilter;
  /** After a run that changed something an unpacked delta is left in `deltaDir`. */
  readonly delta: boolean;
  readonly deltaDir: string | undefined;
  /** Share (0 to 1) of the mirror's artifacts that may vanish upstream in one run without --allow-shrink. */
  readonly shrinkLimit: number;
  /** A token that stood in a channel's URL. Register it with the redactor before anything is printed. */
  readonly token: Secret | undefined;
  /** What deserves a warning: a token in the file, old spellings. Token-free. */
  readonly warnings: readonly Finding[];
  readonly origins: Readonly<Record<MirrorKey, MirrorOrigin>>;
}

const FORM: FileForm = {
  code: 'E_MIRROR_FILE',
  name: 'mirror file',
  mostBytes: 1024 * 1024,
  option: '-f or --mirror-config',
  keys: MIRROR_KEYS,
  example: 'mirror_dir: /srv/mirror/main\n  platforms: [linux-64]',
};

/** Each entry of a list has the line it stands on, each rule that of its key. */
type Lined<Value> = Value extends (infer Entry)[]
  ? Lined<Entry>[]
  : Value extends object
    ? Value & { line: number }
    : Value;

/** What the file says, as its schema gives it; keys that are not there are undefined. */
type Values = { [Key in MirrorKey]?: Lined<z.output<typeof MIRROR_SCHEMA>[Key]> };

function lined(yaml: YamlFile, values: z.output<typeof MIRROR_SCHEMA>): Values {
  for (const [key, value] of Object.entries(values)) {
    const entries: [unknown, Place][] = Array.isArray(value)
      ? value.map((entry, at) => [entry, yaml.at([key, at])])
      : [[value, yaml.keyAt([key])]];
    for (const [entry, { line }] of entries) if (entry instanceof Object) Object.assign(entry, { line });
  }
  return values as Values;
}

/** Reads a mirror file from the disk; undefined where there is no such file. Throws as `parseMirrorText`. */
export async function readMirrorFile(rt: Pick<Runtime, 'fs'>, file: string): Promise<MirrorSettings | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFormFile(rt, file, FORM);
  } catch (error) {
    if (isRepackError(error) && ['ENOENT', 'ENOTDIR'].includes(errnoOf(error.cause) ?? '')) return undefined;
    throw error;
  }
  return parseMirrorText(bytes, file);
}

/**
 * Reads a mirror file: the keys of cas-mirror and anaconda-server-sync-conda as they are, and our own. Bytes are checked for their
 * encoding; a text is taken as it is.
 * @throws RepackError E_MIRROR_FILE naming line, column and what to write instead.
 */
export function parseMirrorText(text: string | Uint8Array, file: string): MirrorSettings {
  const yaml = readYaml(text, file, FORM);
  if (yaml.root === undefined) {
    throw fileError(FORM, `${file}, line 1`, {
      what: 'The mirror file is empty',
      hint: 'Write at least where the mirror is:\n  mirror_dir: /srv/mirror/main',
    });
  }
  const values = lined(yaml, checked(yaml, MIRROR_SCHEMA, mirrorWords));
  const warnings: Finding[] = [];
  const warn = (code: string, subject: string, message: string): void =>
    void warnings.push({ code, message, subject, exit: false, warn: true });

  const said = { yaml, file, values, warn };
  warnOfSwallowed(said);
  const platforms = readPlatforms(said);
  const { channels, token } = readChannels(said);
  const {
    mirror_dir: mirrorDir = DEFAULT_MIRROR_DIR,
    remote_url: remoteUrl = DEFAULT_REMOTE_URL,
    delta = false,
  } = values;
  const installers = readInstallers(said, remoteUrl);
  const fetchInstallers = values.fetch_installers ?? installers.length > 0;
  warnOfIdle(said, fetchInstallers && installers.length === 0);
  return {
    file,
    channels,
    platforms,
    mirrorDir,
    account: undefined,
    remoteUrl,
    fetchInstallers,
    installers,
    filter: readFilter(said),
    delta,
    deltaDir: values.delta_dir ?? (delta ? `${mirrorDir.replace(/[\\/]+$/, '')}-delta` : undefined),
    shrinkLimit: values.shrink_limit ?? DEFAULT_SHRINK_LIMIT,
    token,
    warnings,
    origins: Object.fromEntries(MIRROR_KEYS.map((key) => [key, originOf(said, key)])) as Record<
      MirrorKey,
      MirrorOrigin
    >,
  };
}

interface Said {
  yaml: YamlFile;
  file: string;
  values: Values;
  warn: (code: string, subject: string, message: string) => void;
}

function originOf({ yaml, values }: Said, key: MirrorKey): MirrorOrigin {
  return values[key] === undefined ? { from: 'default' } : { from: 'file', line: yaml.keyAt([key]).line };
}

/** Complains of what a schema can't see: two entries that don't go together. */
function refuse({ yaml }: Said, path: Path, parts: Parts): never {
  throw yaml.error(yaml.at(path), about(String(path[0]), parts));
}

function readFilter(said: Said): MirrorFilter {
  const { values, yaml } = said;
  const { since, until, latest, with_dependencies: dependencies } = values;
  if (since !== undefined && until !== undefined && since.time > until.time) {
    throw yaml.error(yaml.keyAt(['until']), {
      what: `"until" ends (${until.text}) before "since" begins (${since.text})`,
      hint: 'Swap the two days.',
    });
  }
  return {
    licenseBlacklist: values.license_blacklist ?? [],
    blacklist: values.blacklist ?? [],
    whitelist: values.whitelist ?? [],
    include: values.include ?? [],
    exclude: values.exclude ?? [],
    python: values.python ?? [],
    since,
    until,
    latest,
    dependencies: dependencies ?? 'none',
    dependenciesLine: dependencies && yaml.keyAt(['with_dependencies']).line,
  };
}

/** Without noarch, which always comes along. */
function readPlatforms({ yaml, values, warn }: Said): readonly Subdir[] {
  for (const [at, subdir] of (values.platforms ?? []).entries()) {
    const advice = platformAdvice(subdir);
    if (advice === undefined) continue;
    const { where } = yaml.at(['platforms', at]);
    warn(
      'unknown-platform',
      subdir,
      `${where}: no conda that is known here has a platform ${subdir}. ${advice}`.trim(),
    );
  }
  const named = values.platforms?.filter((subdir) => subdir !== NOARCH);
  return named === undefined ? DEFAULT_PLATFORMS : [...new Set(named)];
}

/** The channels, and the token that stood in a URL of theirs; one run has one token. */
function readChannels(said: Said): { channels: readonly MirrorChannel[]; token: Secret | undefined } {
  const { yaml, values, warn } = said;
  if (values.channels === undefined)
    return { channels: [{ text: 'defaults', token: false, line: undefined }], token: undefined };
  const channels: MirrorChannel[] = [];
  let token: Secret | undefined;
  for (const [at, { text, token: marked, secret, line }] of values.channels.entries()) {
    const path = ['channels', at];
    const twin = channels.find((each) => each.text === text);
    if (token !== undefined && secret !== undefined && reveal(token) !== reveal(secret)) {
      refuse(said, path, {
        what: 'has two different tokens',
        hint: 'One run has one token: make a mirror file for each, with mirrors of their own.',
      });
    }
    if (twin !== undefined) {
      refuse(said, path, {
        what: `has ${shown(text)} twice (line ${twin.line})`,
        hint: 'Delete one of the two; the first one counts.',
      });
    }
    if (secret !== undefined) {
      const advice = `Write {url: ${text}, token: true} and give it with --token-file or --token-env.`;
      warn(
        'token-in-mirror-file',
        text,
        `${yaml.at(path).where}: the channel's URL holds the token, which everybody who reads the file sees. ${advice}`,
      );
    }
    token = secret ?? token;
    channels.push({ text, token: marked, line });
  }
  return { channels, token };
}

function readInstallers(said: Said, remoteUrl: string): Installer[] {
  const located = (said.values.installers ?? []).map((each, at) => {
    const installer = locateInstaller(each, remoteUrl);
    return installer instanceof Wrong ? refuse(said, ['installers', at], installer) : installer;
  });
  const names = located.map(({ name }) => name);
  const twice = names.find((each, at) => names.indexOf(each) !== at);
  const clash = caseFoldClash(names)?.[1] ?? twice;
  if (clash !== undefined) {
    refuse(said, ['installers'], {
      what: `has two files that would both be ${shown(clash)} in installers/`,
      hint: 'Give one of the two a name of its own: `name: …`.',
    });
  }
  return located;
}

/** Valid YAML in which a comment has taken a key away and its list has gone to the key before it. */
function warnOfSwallowed({ yaml, file, values, warn }: Said): void {
  for (const form of swallowedKeys(yaml.text, MIRROR_KEYS)) {
    if (values[form.key as MirrorKey] !== undefined) continue;
    const { what, hint } = swallowedForm(form);
    warn('key-in-comment', form.key, `${file}, line ${form.line}: ${what}. ${hint.replaceAll(/\s*\n\s*/g, ' ')}`);
  }
}

/** What is missing, and what has no effect. `noInstaller`: they are to be fetched, but none is named. */
function warnOfIdle({ yaml, file, values, warn }: Said, noInstaller: boolean): void {
  const idle = (code: string, key: MirrorKey, message: string): void =>
    warn(code, key, `${file}, line ${yaml.keyAt([key]).line}: ${message}`);
  if (values.mirror_dir === undefined) {
    const advice = 'Write mirror_dir: /srv/mirror/main to have it elsewhere.';
    warn(
      'default-mirror-dir',
      DEFAULT_MIRROR_DIR,
      `${file}: it has no mirror_dir, so the mirror is ${DEFAULT_MIRROR_DIR}, the default of cas-mirror. ${advice}`,
    );
  }
  if (values.delta_dir !== undefined && values.delta !== true)
    idle('delta-dir-alone', 'delta_dir', 'it has no effect without `delta: true`.');
  if (noInstaller) {
    idle(
      'no-installers-named',
      'fetch_installers',
      'no installers are mirrored, because none is named: list them under `installers` by url and sha256.',
    );
  }
  const remoteUrl = values.remote_url ?? '';
  if (values.channels === undefined && remoteUrl !== '' && remoteUrl !== DEFAULT_REMOTE_URL) {
    idle(
      'remote-url-no-channel',
      'remote_url',
      `it names installers only. cas-mirror also took its channels from there: if that is wanted, write channels: [${remoteUrl}pkgs/main].`,
    );
  }
}
