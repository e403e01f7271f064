import { expect, it } from 'vitest';
import { channelAt } from '../../../src/conda/channel/channel.js';
import { parseChannelUrl } from '../../../src/conda/channel/declare-channels.js';
import { refusedStatus } from '../../../src/gateway/explain-failure.js';
import { checkChannels } from '../../../src/gateway/wire-url.js';
import { isRepackError, type RepackError } from '../../../src/base/errors.js';

const RULES = { token: undefined, tokenBase: '', allowHttp: [] };

function refusal(run: () => unknown): RepackError {
  try {
    run();
  } catch (error) {
    if (isRepackError(error)) return error;
    throw error;
  }
  throw new Error('was not refused');
}

it.each([
  'file://$MIRRORS_ARCHIVE/r/pkgs',
  'file:///srv/${MIRRORS}/r',
  'file://%MIRRORS%/r',
  'file:///srv/%USERPROFILE%/pkgs',
])('C10 %s: nothing is filled in here', (url) => {
  const error = refusal(() => parseChannelUrl(url, 'https://conda.anaconda.org'));
  expect([error.code, error.exitCode]).toEqual(['E_CHANNEL', 2]);
  expect(error.what).toMatch(/nothing is filled in/);
});

it.each(['file:///srv/w%C3%AFn', 'file:///srv/%e6%97%a5', 'file:///srv/w%c3%af_%20x'])(
  'C10 %s: escapes are no variable',
  (url) => {
    expect(parseChannelUrl(url, 'https://conda.anaconda.org')).toBe(url);
  },
);

it.each(['file://srv/mirror', 'file://mirror'])('C10 %s: write three slashes', (url) => {
  const error = refusal(() => checkChannels([channelAt(url)], RULES));
  expect([error.code, error.exitCode]).toEqual(['E_CHANNEL', 2]);
  expect(error.hint).toContain(url.replace('file://', 'file:///'));
});

it.each(['file:///srv/mirror', 'file:///srv/w%C3%AFn%20up', 'file://localhost/srv'])('%s is a folder', (url) => {
  expect(() => checkChannels([channelAt(url)], RULES)).not.toThrow();
});

it('C11 a folder without an index: names what makes one', () => {
  const error = refusedStatus(404, {
    url: 'file:///srv/my%20pkgs/linux-64',
    channel: channelAt('file:///srv/my%20pkgs'),
    rules: RULES,
  });
  expect(error.hint).toContain("repackenv doctor --repair '/srv/my pkgs'");
  expect(error.what).not.toMatch(/token/);
});

it.each(['https://srv.example/chan/linux-64', 'https://srv.example/chan/noarch', 'file:///srv/chan/win-64'])(
  'C12 %s: leave the subdir out',
  (url) => {
    const error = refusedStatus(404, { url: `${url}/linux-64`, channel: channelAt(url), rules: RULES });
    expect(error.hint).toContain(`${url.replace(/\/[^/]+$/, '')};`);
  },
);
