import { join } from 'node:path';
import type { EngineAccess } from '../../conda/channel/engine-access.js';
import { RepackError } from '../../base/errors.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import { channelsOfSpec, parseMatchSpec, specMatches } from '../../conda/spec/match-spec.js';
import { parseDistFilename } from '../../conda/channel/names.js';
import type { PlannedArtifact, SolvedSubdir, SolveRequest } from '../../conda/plan/plan.js';
import type { RepodataSource } from '../../conda/record/repodata-index.js';
import type { Runtime } from '../../runtime/runtime.js';
import { recordFromCaches } from '../cache-records.js';
import {
  bySubdirThenFn,
  checkSubdir,
  expectedOf,
  fromChannel,
  artifactUrl,
  placeOf,
  refuseConflicts,
  upstreamRecord,
} from '../join-records.js';
import { linkedFrom, readableCaches } from '../package-caches.js';
import { readPrefixRecords } from '../prefix-records.js';
import type { InstalledRecord } from '../prefix-records.js';
import { engineTitle, solverTitle } from './conda-engine.js';
import type { CondaEngine } from './conda-engine.js';
import { assertSealed } from './effective-config.js';
import { refuseUnknownVirtual, refuseUnseen } from './engine-sight.js';
import { explainFailure } from './explain-failure.js';
import { ignoredSettings } from './ignored-settings.js';
import { specsWithoutCandidate } from './mamba-failure.js';
import { whatIsMissing } from './missing-packages.js';
import { PROGRAM_TRAITS } from './programs.js';
import { removeTree } from './remove-tree.js';
import { runConda } from './run-conda.js';
import { openIsolatedEnvironment } from './isolated-environment.js';
import type { IsolatedEnvironment } from './isolated-environment.js';
import { specArguments } from './spec-arguments.js';

export interface CreateOptions {
  engine: CondaEngine;
  request: SolveRequest;
  access: EngineAccess;
  /** As published. */
  source: RepodataSource;
  /** Owner-only folder of this run; all that is made in it is gone afterwards. */
  runDir: string;
  /** The package cache the engine works in; the caller holds its lock. */
  enginePkgsDir: string;
  timeoutMs?: number;
  /** What the engine's requests failed with at the gateway: the cause behind its own words. */
  upstreamFailures?: () => readonly RepackError[];
}

export interface CreatedWithConda extends SolvedSubdir {
  /** The engine's own package cache, then the user's: to be read for archives. */
  packageCaches: string[];
  /** Names of the user's variables that were kept from the engine. */
  ignoredVariables: readonly string[];
  /** Settings of the user's and the installation's configuration that were, with their files. */
  ignoredSettings: readonly string[];
}

const CREATE_TIMEOUT_MS = 2 * 60 * 60 * 1000;

/**
 * Creates a throwaway environment for the request in an isolated environment (design D1a, D2) and returns what was installed in it, each with the
 * record its channel publishes. Only `enginePkgsDir` is given to the engine: conda writes into every package cache that it can
 * write to (it extracts in place, and touches `urls.txt`), so the user's are read by `acquire`, not by conda.
 *
 * Throws E_ENGINE_CONFIG, E_ENGINE_VERSION, E_ENGINE_TIMEOUT, E_ENGINE_FAILED, E_ENGINE_INCOMPLETE, E_ENGINE_OUTPUT, E_PACKAGE_NOT_FOUND,
 * E_NO_BASE_CHANNEL, E_UNSOLVABLE, E_UPSTREAM, E_SOURCE_NOT_ALLOWED, E_RECORD, E_RECORD_CONFLICT; the signal's reason on abort.
 */
export async function createWithConda(rt: Runtime, options: CreateOptions): Promise<CreatedWithConda> {
  const { engine, request, access } = options;
  refuseWhatItCannot(options);
  await refuseUnseen(options);
  const isolated = await openIsolatedEnvironment(rt, {
    engine,
    profile: request.profile,
    runDir: options.runDir,
    channels: access.channels.map((each) => each.url),
    channelPriority: request.channelPriority,
    proxyUrl: access.proxyUrl,
    pkgsDir: options.enginePkgsDir,
  });
  try {
    await rt.reach('engine:isolated');
    const inForce = await assertSealed(rt, isolated, {
      channels: access.channels.map((each) => each.url),
      subdir: request.profile.subdir,
      proxyUrl: access.proxyUrl,
      pkgsDir: options.enginePkgsDir,
      channelsByOption: engine.abilities.overridesChannels,
    });
    await refuseUnknownVirtual({ ...options, known: inForce.virtualPackages });
    const records = await createEnvironment(rt, isolated, options);
    await rt.reach('engine:created');
    return {
      subdir: request.profile.subdir,
      engine: { kind: engine.program, version: engine.version, path: engine.path, solver: solverTitle(engine) },
      priority: request.channelPriority,
      artifacts: await plannedArtifacts(rt, records, options),
      packageCaches: await readableCaches(rt.fs, [options.enginePkgsDir, ...engine.info.pkgsDirs]),
      ignoredVariables: isolated.ignored,
      ignoredSettings: await ignoredSettings(rt.fs, engine.info.configFiles),
    };
  } finally {
    await isolated.close();
  }
}

function refuseWhatItCannot({ engine, request }: CreateOptions): void {
  if (engine.abilities.namesPriorities || request.channelPriority !== 'strict') return;
  throw new RepackError('E_ENGINE_VERSION', {
    what: `${engineTitle(engine)} has no strict channel priority, 4.6 or newer is needed`,
    where: '--channel-priority strict',
    hint: 'Use --engine embedded, a newer conda with --engine-path, or --channel-priority flexible.',
  });
}

/** With the pip that conda lets python need: an engine that does not is asked once more, for both. */
async function createEnvironment(
  rt: Runtime,
  isolated: IsolatedEnvironment,
  options: CreateOptions,
): Promise<InstalledRecord[]> {
  const records = await createOnce(rt, isolated, options);
  if (!(await lacksPip(records, options))) return records;
  await removeTree(rt, isolated.prefix);
  const { request } = options;
  return createOnce(rt, isolated, { ...options, request: { ...request, specs: [...request.specs, PIP] } });
}

const PIP = parseMatchSpec('pip');

async function lacksPip(
  records: readonly InstalledRecord[],
  { engine, request, source }: CreateOptions,
): Promise<boolean> {
  if (engine.abilities.bringsPip || request.profile.client?.injectsPip === false) return false;
  const has = (name: string): boolean => records.some((record) => record.name === name);
  if (!has('python') || has('pip')) return false;
  return (await specsWithoutCandidate({ ...request, specs: [PIP] }, source)).length === 0;
}

async function createOnce(
  rt: Runtime,
  isolated: IsolatedEnvironment,
  options: CreateOptions,
): Promise<InstalledRecord[]> {
  const { engine, request, access } = options;
  const args = [
    ...PROGRAM_TRAITS[engine.program].create,
    '--prefix',
    isolated.prefix,
    ...(engine.abilities.overridesChannels
      ? ['--override-channels', ...access.channels.flatMap((each) => ['--channel', each.url])]
      : []),
    ...(await specArguments(rt.fs, {
      specs: request.specs,
      engine,
      file: join(isolated.dir, `specs-${request.specs.length}.txt`),
      told: access.channels,
    })),
  ];
  const result = await runConda(rt, isolated, { args, timeoutMs: options.timeoutMs ?? CREATE_TIMEOUT_MS });
  const records = await readPrefixRecords(rt.fs, isolated.prefix);
  const missing = whatIsMissing(records, request.specs);
  if (missing.length === 0) {
    if (result.exitCode !== 0) {
      const how = result.signal ?? `exit code ${result.exitCode ?? 'unknown'}`;
      rt.events.emit({
        type: 'warning',
        message: `${engine.program} ended with ${how}, yet the environment is complete: its records count`,
      });
    }
    return records;
  }
  const [upstreamFailure] = options.upstreamFailures?.() ?? [];
  if (upstreamFailure !== undefined) throw upstreamFailure;
  if (result.exitCode === 0) throw contradiction(records, request) ?? incomplete(engine, missing);
  const translate = translator(access);
  const failure = await explainFailure({
    result,
    request,
    translate,
    source: options.source,
    engine,
  });
  // Half an environment and no reason that conda could give.
  throw failure.code === 'E_ENGINE_FAILED' && records.length > 0 ? incomplete(engine, missing, failure) : failure;
}

/** The proxy has a password and the channels have other names for the engine: neither is the user's business. */
function translator(access: EngineAccess): (text: string) => string {
  const proxy = new URL(access.proxyUrl);
  const longestFirst = [...access.channels].sort((a, b) => b.url.length - a.url.length);
  return (text) => {
    let clean = text.replaceAll(access.proxyUrl, 'the gateway');
    if (proxy.password !== '') clean = clean.replaceAll(decodeURIComponent(proxy.password), '[secret]');
    for (const { url, channel } of longestFirst) clean = clean.replaceAll(url, channel.url);
    return clean;
  };
}

async function plannedArtifacts(
  rt: Runtime,
  records: readonly InstalledRecord[],
  options: CreateOptions,
): Promise<PlannedArtifact[]> {
  const artifacts: PlannedArtifact[] = [];
  for (const record of records) artifacts.push(await planned(rt, record, options));
  refuseConflicts(artifacts);
  for (const spec of options.request.specs) refuseOtherChannel(spec, artifacts, options.request);
  return artifacts.sort(bySubdirThenFn);
}

async function planned(rt: Runtime, record: InstalledRecord, options: CreateOptions): Promise<PlannedArtifact> {
  const { access, request, source, enginePkgsDir } = options;
  const place = placeOf(record, access.channels);
  if (place === undefined) throw notAllowed(options, record);
  checkSubdir(record, place.subdir, request.profile.subdir);
  const index = await source.repodata(place.channel, place.subdir);
  const upstream = upstreamRecord(index, place.subdir, record);
  if (upstream?.same === false) throw changedMeanwhile(record, place.channel.url);
  if (upstream !== undefined) return fromChannel(place, index, upstream.record);
  const expected = expectedOf(record);
  const cached = await recordFromCaches(rt.fs, [enginePkgsDir, ...linkedFrom([record])], record);
  const url = artifactUrl(place, index?.baseUrl);
  return cached === undefined
    ? { ...place, url, record: undefined, origin: 'artifact', expected }
    : { ...place, url, record: cached, origin: 'cache-record', expected };
}

/** A10: a spec that names a channel is satisfied from there or not at all. */
function refuseOtherChannel(spec: MatchSpec, artifacts: readonly PlannedArtifact[], request: SolveRequest): void {
  if (spec.channel === undefined) return;
  const meant = channelsOfSpec(spec, request.channels);
  const from = artifacts.find((artifact) => parseDistFilename(artifact.fn).name === spec.name);
  if (from?.channel === undefined || meant.includes(from.channel)) return;
  throw new RepackError('E_SOURCE_NOT_ALLOWED', {
    what: `${spec.text} was asked for, and ${from.fn} was installed from ${from.channel.name}`,
    where: from.url,
    hint: 'Use --engine embedded, which keeps to the channel of a spec, or ask for a version that only that channel has.',
  });
}

/** conda 4.3 takes one of two specs of a name that exclude each other, and says nothing. */
function contradiction(records: readonly InstalledRecord[], request: SolveRequest): RepackError | undefined {
  const names = new Set(records.map((record) => record.name));
  const ignored = request.specs.filter(
    (spec) => names.has(spec.name) && !records.some((record) => specMatches(spec, record)),
  );
  if (ignored.length === 0) return undefined;
  return new RepackError('E_UNSOLVABLE', {
    what: `These packages can't be installed together on ${request.profile.subdir}: ${request.specs.map((spec) => spec.text).join(', ')}`,
    where: `channels ${request.channels.map((channel) => channel.name).join(', ')}`,
    hint: 'Loosen a version, or add a channel with --channel.',
    details: ignored.map(
      (spec) => `${spec.text}: ${records.find((record) => record.name === spec.name)?.fn} was installed instead`,
    ),
  });
}

function incomplete(engine: CondaEngine, missing: readonly string[], cause?: RepackError): RepackError {
  return new RepackError('E_ENGINE_INCOMPLETE', {
    what: `${engineTitle(engine)} ended, but its environment lacks ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ', …' : ''}`,
    where: engine.path,
    hint: 'Run again with --debug; if it stays, use --engine embedded or another program with --engine-path.',
    details: [...missing, ...(cause?.details ?? [])],
    cause,
  });
}

function notAllowed({ engine, request }: CreateOptions, record: InstalledRecord): RepackError {
  return new RepackError('E_SOURCE_NOT_ALLOWED', {
    what: `${engine.program} installed ${record.fn} from a channel that is not declared`,
    where: publicSource(record),
    hint: 'Declare the channel with --channel if it is meant to be used, else find out where this setting of the engine comes from.',
    details: [`declared: ${request.channels.map((channel) => channel.url).join(', ')}`],
  });
}

function changedMeanwhile(record: InstalledRecord, channelUrl: string): RepackError {
  return new RepackError('E_RECORD', {
    what: `${record.fn} was installed with other bytes than its channel states now`,
    where: channelUrl,
    hint: 'The channel changed during the run: run again. If it stays, a file was replaced under its old name there.',
  });
}

function publicSource(record: InstalledRecord): string {
  return (record.url ?? record.channel ?? 'no source is stated')
    .replace(/\/t\/[^/?#]*/, '')
    .replace(/\/\/[^/@]*@/, '//');
}
