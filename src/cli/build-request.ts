import path from 'node:path';
import { declareChannels } from '../conda/channel/declare-channels.js';
import { RepackError } from '../base/errors.js';
import type { MatchSpec } from '../conda/spec/match-spec.js';
import { parseMatchSpec, specChannelAllowed } from '../conda/spec/match-spec.js';
import { NOARCH } from '../conda/channel/channel.js';
import { parseLabel, parseSubdir } from '../conda/channel/names.js';
import type { TargetProfile } from '../conda/plan/profile.js';
import type { CaptureRequest, RepackRequest } from '../jobs/request.js';
import type { Secret } from '../base/secret.js';
import { parseClient, parseVirtualPackage, targetProfile } from '../conda/plan/target.js';
import type { Runtime } from '../runtime/runtime.js';
import type { SettingValues } from '../config/settings.js';
import { workSettings } from '../config/work-settings.js';

type Door = Pick<Runtime, 'fs' | 'env' | 'machine' | 'events'>;

/** Parsed and validated once, trusted afterwards. Throws E_USAGE, E_LABEL, E_SPEC, … before any disk or network access but the packages file's. */
export async function buildRepackRequest(
  rt: Door,
  typed: { label: string | undefined; root: string | undefined; packages: readonly string[] },
  values: SettingValues,
  token: Secret | undefined,
): Promise<RepackRequest> {
  const label = parseLabel(required(typed.label, 'LABEL', UPDATE_USAGE));
  const root = required(typed.root, 'ROOT', UPDATE_USAGE);
  const owner = values.owner;
  if (owner === undefined) throw noOwner(root);
  const subdirs = targetSubdirs(values);
  const specs = await allSpecs(rt, typed.packages, values);
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
    label,
    root,
    token,
    specs,
    channels,
    subdirs,
    profiles: targetProfiles(subdirs, values),
  };
}

export function buildCaptureRequest(
  rt: Door,
  typed: { label: string | undefined; root: string | undefined; prefix: string | undefined },
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
    client: values.client === undefined ? undefined : parseClient(values.client),
    workDir: rt.machine.cwd,
    writeTargetFolder: typed.prefix === undefined,
  };
}

/** Profiles of the target machines; a virtual package counts for the subdirs whose systems can have it. */
export function targetProfiles(subdirs: readonly string[], values: SettingValues): TargetProfile[] {
  const virtualPackages = values.virtualPackages.map((text) => parseVirtualPackage(text));
  const client = values.client === undefined ? undefined : parseClient(values.client);
  return subdirs.map((subdir) => targetProfile({ subdir, virtualPackages, client }));
}

function targetSubdirs(values: SettingValues): string[] {
  const subdirs = [...new Set(values.subdirs.map((text) => parseSubdir(text)))];
  if (subdirs.includes(NOARCH)) {
    throw new RepackError('E_SUBDIR', {
      what: 'noarch is no platform of machines',
      where: '--subdir',
      hint: 'Give the machines’ platform, e.g. linux-64; its noarch packages come along.',
    });
  }
  return subdirs;
}

async function allSpecs(rt: Door, packages: readonly string[], values: SettingValues): Promise<MatchSpec[]> {
  const specs = packages.map((text) => parseMatchSpec(text));
  if (values.packagesFile !== undefined) {
    const file = values.packagesFile;
    const { readPackagesFile } = await import('../config/packages-file.js');
    const listed = await readPackagesFile(rt, file);
    for (const { text, line } of listed.specs) specs.push(specAt(text, `${file}, line ${line}`));
    if (listed.channels.length > 0) {
      rt.events.emit({
        type: 'note',
        message: `the channels in ${file} (${listed.channels.join(', ')}) are not taken over; declare channels with --channel`,
      });
    }
  }
  if (specs.length === 0) {
    throw new RepackError('E_USAGE', {
      what: 'No package is asked for',
      where: 'PACKAGE',
      hint: 'Name at least one package, or give --packages-file FILE with MatchSpecs, a line each.',
    });
  }
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

const UPDATE_USAGE = 'update-offline-repo LABEL TOKEN ROOT PACKAGE...; see --help.';

function required(value: string | undefined, name: string, hint: string): string {
  if (value !== undefined) return value;
  throw new RepackError('E_USAGE', { what: `${name} is missing`, where: 'command line', hint });
}

function noOwner(root: string): RepackError {
  return new RepackError('E_NO_OWNER', {
    what: 'No owner is configured: whose channels the label belongs to is not known',
    where: 'setting owner',
    hint: `Give --owner NAME, or write these lines into ${path.join(root, 'repackenv.yml')}:\nowner: your-account\nbase_url: https://conda.anaconda.org\nchannels: [conda-forge]`,
  });
}

function shortList(items: readonly string[]): string {
  const shown = items.slice(0, 30).join('  ');
  return items.length > 30 ? `${shown}  … and ${items.length - 30} more` : shown;
}
