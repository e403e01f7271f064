import { describe, expect, it } from 'vitest';
import { channelAt, channelFileUrl, liesBelow } from '../../../../src/conda/channel/channel.js';

describe('liesBelow: what a token of a place opens', () => {
  it.each([
    ['https://h/acme', 'https://h/acme'],
    ['https://h/acme', 'https://h/acme/'],
    ['https://h/acme', 'https://h/acme//'],
    ['https://h/acme/label/x', 'https://h/acme'],
    ['https://h/acme/label/x', 'https://h/acme/'],
    ['https://h/a//b/c', 'https://h/a//b'],
  ])('%s lies in %s', (url, base) => {
    expect(liesBelow(url, base)).toBe(true);
  });

  it.each([
    ['https://h/acme2', 'https://h/acme'],
    ['https://h.evil/acme', 'https://h'],
    ['https://h', 'https://h/acme'],
    ['https://evil/https://h/acme/x', 'https://h/acme'],
    ['https://evil/?https://h/acme/', 'https://h/acme'],
  ])('%s does not lie in %s', (url, base) => {
    expect(liesBelow(url, base)).toBe(false);
  });
});

describe('a channel of which only the URL is known', () => {
  it('is opened by no token, and its files lie in its subdirs', () => {
    const channel = channelAt('https://h/x');
    expect(channel).toEqual({ url: 'https://h/x', name: 'https://h/x', authenticated: false, role: 'base' });
    expect(channelFileUrl(channel, 'noarch', 'repodata.json')).toBe('https://h/x/noarch/repodata.json');
  });
});
