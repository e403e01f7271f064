export interface NetrcEntry {
  machine: string;
  login: string;
  password: string;
}

/** What is defined goes up to the next blank line. */
const MACRO = /^[ \t]*macdef\b.*(\n.*\S.*)*/gm;

/**
 * The machines of a netrc, with login and password each, in its order; quotes as curl reads them. `default` is left out: a login must never go to
 * a host that is not named. What is no netrc gives nothing.
 */
export function parseNetrc(text: string): NetrcEntry[] {
  const clean = text
    .replace(/^\ufeff/, '')
    .replaceAll('\r\n', '\n')
    .replace(MACRO, '');
  const words = /"((?:\\.|[^"\\])*)"(?!\S)|\S+/g;
  let at = 0;
  const next = (): string | undefined => {
    words.lastIndex = at;
    const found = words.exec(clean);
    at = found === null ? clean.length : words.lastIndex;
    return found?.[1]?.replace(/\\(.)/g, (_, character: string) => ESCAPED[character] ?? character) ?? found?.[0];
  };
  const entries: NetrcEntry[] = [];
  let entry: NetrcEntry | undefined;
  for (let word = next(); word !== undefined; word = next()) {
    if (word.startsWith('#')) {
      const end = clean.indexOf('\n', at);
      at = end < 0 ? clean.length : end;
    } else if (word === 'machine') {
      entry = { machine: next() ?? '', login: '', password: '' };
      entries.push(entry);
    } else if (word === 'default') entry = undefined;
    else if (word === 'login' || word === 'user') {
      const login = next() ?? '';
      if (entry !== undefined) entry.login = login;
    } else if (word === 'password') {
      const password = next() ?? '';
      if (entry !== undefined) entry.password = password;
    } else if (word === 'account') next();
  }
  return entries.filter(({ login, password }) => login !== '' || password !== '');
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
