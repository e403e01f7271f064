import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node, YAMLMap } from 'yaml';
import type { RepackError } from '../../base/errors.js';
import { brokenForm } from './broken-forms.js';
import { refuseText, yamlProblem } from './problems.js';
import { fileError, textOf } from './text-file.js';
import type { FileForm, Parts } from './text-file.js';

/** Keys, and positions in lists from 0, from the root on. */
export type Path = readonly PropertyKey[];

/** Where in the text: for messages, and for what is reported of an entry later. */
export interface Place {
  readonly line: number;
  readonly offset: number;
  /** `FILE, line 3, column 5` */
  readonly where: string;
}

/** A file of `key: value` lines. Nothing is judged yet. */
export interface YamlFile {
  readonly text: string;
  readonly form: FileForm;
  /** Undefined where nothing but comments stands in it. */
  readonly root: YAMLMap<Node, Node | null> | undefined;
  place(node: Node): Place;
  /** Where the value at `path` begins; where nothing stands there, its key, else what it would stand in. */
  at(path: Path): Place;
  /** Where its key begins. */
  keyAt(path: Path): Place;
  /** To be thrown: what is wrong at `place`, or the broken form that lies behind it. */
  error(place: Place, parts: Parts): RepackError;
}

/**
 * Reads bytes, or a text, as YAML 1.2.
 * @throws RepackError with the form's code: not UTF-8, too big, not YAML, a key twice, no `key: value` lines.
 */
export function readYaml(input: string | Uint8Array, file: string, form: FileForm): YamlFile {
  const text = typeof input === 'string' ? input : textOf(input, file, form);
  refuseText(text, file, form);
  const lines = new LineCounter();
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, offset, where: `${file}, line ${line}, column ${col}` };
  };
  const error = (place: Place, parts: Parts): RepackError => {
    const broken = brokenForm(text, place.line, form);
    if (broken === undefined) return fileError(form, place.where, parts);
    return fileError(form, `${file}, line ${broken.line}, column ${broken.column}`, broken);
  };
  const document = parsed(text, file, form, lines);
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) throw error(placeOf(problem.pos[0]), yamlProblem(problem, text, form));
  const root = document.contents;
  if (root !== null && !isMap(root)) {
    throw error(placeOf(root.range?.[0] ?? 0), {
      what: `A ${form.name} is made of \`key: value\` lines`,
      hint: `Write for example:\n  ${form.example}`,
    });
  }
  const place = (node: Node | undefined): Place => placeOf(node?.range?.[0] ?? 0);
  const mapping = (root ?? undefined) as YAMLMap<Node, Node | null> | undefined;
  return {
    text,
    form,
    root: mapping,
    place,
    at(path) {
      const { value, key } = find(mapping, path);
      return place(isNothing(value) ? key : value);
    },
    keyAt: (path) => place(find(mapping, path).key),
    error,
  };
}

function parsed(text: string, file: string, form: FileForm, lineCounter: LineCounter): Document.Parsed {
  try {
    return parseDocument(text, { lineCounter, uniqueKeys: true, prettyErrors: false, logLevel: 'error' });
  } catch (cause) {
    throw fileError(form, file, {
      what: 'This is not YAML that can be read',
      hint: `A ${form.name} is made of plain \`key: value\` lines and lists.`,
      cause,
    });
  }
}

/** What `path` leads to, with its key; where it ends early, the last that is there. */
function find(root: Node | undefined, path: Path): { value: Node | undefined; key: Node | undefined } {
  let [value, key]: (Node | undefined)[] = [root, root];
  for (const step of path) {
    if (isMap<Node, Node | null>(value)) {
      const pair = value.items.find((each) => isScalar(each.key) && String(each.key.value) === step);
      if (pair === undefined) break;
      [value, key] = [pair.value ?? undefined, pair.key];
    } else if (isSeq<Node>(value) && typeof step === 'number') {
      value = key = value.items[step];
    }
    // Else it is one value that stands for a list of one.
  }
  return { value, key };
}

/** True where nothing is written: `key:`, `-`. */
function isNothing(node: Node | null | undefined): boolean {
  return node == null || (isScalar(node) && node.value === null && (node.source ?? '') === '');
}

/** Takes the items out of the list under `key` that ask for nothing; `idle` sees them as data. */
export function dropFrom({ root }: YamlFile, key: string, idle: (item: unknown) => boolean): void {
  const list = root?.get(key);
  if (isSeq<Node>(list)) list.items = list.items.filter((item) => !isMap(item) || !idle(item.toJSON()));
}
