import type { JsonObject } from '../base/json.js';
import { corrupt } from './corrupt.js';

const MAX_BYTES = 8 * 1024 * 1024;
const MAX_DEPTH = 64;

/** What `info/index.json` must say about itself; everything else in it is passed on as it is. */
export interface IndexJson extends JsonObject {
  name: string;
  version: string;
  build: string;
  build_number: number;
  depends: string[];
}

/**
 * Reads `info/index.json`; no `depends` means none, as for conda. Throws E_ARTIFACT_CORRUPT naming the artifact and the field.
 */
export function parseIndexJson(bytes: Uint8Array, distFilename: string): IndexJson {
  const value: JsonObject = { depends: [], ...parseJson(bytes, distFilename) };
  const problem = fieldProblem(value);
  if (problem !== undefined) throw corrupt(distFilename, `its info/index.json ${problem}`);
  return value as IndexJson;
}

function parseJson(bytes: Uint8Array, distFilename: string): JsonObject {
  if (bytes.length > MAX_BYTES)
    throw corrupt(
      distFilename,
      `its info/index.json has ${bytes.length} bytes, more than the ${MAX_BYTES} that are believable`,
    );
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (isTooDeep(text)) throw new SyntaxError(`more than ${MAX_DEPTH} levels of nesting`);
    value = JSON.parse(text, refuseProto);
  } catch (error) {
    throw corrupt(
      distFilename,
      `its info/index.json is no JSON (${error instanceof Error ? error.message : String(error)})`,
      error,
    );
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw corrupt(distFilename, 'its info/index.json is no JSON object');
  return value as JsonObject;
}

/** A key of that name would set a prototype in careless hands; no package has one. */
function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('a key named __proto__');
  return value;
}

/** Nesting by a scan outside strings, before anything recursive sees it. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (inString) {
      if (char === '\\') at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '[' || char === '{') {
      if (++depth > MAX_DEPTH) return true;
    } else if (char === ']' || char === '}') depth--;
  }
  return false;
}

function fieldProblem(value: JsonObject): string | undefined {
  for (const key of ['name', 'version', 'build']) {
    if (typeof value[key] !== 'string' || value[key] === '') return `has no text as "${key}"`;
  }
  if (!Number.isSafeInteger(value['build_number']) || (value['build_number'] as number) < 0)
    return 'has no whole number as "build_number"';
  for (const key of ['depends', 'constrains']) {
    const list = value[key];
    if (key === 'constrains' && list === undefined) continue;
    if (!Array.isArray(list) || list.some((item) => typeof item !== 'string'))
      return `has no list of texts as "${key}"`;
  }
  if (value['subdir'] !== undefined && typeof value['subdir'] !== 'string') return 'has no text as "subdir"';
  return undefined;
}
