import { plural } from '../base/plural.js';
import path from 'node:path';
import { policyOf } from './policy-of.js';
import { declareChannels } from '../conda/channel/declare-channels.js';
import { RepackError } from '../base/errors.js';
import type { LockFile } from '../config/lock-file/lock-file.js';
import { specsOfLocked } from '../config/lock-file/specs.js';
import type { Redactor } from '../base/redact.js';
import type { MatchSpec } from '../conda/spec/match-spec.js';
import { parseMatchSpec, specChannelAllowed } from '../conda/spec/match-spec.js';
import type { Manifest } from '../channel/manifest/manifest.js';
import { lastRequest, rememberedProfiles, rememberedSpecs } from './remembered.js';
import { parseLabel } from '../conda/channel/names.js';
import { NOARCH } from '../conda/channel/channel.js';
import type { TargetClient, TargetProfile } from '../conda/plan/profile.js';
import type { CaptureRequest, RepackRequest } from '../jobs/request.js';
import type { Secret } from '../base/secret.js';
import { parseClient, parseVirtualPackage, targetProfile } from '../conda/plan/target.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Installer } from '../config/installers.js';
import type { WrittenSpec } from '../config/labels/types.js';
import type { PackagesFile } from '../config/packages-file.js';
import { pipRefused } from '../config/pip-section.js';
import { CONFIG_NAME, type ResolvedSettings } from '../config/resolve-settings.js';
import type { SettingName, SettingValues } from '../config/settings.js';
import { workSettings, type WorkSettings } from '../config/work-settings.js';

/** What a label is asked for on the command line. */
export interface TypedRequest {
  label: string | undefined;
  root: string | undefined;
  /** MatchSpecs: the whole list. */
  packages: readonly string[];
  /** MatchSpecs, names and platforms: changes to what was last published. */
  add: readonly string[];
  remove: readonly string[];
  addSubdirs: readonly string[];
  drop: readonly string[];
  /** It stands in ROOT/repackenv.yml, with these packages beside those typed; undefined specs: its list is left open. */
  declared?: { specs: readonly WrittenSpec[] | undefined; installers?: readonly Installer[] | undefined } | undefined;
}

export interface Resolved {
  values: SettingValues & Pick<WorkSettings, 'logins'>;
  /** Settings that nobody gave a value. */
  leftOpen: ReadonlySet<SettingName>;
  resolved: Pick<ResolvedSettings, 'configFile' | 'declared' | 'origins'>;
  /** When the run began, ms. */
  at: number;
  token: Secret | undefined;
  redactor: Redactor;
}

type Door = Pick<Runtime, 'fs' | 'env' | 'machine' | 'events'>;

/** Parsed and validated once, trusted afterwards. Throws E_USAGE, E_LABEL, E_SPEC, … before any network access, and but the packages file and the live manifest before any of the disk. */
export async function buildRepackRequest(
  rt: Door,
  typed: TypedRequest,
  { values, leftOpen, resolved, token, redactor, at }: Resolved,
): Promise<RepackRequest> {
  const label = parseLabel(required(typed.label, 'LABEL', UPDATE_USAGE));
  const root = required(typed.root, 'ROOT', UPDATE_USAGE);
  const owner = values.owner;
  if (owner === undefined) throw noOwner(root, values.baseUrl);
  const last = await lastRequest(rt, root, label);
  const lock = await lockOf(rt, typed, { values, redactor });
  const profiles = rememberedProfiles(
    {
      subdirs: leftOpen.has('subdirs') ? lock && [...lock.packages.keys()] : values.subdirs,
      addSubdirs: typed.addSubdirs,
      origin: resolved.origins.subdirs,
      client: values.client === 'none' ? 'none' : clientOf(values),
      virtualPackages: leftOpen.has('virtualPackages') ? undefined : values.virtualPackages.map(parseVirtualPackage),
      otherwise: values.subdirs,
    },
    last,
  );
  const subdirs = profiles.map(({ subdir }) => subdir);
  const listed = await packagesFileOf(rt, values);
  const specs = lock === undefined ? allSpecs(rt, { typed, values, last, listed }) : specsOfLock(rt, lock, subdirs);
  if (lock === undefined) refuseUnasked(specs, subdirs);
  sayRemembered(rt, { last, profiles, leftOpen, file: resolved.configFile });
  const channels = declareChannels({
    baseUrl: values.baseUrl,
    owner,
    label,
    labelPath: values.labelPath,
    baseChannels: values.channels,
    hasToken: token !== undefined,
    subdirs,
  });
  for (const spec of specs) {
    if (specChannelAllowed(spec, channels)) continue;
    throw new RepackError('E_SOURCE_NOT_ALLOWED', {
      what: `"${spec.text}" names a channel that is not declared`,
      where: `package ${spec.name}`,
      hint: 'Declare the channel with --channel, or ask for the package without it.',
      details: channels.map((channel) => `declared: ${channel.url}`),
    });
  }
  return {
    ...workSettings(values),
    // Nothing is solved.
    ...(lock === undefined ? {} : { engine: 'embedded' as const, lock }),
    indexBz2: values.index.includes('bz2') || profiles.some(({ client }) => client?.needsBz2Index === true),
    label,
    root,
    token,
    specs,
    channels,
    subdirs,
    profiles,
    drop: [...typed.drop, ...typed.remove],
    declared: typed.declared !== undefined,
    policy: await policyOf(rt, { root, values, resolved, at }, { undeclared: true })(label),
    recheck: values.recheck,
    installers: typed.declared?.installers,
    pip: listed?.pip && { ...listed.pip, left: values.allowPipSection },
  };
}

export function buildCaptureRequest(
  rt: Door,
  typed: Pick<TypedRequest, 'label' | 'root' | 'drop'> & { prefix: string | undefined },
  values: SettingValues,
  token: Secret | undefined,
): CaptureRequest {
  return {
    ...workSettings(values),
    label: typed.label === undefined ? undefined : parseLabel(typed.label),
    root: required(typed.root, 'ROOT', 'repackenv capture ROOT [--prefix ENV] [--label LABEL]; see --help.'),
    token,
    tokenBaseUrl: values.owner === undefined ? values.baseUrl : `${values.baseUrl}/${values.owner}`,
    prefix: typed.prefix === undefined ? undefined : path.resolve(rt.machine.cwd, typed.prefix),
    virtualPackages: values.virtualPackages.map((text) => parseVirtualPackage(text)),
    client: clientOf(values),
    workDir: rt.machine.cwd,
    writeTargetFolder: typed.prefix === undefined,
    drop: typed.drop,
  };
}

/** Profiles of the target machines; a virtual package counts for the subdirs whose systems can have it. */
export function targetProfiles(subdirs: readonly string[], values: SettingValues): TargetProfile[] {
  const virtualPackages = values.virtualPackages.map((text) => parseVirtualPackage(text));
  const client = clientOf(values);
  return subdirs.map((subdir) => targetProfile({ subdir, virtualPackages, client }));
}

function clientOf({ client }: SettingValues): TargetClient | undefined {
  return client === undefined || client === 'none' ? undefined : parseClient(client);
}

/** @throws RepackError E_USAGE for a spec that asks for a platform that is not delivered */
function refuseUnasked(specs: readonly MatchSpec[], subdirs: readonly string[]): void {
  for (const { text, name, subdir } of specs) {
    if (subdir === undefined || subdir === NOARCH || subdirs.includes(subdir)) continue;
    throw new RepackError('E_USAGE', {
      what: `"${text}" asks for ${subdir}, which is not delivered`,
      where: `package ${name}`,
      hint: `Add --subdir ${subdir}, or ask for the package without its platform.`,
    });
  }
}

/** @throws RepackError E_LOCK_FILE, E_USAGE where packages are asked for beside it */
async function lockOf(
  rt: Door,
  { packages, add, remove, addSubdirs, declared }: TypedRequest,
  { values, redactor }: Pick<Resolved, 'values' | 'redactor'>,
): Promise<LockFile | undefined> {
  if (values.lock === undefined) return undefined;
  const beside =
    [packages, declared?.specs ?? [], add, remove, addSubdirs].some(({ length }) => length > 0) ||
    values.packagesFile !== undefined;
  if (beside) {
    throw new RepackError('E_USAGE', {
      what: 'A lock says all that is delivered',
      where: '--lock',
      hint: 'Leave PACKAGE (or packages:), --packages-file, --add, --remove and --add-subdir out, or --lock.',
    });
  }
  const { readLock } = await import('../config/lock-file/read-lock.js');
  const lock = await readLock(rt, values.lock, values.lockEnvironment);
  for (const secret of lock.secrets) redactor.register(secret);
  if (lock.secrets.length > 0) {
    const message = `a token or password stands in ${lock.file}: it is not used; have it replaced, since the file is passed on`;
    rt.events.emit({ type: 'warning', message });
  }
  return lock;
}

/**
 * Each package of the lock, exactly; one that differs between the platforms is asked for on its own.
 * @throws RepackError E_LOCK_FILE for a platform that the lock has not, E_SPEC
 */
function specsOfLock(rt: Door, lock: LockFile, subdirs: readonly string[]): MatchSpec[] {
  const has = [...lock.packages.keys()];
  const lacking = subdirs.filter((subdir) => !lock.packages.has(subdir));
  const listed = subdirs.flatMap((subdir) => lock.packages.get(subdir) ?? []);
  if (lacking.length > 0 || listed.length === 0) {
    throw new RepackError('E_LOCK_FILE', {
      what:
        lacking.length > 0 ? `The lock has nothing for ${lacking.join(' and ')}` : 'The lock names no package of conda',
      where: lock.file,
      hint: `It is for ${has.join(', ') || 'no platform'}. Give these with --subdir, another environment with --lock-environment, or another lock.`,
    });
  }
  if (lock.leftOut !== undefined) rt.events.emit({ type: 'note', message: `left out of the lock: ${lock.leftOut}` });
  rt.events.emit({
    type: 'note',
    message: `${lock.form} ${lock.version}: ${plural(listed.length, 'package')} for ${subdirs.join(', ')}`,
  });
  return specsOfLocked(lock, subdirs);
}

/** What nobody typed, and still decides what the customer gets. A client that a file could say and does not was perhaps taken out there. */
function sayRemembered(
  rt: Door,
  {
    last,
    profiles,
    leftOpen,
    file,
  }: {
    last: Manifest | undefined;
    profiles: readonly TargetProfile[];
    leftOpen: Resolved['leftOpen'];
    file: string | undefined;
  },
): void {
  if (last === undefined) return;
  const { name, version } = (leftOpen.has('client') ? profiles[0]?.client : undefined) ?? {};
  const client = name === undefined ? [] : [`client ${name} ${version}`];
  if (client.length > 0 && file !== undefined) {
    const message = `${client[0]} stands neither in ${file} nor in an option, and stays as in generation ${last.generation}; write it there, or "none"`;
    rt.events.emit({ type: 'warning', message });
  }
  const subdirs = leftOpen.has('subdirs') ? [profiles.map(({ subdir }) => subdir).join(' ')] : [];
  const said = file === undefined ? subdirs.concat(client) : subdirs;
  if (said.length === 0) return;
  rt.events.emit({ type: 'note', message: `as in generation ${last.generation}: ${said.join(', ')}` });
}

async function packagesFileOf(rt: Door, { packagesFile: file }: SettingValues): Promise<PackagesFile | undefined> {
  if (file === undefined) return undefined;
  const { readPackagesFile } = await import('../config/packages-file.js');
  return readPackagesFile(rt, file);
}

function allSpecs(
  rt: Door,
  {
    typed,
    values,
    last,
    listed,
  }: { typed: TypedRequest; values: SettingValues; last: Manifest | undefined; listed: PackagesFile | undefined },
): MatchSpec[] {
  const { specs: declared } = typed.declared ?? {};
  const given = typed.packages
    .map((text) => parseMatchSpec(text))
    .concat((declared ?? []).map(({ text, where }) => specAt(text, where)));
  if (listed !== undefined) {
    const file = values.packagesFile;
    for (const { text, line } of listed.specs) given.push(specAt(text, `${file}, line ${line}`));
    if (listed.channels.length > 0) {
      rt.events.emit({
        type: 'note',
        message: `the channels in ${file} (${listed.channels.join(', ')}) are not taken over; declare channels with --channel`,
      });
    }
  }
  const isStated = typed.declared !== undefined && (declared !== undefined || values.packagesFile !== undefined);
  if (isStated && given.length === 0 && last !== undefined) throw emptyList(typed.label ?? '', typed.root ?? '');
  const specs = rememberedSpecs(
    { packages: given, origin: declared?.[0]?.where, add: typed.add, remove: typed.remove },
    last,
  );
  if (specs.length === 0 && listed?.pip !== undefined && !values.allowPipSection) throw pipRefused(listed.pip);
  if (specs.length === 0) {
    throw new RepackError('E_USAGE', {
      what: 'No package is asked for',
      where: 'PACKAGE',
      hint: 'Name at least one package, or give --packages-file FILE with MatchSpecs, a line each.',
    });
  }
  if (given.length === 0 && last !== undefined)
    rt.events.emit({ type: 'note', message: `packages as in generation ${last.generation}` });
  const unique = [...new Map(specs.map((spec) => [spec.text, spec])).values()];
  // Said first: a shell may have eaten a part of what was typed (conda/conda#2602, cmd.exe takes > and < for redirections).
  rt.events.emit({ type: 'note', message: `packages: ${shortList(unique.map((spec) => spec.text))}` });
  return unique.sort((a, b) => (a.text < b.text ? -1 : 1));
}

function specAt(text: string, where: string): MatchSpec {
  try {
    return parseMatchSpec(text);
  } catch (error) {
    if (!(error instanceof RepackError)) throw error;
    throw new RepackError(error.code, {
      what: error.what,
      where: error.where === undefined ? where : `${where} (${error.where})`,
      hint: error.hint,
      details: error.details,
      cause: error,
    });
  }
}

/** An empty list is rather a file that lost its end than a wish (design D16). */
function emptyList(label: string, root: string): RepackError {
  return new RepackError('E_ASKS_LESS', {
    what: `The list of packages of ${label} is empty; nothing was changed`,
    where: path.join(root, CONFIG_NAME),
    hint: 'Name its packages. Without packages: and packages_file: it is as last published; a label that ends is taken out of the file.',
  });
}

const UPDATE_USAGE = 'update-offline-repo LABEL TOKEN ROOT PACKAGE...; see --help.';

function required(value: string | undefined, name: string, hint: string): string {
  if (value !== undefined) return value;
  throw new RepackError('E_USAGE', { what: `${name} is missing`, where: 'command line', hint });
}

function noOwner(root: string, baseUrl: string): RepackError {
  const [, base, inside] = /^(https?:\/\/[^/]+)\/([^/]+)\/?$/.exec(baseUrl) ?? [];
  const slip = inside === undefined ? '' : ` (is it the ${inside} of --base-url? Then that is ${base})`;
  return new RepackError('E_NO_OWNER', {
    what: 'No owner is configured: whose channels the label belongs to is not known',
    where: 'setting owner',
    hint: `Give --owner NAME${slip}, or write these lines into ${path.join(root, 'repackenv.yml')}:\nowner: your-account\nbase_url: https://conda.anaconda.org\nchannels: [conda-forge]`,
  });
}

function shortList(items: readonly string[]): string {
  const shown = items.slice(0, 30).join('  ');
  return items.length > 30 ? `${shown}  … and ${items.length - 30} more` : shown;
}
