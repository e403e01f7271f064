import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Node, Scalar } from 'yaml';
import { z } from 'zod';
import { RepackError } from '../../base/errors.js';
import type { Path, YamlFile } from './read-yaml.js';
import type { Parts } from './text-file.js';

type Issue = z.core.$ZodIssue;

/** What a schema says against a value of the file. */
export interface Complaint {
  readonly path: Path;
  readonly message: string;
  /** What YAML makes of the value: `3.1`; undefined where it is missing. */
  readonly value: unknown;
  /** The word that stands there, as it is written: `3.10`. */
  readonly source: string;
  /** Where the last key of the path is unknown: those that can stand there. */
  readonly knownKeys: readonly string[] | undefined;
}

/**
 * What the file says, by `schema`. One text stands for a list of one; a number is taken as it is written where the schema takes texts and
 * numbers. Of several complaints the first one in the file is reported, in the words that `words` gives it; of unknown keys
 * all of one place.
 * @throws RepackError with the code of the file's form
 */
export function checked<Schema extends z.ZodObject>(
  yaml: YamlFile,
  schema: Schema,
  words: (complaint: Complaint) => Parts,
): z.output<Schema> {
  const result = schema.safeParse(plain(yaml, yaml.root, schema) ?? {}, { reportInput: true });
  if (result.success) return result.data;
  const complaints = result.error.issues.flatMap((each) => {
    const issue = innermost(each);
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : undefined;
    const paths: Path[] = keys?.map((key) => issue.path.concat(key)) ?? [issue.path];
    const isOfKey = keys !== undefined || (issue.code === 'custom' && issue.params?.['of'] === 'key');
    return paths.map((path) => ({ issue, path, place: isOfKey ? yaml.keyAt(path) : yaml.at(path) }));
  });
  const unknown = complaints.filter(({ issue }) => issue.code === 'unrecognized_keys');
  // An unknown key may be why another is missing.
  const told = unknown.length > 0 ? unknown : complaints;
  const first = told.reduce((least, each) => (each.place.offset < least.place.offset ? each : least));
  const errors = complaints
    .filter(({ issue }) => issue === first.issue)
    .map(({ issue, path, place }) => {
      const source = /^[^\s,\]}#]*/.exec(yaml.text.slice(place.offset))![0];
      const knownKeys = issue.code === 'unrecognized_keys' ? keysAt(schema, issue.path) : undefined;
      return yaml.error(place, words({ path, message: issue.message, value: issue.input, source, knownKeys }));
    });
  const { code, what, where, hint } = errors[0]!;
  const details = errors.slice(1).map((each) => `${each.where}: ${each.what}. ${each.hint}`);
  throw new RepackError(code, { what, where, hint, details, cause: errors[0] });
}

/** Of a union's complaint the one of the option that is meant: that does not mind the kind of the value itself. */
function innermost(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const meant = issue.errors.map(([first]) => first).find((first) => first !== undefined && !isOfKind(first));
  return meant === undefined ? issue : innermost({ ...meant, path: [...issue.path, ...meant.path] });
}

function isOfKind({ code, path }: Issue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
}

/** The value as data, in the form that `schema` asks for; keys that it does not look at are left out. */
function plain(yaml: YamlFile, node: Node | null | undefined, schema: unknown): unknown {
  if (isAlias(node)) {
    throw yaml.error(yaml.place(node), {
      what: 'YAML anchors and aliases (&name, *name) are not read here',
      hint: 'Write the value out. A name that begins with a star stands in quotes: "*-dbg".',
    });
  }
  const { options, element, object, each } = kindsOf(schema);
  if (isSeq<Node | null>(node)) return node.items.map((item) => plain(yaml, item, element));
  if (isMap<Node, Node | null>(node)) {
    if (kindsOf(element).object !== undefined) return [plain(yaml, node, element)];
    const pairs = node.items.map((pair) => ({ key: keyOf(yaml, pair.key), value: pair.value }));
    const isRead = (key: string) => object?.def.catchall !== undefined || Object.hasOwn(object?.shape ?? {}, key);
    return Object.fromEntries(
      pairs
        .filter(({ key }) => object === undefined || isRead(key))
        .map(({ key, value }) => [key, plain(yaml, value, object?.shape[key] ?? each)]),
    );
  }
  if (!isScalar(node)) return null;
  if (element !== undefined && typeof node.value === 'string') return [node.value];
  const asWritten = [z.ZodString, z.ZodNumber].every((kind) => options.some((each) => each instanceof kind));
  return asWritten && typeof node.value === 'number' ? sourceOf(node) : node.value;
}

interface Kinds {
  options: z.ZodType[];
  /** Of a list: what its items are. */
  element: unknown;
  object: z.ZodObject | undefined;
  /** Of pairs with keys of the user: what their values are. */
  each: unknown;
}

function kindsOf(schema: unknown): Kinds {
  const options = optionsOf(schema);
  const element = options.find((option) => option instanceof z.ZodArray)?.element;
  const each = options.find((option) => option instanceof z.ZodRecord)?.valueType;
  return { options, element, object: options.find((option) => option instanceof z.ZodObject), each };
}

/** A schema without its default and what is done with the value; of a union each option. */
function optionsOf(schema: unknown): z.ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable)
    return optionsOf(schema.unwrap());
  if (schema instanceof z.ZodPipe) return optionsOf(schema.in);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(optionsOf);
  return schema instanceof z.ZodType ? [schema] : [];
}

function keysAt(schema: unknown, path: Path): string[] {
  const [step, ...rest] = path;
  const { element, object, each } = kindsOf(schema);
  if (step === undefined) return Object.keys(object?.shape ?? {});
  return keysAt(typeof step === 'number' ? element : (object?.shape[String(step)] ?? each), rest);
}

function keyOf(yaml: YamlFile, key: Node): string {
  if (isScalar(key)) return String(key.value);
  throw yaml.error(yaml.place(key), {
    what: 'A key must be a plain word',
    hint: 'Write `key: value`. Nothing is filled in here: templates ({{ … }}) are not known.',
  });
}

function sourceOf({ value, source }: Scalar): string {
  return typeof value === 'string' ? value : (source ?? String(value));
}

/** What zod says of its own accord is for programs: what stands there is said instead, what is expected is in the hint. */
export function said(message: string, value: unknown): string {
  if (message.startsWith('Invalid option')) return JSON.stringify(value);
  if (!message.startsWith('Invalid input')) return message;
  if (Array.isArray(value)) return 'a list stands there';
  if (typeof value === 'object' && value !== null) return 'keys with values of their own stand there';
  return `${JSON.stringify(value) ?? 'nothing'} stands there`;
}
