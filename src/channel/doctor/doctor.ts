import { append } from '../../base/append.js';
import { splitPath } from '../../conda/channel/names.js';
import type { Finding } from '../../base/findings.js';
import { INDEX_NAMES } from '../manifest/manifest.js';
import { checkDependencies } from '../check/dependencies.js';
import { openArtifacts } from './artifacts.js';
import type { OpenedCache } from './artifacts.js';
import { checkBeside } from './beside.js';
import { isDerived } from '../index/derived-files.js';
import { checkDerived } from './derived.js';
import { namesInV3 } from '../../conda/record/repodata-document.js';
import { documentParts, misfiled, withdrawnIn } from '../index/document.js';
import { checkLetterCase, checkOtherFiles, checkStrangers, checkTwins } from './names.js';
import { longestPrefix } from './paths.js';
import type { LongPath, SitePrefix } from './paths.js';
import { remedyOf } from '../check/rules.js';
import type { Remedy, RemedyContext } from '../check/rules.js';
import type { ReadRuntime, SeenFiles } from '../read/read-folder.js';
import { lookAtFolder } from '../check/verify-folder.js';
import type { Look } from '../check/verify-folder.js';
import { asFinding, violation } from '../check/rules.js';
import type { Rule, Violation } from '../check/rules.js';

export interface DoctorFinding extends Finding {
  /** What to do now. */
  advice: string;
  /** What `--repair` (`prunes`: with `--prune`) does about it. */
  repair: Remedy;
}

export interface Diagnosis {
  dir: string;
  findings: DoctorFinding[];
  /** Regular files of the channel, and their bytes. */
  files: number;
  bytes: number;
  /** Of our manifest; undefined for a channel that others made. */
  label: string | undefined;
  generation: number | undefined;
  subdirs: string[];
  /** The longest path that a package for Windows brings, and the longest prefix it leaves room for; where there are such packages. */
  longestPath: (LongPath & { prefix: number }) | undefined;
  /** The prefix that was asked about, and whether each package fits below it. */
  site: (SitePrefix & { fits: boolean }) | undefined;
  /** No finding that makes the program end with 1. */
  ok: boolean;
}

export interface ExamineOptions {
  /** Absolute path of a channel folder, ours or anybody's. */
  dir: string;
  site?: SitePrefix | undefined;
  /** What an earlier look has hashed. */
  seen?: SeenFiles | undefined;
  /** What an earlier look has opened. */
  opened?: OpenedCache | undefined;
  /** A run of ours broke off while it published here. */
  interrupted?: boolean | undefined;
}

/** All that was seen, for a diagnosis and for a repair. */
export interface Examination extends Look, RemedyContext {
  unusable: ReadonlySet<string>;
  /** Path -> why no index may name it. */
  reasons: ReadonlyMap<string, string>;
  /** Subdir -> files made out of its index. */
  derived: ReadonlyMap<string, readonly string[]>;
  /** Paths that an index names in the form of CEP 48. */
  inV3: ReadonlySet<string>;
  longest: LongPath | undefined;
}

/**
 * Everything that `verify` sees, and: every artifact opened, twins, names and paths that do not fit the site, index files made out of
 * others, leftovers. Reads only. Throws as `lookAtFolder`.
 */
export async function examine(rt: ReadRuntime, options: ExamineOptions): Promise<Examination> {
  const { dir, site } = options;
  const look = await lookAtFolder(rt, dir, options.seen);
  const { folder, indexes, manifest } = look;
  const opened = await openArtifacts(rt, { folder, indexes, site, opened: options.opened });
  const derived = new Map<string, readonly string[]>();
  const found: Violation[] = [];
  const inV3 = new Set<string>();
  const withdrawn = new Set<string>();
  for (const [subdir, index] of indexes) {
    const path = `${subdir}/${INDEX_NAMES[0]}`;
    const parts = documentParts(folder.files.get(path)!.bytes!) ?? new Map<string, Uint8Array>();
    const [wrong, names] = [misfiled(parts), namesInV3(parts.get('v3'))];
    if (wrong.length > 0) found.push(violation('index-misfiled', path, { count: wrong.length, fn: wrong[0]! }));
    if (names.length > 0) found.push(violation('index-v3', path, { count: names.length }));
    for (const fn of names) inV3.add(`${subdir}/${fn}`);
    const removed = withdrawnIn(parts);
    for (const fn of removed) withdrawn.add(`${subdir}/${fn}`);
    const made = await checkDerived(rt, { folder, subdir, index, withdrawn: removed });
    derived.set(subdir, made.all);
    append(found, made.violations);
  }
  append(found, await checkBeside(rt, { folder, indexes, withdrawn }));
  if (options.interrupted === true) found.push(violation('run-interrupted', '.'));
  const named = new Set((manifest?.files ?? []).map(({ path }) => path));
  append(found, checkLetterCase(folder, indexes));
  append(found, checkTwins(folder), checkOtherFiles(folder, named), await checkStrangers(rt, folder));
  append(found, opened.violations, checkDependencies(look));
  // Looked at more closely here.
  const seen = look.violations.filter(({ rule }) => rule !== 'stranger');
  const examination = {
    ...look,
    ours: manifest !== undefined,
    unusable: new Set(opened.unusable.keys()),
    reasons: opened.unusable,
    derived,
    inV3,
    left: indexesLeft(look),
    longest: opened.longest,
  };
  return { ...examination, violations: withoutEchoes([...seen, ...found], examination) };
}

/** Whether `--repair` (with `prune`: and `--prune`) has anything to do. */
export function isWorthRepair(examination: Examination, { prune }: { prune: boolean }): boolean {
  const { violations, unusable, indexes, manifest } = examination;
  const named = (path: string): boolean => {
    const [subdir, fn] = splitPath(path);
    const inIndex = indexes.get(subdir)?.has(fn) === true;
    return inIndex || (manifest?.files ?? []).some((file) => file.path === path);
  };
  return violations.some((each) => {
    const { remedy } = remedyOf(each, examination);
    return (
      remedy === 'mends' || (remedy === 'prunes' && (prune || (unusable.has(each.subject) && named(each.subject))))
    );
  });
}

export function diagnosisOf(examination: Examination, site?: SitePrefix): Diagnosis {
  const { folder, manifest, violations, longest } = examination;
  const findings = violations.map((each): DoctorFinding => {
    const { remedy, advice } = remedyOf(each, examination);
    return Object.assign(asFinding(each), { advice, repair: remedy });
  });
  return {
    dir: folder.dir,
    findings,
    files: folder.files.size,
    bytes: [...folder.files.values()].reduce((sum, { size }) => sum + size, 0),
    label: manifest?.label,
    generation: manifest?.generation,
    subdirs: [...folder.subdirs],
    longestPath: longest === undefined ? undefined : { ...longest, prefix: longestPrefix(longest) },
    site: site && { ...site, fits: !findings.some(({ code }) => PATH_CODES.has(code)) },
    ok: !findings.some(({ exit }) => exit),
  };
}

/** What is said of packages that can't be below a prefix. */
const PATH_CODES: ReadonlySet<string> = new Set(['path-too-long', 'placeholder-short'] satisfies Rule[]);

/** Indexes whose files are at another address (CEP 15) and not all here: written anew they would lose their records. */
function indexesLeft({ folder, indexes }: Look): Set<string> {
  const left = new Set<string>();
  for (const [subdir, index] of indexes) {
    if (index.baseUrl === undefined) continue;
    for (const fn of index.allFilenames()) if (!folder.files.has(`${subdir}/${fn}`)) left.add(subdir);
  }
  return left;
}

/** What is reported of a name that is there in other letters. */
const MISSED: ReadonlySet<Violation['rule']> = new Set<Violation['rule']>([
  'index-missing',
  'form-missing',
  'file-missing',
  'manifest-missing-file',
  'case-clash',
]);

/** What several rules see in one file is reported once, by the rule that says most. */
function withoutEchoes(
  violations: readonly Violation[],
  { manifest, left, inV3, derived }: Pick<Examination, 'manifest' | 'left' | 'inV3' | 'derived'>,
): Violation[] {
  const about = (...rules: Violation['rule'][]): Set<string> =>
    new Set(violations.filter(({ rule }) => rules.includes(rule)).map(({ subject }) => subject));
  const corrupt = about('artifact-corrupt');
  const misnamed = about('record-name');
  const wrongInside = about('artifact-corrupt', 'artifact-mislabelled', 'name-unsafe');
  const digest = about('digest-differs');
  const better = about('partial-file', 'derived-stale', 'derived-broken', 'artifact-corrupt', 'artifact-mislabelled');
  const told = new Set<string>();
  const capitals = violations.filter(({ rule }) => rule === 'name-case');
  const inCapitals = new Set(capitals.map(({ subject }) => subject));
  const asked = new Set(capitals.map(({ values }) => values['expected']));
  return violations.filter(({ rule, subject }) => {
    const [subdir = '', fn = ''] = subject.split('/');
    // Everything else that is seen in them comes of their letters.
    if (inCapitals.has(subject) || inCapitals.has(subdir)) return rule === 'name-case';
    if (asked.has(subject) || asked.has(subdir)) return !MISSED.has(rule);
    switch (rule) {
      case 'file-missing':
        return !left.has(subdir);
      case 'file-unindexed':
      case 'file-withdrawn':
        return !wrongInside.has(subject) && !inV3.has(subject);
      case 'size-differs':
        return !digest.has(subject) && !corrupt.has(subject);
      case 'digest-differs': {
        const first = !told.has(subject);
        told.add(subject);
        return first && !corrupt.has(subject);
      }
      // No correction of the channel, and not kept.
      case 'hotfixed':
        return !misnamed.has(subject);
      case 'manifest-extra-file':
        return !better.has(subject);
      case 'unknown-file':
        return manifest === undefined;
      case 'folder':
        return fn !== '.cache' && !(fn === 'shards' && (derived.get(subdir) ?? []).some((name) => isDerived(name)));
      default:
        return true;
    }
  });
}
