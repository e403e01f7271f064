import path from 'node:path';
import type { ChannelLogin } from '../base/channel-login.js';
import { RepackError } from '../base/errors.js';
import { Secret } from '../base/secret.js';
import type { Runtime } from '../runtime/runtime.js';
import { parseNetrc } from './netrc.js';
import { pathInFile } from './path-in-file.js';
import { readSecretFile } from './secret-file.js';
import type { SettingValues } from './settings.js';
import { parseUrl } from '../base/parse-url.js';

type Door = Pick<Runtime, 'fs' | 'env' | 'machine'>;

export interface LoginPlace {
  /** As written. */
  host: string;
  hostname: string;
  port: string | undefined;
  /** `env:NAME` or `file:PATH`: where the login itself is. */
  source: string;
}

const LONGEST = 8192;
/** A shorter password would be masked all over every text: it is looked for together with its user only. */
const SHORTEST_ALONE = 6;
const FORM = 'Write it as HOST=env:NAME or HOST=file:PATH; what is there is user:password, or a token.';

/**
 * Each `--channel-login` taken apart. What stands behind "=" may be a password, so it is in no error.
 * @throws RepackError E_USAGE
 */
export function parseLoginPlaces(given: readonly string[]): LoginPlace[] {
  const places = given.map((text, at) => {
    const [, host = '', source = ''] = /^([^=]*)=((?:env|file):.+)$/s.exec(text) ?? [];
    const refuse = (what: string, hint: string): RepackError =>
      new RepackError('E_USAGE', { what, where: `--channel-login, number ${at + 1}`, hint });
    if (source === '')
      throw refuse(
        'A channel login says where user and password, or the token, are: not what they are',
        `${FORM} On the command line others could see them.`,
      );
    const parsed = parseHost(host);
    if (parsed === undefined)
      throw refuse('A channel login is for one host', `${FORM} HOST is a name, as in ${hostIn(host)}, without a path.`);
    return { host, source, ...parsed };
  });
  const names = places.map(({ hostname, port }) => `${hostname}:${port ?? ''}`);
  const twice = places.find((_, at) => names.indexOf(names[at]!) !== at);
  if (twice === undefined) return places;
  throw new RepackError('E_USAGE', {
    what: `Two logins are given for ${twice.host}`,
    where: '--channel-login',
    hint: 'Give one a host; with HOST:PORT, one a port.',
  });
}

/** `HOST` or `HOST:PORT`, `[::1]:8080`. */
function parseHost(text: string): { hostname: string; port: string | undefined } | undefined {
  const [, name = '', port] = /^(\[[0-9a-f:.]+\]|[^\s:/@?#*\\[\]]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const url = name === '' ? undefined : parseUrl(`https://${name}`);
  if (url === undefined) return undefined;
  return { hostname: url.hostname, port: port === undefined ? undefined : String(Number(port)) };
}

/** For the hint: the host of what was written as a URL. */
function hostIn(text: string): string {
  const host = parseUrl(text)?.host ?? '';
  return parseHost(host) === undefined ? 'art.example.com or art.example.com:8443' : host;
}

/**
 * The logins for channels: those of `--channel-login`, then, where it was asked for, those of the user's netrc. The first for a host counts.
 * @throws RepackError E_CONFIG for one that can't be read or is none, never with it in the text.
 */
export async function readChannelLogins(
  rt: Door,
  { channelLogins, netrc }: Pick<SettingValues, 'channelLogins' | 'netrc'>,
): Promise<{ logins: ChannelLogin[]; warning: string | undefined }> {
  const logins: ChannelLogin[] = [];
  for (const place of parseLoginPlaces(channelLogins)) {
    const where = `login for ${place.host}, ${place.source}`;
    logins.push(makeLogin(place, await textAt(rt, place.source, where), where));
  }
  if (netrc === undefined || netrc === false) return { logins, warning: undefined };
  const file = netrc === true ? await usersNetrc(rt) : netrc;
  const { text, warning } = await readLoginFile(rt, file, '--netrc');
  for (const { machine, login, password } of parseNetrc(text)) {
    const host = parseHost(machine);
    if (host === undefined) continue;
    logins.push(basicLogin({ ...host, source: file }, login, password));
  }
  return { logins, warning };
}

async function usersNetrc({ fs, env, machine }: Door): Promise<string> {
  if (env['NETRC']) return path.resolve(machine.cwd, env['NETRC']);
  const plain = path.join(machine.homedir, '.netrc');
  if (machine.platform !== 'win32') return plain;
  const windows = path.join(machine.homedir, '_netrc');
  return fs.stat(windows).then(
    () => windows,
    () => plain,
  );
}

async function textAt(rt: Door, source: string, where: string): Promise<string> {
  if (source.startsWith('file:')) {
    const file = pathInFile(rt.machine, rt.machine.cwd, source.slice('file:'.length));
    return (await readLoginFile(rt, file, where)).text;
  }
  const text = rt.env[source.slice('env:'.length)];
  if (text === undefined) throw refused(where, 'The environment variable is not set', 'Set it, or correct its name.');
  return text;
}

function readLoginFile(rt: Door, file: string, where: string): Promise<{ text: string; warning: string | undefined }> {
  const refuse = (cause: unknown): RepackError =>
    new RepackError('E_CONFIG', {
      what: 'The file with the login can’t be read, or is no text in UTF-8',
      where: `${where}: ${file}`,
      hint: `Check its path and permissions.${where === '--netrc' ? ' A word right behind --netrc is taken for its FILE.' : ''}`,
      cause,
    });
  return readSecretFile(rt, file, { refuse });
}

/** `basic:user:password`, `bearer:TOKEN`, `x-api-key:KEY`; without one of these words, what holds a colon is user and password. */
function makeLogin(place: LoginPlace, raw: string, where: string): ChannelLogin {
  // Ends of lines and blanks around it are the editor's.
  const text = raw.trim();
  const [, word, value = ''] = /^(?:(basic|bearer|x-api-key):)?(.*)$/is.exec(text) ?? [];
  const kind = word?.toLowerCase() ?? (value.includes(':') ? 'basic' : 'bearer');
  if (value === '') throw refused(where, 'The login is empty', 'Write user:password, or a token.');
  if (text.length > LONGEST || /\p{Cc}/u.test(text))
    throw refused(
      where,
      'The login is more than one line of text',
      'It is user:password or a token, and nothing else.',
    );
  if (kind === 'basic') {
    const colon = value.indexOf(':');
    if (colon < 0 || value === ':')
      throw refused(where, 'The login is not user:password', 'Write basic:user:password.');
    return basicLogin(place, value.slice(0, colon), value.slice(colon + 1));
  }
  if (!/^[\x21-\x7e]+$/.test(value))
    throw refused(
      where,
      'The token holds a character that no token has, such as a blank',
      'Give the token alone, without the word Bearer; for user and password write user:password.',
    );
  const secret = new Secret(value);
  const bearer = kind === 'bearer';
  return {
    hostname: place.hostname,
    port: place.port,
    header: bearer ? 'authorization' : 'x-api-key',
    value: bearer ? new Secret(`Bearer ${value}`) : secret,
    secrets: [secret],
    who: `${bearer ? 'token' : 'key'}, ${place.source}`,
  };
}

function basicLogin(
  { hostname, port, source }: Pick<LoginPlace, 'hostname' | 'port' | 'source'>,
  user: string,
  password: string,
): ChannelLogin {
  const both = `${user}:${password}`;
  // Some servers take a token as the user, without a password.
  const alone = password === '' ? user : password;
  return {
    hostname,
    port,
    header: 'authorization',
    value: new Secret(`Basic ${Buffer.from(both).toString('base64')}`),
    secrets: [new Secret(both), ...(alone.length < SHORTEST_ALONE ? [] : [new Secret(alone)])],
    who: `${password === '' ? 'token' : `user ${user}`}, ${source}`,
  };
}

function refused(where: string, what: string, hint: string): RepackError {
  return new RepackError('E_CONFIG', { what, where, hint });
}
