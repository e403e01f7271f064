import { isMap, isScalar, isSeq } from 'yaml';
import type { Node, Pair, Scalar } from 'yaml';
import { shown } from '../../conda/channel/names.js';
import { nearest } from '../../base/nearest.js';
import type { Place, YamlEntry, YamlFile } from './parse-yaml.js';

/** A text of the file and where it stands. */
export interface PlacedText {
  readonly text: string;
  readonly place: Place;
}

/** What a reader of one key needs: the key, its value, and how to complain. */
export interface ReadContext {
  readonly file: YamlFile;
  readonly entry: YamlEntry;
}

/** One text. A number is taken as it is written where `number` allows it, else refused: YAML reads 3.10 as 3.1. */
export function readText(context: ReadContext, example: string, node = context.entry.value): PlacedText {
  if (node === undefined) return refuse(context, { what: 'has no value', hint: `Write for example\n  ${example}` });
  const text = scalarText(context, node, example);
  return { text, place: context.file.place(node) };
}

/** A list of texts; one text stands for a list of one. Empty where nothing follows the colon. */
export function readTexts(context: ReadContext, example: string): PlacedText[] {
  const { value } = context.entry;
  if (value === undefined) return [];
  return itemNodes(context, example).map((node) => {
    const text = scalarText(context, node, example);
    const several = severalIn(context.entry.key, text);
    if (several !== undefined) {
      const all = `${context.entry.key}: [${several.join(', ')}]`;
      const parts = isSeq(value)
        ? { what: `has one item with ${several.length} values in it`, hint: `A dash is missing, or a comma:\n  ${all}` }
        : { what: `is one text with ${several.length} values in it`, hint: `Write a list:\n  ${all}` };
      return refuse(context, parts, node);
    }
    return { text, place: context.file.place(node) };
  });
}

/** The plain words of a text that was meant as a list; a MatchSpec and a licence may hold blanks, a MatchSpec commas too. */
function severalIn(key: string, text: string): string[] | undefined {
  const blanks = key === 'include' || key === 'exclude' || key === 'license_blacklist';
  const words = text.split(blanks ? /\s*[,;]\s*/ : /\s*[,;]\s*|\s+-\s+|\s+/).filter((each) => each !== '');
  const plain = words.every((each) => /^[A-Za-z0-9_.*/:-]+$/.test(each));
  return words.length > 1 && plain ? words : undefined;
}

/** The items of a list, or the one value. */
export function itemNodes(context: ReadContext, example: string): Node[] {
  const { value } = context.entry;
  if (value === undefined) return [];
  if (!isSeq(value)) return [value];
  return value.items.map((item) => {
    const node = item as Node | null;
    if (node !== null && !(isScalar(node) && node.value === null)) return node;
    return refuse(
      context,
      { what: 'has an item with nothing in it', hint: `Delete the item, or write for example\n  ${example}` },
      node ?? undefined,
    );
  });
}

/** `true`, `false`, and what YAML 1.1 of the old tools took for them: `yes`, `no`, `on`, `off`. */
export function readFlag(context: ReadContext): boolean {
  const { key, value } = context.entry;
  const hint = `Write \`${key}: true\` or \`${key}: false\`.`;
  if (value === undefined) return refuse(context, { what: 'has no value', hint });
  const text = isScalar(value) ? String(value.value).toLowerCase() : '';
  if (['true', 'yes', 'on'].includes(text)) return true;
  if (['false', 'no', 'off'].includes(text)) return false;
  return refuse(
    context,
    { what: `must be true or false${isScalar(value) ? `, not ${shown(String(value.value))}` : ''}`, hint },
    value,
  );
}

/** The pairs of a mapping, with keys out of `known` only. */
export function readPairs(
  context: ReadContext,
  node: Node,
  known: readonly string[],
  example: string,
): Map<string, Node> {
  if (!isMap(node)) {
    return refuse(
      context,
      { what: 'has an item that is no `key: value`', hint: `Write for example\n  ${example}` },
      node,
    );
  }
  const pairs = new Map<string, Node>();
  for (const pair of node.items as Pair<unknown, unknown>[]) {
    const keyNode = pair.key as Node;
    const key = isScalar(keyNode) ? String(keyNode.value) : '';
    const value = pair.value as Node | null;
    if (!known.includes(key)) {
      const near = nearest(key, known);
      refuse(
        context,
        {
          what: `has an item with the unknown key ${shown(key)}`,
          hint: `${near === undefined ? '' : `Did you mean "${near}"? `}Known here: ${known.join(', ')}. Write for example\n  ${example}`,
        },
        keyNode,
      );
    }
    if (value === null || (isScalar(value) && value.value === null)) {
      refuse(
        context,
        { what: `has an item whose "${key}" has no value`, hint: `Write for example\n  ${example}` },
        keyNode,
      );
    }
    pairs.set(key, value as Node);
  }
  return pairs;
}

/** Complains about the entry (or one node in it): `"platforms" has no value`. */
export function refuse(context: ReadContext, parts: { what: string; hint: string }, node?: Node): never {
  const place = node?.range == null ? context.entry.place : context.file.place(node);
  return context.file.refuse(place, { what: `"${context.entry.key}" ${parts.what}`, hint: parts.hint });
}

/** As `refuse`, at a text read before. */
export function refuseAt(context: ReadContext, place: Place, parts: { what: string; hint: string }): never {
  return context.file.refuse(place, { what: `"${context.entry.key}" ${parts.what}`, hint: parts.hint });
}

/** The text as written, also of what YAML takes for a number (a version, a digest of digits only). */
export function sourceText(node: Scalar): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

function scalarText(context: ReadContext, node: Node, example: string): string {
  if (isMap(node)) {
    const pair = node.items[0] as Pair<unknown, unknown> | undefined;
    const key = isScalar(pair?.key) ? String(pair.key.value) : '';
    const hint = mappingHint(context.entry.key, key, pair?.value, node.flow === true);
    return refuse(
      context,
      { what: `has ${key === '' ? 'braces' : `\`${key}:\``} where a text must stand`, hint: `${hint}\n  ${example}` },
      node,
    );
  }
  if (isSeq(node))
    return refuse(
      context,
      { what: 'has a list where one text must stand', hint: `Write for example\n  ${example}` },
      node,
    );
  if (!isScalar(node)) return refuse(context, { what: 'is not a text', hint: `Write for example\n  ${example}` }, node);
  if (typeof node.value === 'string') return node.value.trim();
  const source = sourceText(node);
  const kind =
    typeof node.value === 'number' || typeof node.value === 'bigint'
      ? 'a number'
      : typeof node.value === 'boolean'
        ? 'true or false'
        : 'nothing';
  return refuse(
    context,
    {
      what: `has ${source === '' ? 'nothing' : source}, which YAML reads as ${kind}${String(node.value) === source || typeof node.value !== 'number' ? '' : ` (${String(node.value)})`}, where a text must stand`,
      hint: `Put it in quotes: "${source}".`,
    },
    node,
  );
}

function mappingHint(listKey: string, key: string, value: unknown, flow: boolean): string {
  if (['name', 'license', 'license_family', 'version', 'build'].includes(key)) {
    return 'This is the form of conda-mirror. Here names stand as they are, licences under `license_blacklist`, versions and builds under `include` and `exclude`:';
  }
  if (key === '') return 'Nothing is filled in here: templates ({{ … }}) are not known. Write for example';
  if (flow && (value === null || (isScalar(value) && value.value === null))) {
    return 'A list stands in [ ] and not in { }. Write for example';
  }
  if ((listKey === 'include' || listKey === 'exclude') && isScalar(value)) {
    return `Write name and version as one text, ${shown(`${key}${/^[0-9]/.test(sourceText(value)) ? '=' : ''}${sourceText(value)}`)}, for example`;
  }
  return 'A colon followed by a blank makes a key in YAML: put the text in quotes, or write for example';
}
