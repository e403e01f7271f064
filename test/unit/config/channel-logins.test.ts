import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loginFor } from '../../../src/base/channel-login.js';
import { isRepackError, type RepackError } from '../../../src/base/errors.js';
import { reveal } from '../../../src/base/secret.js';
import { parseLoginPlaces, readChannelLogins } from '../../../src/config/channel-logins.js';
import { parseNetrc } from '../../../src/config/netrc.js';
import { resolveSettings } from '../../../src/config/resolve-settings.js';
import { testRuntime } from '../../helpers/runtime.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'repackenv-logins-'));
});

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

async function read(channelLogins: string[], env: Record<string, string> = {}, netrc: boolean | string = false) {
  const rt = testRuntime({ env, machine: { cwd: dir, homedir: dir } });
  const { logins, warning } = await readChannelLogins(rt, { channelLogins, netrc });
  return { logins, warning, headers: logins.map(({ header, value }) => [header, reveal(value)]) };
}

async function refusal(run: () => unknown): Promise<RepackError> {
  try {
    await run();
  } catch (error) {
    if (isRepackError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('C9: what a login may be', () => {
  it.each<[string, string, string, string]>([
    ['user and password', 'anna:s3cret', 'authorization', basic('anna:s3cret')],
    ['a password with colons', 'anna:a:b:c', 'authorization', basic('anna:a:b:c')],
    ['a password that is no ASCII, as UTF-8', 'anna:şifre/é', 'authorization', basic('anna:şifre/é')],
    ['a password with a blank inside', 'anna:two words', 'authorization', basic('anna:two words')],
    ['a token as the user', 'tok-1234567890:', 'authorization', basic('tok-1234567890:')],
    ['a user named bearer', 'basic:bearer:pw', 'authorization', basic('bearer:pw')],
    ['a token', 'pfx_vr2XPfxpByKvGV', 'authorization', 'Bearer pfx_vr2XPfxpByKvGV'],
    ['a token with a colon', 'bearer:Npm:12+/=', 'authorization', 'Bearer Npm:12+/='],
    ['the word in capitals', 'Bearer:abc', 'authorization', 'Bearer abc'],
    ['quetz', 'x-api-key:E_KaBFstCKI9hTdPM7DQq56', 'x-api-key', 'E_KaBFstCKI9hTdPM7DQq56'],
  ])('%s', async (_title, text, header, value) => {
    for (const around of [text, `${text}\n`, `${text}\r\n`, `\ufeff${text}  \r\n\r\n`, ` ${text}`]) {
      await writeFile(path.join(dir, 'login.txt'), around);
      expect((await read(['h.example=env:L'], { L: around })).headers).toEqual([[header, value]]);
      expect((await read(['h.example=file:login.txt'])).headers).toEqual([[header, value]]);
    }
  });

  it.each<[string, string | Buffer, RegExp]>([
    ['nothing', '', /empty/],
    ['blanks', ' \r\n', /empty/],
    ['a word without its value', 'bearer:', /empty/],
    ['a colon', ':', /not user:password/],
    ['basic without a colon', 'basic:sentinel', /not user:password/],
    ['two lines', 'anna:sentinel\nbob:sentinel', /more than one line/],
    ['a control character', 'anna:sentinel\u0007', /more than one line/],
    ['a copied header', 'Bearer sentinel', /holds a character/],
    ['a token that is no ASCII', 'sentinelé', /holds a character/],
    ['a long text', `anna:sentinel${'x'.repeat(9000)}`, /more than one line/],
  ])('%s is refused, and is not in the error', async (_title, text, what) => {
    const error = await refusal(() => read(['h.example=env:L'], { L: String(text) }));
    expect([error.code, error.exitCode, error.what]).toEqual(['E_CONFIG', 2, expect.stringMatching(what)]);
    expect(error.where).toBe('login for h.example, env:L');
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('sentinel');
  });

  it('a variable that is not set, a file that is not there, one in UTF-16', async () => {
    expect((await refusal(() => read(['h=env:NONE']))).what).toMatch(/not set/);
    expect((await refusal(() => read(['h=file:none.txt']))).where).toContain(path.join(dir, 'none.txt'));
    await writeFile(path.join(dir, 'utf16.txt'), Buffer.from('\ufeffanna:sentinel', 'utf16le'));
    expect((await refusal(() => read(['h=file:utf16.txt']))).what).toMatch(/no text in UTF-8/);
  });
});

describe('C9: HOST', () => {
  it.each<[string, string, string | undefined]>([
    ['art.example.com', 'art.example.com', undefined],
    ['ART.Example.com', 'art.example.com', undefined],
    ['art.example.com:8443', 'art.example.com', '8443'],
    ['art.example.com:0443', 'art.example.com', '443'],
    ['bücher.example', 'xn--bcher-kva.example', undefined],
    ['127.0.0.1:80', '127.0.0.1', '80'],
    ['[::1]:8080', '[::1]', '8080'],
    ['[0:0:0:0:0:0:0:1]', '[::1]', undefined],
  ])('%s', (host, hostname, port) => {
    expect(parseLoginPlaces([`${host}=env:A`])).toEqual([{ host, hostname, port, source: 'env:A' }]);
  });

  it.each([
    ['https://art.example.com=env:A', /art\.example\.com, without/],
    ['https://art.example.com:8443/api/conda=env:A', /as in art\.example\.com:8443, without/],
    ['art.example.com/api/conda=env:A', /one host|HOST/],
    ['*.example.com=env:A', /HOST/],
    ['art.example.com:x=env:A', /HOST/],
    ['a b=env:A', /HOST/],
    ['=env:A', /HOST/],
    ['art.example.com', /HOST=env:NAME/],
    ['art.example.com=', /HOST=env:NAME/],
    ['art.example.com=env:', /HOST=env:NAME/],
    ['art.example.com=anna:sentinel', /HOST=env:NAME/],
    ['anna:sentinel@art.example.com=env:A', /HOST/],
    ['https://anna:sentinel@art.example.com', /HOST=env:NAME/],
  ])('%s is refused', async (text, hint) => {
    const error = await refusal(() => parseLoginPlaces([text]));
    expect([error.code, error.exitCode, error.hint]).toEqual(['E_USAGE', 2, expect.stringMatching(hint)]);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('sentinel');
  });

  it('twice is refused, unless it is another port', async () => {
    const error = await refusal(() => parseLoginPlaces(['h.example=env:A', 'H.example=env:B']));
    expect(error.what).toBe('Two logins are given for H.example');
    expect(parseLoginPlaces(['h.example=env:A', 'h.example:8443=env:B'])).toHaveLength(2);
  });

  it.each<[string, string | undefined]>([
    ['https://h.example/conda', 'any'],
    ['https://h.example:444/conda', 'any'],
    ['https://h.example:8443/conda', 'one'],
    ['http://h.example/conda', 'any'],
    ['https://sub.h.example/conda', undefined],
    ['https://h.example.evil/conda', undefined],
    ['https://hh.example/conda', undefined],
  ])('%s gets the login of its own host only', async (url, user) => {
    const { logins } = await read(['h.example=env:A', 'h.example:8443=env:B'], { A: 'any:pw', B: 'one:pw' });
    expect(loginFor(new URL(url), logins)?.who).toBe(user && `user ${user}, env:${user === 'any' ? 'A' : 'B'}`);
  });
});

describe('C9: the user’s netrc', () => {
  it.each<[string, string, string[]]>([
    ['lines', 'machine a\n  login u\n  password p\nmachine b login u2 password p2', ['a u p', 'b u2 p2']],
    ['CRLF and a byte order mark', '\ufeffmachine a\r\nlogin u\r\npassword p\r\n', ['a u p']],
    ['password first, account', 'machine a password p account x login u', ['a u p']],
    ['comments', '# machine x login y password z\nmachine a login u # said so\n password p', ['a u p']],
    ['a password that looks like a comment', 'machine a login u password #p', ['a u #p']],
    ['quotes', 'machine a login "u v" password "p \\"q\\" \\\\"', ['a u v p "q" \\']],
    ['a quote inside', 'machine a login u password p"q', ['a u p"q']],
    ['a macro', 'macdef init\nmachine x login y password z\n\nmachine a login u password p', ['a u p']],
    ['default is for no host', 'machine a login u password p\ndefault login any password where', ['a u p']],
    ['words of a value', 'machine a login machine password default', ['a machine default']],
    ['without a password', 'machine a login u', ['a u ']],
    ['without anything', 'machine a\nmachine b login u password p', ['b u p']],
    ['cut off', 'machine', []],
    ['nothing', '', []],
    ['another file', '{"a": "b"}', []],
  ])('%s', (_title, text, expected) => {
    expect(parseNetrc(text).map(({ machine, login, password }) => `${machine} ${login} ${password}`)).toEqual(expected);
  });

  it('is read only on request: HOME, NETRC, FILE; the first for a host counts, after --channel-login', async () => {
    const text = 'machine h.example login home password one\nmachine h.example login late password two\n';
    await writeFile(path.join(dir, '.netrc'), text);
    await chmod(path.join(dir, '.netrc'), 0o600);
    await writeFile(path.join(dir, 'other'), text.replaceAll('home', 'other'));
    await chmod(path.join(dir, 'other'), 0o644);
    const who = async (...given: Parameters<typeof read>) => {
      const { logins, warning } = await read(...given);
      return [loginFor(new URL('https://h.example'), logins)?.who.replace(`${dir}/`, ''), warning];
    };
    expect(await who([])).toEqual([undefined, undefined]);
    expect(await who([], {}, true)).toEqual(['user home, .netrc', undefined]);
    expect(await who([], {}, path.join(dir, 'other'))).toEqual([
      'user other, other',
      expect.stringMatching(/other accounts of this machine can read .*chmod 600/),
    ]);
    expect((await who([], { NETRC: 'other' }, true))[0]).toBe('user other, other');
    expect((await who(['h.example=env:L'], { L: 'mine:pw' }, true))[0]).toBe('user mine, env:L');
    const error = await refusal(() => read([], {}, path.join(dir, 'none')));
    expect([error.code, error.hint]).toEqual(['E_CONFIG', expect.stringMatching(/taken for its FILE/)]);
  });

  it('on Windows is _netrc, or .netrc where that is not there', async () => {
    const home = path.join(dir, 'windows');
    await mkdir(home);
    const rt = testRuntime({ machine: { platform: 'win32', homedir: home } });
    const who = async () => (await readChannelLogins(rt, { channelLogins: [], netrc: true })).logins[0]?.who;
    await writeFile(path.join(home, '.netrc'), 'machine h login dot password pw');
    expect(await who()).toMatch(/^user dot/);
    await writeFile(path.join(home, '_netrc'), 'machine h login under password pw');
    expect(await who()).toMatch(/^user under/);
  });
});

it('C9: a path in the file counts from the file’s folder, ~ from the home, any other from the working directory', async () => {
  const root = await mkdtemp(path.join(dir, 'root-'));
  await writeFile(
    path.join(root, 'repackenv.yml'),
    'channel_logins: [h=file:secrets/h, "i:80=file:~/i", j=env:J]\nnetrc: true\n',
  );
  const rt = testRuntime({ machine: { cwd: dir, homedir: '/home/u' }, env: { REPACKENV_NETRC: 'yes' } });
  const inFile = await resolveSettings(rt, {}, { config: undefined, root });
  expect(inFile.values.channelLogins).toEqual([`h=file:${root}/secrets/h`, 'i:80=file:/home/u/i', 'j=env:J']);
  expect(inFile.values.netrc).toBe(true);
  const typed = await resolveSettings(rt, { channelLogins: ['h=file:x'], netrc: 'n' }, { config: undefined, root });
  expect([typed.values.channelLogins, typed.values.netrc]).toEqual([[`h=file:${dir}/x`], path.join(dir, 'n')]);
});
