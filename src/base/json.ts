export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

/**
 * JSON with keys in code-unit order and no blanks, as conda-index writes it: the same value gives the same bytes on
 * every machine. Undefined members are left out. `indent` is for files that people read.
 */
export function canonicalJson(value: unknown, indent?: number): string {
  return JSON.stringify(isSorted(value) ? value : sorted(value), undefined, indent);
}

/** Most records come sorted from their index: nothing has to be made anew. */
function isSorted(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return true;
  if (Array.isArray(value)) return value.every(isSorted);
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  let before: string | undefined;
  for (const key of Object.keys(value)) {
    if ((before !== undefined && key < before) || !isSorted((value as Record<string, unknown>)[key])) return false;
    before = key;
  }
  return !Object.hasOwn(value, 'toJSON');
}

/** Neither null nor a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** What an object has under `key`; nothing where `value` is no object. */
export function member(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}

/** A text as it is; undefined for all else. */
export function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The object that a JSON text holds; undefined where it is no JSON, or something else. */
export function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const source = value as Record<string, unknown>;
  // A null prototype, so that a key named __proto__ stays a plain key.
  const target = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(source).sort()) {
    if (source[key] !== undefined) target[key] = sorted(source[key]);
  }
  return target;
}
