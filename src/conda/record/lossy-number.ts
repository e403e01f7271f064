import type { JsonValue } from '../../base/json.js';

/**
 * The first number in a record that JavaScript can't carry: it reads `9007199254740993` as another one and `1e999` as none. Better no index
 * than a changed record.
 */
export function lossyNumber(
  value: JsonValue | undefined,
  path: readonly string[] = [],
): { value: number; path: string } | undefined {
  if (typeof value === 'number') {
    const survives = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
    return survives ? undefined : { value, path: path.join('.') };
  }
  if (value === null || typeof value !== 'object') return undefined;
  for (const [key, member] of Object.entries(value)) {
    const found = lossyNumber(member, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}
