import { RepackError, isRepackError } from '../../base/errors.js';
import { errnoOf } from '../../base/disk-errors.js';
import type { Finding } from '../../base/findings.js';
import { shown } from '../../conda/channel/names.js';
import {
  DEFAULT_MIRROR_DIR,
  DEFAULT_PLATFORMS,
  DEFAULT_REMOTE_URL,
  DEFAULT_SHRINK_LIMIT,
  MIRROR_KEYS,
} from './types.js';
import type { MirrorKey, MirrorOrigin, MirrorSettings } from './types.js';
import { swallowedForm } from '../yaml/broken-forms.js';
import { readChannels, readInstallers, readRemoteUrl } from './parse-channels.js';
import {
  readDate,
  readDependencies,
  readLatest,
  readLicences,
  readNames,
  readPythons,
  readSpecs,
} from './parse-filter.js';
import { nearest } from '../../base/nearest.js';
import { readFolder, readPlatforms, readShare } from './parse-settings.js';
import { readFlag, refuse } from './parse-values.js';
import type { ReadContext } from './parse-values.js';
import { readFormFile } from '../yaml/text-file.js';
import type { Runtime } from '../../runtime/runtime.js';
import { MIRROR_FORM, readMirrorYaml } from './parse-yaml.js';
import type { YamlEntry, YamlFile } from './parse-yaml.js';
import type { MirrorFilter } from './filter.js';

export type { MirrorChannel, MirrorSettings } from './types.js';

/** Keys of the old tools and of their relatives that have another form here: what to write instead. */
const KEYS_ELSEWHERE: Readonly<Record<string, string>> = {
  dest_site:
    'Nothing is uploaded to a site: use `delta` and `import` (repackenv export --since, then repackenv import there).',
  dest_channel:
    'Nothing is uploaded to a channel: use `delta` and `import` (repackenv export --since, then repackenv import there).',
  python_versions: 'Write `python: ["3.10", "3.11"]`, each version in quotes.',
  pkg_list: 'Write `include: [numpy, "pandas>=2"]`, and `with_dependencies: all` or `solve` for what they need.',
  package_list: 'Write `include: [numpy, "pandas>=2"]`, and `with_dependencies: all` or `solve` for what they need.',
  accounts: 'An account is a channel: write `channels: [NAME]`.',
  account_mapping: 'One folder is one channel: use --account NAME, or a mirror file for each.',
  access: 'Who may read the mirror is decided where it is served.',
  api_domain: 'Write the channels with their whole address: `channels: [https://host/channel]`.',
  api_token: 'Mark the channel with `token: true` and give the token with --token-file or --token-env.',
  token: 'Mark the channel with `token: true` and give the token with --token-file or --token-env.',
  account: 'Use --account NAME.',
  default_url: 'Write `channels:` with the addresses of the channels.',
  default_channels: 'Write `channels:` with the addresses of the channels.',
  ssl_verify: 'The certificates are set for the whole program: see --ca-file.',
  verify_ssl: 'The certificates are set for the whole program: see --ca-file.',
};

/**
 * Reads a mirror file: the keys of cas-mirror and anaconda-server-sync-conda as they are, and our own. Bytes are checked for their
 * encoding; a text is taken as it is.
 * @throws RepackError E_MIRROR_FILE naming line, column and what to write instead.
 */
export function parseMirrorText(text: string | Uint8Array, where: string): MirrorSettings {
  const file = readMirrorYaml(text, where);
  const entries = knownEntries(file);
  const read = <T>(key: MirrorKey, reader: (context: ReadContext) => T, absent: T): T => {
    const entry = entries.get(key);
    return entry === undefined ? absent : reader({ file, entry });
  };
  const warnings = swallowedWarnings(file, entries, where);

  const channels = read('channels', readChannels, {
    channels: [{ text: 'defaults', token: false, line: undefined }],
    token: undefined,
    warnings: [],
  });
  const mirrorDir = read('mirror_dir', readFolder, DEFAULT_MIRROR_DIR);
  const remoteUrl = read('remote_url', readRemoteUrl, DEFAULT_REMOTE_URL);
  const installers = read('installers', (context) => readInstallers(context, remoteUrl), []);
  const fetchInstallers = read('fetch_installers', readFlag, installers.length > 0);
  const delta = read('delta', readFlag, false);
  const filter: MirrorFilter = {
    licenseBlacklist: read('license_blacklist', readLicences, []),
    blacklist: read('blacklist', readNames, []),
    whitelist: read('whitelist', readNames, []),
    include: read('include', readSpecs, []),
    exclude: read('exclude', readSpecs, []),
    python: read('python', readPythons, []),
    since: read('since', readDate, undefined),
    until: read('until', readDate, undefined),
    latest: read('latest', readLatest, undefined),
    dependencies: read('with_dependencies', readDependencies, 'none'),
    dependenciesLine: entries.get('with_dependencies')?.line,
  };
  if (filter.since !== undefined && filter.until !== undefined && filter.since.time > filter.until.time) {
    refuse(
      { file, entry: entries.get('until')! },
      { what: `ends (${filter.until.text}) before "since" begins (${filter.since.text})`, hint: 'Swap the two days.' },
    );
  }
  return {
    file: where,
    channels: channels.channels,
    platforms: read('platforms', (context) => readPlatforms(context, warnings), DEFAULT_PLATFORMS),
    mirrorDir,
    account: undefined,
    remoteUrl,
    fetchInstallers,
    installers,
    filter,
    delta,
    deltaDir: read('delta_dir', readFolder, delta ? `${mirrorDir.replace(/[\\/]+$/, '')}-delta` : undefined),
    shrinkLimit: read('shrink_limit', readShare, DEFAULT_SHRINK_LIMIT),
    token: channels.token,
    warnings: [
      ...warnings,
      ...channels.warnings,
      ...folderWarnings(entries, where),
      ...idleWarnings({ entries, remoteUrl, fetchInstallers, count: installers.length, delta }, where),
    ],
    origins: originsOf(entries),
  };
}

/** As `parseMirrorText`, from the disk; undefined where there is no such file. */
export async function readMirrorFile(rt: Pick<Runtime, 'fs'>, file: string): Promise<MirrorSettings | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFormFile(rt, file, MIRROR_FORM);
  } catch (error) {
    if (isRepackError(error) && ['ENOENT', 'ENOTDIR'].includes(errnoOf(error.cause) ?? '')) return undefined;
    throw error;
  }
  return parseMirrorText(bytes, file);
}

/** All keys that are not read here are told at once: a file of another tool has several. */
function knownEntries(file: YamlFile): Map<MirrorKey, YamlEntry> {
  const entries = new Map<MirrorKey, YamlEntry>();
  const refused: RepackError[] = [];
  for (const entry of file.entries) {
    try {
      entries.set(knownKey(file, entry), entry);
    } catch (error) {
      if (!isRepackError(error)) throw error;
      refused.push(error);
    }
  }
  const [first, ...more] = refused;
  if (first === undefined) return entries;
  const { code, what, where, hint } = first;
  const details = more.map((each) => `${each.where}: ${each.what}. ${each.hint}`);
  throw new RepackError(code, { what, where, hint, details, cause: first });
}

function knownKey(file: YamlFile, entry: YamlEntry): MirrorKey {
  const key = MIRROR_KEYS.find((known) => known === entry.key);
  if (key !== undefined) return key;
  const elsewhere = KEYS_ELSEWHERE[entry.key];
  if (Object.hasOwn(KEYS_ELSEWHERE, entry.key)) {
    return file.refuse(entry.place, { what: `"${entry.key}" is not read here`, hint: elsewhere! });
  }
  const near = nearest(entry.key, MIRROR_KEYS);
  return file.refuse(entry.place, {
    what: `Unknown key ${shown(entry.key)}`,
    hint: `${near === undefined ? '' : `Did you mean "${near}"? `}Known keys: ${[...MIRROR_KEYS].sort().join(', ')}.`,
  });
}

/** Valid YAML in which a comment has taken a key away and its list has gone to the key before it. */
function swallowedWarnings(file: YamlFile, entries: ReadonlyMap<MirrorKey, YamlEntry>, where: string): Finding[] {
  return file.swallowed
    .filter(({ key }) => !entries.has(key as MirrorKey))
    .map((form) => {
      const { what, hint } = swallowedForm(form);
      return {
        code: 'key-in-comment',
        message: `${where}, line ${form.line}: ${what}. ${hint.replaceAll(/\s*\n\s*/g, ' ')}`,
        subject: form.key,
        exit: false,
        warn: true,
      };
    });
}

function folderWarnings(entries: ReadonlyMap<MirrorKey, YamlEntry>, where: string): Finding[] {
  if (entries.has('mirror_dir')) return [];
  const message = `${where}: it has no mirror_dir, so the mirror is ${DEFAULT_MIRROR_DIR}, the default of cas-mirror. Write mirror_dir: /srv/mirror/main to have it elsewhere.`;
  return [{ code: 'default-mirror-dir', message, subject: DEFAULT_MIRROR_DIR, exit: false, warn: true }];
}

function idleWarnings(
  facts: {
    entries: ReadonlyMap<MirrorKey, YamlEntry>;
    remoteUrl: string;
    fetchInstallers: boolean;
    count: number;
    delta: boolean;
  },
  where: string,
): Finding[] {
  const { entries, remoteUrl, fetchInstallers, count, delta } = facts;
  const found: Finding[] = [];
  const warn = (code: string, key: MirrorKey, message: string): void =>
    void found.push({
      code,
      message: `${where}, line ${entries.get(key)!.line}: ${message}`,
      subject: key,
      exit: false,
      warn: true,
    });
  if (entries.has('delta_dir') && !delta) {
    warn('delta-dir-alone', 'delta_dir', 'it has no effect without `delta: true`.');
  }
  if (entries.has('fetch_installers') && fetchInstallers && count === 0) {
    warn(
      'no-installers-named',
      'fetch_installers',
      'no installers are mirrored, because none is named: list them under `installers` by url and sha256.',
    );
  }
  if (entries.has('remote_url') && !entries.has('channels') && remoteUrl !== '' && remoteUrl !== DEFAULT_REMOTE_URL) {
    warn(
      'remote-url-no-channel',
      'remote_url',
      `it names installers only. cas-mirror also took its channels from there: if that is wanted, write channels: [${remoteUrl}pkgs/main].`,
    );
  }
  return found;
}

function originsOf(entries: ReadonlyMap<MirrorKey, YamlEntry>): Record<MirrorKey, MirrorOrigin> {
  const origin = (key: MirrorKey): MirrorOrigin => {
    const entry = entries.get(key);
    return entry === undefined ? { from: 'default' } : { from: 'file', line: entry.line };
  };
  return Object.fromEntries(MIRROR_KEYS.map((key) => [key, origin(key)])) as Record<MirrorKey, MirrorOrigin>;
}
