import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { RepackError } from '../base/errors.js';

export interface PackagesFile {
  /** MatchSpecs as written, with the line each stands on. */
  specs: { text: string; line: number }[];
  /** `channels:` of an environment.yml, as written: told to the user, never taken as declared. */
  channels: string[];
}

/**
 * `--packages-file`: MatchSpecs, a line each (`#` begins a comment), or an `environment.yml`.
 * @throws RepackError E_SPEC_FILE naming file and line; an environment.yml with a `pip:` section is refused, since pip's packages
 * can't be delivered in a conda channel.
 */
export function readPackagesText(bytes: Uint8Array, file: string): PackagesFile {
  const text = decode(bytes, file);
  return looksLikeYaml(file, text) ? fromEnvironmentYaml(text, file) : { specs: fromLines(text), channels: [] };
}

function looksLikeYaml(file: string, text: string): boolean {
  return /\.ya?ml$/i.test(file) || /^dependencies\s*:/m.test(text);
}

function fromLines(text: string): PackagesFile['specs'] {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    // `conda list --export` writes `@EXPLICIT`-like marks only into explicit files; those are locks, not requests.
    return line === '' ? [] : [{ text: line, line: index + 1 }];
  });
}

function fromEnvironmentYaml(text: string, file: string): PackagesFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (node: unknown): number => {
    const offset = (node as { range?: readonly number[] } | undefined)?.range?.[0];
    return offset === undefined ? 1 : lines.linePos(offset).line;
  };
  const broken = document.errors[0];
  if (broken !== undefined) {
    throw new RepackError('E_SPEC_FILE', {
      what: `This is not valid YAML: ${broken.message}`,
      where: `${file}, line ${lines.linePos(broken.pos[0]).line}`,
      hint: 'Correct this line, or give the packages as MatchSpecs, a line each, in a .txt file.',
    });
  }
  const root = document.contents;
  const dependencies = isMap(root) ? root.get('dependencies', true) : undefined;
  if (!isMap(root) || !isSeq(dependencies)) {
    throw new RepackError('E_SPEC_FILE', {
      what: 'There is no list `dependencies:` in it',
      where: file,
      hint: 'Give an environment.yml, or MatchSpecs, a line each, in a .txt file.',
    });
  }
  const specs = dependencies.items.map((item) => {
    if (isScalar(item) && typeof item.value === 'string') return { text: item.value.trim(), line: lineOf(item) };
    const pip = isMap(item) && item.has('pip');
    throw new RepackError('E_SPEC_FILE', {
      what: pip
        ? 'The `pip:` section can’t be delivered: a conda channel holds conda packages only'
        : 'This dependency is not a text',
      where: `${file}, line ${lineOf(item)}`,
      hint: pip
        ? 'Take the section out, and name the conda packages of the same software instead, or build them.'
        : 'Write one MatchSpec an item; put versions in quotes.',
    });
  });
  const channels = root.get('channels', true);
  return {
    specs,
    channels: isSeq(channels) ? channels.items.flatMap((item) => (isScalar(item) ? [String(item.value)] : [])) : [],
  };
}

function decode(bytes: Uint8Array, file: string): string {
  if (bytes.byteLength > 4 * 1024 * 1024) {
    throw new RepackError('E_SPEC_FILE', {
      what: 'The packages file is larger than 4 MB',
      where: file,
      hint: 'Name the right file.',
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new RepackError('E_SPEC_FILE', {
      what: 'The packages file is not UTF-8 text',
      where: file,
      hint: 'Save it as UTF-8.',
      cause,
    });
  }
}
