import { LineCounter, isMap, isScalar, parseDocument, visit } from 'yaml';
import type { Document, Node, Pair, YAMLError, YAMLMap } from 'yaml';
import { RepackError } from '../../base/errors.js';
import { shown } from '../../conda/channel/names.js';
import { createRedactor } from '../../base/redact.js';
import { brokenForm, swallowedKeys } from './parse-broken-forms.js';
import type { BrokenForm, SwallowedKey } from './parse-broken-forms.js';

/** A mirror file is a few pages of text; more is a wrong file. */
const MAX_BYTES = 1024 * 1024;
/** More open brackets than any list of lists needs; the YAML reader recurses. */
const MAX_NESTING = 50;

/** A key with its value, and where things stand. Nothing is judged yet. */
export interface YamlEntry {
  readonly key: string;
  /** Undefined where nothing stands after the colon. */
  readonly value: Node | undefined;
  readonly line: number;
  readonly place: Place;
}

/** Where in the text: for messages, and for `--explain`. */
export interface Place {
  readonly line: number;
  /** `FILE, line 3, column 5` */
  readonly where: string;
}

export interface YamlFile {
  readonly entries: readonly YamlEntry[];
  place(node: Node): Place;
  /** Comments that end with a key and are followed by a list which now belongs to the key before. */
  readonly swallowed: readonly SwallowedKey[];
  /** Throws E_MIRROR_FILE: what is wrong at `place`, or the broken form that lies behind it. */
  refuse(place: Place, parts: { what: string; hint: string }): never;
}

/**
 * Reads the text as YAML 1.2, without judging keys. `keys`: those that exist, for the diagnosis of broken forms.
 * @throws RepackError E_MIRROR_FILE: not UTF-8, too big, empty, not YAML, a key twice, aliases.
 */
export function readYaml(input: string | Uint8Array, file: string, keys: readonly string[]): YamlFile {
  const text = typeof input === 'string' ? input : decode(input, file);
  refuseText(text, file);
  const lines = new LineCounter();
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, where: `${file}, line ${line}, column ${col}` };
  };
  const refuse = (place: Place, parts: { what: string; hint: string }): never => {
    const form = brokenForm(text, place.line, keys);
    throw form === undefined ? mirrorFileError(place.where, parts) : formError(file, form);
  };
  const document = parsed(text, file, lines);
  const error = document.errors[0] ?? document.warnings[0];
  if (error !== undefined) refuse(at(error.pos[0]), yamlProblem(error, text));
  const place = (node: Node): Place => at(node.range?.[0] ?? 0);

  const root = document.contents;
  if (root === null) {
    throw mirrorFileError(`${file}, line 1`, {
      what: 'The mirror file is empty',
      hint: 'Write at least where the mirror is:\n  mirror_dir: /srv/mirror/main',
    });
  }
  if (!isMap(root)) {
    return refuse(place(root as Node), {
      what: 'A mirror file is made of `key: value` lines',
      hint: 'Write for example:\n  mirror_dir: /srv/mirror/main\n  platforms: [linux-64]',
    });
  }
  visit(document, { Alias: (_, node) => refuse(place(node), ALIAS) });
  return {
    entries: (root as YAMLMap<unknown, unknown>).items.map((pair) => entryOf(pair, place, refuse)),
    place,
    swallowed: swallowedKeys(text, keys),
    refuse,
  };
}

export function mirrorFileError(
  where: string,
  { what, hint, cause }: { what: string; hint: string; cause?: unknown },
): RepackError {
  const { redact } = createRedactor();
  return new RepackError('E_MIRROR_FILE', { what: redact(what), where, hint: redact(hint), cause });
}

function refuseBigMirrorFile(size: number, file: string): void {
  if (size <= MAX_BYTES) return;
  throw mirrorFileError(file, {
    what: `The file is ${(size / 1e6).toFixed(1)} MB, too big for a mirror file`,
    hint: 'Name the right file: it is a page of text. Long lists of packages fit into 1 MB.',
  });
}

const ALIAS = {
  what: 'YAML anchors and aliases (&name, *name) are not read here',
  hint: 'Write the value out. A name that begins with a star stands in quotes: "*-dbg".',
};

function entryOf(pair: Pair<unknown, unknown>, place: (node: Node) => Place, refuse: YamlFile['refuse']): YamlEntry {
  const key = pair.key as Node;
  if (!isScalar(key)) {
    return refuse(place(key), {
      what: 'A key must be a plain word',
      hint: 'Write `key: value`. Nothing is filled in here: templates ({{ … }}) are not known.',
    });
  }
  const value = (pair.value ?? undefined) as Node | undefined;
  const nothing = isScalar(value) && value.value === null && (value.source ?? '') === '';
  const where = place(key);
  return { key: String(key.value), value: nothing ? undefined : value, line: where.line, place: where };
}

function parsed(text: string, file: string, lineCounter: LineCounter): Document {
  try {
    return parseDocument(text, { lineCounter, uniqueKeys: true, prettyErrors: false, logLevel: 'error' });
  } catch (cause) {
    throw mirrorFileError(file, {
      what: 'This is not YAML that can be read',
      hint: 'A mirror file is made of plain `key: value` lines and lists.',
      cause,
    });
  }
}

/** What the YAML library says, in words for somebody who wrote a list of packages. */
function yamlProblem(error: YAMLError, text: string): { what: string; hint: string } {
  const offset = error.pos[0];
  switch (error.code) {
    case 'DUPLICATE_KEY': {
      const key = /^[^\s:]+/.exec(text.slice(offset))?.[0] ?? '';
      const first = text.split('\n').findIndex((line) => line.startsWith(`${key}:`)) + 1;
      return {
        what: `The key "${key}" is there twice${first > 0 ? `, first on line ${first}` : ''}`,
        hint: 'Keep one of the two, and join their lists.',
      };
    }
    case 'TAB_AS_INDENT':
      return { what: 'A tab stands where YAML wants blanks', hint: 'Replace the tab by two blanks.' };
    case 'MULTIPLE_DOCS':
      return { what: 'A second document begins here (`---`)', hint: 'One file is one mirror: make two files of it.' };
    case 'TAG_RESOLVE_FAILED':
      return { what: 'YAML tags (`!name`) are not read here', hint: 'Write the value plainly.' };
    case 'BAD_DQ_ESCAPE':
      return {
        what: 'A backslash in double quotes is no path to YAML',
        hint: "Write the path in single quotes ('C:\\mirror\\main') or with slashes (C:/mirror/main).",
      };
    case 'BAD_SCALAR_START':
      return {
        what: `A value can't begin with ${JSON.stringify(text.slice(offset, offset + 1))} in YAML`,
        hint: 'Put it in quotes: "…".',
      };
    case 'MISSING_CHAR': {
      const open = openQuote(text);
      if (open === undefined || !/quote/.test(error.message)) break;
      return { what: 'A quote is not closed', hint: `It begins on line ${open}: put the missing quote at its end.` };
    }
    case 'BAD_INDENT':
      if (!/flow/i.test(error.message)) break;
      return {
        what: 'A list in brackets is not closed',
        hint: 'Put the missing "]" (or "}") at the end of the list above.',
      };
  }
  if (/scalar at node end/.test(error.message)) {
    return {
      what: 'Text follows where the value has ended',
      hint: 'Is a quote or a comma at the wrong place? Put the whole text in quotes.',
    };
  }
  if (/call stack/.test(error.message)) {
    return { what: 'Lists are nested too deeply here', hint: 'A mirror file has plain lists. Is this really one?' };
  }
  return {
    what: `This is not valid YAML: ${error.message}`,
    hint: 'Keys begin in the first column; the items of a list stand below their key, as `  - item`.',
  };
}

/** Line of the first quote without a partner on its line. */
function openQuote(text: string): number | undefined {
  const at = text.split('\n').findIndex((line) => {
    const value = line.replace(/(^|\s)#.*/, '');
    return ['"', "'"].some((quote) => (value.split(quote).length - 1) % 2 === 1);
  });
  return at < 0 ? undefined : at + 1;
}

function formError(file: string, form: BrokenForm): RepackError {
  return mirrorFileError(`${file}, line ${form.line}, column ${form.column}`, form);
}

function decode(bytes: Uint8Array, file: string): string {
  refuseBigMirrorFile(bytes.byteLength, file);
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || first === 0 || second === 0) {
    throw mirrorFileError(`${file}, line 1, column 1`, {
      what: 'The file is UTF-16',
      hint: 'Save it as UTF-8 (Notepad: "Save as", Encoding "UTF-8"; PowerShell: Set-Content -Encoding utf8).',
    });
  }
  try {
    // A leading byte order mark is taken off by the decoder.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const lenient = new TextDecoder('utf-8').decode(bytes);
    const before = lenient.slice(0, Math.max(0, lenient.indexOf('�'))).split('\n');
    throw mirrorFileError(`${file}, line ${before.length}, column ${before.at(-1)!.length + 1}`, {
      what: 'The file is not UTF-8 text',
      hint: 'Save it as UTF-8.',
      cause,
    });
  }
}

/** What makes any reading of the text wrong, before YAML is asked. */
function refuseText(text: string, file: string): void {
  if (!text.includes('\n') && text.includes('\r')) {
    throw mirrorFileError(`${file}, line 1`, {
      what: 'The lines end with a lone carriage return, so YAML sees one single line',
      hint: 'Save the file with Unix (LF) or Windows (CRLF) line ends.',
    });
  }
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(text)) {
    throw mirrorFileError(`${file}, line 1`, {
      what: 'This is a web page and no mirror file',
      hint: 'Save the text of the file itself: a server or a login page has answered in its place.',
    });
  }
  const complain = (at: number, parts: { what: string; hint: string }): never => {
    const before = text.slice(0, at).split('\n');
    throw mirrorFileError(`${file}, line ${before.length}, column ${before.at(-1)!.length + 1}`, parts);
  };
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if ((char < ' ' && !'\t\r\n'.includes(char)) || char === '\u007f') {
      complain(at, {
        what: `A control character (${shown(char)}) is in the text`,
        hint: 'Delete it. Is this really a mirror file?',
      });
    }
    if (char === '[' || char === '{') depth++;
    else if (char === ']' || char === '}') depth--;
    if (depth > MAX_NESTING) {
      complain(at, {
        what: `More than ${MAX_NESTING} brackets are open here`,
        hint: 'A mirror file has plain lists: close the brackets.',
      });
    }
  }
}
