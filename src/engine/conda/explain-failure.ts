import { fewLines } from '../../base/few-lines.js';
import { member } from '../../base/json.js';
import { RepackError } from '../../base/errors.js';
import type { SolveRequest } from '../../conda/plan/plan.js';
import type { RepodataSource } from '../../conda/record/repodata-index.js';
import { dependencyName } from '../../conda/spec/dependency.js';
import { NOARCH } from '../../conda/channel/channel.js';
import type { ExecResult } from '../../runtime/exec.js';
import { machinesHint } from '../machines-hint.js';
import { plainText, printedJson, scrubUrls } from '../printed-json.js';
import { engineTitle } from './conda-engine.js';
import type { CondaEngine } from './conda-engine.js';
import { mambaFailure, specsWithoutCandidate } from './mamba-failure.js';

export interface FailedCreate {
  result: ExecResult;
  request: SolveRequest;
  /** Puts what the engine was told back into what the user declared. */
  translate: (text: string) => string;
  source: RepodataSource;
  engine: Pick<CondaEngine, 'program' | 'version'>;
}

/** What conda says when a package, or what one needs, is in no channel; 4.3, 4.4 to 25, 26. */
const NOT_FOUND =
  /^(?:PackageNotFoundError|PackagesNotFoundError|PackagesNotFoundInChannelsError|NoPackagesFoundError|ResolvePackageNotFound)$/;
const UNSOLVABLE =
  /^(?:UnsatisfiableError|LibMambaUnsatisfiableError|RattlerUnsatisfiableError|SpecsConfigurationConflictError)$/;
const UPSTREAM =
  /^(?:CondaHTTPError|CondaSSLError|UnavailableInvalidChannel|ChannelNotAllowed|ProxyError|ConnectionFailed|CondaMultiError)$/;
/** To clean the user's package cache, which had no part in it, and to report the error there (recordings of 2.8). */
const MAMBA_ADVICE =
  /^\s*(?:If you run into this error repeatedly|Please try running `mamba clean|If you still are having issues, please report|https:\/\/github\.com\/mamba-org\/)/;
const MAX_LINES = 60;
const MAX_LINE = 400;

/**
 * Turns what a failed `create` printed into our own words, its text kept as details: E_PACKAGE_NOT_FOUND, E_NO_BASE_CHANNEL,
 * E_UNSOLVABLE, E_UPSTREAM, or E_ENGINE_FAILED for all else.
 */
export async function explainFailure(failed: FailedCreate): Promise<RepackError> {
  const { request, translate } = failed;
  const report = errorReport(failed.result);
  const details = readableLines(translate(report.text));
  const where = `channels ${request.channels.map((channel) => channel.name).join(', ')}`;
  const { kind, missing } = await classified(failed, report);
  if (kind === 'not found' || kind === 'unsolvable') {
    if (await lacksPython(failed, details)) return noBaseChannel(request, where);
  }
  const machines = machinesHint(request.profile, [...missing, ...details]);
  if (kind === 'not found' && missing.length > 0 && missing.every((each) => each.startsWith('__'))) {
    return new RepackError('E_PACKAGE_NOT_FOUND', {
      what: `${missing.join(', ')} is needed, and the machines at the site are not said to have it`,
      where,
      hint: machines,
      details,
    });
  }
  if (kind === 'not found') {
    return new RepackError('E_PACKAGE_NOT_FOUND', {
      what: `No declared channel has ${missing.length === 0 ? 'a package that is needed' : missing.join(', ')} for ${request.profile.subdir}`,
      where,
      hint: 'Check the spelling, the token and the label (private packages show only with the right ones), and --channel.',
      details,
    });
  }
  if (kind === 'unsolvable') {
    return new RepackError('E_UNSOLVABLE', {
      what: `These packages can't be installed together on ${request.profile.subdir}: ${request.specs.map((spec) => spec.text).join(', ')}`,
      where,
      hint: machines ?? 'Loosen a version, or add a channel with --channel.',
      details,
    });
  }
  if (kind === 'upstream') {
    return new RepackError('E_UPSTREAM', {
      what: `${failed.engine.program} could not get what it needs from the channels`,
      where,
      hint: 'Check the line, the token and the label, and run again.',
      details,
    });
  }
  const ended =
    failed.result.signal === undefined
      ? `exit code ${failed.result.exitCode ?? 'unknown'}`
      : `ended by ${failed.result.signal}`;
  return new RepackError('E_ENGINE_FAILED', {
    what: `${engineTitle(failed.engine)} failed (${report.name === '' ? ended : report.name})`,
    where: `${failed.engine.program} create: ${request.specs
      .map((spec) => spec.text)
      .slice(0, 20)
      .join(', ')}`,
    hint: 'Run again with --debug for all it printed, or use --engine embedded.',
    details,
  });
}

interface Classified {
  kind: 'not found' | 'unsolvable' | 'upstream' | undefined;
  /** What is in no channel. */
  missing: readonly string[];
}

async function classified({ request, source, engine }: FailedCreate, report: ErrorReport): Promise<Classified> {
  if (engine.program === 'conda') {
    if (NOT_FOUND.test(report.name)) {
      return { kind: 'not found', missing: report.packages ?? listedPackages(report.text) };
    }
    if (UNSOLVABLE.test(report.name)) return { kind: 'unsolvable', missing: [] };
    return { kind: UPSTREAM.test(report.name) ? 'upstream' : undefined, missing: [] };
  }
  const kind = mambaFailure(report.printed, report.text);
  if (kind !== 'solver') return { kind, missing: [] };
  const missing = await specsWithoutCandidate(request, source);
  return { kind: missing.length > 0 ? 'not found' : 'unsolvable', missing };
}

export interface ErrorReport {
  /** `PackagesNotFoundError`; empty where nothing could be read. */
  name: string;
  text: string;
  packages: string[] | undefined;
  /** The JSON object among what was printed. */
  printed: Record<string, unknown> | undefined;
}

export function errorReport(result: Pick<ExecResult, 'stdout' | 'stderr'>): ErrorReport {
  const fallback = `${plainText(result.stderr)}\n${plainText(result.stdout)}`;
  let printed: Record<string, unknown>;
  try {
    printed = printedJson(result.stdout, { subject: 'conda create --json', truncated: false });
  } catch {
    return { name: '', text: fallback, packages: undefined, printed: undefined };
  }
  if (Array.isArray(printed['solver_problems'])) return mambaReport(printed, printed['solver_problems'], fallback);
  const name =
    text(printed['exception_name']) ?? /^(\w+(?:Error|NotFound)):/.exec(text(printed['error']) ?? '')?.[1] ?? '';
  const packages = printed['packages'];
  // ResolvePackageNotFound of 4.4 to 4.x lists `bad_deps`, each a chain of specs that ends with what is missing.
  return {
    name,
    text: text(printed['message']) ?? summary(printed['guidance']) ?? text(printed['error']) ?? fallback,
    packages: Array.isArray(packages) ? packages.filter((each) => typeof each === 'string').map(scrubUrls) : undefined,
    printed,
  };
}

/** The log says more than the JSON, where it says anything. */
function mambaReport(printed: Record<string, unknown>, problems: readonly unknown[], all: string): ErrorReport {
  const log = all
    .replace(/^\s*\{[^]*?^\s*\}\s*$/gm, '')
    .replace(/^(?:critical|error) +libmamba /gm, '')
    .split('\n');
  const lines = [...log, ...problems.filter((each) => typeof each === 'string')];
  // The first and the last line of its log are the same.
  return { name: '', text: [...new Set(lines)].join('\n').trim(), packages: undefined, printed };
}

/** `  - ratingpro 9*` lines. */
function listedPackages(message: string): string[] {
  const until = message.search(/Current channels:|Close matches found/);
  const part = until === -1 ? message : message.slice(0, until);
  return [...part.matchAll(/^\s*-\s+(\S[^\n]*?)\s*$/gm)].map((match) => scrubUrls(match[1]!)).slice(0, MAX_LINES);
}

/** The channels are said before; the advice to look on other sites and to edit configuration files is conda's, not ours. */
export function readableLines(message: string): string[] {
  const cut = message.search(
    /Current channels:|To search for alternate channels|You will need to adjust your conda configuration|Use `conda config|Use "conda info/,
  );
  const lines = scrubUrls(cut === -1 ? message : message.slice(0, cut))
    .split('\n')
    .map((line) => line.trimEnd().slice(0, MAX_LINE))
    .filter((line) => line.trim() !== '' && !MAMBA_ADVICE.test(line));
  return fewLines(lines, MAX_LINES);
}

/** python is wanted, by the request or by what conda complains of, and no declared channel has it at all. */
async function lacksPython({ request, source }: FailedCreate, details: readonly string[]): Promise<boolean> {
  const asked = request.specs.some((spec) => spec.name === 'python');
  const named = details.some((line) => /(?:^|[\s'"-])python(?:[\s=<>!'",[]|$)/.test(line));
  if (!asked && !named && !(await needsPython({ request, source }))) return false;
  for (const channel of request.channels) {
    for (const subdir of [request.profile.subdir, NOARCH]) {
      if (((await source.repodata(channel, subdir))?.filenames('python').length ?? 0) > 0) return false;
    }
  }
  return true;
}

/** conda may name only the package that can't be had and not the python it is missing. */
async function needsPython({ request, source }: Pick<FailedCreate, 'request' | 'source'>): Promise<boolean> {
  for (const channel of request.channels) {
    for (const subdir of [request.profile.subdir, NOARCH]) {
      const index = await source.repodata(channel, subdir);
      for (const spec of request.specs) {
        for (const fn of index?.filenames(spec.name) ?? []) {
          if (index?.record(fn)?.depends.some((each) => dependencyName(each) === 'python') === true) return true;
        }
      }
    }
  }
  return false;
}

function noBaseChannel(request: SolveRequest, where: string): RepackError {
  return new RepackError('E_NO_BASE_CHANNEL', {
    what: `No declared channel has python for ${request.profile.subdir}, and it is needed`,
    where,
    hint: 'Name the channel python comes from: --channel conda-forge, --channel defaults, or --channel URL.',
  });
}

/** conda 26 says only here what an UnsatisfiableError without conflicts to show is about. */
function summary(guidance: unknown): string | undefined {
  return text(member(guidance, 'summary'));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
