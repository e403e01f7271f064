import { NOARCH } from '../channel/channel.js';
import type { Channel } from '../channel/channel.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import { buildMatches } from './build-pattern.js';
import { isPackageName, isSubdir, shown } from '../channel/names.js';
import type { PackageRecord } from '../record/records.js';
import { specText } from './spec-text.js';
import type { SpecFields } from './spec-text.js';
import { channelPlace, condaVersion, cutSpec, hasStrayBlank } from './spec-parts.js';
import type { SpecParts } from './spec-parts.js';
import { ordered, parseVersionSpec, versionMatches, versionSpecText } from './version-spec.js';

/**
 * What a user or a record asks for, taken apart (CEP 29). `text` is the canonical spelling, chosen so that every client reads the same
 * in it. conda 4.3 does so where `isPlainSpec`, save that `name=1.9=build` does not take 1.9.0 there.
 */
export interface MatchSpec extends SpecFields {
  readonly text: string;
}

const MAX_SPEC = 1024;
const APART = 'Give two packages as two arguments, or on two lines of a --packages-file.';
const KEYS = ['version', 'build', 'build_number', 'channel', 'subdir'];
/** Clauses with a star that conda and rattler read alike: anywhere, and where they are all there is. */
const PLAIN_STAR = /^(?:(?:=|>=|!=)?[^*=<>!~]+\.\*|[^*=<>!~]*\*|>=\*)$/;
const PLAIN_ALONE = /^(?:==?\*|=[^*=<>!~]+\*)$/;
const EXAMPLES =
  'Write it like ratingpro, "numpy>=1.26,<2", pytho=1.9, "sympy!=1.1" or "python=3.11.*=*_cpython", in quotes where a shell would take <, > or ! for its own.';

/**
 * A MatchSpec as typed by a person: `ratingpro`, `numpy>=1.26,<2`, `pytho=1.9` (fuzzy), `pytho==1.9` and `pytho 1.9` (exact),
 * `python=3.11.*=*_cpython`, `name version build`, `name[version='>=1',build=x]`, `channel::name`, `channel/subdir::name`.
 * Refused with E_SPEC: files, URLs, options, features, wildcards in the name, regular expressions, and spellings that programs
 * read differently. Whether the channel is declared is the caller's question: `specChannelAllowed`.
 */
export function parseMatchSpec(text: string): MatchSpec {
  const wrong = wrongKind(text);
  if (wrong !== undefined) throw refused(text, wrong.problem, wrong.hint);
  const parts = cutSpec(text.trim());
  if ('problem' in parts) throw refused(text, parts.problem);
  const name = parts.name.toLowerCase();
  const problem = nameProblem(name) ?? keyProblem(parts);
  if (problem !== undefined) throw refused(text, problem);
  if (parts.ambiguous) {
    const bareVersion = parts.version!.replace(/^=\s*/, '');
    throw refused(
      text,
      'conda takes its version for exact, CEP 29 for fuzzy',
      `Write ${name}=${bareVersion}=${parts.build} (exact) or ${name}=${bareVersion}.*=${parts.build} (fuzzy).`,
    );
  }
  const { channel, subdir } = placeOf(text, parts);
  return withText({
    name,
    version: checkedVersion(text, parts),
    build: checkedBuild(text, parts.build ?? parts.keys.get('build')),
    buildNumber: checkedBuildNumber(text, parts.keys.get('build_number')),
    channel,
    subdir,
  });
}

/** A MatchSpec from its parts, which must be as `MatchSpec` describes them. */
export function withText(parts: SpecFields): MatchSpec {
  const given = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as unknown as Omit<
    MatchSpec,
    'text'
  >;
  return { ...given, text: specText(given) };
}

/** True where `text` needs neither brackets nor a channel: then conda 4.3 understands it too. */
export function isPlainSpec(spec: MatchSpec): boolean {
  // conda 4.3 reads `!=1.9.*` as "not the version 1.9.*", which excludes nothing.
  return !/[[:]|!=[^,|]*\*/.test(spec.text);
}

/** Those that are asked for on one platform: a spec that names another platform's subdir is not. */
export function specsFor(specs: readonly MatchSpec[], platform: string): MatchSpec[] {
  return specs.filter(({ subdir }) => subdir === undefined || subdir === NOARCH || subdir === platform);
}

/** Name, version, build, build number and subdir; the channel is the caller's question. A record without subdir fits any. */
export function specMatches(
  spec: MatchSpec,
  record: Pick<PackageRecord, 'name' | 'version' | 'build' | 'build_number'> & { subdir?: string | undefined },
): boolean {
  if (spec.name !== record.name.toLowerCase()) return false;
  if (spec.version !== undefined && !versionMatches(spec.version, record.version)) return false;
  if (spec.build !== undefined && !buildMatches(spec.build, record.build)) return false;
  if (spec.buildNumber !== undefined && !buildNumberMatches(spec.buildNumber, record.build_number)) return false;
  return spec.subdir === undefined || record.subdir === undefined || spec.subdir === record.subdir;
}

/** True where a spec names no channel, or one of those declared. */
export function specChannelAllowed(spec: MatchSpec, channels: readonly Channel[]): boolean {
  return spec.channel === undefined || channelsOfSpec(spec, channels).length > 0;
}

/**
 * The declared channels that a spec may be satisfied from, in the order given: by identity URL, by name, by the path of the URL
 * (`pkgs/main`), and by the first part of the name, so that `defaults` stands for `defaults/main` and `defaults/r`. All when it
 * names none.
 */
export function channelsOfSpec(spec: Pick<MatchSpec, 'channel'>, channels: readonly Channel[]): readonly Channel[] {
  const wanted = spec.channel;
  if (wanted === undefined) return channels;
  const exact = channels.filter(
    (channel) => channel.url === wanted || channel.name === wanted || urlPath(channel.url) === wanted,
  );
  if (exact.length > 0) return exact;
  return wanted === 'defaults' ? channels.filter((channel) => channel.name.startsWith('defaults/')) : [];
}

function buildNumberMatches(constraint: string, buildNumber: number): boolean {
  const match = /^(==|!=|<=|>=|<|>|=)?([0-9]+)$/.exec(constraint)!;
  const operator = match[1] === undefined || match[1] === '=' ? '==' : (match[1] as '==');
  return ordered(operator, buildNumber - Number(match[2]));
}

/** Things that are no MatchSpec at all, each with its own advice. */
function wrongKind(text: string): { problem: string; hint?: string } | undefined {
  const spec = text.trim();
  if (spec === '') return { problem: 'it is empty' };
  if (spec.length > MAX_SPEC) return { problem: `it has ${spec.length} characters, the limit is ${MAX_SPEC}` };
  if ([...text].some((char) => char < ' ' || char === '\u007f')) return { problem: 'it holds a control character' };
  if (spec.startsWith('-')) {
    return {
      problem: 'it begins with "-"',
      hint: 'Packages are MatchSpecs; nothing is passed on to conda as an option. Our own options are listed by --help.',
    };
  }
  if (/\.(conda|tar\.bz2)(?![a-z0-9])/i.test(spec)) {
    return {
      problem: 'it is a package file',
      hint: 'Upload the file to a channel and name the package, or declare the folder channel it lies in with --channel file:///…',
    };
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(spec) && !/.::[^/]*$/.test(spec)) {
    return { problem: 'it is a URL', hint: 'Declare the channel with --channel URL and name the package.' };
  }
  if (/^([.~]{0,2}[/\\]|~|[a-z]:[\\/]|file:(?!\/\/))/i.test(spec)) {
    return { problem: 'it is a path', hint: 'Name the package; specs from a file are read with --packages-file.' };
  }
  if (/\.(?:txt|yml|lock)$|^(?:environment|conda-lock|requirements|manifest)\.(?:yaml|json)$/i.test(spec)) {
    return { problem: 'it is a file', hint: 'Name the package; specs from a file are read with --packages-file.' };
  }
  if (/^[\w.-]+(?:\s*,\s*[a-z_][\w.-]*)+$/i.test(spec)) return { problem: 'it has several names', hint: APART };
  if (/["`$;&#]/.test(spec.replace(/\[.*\]$/, '')))
    return { problem: `it holds ${shown(/["`$;&#]/.exec(spec)![0])}, which looks like a remnant of a shell's quoting` };
  if (/@/.test(spec.replace(/^.*::/, '')))
    return {
      problem: 'it asks for a feature (@)',
      hint: 'Features are gone from conda: name the package or build string that is wanted.',
    };
  return undefined;
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'it has no package name';
  if (name.includes('*')) return 'its name has a wildcard: every package must be named';
  if (name.startsWith('__'))
    return `${shown(name)} is a virtual package: say what the machines have with --virtual-package`;
  if (!isPackageName(name))
    return `${shown(name)} is not a package name (CEP 26: letters, digits, single "-", "_" or ".", at most 64 characters)`;
  return undefined;
}

function keyProblem(parts: SpecParts): string | undefined {
  for (const key of parts.keys.keys()) {
    if (key === 'features' || key === 'track_features')
      return `it asks for features ("${key}"), which are gone from conda`;
    if (!KEYS.includes(key)) return `the key "${key}" can't be asked for (known are ${KEYS.join(', ')})`;
    const twice = (key === 'version' || key === 'build' || key === 'channel') && parts[key] !== undefined;
    if (twice) return `its ${key} is given twice, before and in the square brackets`;
  }
  return undefined;
}

function placeOf(text: string, parts: SpecParts): { channel: string | undefined; subdir: string | undefined } {
  const written = parts.channel ?? parts.keys.get('channel');
  const subdirKey = parts.keys.get('subdir');
  if (subdirKey !== undefined && !isSubdir(subdirKey)) throw refused(text, `${shown(subdirKey)} is not a subdir`);
  if (written === undefined) return { channel: undefined, subdir: subdirKey };
  const credentials = /@|\/t\//.test(written);
  if (credentials)
    throw refused(
      text.replace(/^.*::/, '…::'),
      'its channel holds a token or password',
      'Name the channel without it: the token is given once, for the whole run.',
    );
  const place = channelPlace(written);
  const channel = place.channel!;
  const subdir = place.subdir ?? subdirKey;
  if (subdirKey !== undefined && subdir !== subdirKey) throw refused(text, 'its subdir is given twice');
  const named = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/;
  const address = /^(?:https?|file):\/\/[A-Za-z0-9_./:-]+$/;
  if (!named.test(channel) && !address.test(channel))
    throw refused(text, `${shown(channel)} is not the name or URL of a channel`);
  return { channel, subdir };
}

function checkedVersion(text: string, { version: plain, build, keys }: SpecParts): string | undefined {
  const version = plain ?? keys.get('version');
  if (version === undefined) return undefined;
  if (hasStrayBlank(version)) throw refused(text, 'it has more than a name, a version and a build', APART);
  const spec = versionSpecOf(text, condaVersion(version, plain !== undefined && build !== undefined));
  if (spec.flat().some((clause) => clause.kind === 'glob'))
    throw refused(text, 'a "*" may stand only at the end of a version');
  const starred = version.match(/[^,|()\s]*\*[^,|()\s]*/g) ?? [];
  const odd = PLAIN_ALONE.test(version.replaceAll(/\s/g, ''))
    ? undefined
    : starred.find((each) => !PLAIN_STAR.test(each));
  if (odd !== undefined)
    throw refused(
      text,
      `programs read ${shown(odd)} differently`,
      'Leave the star out, or write 1.9.* without an operator.',
    );
  const canonical = versionSpecText(spec);
  return canonical === '*' ? undefined : canonical;
}

function versionSpecOf(text: string, version: string): ReturnType<typeof parseVersionSpec> {
  try {
    return parseVersionSpec(version);
  } catch (error) {
    if (!isRepackError(error)) throw error;
    throw refused(text, error.what, error.hint);
  }
}

function checkedBuild(text: string, build: string | undefined): string | undefined {
  if (build === undefined || build === '*') return undefined;
  if (build.length > 64 || !/^[A-Za-z0-9_.+*]+$/.test(build)) {
    throw refused(
      text,
      `${shown(build)} is not a build string (CEP 26: letters, digits, "_", "." and "+"; "*" for any run of them)`,
    );
  }
  return build;
}

function checkedBuildNumber(text: string, buildNumber: string | undefined): string | undefined {
  if (buildNumber === undefined || buildNumber === '*') return undefined;
  // py-rattler and old condas take a bare number only.
  if (!/^[0-9]{1,9}$/.test(buildNumber)) throw refused(text, `${shown(buildNumber)} is not a build number`);
  return String(Number(buildNumber));
}

function urlPath(url: string): string {
  return url.replace(/^[a-z]+:\/\/[^/]*\//, '');
}

function refused(text: string, problem: string, hint: string = EXAMPLES): RepackError {
  const safe = text.replace(/\/\/[^/@\s]*@/g, '//…@').replace(/\/t\/[^/\s"']*/g, '/t/…');
  return new RepackError('E_SPEC', {
    what: `package ${shown(safe)} can't be asked for: ${problem}`,
    where: `package ${shown(safe)}`,
    hint,
  });
}
