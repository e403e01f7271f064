import { describe, expect, it } from 'vitest';
import {
  checkChannels,
  displayUrl,
  tokenBaseOf,
  wireUrl,
  withoutToken,
  type WireRules,
} from '../../../src/gateway/wire-url.js';
import { isRepackError } from '../../../src/base/errors.js';
import type { Channel } from '../../../src/conda/channel/channel.js';
import { holdsSecret } from '../../../src/base/secret-forms.js';
import { Secret } from '../../../src/base/secret.js';

const token = new Secret('xx-s3cr3t');
const channel = (url: string, more: Partial<Channel> = {}): Channel => ({
  url,
  name: 'prometeia',
  authenticated: false,
  role: 'base',
  ...more,
});

function codeOf(
  url: string,
  { authenticated = false, ...rules }: Partial<WireRules> & { authenticated?: boolean } = {},
): string | undefined {
  try {
    checkChannels([channel(url, { authenticated })], { token: undefined, tokenBase: '', allowHttp: [], ...rules });
    return undefined;
  } catch (error) {
    expect(JSON.stringify(error)).not.toContain('s3cr3t');
    return isRepackError(error) ? error.code : String(error);
  }
}

describe('checkChannels', () => {
  it.each([
    ['https://conda.anaconda.org/prometeia'],
    ['file:///srv/channel'],
    ['http://127.0.0.1:8080/prometeia'],
    ['http://127.1.2.3/prometeia'],
    ['http://localhost:8080/prometeia'],
    ['http://[::1]:8080/prometeia'],
  ])('takes %s', (url) => expect(codeOf(url)).toBeUndefined());

  it.each([
    ['http://conda.example/prometeia'],
    ['http://10.0.0.1/prometeia'],
    ['http://127.0.0.1.example/prometeia'],
    ['http://localhost.example/prometeia'],
    ['http://128.0.0.1/prometeia'],
  ])('A20 refuses %s', (url) => expect(codeOf(url)).toBe('E_CHANNEL_HTTP'));

  it('A20 --allow-http opens one host, with or without its port, for channels without a token', () => {
    const url = 'http://conda.example:8080/prometeia';
    expect(codeOf(url, { allowHttp: ['conda.example'] })).toBeUndefined();
    expect(codeOf(url, { allowHttp: ['Conda.Example:8080'] })).toBeUndefined();
    expect(codeOf(url, { allowHttp: ['conda.example:9090', 'example'] })).toBe('E_CHANNEL_HTTP');
    expect(codeOf(url, { allowHttp: ['conda.example'], token, authenticated: true })).toBe('E_CHANNEL_HTTP');
    expect(codeOf(url, { allowHttp: ['conda.example'], authenticated: true })).toBeUndefined();
  });

  it('A20 a token goes over http to loopback', () => {
    expect(codeOf('http://127.0.0.1:1/prometeia', { token, authenticated: true })).toBeUndefined();
  });

  it.each([
    ['J6 as user name', 'https://s3cr3t@host/prometeia'],
    ['J6 as password', 'https://user:s3cr3t@host/prometeia'],
    ['J6 in the query', 'https://host/prometeia?token=s3cr3t'],
    ['J6 in the fragment', 'https://host/prometeia#s3cr3t'],
    ['J6 in the path', 'https://host/t/s3cr3t/prometeia'],
    ['J6 at the end of the path', 'https://host/prometeia/t/s3cr3t'],
    ['another scheme', 'ftp://host/prometeia'],
    ['no URL', 'prometeia'],
  ])('%s is E_CHANNEL, without showing it', (_name, url) => expect(codeOf(url)).toBe('E_CHANNEL'));
});

describe('wireUrl', () => {
  const label = { name: 'prometeia/label/halkbank', authenticated: true, role: 'label' } as const;
  it.each<[string, Channel, string | undefined, string]>([
    ['token', channel('https://h/prometeia', { authenticated: true }), 'xx-1', 'https://h/t/xx-1/prometeia/noarch/a'],
    [
      'label',
      channel('https://h/prometeia/label/halkbank', label),
      'xx-1',
      'https://h/t/xx-1/prometeia/label/halkbank/noarch/a',
    ],
    [
      'below a path',
      channel('https://h/conda/prometeia', { authenticated: true }),
      'xx-1',
      'https://h/conda/t/xx-1/prometeia/noarch/a',
    ],
    ['not this channel', channel('https://h/prometeia'), 'xx-1', 'https://h/prometeia/noarch/a'],
    ['none', channel('https://h/prometeia', { authenticated: true }), undefined, 'https://h/prometeia/noarch/a'],
    [
      'A17 of odd signs',
      channel('https://h/prometeia', { authenticated: true }),
      'a/b%2F?#@+',
      'https://h/t/a%2Fb%252F%3F%23%40%2B/prometeia/noarch/a',
    ],
  ])('%s', (_name, each, text, expected) => {
    expect(
      wireUrl(each, 'noarch/a', {
        token: text === undefined ? undefined : new Secret(text),
        tokenBase: tokenBaseOf([each]),
      }).href,
    ).toBe(expected);
  });

  it('leaves + and ! as conda sends them, and lets nothing end the path', () => {
    const url = wireUrl(channel('https://h/p'), 'noarch/a-1!2.0+c-0?x#y.conda', { token: undefined, tokenBase: '' });
    expect(url.pathname).toBe('/p/noarch/a-1!2.0+c-0%3Fx%23y.conda');
  });
});

describe('what is shown', () => {
  it.each([
    ['https://user:pw@h:1/t/xx-1/p?sig=s#f', 'https://h:1/t/<TOKEN>/p'],
    ['https://h/p/t/a/t/b', 'https://h/p/t/<TOKEN>/t/<TOKEN>'],
    ['conda.anaconda.org:443', 'conda.anaconda.org:443'],
    ['/t/xx-1/p?q', '/t/<TOKEN>/p'],
  ])('%s', (url, shown) => expect(displayUrl(url)).toBe(shown));

  it('the token is found raw and percent-encoded, and taken out of the path only', () => {
    const odd = new Secret('a+b/c');
    expect(holdsSecret('https://h/t/a%2Bb%2Fc/p', odd)).toBe(true);
    expect(holdsSecret('https://h/p', odd)).toBe(false);
    expect(withoutToken(new URL('https://h/t/a%2Bb%2Fc/p'), odd)?.href).toBe('https://h/p');
    expect(withoutToken(new URL('https://h/t/else/p'), odd)?.href).toBe('https://h/t/else/p');
    expect(withoutToken(new URL('https://h/t/a%2Bb%2Fc/p?x=a%2Bb%2Fc'), odd)).toBeUndefined();
  });
});
