import { describe, expect, it } from 'vitest';
import { parseRequestPath } from '../../../src/serve/request-path.js';

describe('parseRequestPath', () => {
  it.each([
    ['/', [], true],
    ['/linux-64/repodata.json', ['linux-64', 'repodata.json'], false],
    ['/halkbank/', ['halkbank'], true],
    ['/t/xx-1/a/noarch/', ['t', 'xx-1', 'a', 'noarch'], true],
    ['/a?x=/../..', ['a'], false],
    ['/a#/../b', ['a'], false],
    ['/noarch/x-1%212.0-0.conda', ['noarch', 'x-1!2.0-0.conda'], false],
    ['/noarch/x-1%2B2-0.conda', ['noarch', 'x-1+2-0.conda'], false],
    ['//linux-64/x', ['', 'linux-64', 'x'], false],
    ['/linux-64//', ['linux-64', ''], true],
    ['/%252e%252e/x', ['%2e%2e', 'x'], false],
    ['/...', ['...'], false],
  ])('takes %s apart', (target, segments, folder) => {
    expect(parseRequestPath(target)).toEqual({ kind: 'path', segments, folder });
  });

  it.each([
    '/../x',
    '/a/../../etc/passwd',
    '/a/..',
    '/.',
    '/%2e%2e/x',
    '/%2E./x',
    '/a%2f..%2fb',
    '/a%5cb',
    '/..%5c..%5cwindows',
    '/a\\b',
    '/a%00.json',
    '/a\u0000b',
    '/a%0d%0aX: y',
    '/a%7f',
    '/%',
    '/%zz',
    '/%c0%ae%c0%ae/',
    '/%ff',
    'http://other/linux-64/repodata.json',
    'linux-64/repodata.json',
    '*',
    '',
    '?x',
  ])('N14 refuses %j', (target) => {
    expect(parseRequestPath(target)).toEqual({ kind: 'bad' });
  });
});
