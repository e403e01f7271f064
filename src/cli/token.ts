import { plural } from '../base/plural.js';
import path from 'node:path';
import { RepackError } from '../base/errors.js';
import { Secret } from '../base/secret.js';
import type { Runtime } from '../runtime/runtime.js';
import { readSecretFile } from '../config/secret-file.js';
import type { Terminal } from '../runtime/terminal.js';

export interface GivenToken {
  secret: Secret | undefined;
  /** Told to the user: others on the machine can see an argument. */
  warning: string | undefined;
}

type Door = Pick<Runtime, 'fs' | 'env' | 'machine'>;

/** Shorter values would be masked all over every text, and no server gives them out. */
const MIN_LENGTH = 6;
const MAX_LENGTH = 512;
const TOKEN_FILE_MAX_BYTES = 4096;

/**
 * TOKEN as `update-offline-repo` takes it (design D10): the value, `-` (standard input), `env:NAME`, `file:PATH` or `none`.
 * @throws RepackError E_TOKEN, never with the value in it.
 */
export async function readToken(given: string, rt: Door, terminal: Terminal): Promise<GivenToken> {
  if (given === 'none') return { secret: undefined, warning: undefined };
  if (given === '-') return { secret: checked(await terminal.readStdin(), 'standard input'), warning: undefined };
  if (given.startsWith('env:')) {
    return { secret: fromEnvironment(given.slice('env:'.length), rt), warning: undefined };
  }
  if (given.startsWith('file:')) {
    return { secret: await fromFile(given.slice('file:'.length), rt), warning: undefined };
  }
  if (/^[A-Z][A-Z0-9_]*$/.test(given) && rt.env[given] !== undefined) {
    throw new RepackError('E_TOKEN', {
      what: 'TOKEN is the name of an environment variable, not a token',
      where: 'argument TOKEN',
      hint: `Did you mean env:${given}?`,
    });
  }
  return {
    secret: checked(given, 'argument TOKEN'),
    warning:
      'The token is on the command line, where other users of this machine can see it. Safer: TOKEN as env:NAME, file:PATH or - (standard input).',
  };
}

export function fromEnvironment(name: string, rt: Pick<Runtime, 'env'>): Secret {
  const value = rt.env[name];
  if (value === undefined) {
    throw new RepackError('E_TOKEN', {
      what: `The environment variable ${name || '(no name)'} is not set`,
      where: 'token',
      hint: 'Set it to the token, or give the token as file:PATH, or none for public packages only.',
    });
  }
  return checked(value, `environment variable ${name}`);
}

export async function fromFile(file: string, rt: Door): Promise<Secret> {
  const full = path.resolve(rt.machine.cwd, file);
  const refuse = (cause: unknown): RepackError =>
    new RepackError('E_TOKEN', {
      what: 'The token file can’t be read, or is no file of one line',
      where: full,
      hint: 'Check its path and permissions; it holds the token and nothing else.',
      cause,
    });
  const { text } = await readSecretFile(rt, full, { mostBytes: TOKEN_FILE_MAX_BYTES, refuse });
  return checked(text, full);
}

/** Ends of lines and blanks around it are the editor's; anything odd inside is refused, never sent half. */
function checked(raw: string, where: string): Secret {
  const value = raw.trim();
  if (value === '') {
    throw new RepackError('E_TOKEN', {
      what: 'The token is empty',
      where,
      hint: 'Give the token, or none for public packages only.',
    });
  }
  if (value.length < MIN_LENGTH || value.length > MAX_LENGTH) {
    throw new RepackError('E_TOKEN', {
      what: `The token has ${plural(value.length, 'character')}; ${MIN_LENGTH} to ${MAX_LENGTH} are accepted`,
      where,
      hint: 'Check that the whole token was copied, and nothing else.',
    });
  }
  if (!/^[A-Za-z0-9._~+=-]+$/.test(value)) {
    throw new RepackError('E_TOKEN', {
      what: 'The token holds a character that no token has (a blank, "/", "%", "@", a quote, a line break …)',
      where,
      hint: 'A token is letters, digits and . _ ~ + = - only. Check that it was copied without the URL around it.',
    });
  }
  return new Secret(value);
}
