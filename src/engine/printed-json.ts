import { objectIn } from '../base/json.js';
import { RepackError } from '../base/errors.js';

export interface PrintedJsonOptions {
  /** What printed or holds it, for the message: `conda info --json`, `envinfo.json`. */
  subject: string;
  /** Bytes were dropped before we saw them (ExecResult.truncated). */
  truncated?: boolean;
  maxBytes?: number;
}

/** More than any `conda … --json` of a real environment prints. */
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_DEPTH = 64;
/** Braces of a banner that may go unclosed before the text is taken for something else; keeps the search linear. */
const MAX_UNCLOSED = 100;
const HEAD = 300;
/** Terminal escapes: CSI sequences, OSC texts up to BEL or ST, and two-byte ones (ECMA-48). */
// oxlint-disable-next-line no-control-regex -- escapes are what it is for
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/**
 * The JSON object in what a program printed: banners, plugin warnings, colour codes and progress lines before it, a byte order
 * mark, text after it and invalid UTF-8 do no harm; of several objects the last one counts (conda 4.x prints one a
 * progress step). PowerShell's `>` writes UTF-16: read too. Throws E_ENGINE_OUTPUT.
 */
export function printedJson(bytes: Uint8Array, options: PrintedJsonOptions): Record<string, unknown> {
  const cap = options.maxBytes ?? MAX_BYTES;
  if (options.truncated === true || bytes.byteLength > cap) {
    throw unreadable(options, `${options.subject} is larger than ${Math.round(cap / 1024 / 1024)} MB`, '');
  }
  const text = plainText(bytes);
  const found = wholeObject(text) ?? lastObject(text);
  if (found === 'too deep')
    throw unreadable(options, `${options.subject} is nested deeper than ${MAX_DEPTH} levels`, '');
  if (found === undefined) throw unreadable(options, `${options.subject} printed no JSON`, text);
  return found;
}

/** Text as a person would see it: decoded with replacement, without byte order mark and terminal escapes. */
export function plainText(bytes: Uint8Array): string {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  const text = new TextDecoder(utf16 ? 'utf-16le' : 'utf-8').decode(bytes);
  return text.replace(ESCAPES, '').replaceAll('\ufeff', '');
}

function wholeObject(text: string): Record<string, unknown> | 'too deep' | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{') || !trimmed.endsWith('}')) return undefined;
  const end = objectEnd(trimmed, 0);
  if (end === 'too deep') return end;
  return end === trimmed.length ? objectIn(trimmed) : undefined;
}

/** The last balanced `{…}` that begins a line and parses. */
function lastObject(text: string): Record<string, unknown> | 'too deep' | undefined {
  let found: Record<string, unknown> | undefined;
  let unclosed = 0;
  const starts = /^[ \t]*\{/gm;
  for (let match = starts.exec(text); match !== null; match = starts.exec(text)) {
    const start = match.index + match[0].length - 1;
    const end = objectEnd(text, start);
    if (end === 'too deep') return end;
    // A brace of a banner: what follows may still be whole.
    if (end === undefined) {
      unclosed += 1;
      if (unclosed > MAX_UNCLOSED) return found;
      continue;
    }
    const value = objectIn(text.slice(start, end));
    if (value === undefined) continue;
    found = value;
    starts.lastIndex = end;
  }
  return found;
}

/** Index after the brace that closes the one at `start`; undefined where it never closes. Counted before JSON.parse sees it. */
function objectEnd(text: string, start: number): number | 'too deep' | undefined {
  let depth = 0;
  let inString = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === 0x5c) at += 1;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) {
      inString = true;
    } else if (char === 0x7b || char === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) return 'too deep';
    } else if (char === 0x7d || char === 0x5d) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

function unreadable(options: PrintedJsonOptions, what: string, text: string): RepackError {
  const head = scrubUrls(text.trim().slice(0, HEAD));
  return new RepackError('E_ENGINE_OUTPUT', {
    what,
    where: options.subject,
    hint:
      head === ''
        ? 'It was empty, cut short or not the output of conda.'
        : 'Run the same command by hand and see what it prints.',
    details: head === '' ? [] : [`It begins: ${head}`],
  });
}

/** Takes tokens and user information out of the URLs of a text, by their shape. */
export function scrubUrls(text: string): string {
  return text.replace(/(\/t\/)[^/?#"'`<>\s]+/g, '$1<TOKEN>').replace(/([a-z][a-z0-9+.-]*:\/\/)[^/?#"'\s@]+@/gi, '$1');
}
