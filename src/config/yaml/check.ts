import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Node, Scalar } from 'yaml';
import { z } from 'zod';
import { find, isNothing } from './read-yaml.js';
import type { Path, Place, YamlFile } from './read-yaml.js';
import type { Parts } from './text-file.js';

type Issue = z.core.$ZodIssue;

/** What stands at a place, as far as a message needs it. */
export interface Written {
  readonly kind: 'nothing' | 'text' | 'number' | 'flag' | 'list' | 'map';
  /** As in the file: `3.10`; empty for a list and a map. */
  readonly source: string;
  /** What YAML makes of it: `3.1`; of a list or a map undefined. */
  readonly value: unknown;
  /** Of a map: its first pair. */
  readonly first?: { key: string; value: Written } | undefined;
  /** In brackets or braces. */
  readonly flow: boolean;
}

/** What a schema says against a value of the file. */
export interface Complaint {
  readonly issue: Issue;
  /** The first of the path. */
  readonly key: string;
  readonly path: Path;
  readonly written: Written;
}

export const ALIAS = {
  what: 'YAML anchors and aliases (&name, *name) are not read here',
  hint: 'Write the value out. A name that begins with a star stands in quotes: "*-dbg".',
};

/**
 * What the file says, by `schema`. A text stands for a list of one; a number is taken as it is written where the schema takes texts and
 * numbers. Of several complaints the first one in the file is told, in the words that `words` gives it.
 * @throws RepackError with the code of the file's form
 */
export function checked<Schema extends z.ZodObject>(
  yaml: YamlFile,
  schema: Schema,
  words: (complaint: Complaint) => Parts,
): z.output<Schema> {
  const result = schema.safeParse(plain(yaml, yaml.root, schema) ?? {});
  if (result.success) return result.data;
  const complaints = result.error.issues.map((each) => {
    const issue = innermost(each);
    const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0]!] : issue.path;
    return { issue, path, place: issue.code === 'unrecognized_keys' ? yaml.keyAt(path) : yaml.at(path) };
  });
  const { issue, path, place } = complaints.reduce((first, each) => (isBefore(each.place, first.place) ? each : first));
  const written = writtenAs(find(yaml.root, path).value);
  return yaml.refuse(place, words({ issue, key: String(path[0]), path, written }));
}

function isBefore(one: Place, other: Place): boolean {
  return one.line < other.line || (one.line === other.line && one.column < other.column);
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
function plain(yaml: YamlFile, node: Node | null | undefined, schema: z.ZodType | undefined): unknown {
  if (isAlias(node)) return yaml.refuse(yaml.place(node), ALIAS);
  const options = optionsOf(schema);
  const element = options.find((each) => each instanceof z.ZodArray)?.element as z.ZodType | undefined;
  const object = options.find((each) => each instanceof z.ZodObject);
  if (isSeq<Node | null>(node)) return node.items.map((item) => plain(yaml, item, element));
  const isItem = isMap(node) ? optionsOf(element).some((each) => each instanceof z.ZodObject) : isText(node);
  if (element !== undefined && isItem) return [plain(yaml, node, element)];
  if (isMap<Node, Node | null>(node)) {
    const strict = object === undefined || object.def.catchall !== undefined;
    const pairs = node.items.map((pair) => ({ key: keyOf(yaml, pair.key), value: pair.value }));
    const read = pairs.filter(({ key }) => strict || Object.hasOwn(object.shape, key));
    return Object.fromEntries(
      read.map(({ key, value }) => [key, plain(yaml, value, object?.shape[key] as z.ZodType | undefined)]),
    );
  }
  if (!isScalar(node)) return null;
  const asWritten = [z.ZodString, z.ZodNumber].every((kind) => options.some((each) => each instanceof kind));
  return asWritten && typeof node.value === 'number' ? sourceOf(node) : node.value;
}

/** What a value may be: without defaults and what is done with it, the options of a union one by one. */
function optionsOf(schema: unknown): z.ZodType[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable)
    return optionsOf(schema.unwrap());
  if (schema instanceof z.ZodPipe) return optionsOf(schema.in);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(optionsOf);
  return schema instanceof z.ZodType ? [schema] : [];
}

export function keyOf(yaml: YamlFile, key: Node): string {
  if (isScalar(key)) return String(key.value);
  return yaml.refuse(yaml.place(key), {
    what: 'A key must be a plain word',
    hint: 'Write `key: value`. Nothing is filled in here: templates ({{ … }}) are not known.',
  });
}

function isText(node: Node | null | undefined): boolean {
  return isScalar(node) && typeof node.value === 'string';
}

function sourceOf(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

function writtenAs(node: Node | null | undefined): Written {
  const flow = (isMap(node) || isSeq(node)) && node.flow === true;
  if (isMap<Node, Node | null>(node)) {
    const [pair] = node.items;
    const first = pair && { key: isScalar(pair.key) ? String(pair.key.value) : '', value: writtenAs(pair.value) };
    return { kind: 'map', source: '', value: undefined, first, flow };
  }
  if (isSeq(node)) return { kind: 'list', source: '', value: undefined, flow };
  if (!isScalar(node) || node.value === null)
    return { kind: 'nothing', source: isNothing(node) ? '' : sourceOf(node as Scalar), value: null, flow };
  const kind = { number: 'number', boolean: 'flag' }[typeof node.value as string] ?? 'text';
  return { kind: kind as Written['kind'], source: sourceOf(node), value: node.value, flow };
}
