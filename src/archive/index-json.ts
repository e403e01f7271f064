import { isObject } from '../base/json.js';
import type { JsonObject } from '../base/json.js';
import { takeFields } from '../conda/record/record-fields.js';
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
 * Reads `info/index.json`; its fields are taken as `takeFields` says. Throws E_ARTIFACT_CORRUPT naming the artifact and the field.
 */
export function parseIndexJson(bytes: Uint8Array, distFilename: string): IndexJson {
  // Digests and size are said of an artifact, never by it.
  const { md5: _md5, sha256: _sha256, size: _size, ...value } = parseJson(bytes, distFilename);
  const wrong = takeFields(value);
  if (wrong !== undefined)
    throw corrupt(distFilename, `its info/index.json has no ${wrong.wanted.replace(/^an? /, '')} as "${wrong.key}"`);
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
  if (!isObject(value)) throw corrupt(distFilename, 'its info/index.json is no JSON object');
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
