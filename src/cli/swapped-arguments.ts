import { RepackError, isRepackError } from '../base/errors.js';
import type { ErrorCode } from '../base/errors.js';
import { TOKEN_LIKE } from '../base/token-like.js';
import { parseLabel } from '../conda/channel/names.js';

interface Typed {
  label: string | undefined;
  /** TOKEN as typed, where it is an argument. */
  token?: string | undefined;
  root?: string | undefined;
  packages?: readonly string[];
}

/**
 * Arguments that changed places: a token must not become the name of a folder, of a log file or of a package, nor be repeated in an error: what
 * was typed stands in none of these. Without disk access.
 * @throws RepackError E_LABEL, E_TOKEN, E_ROOT, E_SPEC
 */
export function refuseSwapped({ label, token, root, packages = [] }: Typed): void {
  const hint = token === undefined ? BY_OPTION : IN_ORDER;
  if (
    label !== undefined &&
    (TOKEN_LIKE.test(label) || (isWord(token) && NAMES_TOKEN.test(label)) || isSwappedWith(label, token))
  )
    throw swapped('E_LABEL', 'LABEL', hint);
  if (token !== undefined && isPath(token)) {
    throw swapped(
      'E_TOKEN',
      'TOKEN',
      `${hint} A file that holds the token is given as file:PATH.`,
      'looks like a path',
    );
  }
  if (root !== undefined && (TOKEN_LIKE.test(root) || (isWord(token) && NAMES_TOKEN.test(root))))
    throw swapped('E_ROOT', 'ROOT', hint);
  if (packages.some((text) => TOKEN_LIKE.test(text) || /^env:[A-Z_]/.test(text)))
    throw swapped('E_SPEC', 'PACKAGE', hint);
}

const IN_ORDER = 'The order is LABEL TOKEN ROOT PACKAGE...';
/** Of a command without TOKEN. */
const BY_OPTION = 'No argument here is a token: it is given by --token-env NAME or --token-file FILE.';

function swapped(code: ErrorCode, name: string, hint: string, what = 'looks like a token'): RepackError {
  return new RepackError(code, {
    what: `${name} ${what}`,
    where: `argument ${name}`,
    hint,
  });
}

/** As TOKEN is given. */
const NAMES_TOKEN = /^(?:env|file):/;

/** It may be another argument. */
function isWord(token: string | undefined): boolean {
  return token !== undefined && token !== 'none' && token !== '-' && !NAMES_TOKEN.test(token);
}

/** LABEL can't be a label, or is long with many digits in it, and TOKEN is a word. */
function isSwappedWith(label: string, token: string | undefined): boolean {
  if (token === undefined || token === 'none' || !/^[a-z][a-z0-9_-]{0,23}$/i.test(token)) return false;
  if (!/^(?=.*\d)[A-Za-z0-9._~+=-]{12,}$/.test(label)) return false;
  return !isLabel(label) || (/^[a-z]+$/i.test(token) && label.replaceAll(/\D/g, '').length >= 4);
}

function isLabel(text: string): boolean {
  try {
    parseLabel(text);
    return true;
  } catch (error) {
    if (isRepackError(error)) return false;
    throw error;
  }
}

/** No token has a slash; `file:PATH` is none either. */
function isPath(token: string): boolean {
  return !NAMES_TOKEN.test(token) && (/[/\\]/.test(token) || /^(?:~|\.{1,2}$)/.test(token));
}
