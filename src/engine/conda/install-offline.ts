import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import { withText } from '../../conda/spec/match-spec.js';
import { RepackError } from '../../base/errors.js';
import type { TargetProfile } from '../../conda/plan/profile.js';
import type { Runtime } from '../../runtime/runtime.js';
import { readPrefixRecords } from '../prefix-records.js';
import type { InstalledRecord } from '../prefix-records.js';
import { publishedAt } from '../../conda/channel/token-free-url.js';
import { engineTitle } from './conda-engine.js';
import type { CondaEngine } from './conda-engine.js';
import { assertSealed } from './effective-config.js';
import { unknownVirtual } from './engine-sight.js';
import { errorReport, readableLines } from './explain-failure.js';
import { whatIsMissing } from './missing-packages.js';
import { PROGRAM_TRAITS } from './programs.js';
import { runConda } from './run-conda.js';
import { openIsolatedEnvironment } from './isolated-environment.js';
import type { IsolatedEnvironment } from './isolated-environment.js';
import { specArguments } from './spec-arguments.js';

export interface InstallOfflineOptions {
  engine: CondaEngine;
  /** Absolute path of a complete channel, the staged one. */
  channelDir: string;
  specs: readonly MatchSpec[];
  profile: TargetProfile;
  /** Owner-only folder of this run; all that is made in it is gone afterwards. */
  runDir: string;
  timeoutMs?: number;
}

export interface InstalledOffline {
  engine: Pick<CondaEngine, 'program' | 'path' | 'version'>;
  /** Distribution file names (with subdir) that were installed, sorted. */
  installed: string[];
}

const INSTALL_TIMEOUT_MS = 60 * 60 * 1000;

/**
 * Creates an environment from a channel folder alone (design D9, `--prove install`): offline, private HOME, empty package cache,
 * the customer's virtual packages. Judged by the records of what is installed. Throws E_PROOF with the reason.
 */
export async function installOffline(rt: Runtime, options: InstallOfflineOptions): Promise<InstalledOffline> {
  const { engine, profile } = options;
  refuseBlanks(options);
  await refuseWithoutBz2(rt, options);
  // Percent-encoded: a blank or # in the path is no end of a URL.
  const url = pathToFileURL(options.channelDir).href.replace(/\/+$/, '');
  const pkgsDir = join(options.runDir, `empty-pkgs-${rt.machine.randomId()}`);
  const isolated = await openIsolatedEnvironment(rt, {
    engine,
    profile,
    runDir: options.runDir,
    channels: [url],
    channelPriority: 'flexible',
    proxyUrl: undefined,
    pkgsDir,
  });
  try {
    const inForce = await assertSealed(rt, isolated, {
      channels: [url],
      subdir: profile.subdir,
      proxyUrl: undefined,
      pkgsDir,
      channelsByOption: engine.abilities.overridesChannels,
    });
    const unknown = [...unknownVirtual(profile, inForce.virtualPackages)];
    const records = await install(rt, isolated, { ...options, url, unknown });
    return {
      engine: { program: engine.program, path: engine.path, version: engine.version },
      installed: records.map((record) => installedFrom(record, url)).sort(),
    };
  } finally {
    await isolated.close();
    await rt.fs.remove(pkgsDir).catch(() => undefined);
  }
}

function refuseBlanks({ engine, channelDir }: InstallOfflineOptions): void {
  if (PROGRAM_TRAITS[engine.program].readsFoldersWithBlanks || !/\s/.test(channelDir)) return;
  throw new RepackError('E_PROOF', {
    what: `${engineTitle(engine)} reads no channel from a folder whose path has a blank, so it can prove nothing there`,
    where: channelDir,
    hint: 'Use a ROOT without blanks, or prove with a conda: --prove install=PATH. At the site it would not find the folder either.',
  });
}

/** conda 4.3 finds nothing offline without it (as recorded). */
async function refuseWithoutBz2(rt: Runtime, { engine, channelDir, profile }: InstallOfflineOptions): Promise<void> {
  if (engine.abilities.readsJsonIndexOffline) return;
  const index = join(channelDir, profile.subdir, 'repodata.json.bz2');
  try {
    await rt.fs.access(index);
  } catch (cause) {
    throw new RepackError('E_PROOF', {
      what: `${engineTitle(engine)} installs offline only from a channel that has repodata.json.bz2`,
      where: index,
      hint: 'Add --index bz2 (with --client "conda 4.3" it is written by itself), or prove with a newer conda: --prove install=PATH.',
      cause,
    });
  }
}

async function install(
  rt: Runtime,
  isolated: IsolatedEnvironment,
  options: InstallOfflineOptions & { url: string; unknown: readonly string[] },
): Promise<InstalledRecord[]> {
  const { engine, specs, url, unknown } = options;
  // Within one channel a spec's own channel has no meaning: what is in the folder was checked for it.
  const local = specs.map((spec) => withoutChannel(spec));
  const args = [
    ...PROGRAM_TRAITS[engine.program].create,
    ...(PROGRAM_TRAITS[engine.program].offlineReadsFolders ? ['--offline'] : []),
    '--prefix',
    isolated.prefix,
    ...(engine.abilities.overridesChannels ? ['--override-channels', '--channel', url] : []),
    ...(await specArguments(rt.fs, { specs: local, engine, file: join(isolated.dir, 'specs.txt'), told: [] })),
  ];
  const result = await runConda(rt, isolated, { args, timeoutMs: options.timeoutMs ?? INSTALL_TIMEOUT_MS });
  const records = await readPrefixRecords(rt.fs, isolated.prefix);
  const missing = whatIsMissing(records, local);
  if (missing.length === 0) return records;
  throw new RepackError('E_PROOF', {
    what: `${engineTitle(engine)} could not install ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ', …' : ''} from the staged folder alone`,
    where: options.channelDir,
    hint: 'The folder was not published. The lines below are what it says; --prove solve leaves the installation out.',
    details: [
      ...unknown.map((name) => `${engineTitle(engine)} does not know ${name}`),
      ...readableLines(errorReport(result).text),
    ],
  });
}

function withoutChannel({ name, version, build, buildNumber, subdir }: MatchSpec): MatchSpec {
  return withText({ name, version, build, buildNumber, subdir });
}

function installedFrom(record: InstalledRecord, url: string): string {
  const place = publishedAt(record.url);
  if (place !== undefined && place.channelUrl !== url) {
    throw new RepackError('E_PROOF', {
      what: `${record.fn} was not installed from the staged folder`,
      where: place.channelUrl,
      hint: 'The folder was not published. Report this: the engine should have seen nothing else.',
    });
  }
  return `${place?.subdir ?? record.subdir ?? ''}/${record.fn}`;
}
