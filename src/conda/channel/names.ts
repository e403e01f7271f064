import { nearest } from '../../base/nearest.js';
import { RepackError } from '../../base/errors.js';
import { NOARCH } from './channel.js';
import type { Subdir } from './channel.js';
import type { ArtifactFormat } from '../record/records.js';

/** CEP 26: `64 + 64 + 64` for name, version and build, the separators and an extension of at most 16. */
const MAX_DIST_FILENAME = 211;
/** CEP 26, "Label names". */
const MAX_LABEL = 128;
/** CEP 26, "Subdir names". */
const MAX_SUBDIR = 32;
/** CEP 26, "Package names". */
const MAX_PACKAGE_NAME = 64;
/** The longest file name that NTFS, APFS and ext4 all take. */
const MAX_SEGMENT = 255;

/** Subdirs that channels are known to have. CEP 26 leaves the list open: `parseSubdir` takes others too. */
export const KNOWN_SUBDIRS: readonly Subdir[] = [
  NOARCH,
  'emscripten-wasm32',
  'freebsd-64',
  'linux-32',
  'linux-64',
  'linux-aarch64',
  'linux-armv6l',
  'linux-armv7l',
  'linux-loongarch64',
  'linux-ppc64',
  'linux-ppc64le',
  'linux-riscv32',
  'linux-riscv64',
  'linux-s390x',
  'osx-64',
  'osx-arm64',
  'wasi-wasm32',
  'win-32',
  'win-64',
  'win-arm64',
  'zos-z',
];

/** `numpy-1.26.4-py39h1234_0.conda` taken apart; `stem` is the name without its extension. */
export interface DistFilename {
  name: string;
  version: string;
  build: string;
  format: ArtifactFormat;
  stem: string;
}

/**
 * Customer label: CEP 26's rule for labels (`^[a-zA-Z][0-9a-zA-Z_\-\./]*$`, at most 128) without `/`, because a label is one
 * folder below ROOT, and without what Windows or a case-folding site can't hold. Throws E_LABEL.
 */
export function parseLabel(text: string): string {
  const problem = labelProblem(text);
  if (problem === undefined) return text;
  throw new RepackError('E_LABEL', {
    what: `label ${shown(text)} can't be used: ${problem}`,
    where: `LABEL ${shown(text)}`,
    hint:
      'A label is one folder name: a letter, then letters, digits, "_", "-" or "." (CEP 26: ^[a-zA-Z][0-9a-zA-Z_.-]*$ without "/", ' +
      `at most ${MAX_LABEL} characters), for example "halkbank".`,
  });
}

/** Subdir name, CEP 26: `noarch` or `^[a-z0-9]+-[a-z0-9]+$`, at most 32 characters. Throws E_SUBDIR. */
export function parseSubdir(text: string): Subdir {
  if (isSubdir(text)) return text;
  const near = nearestSubdir(text);
  throw new RepackError('E_SUBDIR', {
    what: `${shown(text)} is not the name of a subdir`,
    where: `subdir ${shown(text)}`,
    hint: `${near === undefined ? '' : `Did you mean ${near}? `}Known subdirs are ${KNOWN_SUBDIRS.join(', ')} (CEP 26: "noarch" or ^[a-z0-9]+-[a-z0-9]+$, at most ${MAX_SUBDIR} characters).`,
  });
}

/** The known subdir that was probably meant: by other tools' names for it, or by few letters. */
export function nearestSubdir(text: string): Subdir | undefined {
  const lower = text.toLowerCase();
  const plain = lower
    .replace(/^(?:macos|darwin|mac)/, 'osx')
    .replace(/^windows/, 'win')
    .replace(/[-_]?(?:x86[-_]64|amd64|x64)$/, '-64')
    .replace(/^linux[-_]?arm64$/, 'linux-aarch64')
    .replace(/^(linux|osx|win)$/, '$1-64');
  return nearest(plain, KNOWN_SUBDIRS);
}

export function isSubdir(text: string): boolean {
  return text === NOARCH || (text.length <= MAX_SUBDIR && /^[a-z0-9]+-[a-z0-9]+$/.test(text));
}

/**
 * One segment of a path that we make or follow: ASCII letters, digits and `_ . + ! -`, no leading dot or dash, no trailing dot,
 * no reserved Windows name on any OS (sites may be Windows), at most 255 characters. `what` says in the message what was
 * being named. Throws E_NAME.
 */
export function safeSegment(text: string, what: string): string {
  const problem = segmentProblem(text);
  if (problem === undefined) return text;
  throw new RepackError('E_NAME', {
    what: `${what} ${shown(text)} can't be used as a file or folder name: ${problem}`,
    where: `${what} ${shown(text)}`,
    hint: 'Allowed are ASCII letters, digits and "_", ".", "+", "!", "-", beginning with a letter, digit or "_" and not ending with a dot.',
  });
}

/**
 * Distribution file name `<name>-<version>-<build>.conda` or `.tar.bz2` (CEP 26, at most 211 characters), safe on every file
 * system: the guard against `../` in a channel's records (GHSA-h672-p7h7-97v9). Throws E_RECORD.
 */
export function parseDistFilename(fn: string): DistFilename {
  const problem = segmentProblem(fn);
  if (problem !== undefined) throw badFilename(fn, problem);
  if (fn.length > MAX_DIST_FILENAME) {
    throw badFilename(fn, `it has ${fn.length} characters, the limit is ${MAX_DIST_FILENAME} (CEP 26)`);
  }
  const format = formatOf(fn);
  if (format === undefined) throw badFilename(fn, 'it ends neither with ".conda" nor with ".tar.bz2"');
  const stem = fn.slice(0, -(format.length + 1));
  const parts = /^([A-Za-z0-9_][A-Za-z0-9_.-]*)-([A-Za-z0-9_.+!]+)-([A-Za-z0-9_.+]+)$/.exec(stem);
  if (parts === null) throw badFilename(fn, 'it is not made of <name>-<version>-<build>');
  return { name: parts[1]!, version: parts[2]!, build: parts[3]!, format, stem };
}

/** `<subdir>/<fn>`: where an artifact lies in a channel. */
export function pathOf({ subdir, fn }: { subdir: Subdir; fn: string }): string {
  return `${subdir}/${fn}`;
}

/** The first folder of a path in a channel, empty for a file at its root, and the rest. */
export function splitPath(path: string): [folder: string, name: string] {
  const slash = path.indexOf('/');
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)];
}

/** The format that a file name's extension stands for; undefined for any other file. */
export function formatOf(fn: string): ArtifactFormat | undefined {
  if (fn.endsWith('.conda')) return 'conda';
  return fn.endsWith('.tar.bz2') ? 'tar.bz2' : undefined;
}

/** CEP 26, names of packages that have an artifact, at most 64 characters. The rule is case-insensitive. */
export function isPackageName(text: string): boolean {
  return text.length <= MAX_PACKAGE_NAME && /^(?:[a-z0-9]|_(?!_))[._-]?(?:[a-z0-9]+(?:[._-]|$))*$/i.test(text);
}

/** CEP 26, names of virtual packages: `__glibc`, `__cuda`. */
export function isVirtualPackageName(text: string): boolean {
  return text.length <= MAX_PACKAGE_NAME && /^__[a-z0-9][._-]?(?:[a-z0-9]+(?:[._-]|$))*$/.test(text);
}

/**
 * The first two different names that a case-folding or form-folding file system (Windows, macOS) takes for one; undefined
 * when there are none. A name that is repeated exactly is no clash.
 */
export function caseFoldClash(names: Iterable<string>): readonly [string, string] | undefined {
  const seen = new Map<string, string>();
  for (const name of names) {
    const folded = caseFold(name);
    const other = seen.get(folded);
    if (other !== undefined && other !== name) return [other, name];
    seen.set(folded, name);
  }
  return undefined;
}

/** The key under which a case-folding file system would store a name. Upper case first: it turns sharp s into SS. */
export function caseFold(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase();
}

function labelProblem(text: string): string | undefined {
  if (text === '') return 'it is empty';
  const bad = offendingSegment(text);
  if (bad !== undefined) return bad;
  if (/[/\\]/.test(text)) return 'it has a "/" or "\\", but must be one folder name';
  if (text.length > MAX_LABEL) return `it has ${text.length} characters, the limit is ${MAX_LABEL} (CEP 26)`;
  if (/[+!]/.test(text)) return `it holds ${shown(/[+!]/.exec(text)![0])}, which CEP 26 does not allow in a label`;
  if (!/^[A-Za-z]/.test(text))
    return `it begins with ${shown(text.slice(0, 1))}, but must begin with a letter (CEP 26)`;
  if (text.toLowerCase() === 'nolabel') return 'CEP 26 reserves "nolabel" for packages without a label';
  return undefined;
}

/** What is wrong with the first bad segment of a label that may have been given as a path. */
function offendingSegment(text: string): string | undefined {
  const segments = text.split(/[/\\]/);
  for (const segment of segments) {
    const where = segments.length > 1 ? `its part ${shown(segment)}: ` : '';
    const problem = segmentProblem(segment);
    if (problem !== undefined) return where + problem;
    if (KNOWN_SUBDIRS.includes(segment.toLowerCase())) {
      return `${where}${shown(segment)} is the name of a subdir, which CEP 26 leaves undefined as a label`;
    }
  }
  return undefined;
}

function segmentProblem(text: string): string | undefined {
  if (text === '') return 'it is empty';
  if (text === '.' || text === '..') return `${shown(text)} means another folder`;
  const foreign = /[^A-Za-z0-9_.+!-]/.exec(text);
  if (foreign !== null) return `it holds ${shown(foreign[0])} at position ${foreign.index + 1}`;
  if (/^[.-]/.test(text)) return `it begins with ${shown(text.slice(0, 1))}`;
  if (text.endsWith('.')) return 'it ends with a dot, which Windows drops';
  const device = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)/i.exec(text);
  if (device !== null) return `${shown(device[0])} is a device name on Windows`;
  if (text.length > MAX_SEGMENT) return `it has ${text.length} characters, the limit is ${MAX_SEGMENT}`;
  return undefined;
}

function badFilename(fn: string, problem: string): RepackError {
  return new RepackError('E_RECORD', {
    what: `${shown(fn)} is not a safe distribution file name: ${problem}`,
    where: `record ${shown(fn)}`,
    hint: 'Nothing with this name is fetched or written. Report it to the owner of the channel.',
  });
}

/** Quoted, control characters escaped, cut at 60 characters. */
export function shown(text: string): string {
  return controlsShown(JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text));
}

/** Control characters and what turns the writing direction as `\u001b`, line feeds and tabs as they are. JSON leaves some of them. */
export function controlsShown(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Package name of a distribution file name, without a look at its record; undefined where it has none. */
export function nameInFilename(fn: string): string | undefined {
  const build = fn.lastIndexOf('-');
  const version = build <= 0 ? -1 : fn.lastIndexOf('-', build - 1);
  return version <= 0 ? undefined : fn.slice(0, version);
}

/** As PyPI takes names for the same (PEP 503). */
export function pypiName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}
