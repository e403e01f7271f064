import type { JsonValue } from '../../base/json.js';

/**
 * The first number in a record that JavaScript can't carry: it reads `9007199254740993` as another one and `1e999` as none. Better no index
 * than a changed record.
 */
export function lossyNumber(value: JsonValue | undefined): { value: number; path: string } | undefined {
  const found = lossyIn(value);
  return found && { value: found.value, path: found.path.reverse().join('.') };
}

/** The path from the inside out: nothing is made for what is right, and nearly all is. */
function lossyIn(value: JsonValue | undefined): { value: number; path: string[] } | undefined {
  if (typeof value === 'number') {
    const survives = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
    return survives ? undefined : { value, path: [] };
  }
  if (value === null || typeof value !== 'object') return undefined;
  for (const key of Object.keys(value)) {
    const found = lossyIn((value as { [key: string]: JsonValue })[key]);
    if (found === undefined) continue;
    found.path.push(key);
    return found;
  }
  return undefined;
}
