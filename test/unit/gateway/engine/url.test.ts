import { describe, expect, it } from 'vitest';
import { engineUrl, readEngineTarget } from '../../../../src/gateway/engine/url.js';
import { answerFile, parseRange } from '../../../../src/gateway/http-answer.js';
import { proxyGate } from '../../../../src/gateway/engine/proxy-auth.js';
import type { Channel } from '../../../../src/conda/channel/channel.js';

const channel = (url: string): Channel => ({ url, name: 'x', authenticated: false, role: 'base' });

describe('engineUrl', () => {
  it.each([
    ['https://conda.anaconda.org/prometeia/label/halkbank', 'http://conda.anaconda.org/prometeia/label/halkbank'],
    ['https://host:8443/x', 'http://host:8443/x'],
    ['http://allowed.example/x', 'http://allowed.example/x'],
    ['http://127.0.0.1:8080/prometeia', 'http://127-0-0-1-8080.repackenv.invalid/prometeia'],
    ['https://localhost:8443/x', 'http://localhost-8443.repackenv.invalid/x'],
    ['http://[::1]:80/x', 'http://1.repackenv.invalid/x'],
    [
      'file:///srv/my%20channel',
      expect.stringMatching(/^http:\/\/file\.repackenv\.invalid\/[0-9a-f]{12}\/my-20channel$/),
    ],
  ])('%s', (url, expected) => {
    expect(engineUrl(channel(url))).toEqual(expected);
    expect(engineUrl(channel(url))).toBe(engineUrl(channel(url)));
  });

  it('two folders of one name stay apart', () => {
    expect(engineUrl(channel('file:///a/c'))).not.toBe(engineUrl(channel('file:///b/c')));
  });
});

describe('readEngineTarget', () => {
  const channels = ['http://h/p', 'http://h/p/label/l'].map((url) => ({ channel: channel(url), url }));
  it.each([
    ['http://h/p/noarch/a-1!2+3-0.conda', 'http://h/p', 'a-1!2+3-0.conda'],
    ['http://h/p/noarch/a-1%212%2B3-0.conda', 'http://h/p', 'a-1!2+3-0.conda'],
    ['HTTP://H:80/p/label/l/noarch/repodata.json', 'http://h/p/label/l', 'repodata.json'],
  ])('%s', (target, url, file) => {
    expect(readEngineTarget(target, channels)).toMatchObject({ channel: { url }, subdir: 'noarch', file });
  });
  it.each([
    'http://h/p/noarch/',
    'http://h/p/noarch',
    'http://h/p/NoArch/x',
    'http://h/p/noarch/a/b',
    'http://h/p/noarch/.x',
    'http://h/p/noarch/%zz',
    'http://h/p/noarch/a%2Fb',
    'http://h/p2/noarch/x',
    'http://u@h/p/noarch/x',
    'h:443',
    '*',
    '',
  ])('not %s', (target) => {
    expect(readEngineTarget(target, channels)).toBeUndefined();
  });
});

it.each([
  ['bytes=0-4', [0, 5]],
  ['bytes=5-', [5, 10]],
  ['bytes=-3', [7, 10]],
  ['bytes=-30', [0, 10]],
  ['bytes=8-99', [8, 10]],
  ['bytes=10-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=5-2', undefined],
  ['bytes=0-1,3-4', undefined],
  ['items=0-1', undefined],
  [undefined, undefined],
])('the range %s of ten bytes', (header, range) => expect(parseRange(header, 10)).toEqual(range));

it('If-Range with another tag, and If-None-Match lists', () => {
  const file = {
    size: 3,
    tag: 'a',
    contentType: 'x/y',
    read: (start: number, end: number) => Buffer.from('abc').subarray(start, end),
  };
  const get = (headers: Record<string, string>): number =>
    answerFile({ method: 'GET', target: '', headers }, file).status;
  expect(get({ range: 'bytes=1-', 'if-range': '"a"' })).toBe(206);
  expect(get({ range: 'bytes=1-', 'if-range': '"b"' })).toBe(200);
  expect(get({ 'if-none-match': '"b", W/"a"' })).toBe(304);
  expect(get({ 'if-none-match': '*' })).toBe(304);
  expect(get({ 'if-none-match': '"b"' })).toBe(200);
});

it('each run has a proxy password of its own', () => {
  const [one, two] = [proxyGate(), proxyGate()];
  const header = (userinfo: string): string => `Basic ${Buffer.from(userinfo).toString('base64')}`;
  expect(one.opens(header(one.userinfo))).toBe(true);
  expect(one.opens(header(two.userinfo))).toBe(false);
  expect(one.opens(header(`${one.userinfo}x`))).toBe(false);
  expect(one.opens(undefined)).toBe(false);
});
