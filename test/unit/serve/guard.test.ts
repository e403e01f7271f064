import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/base/secret.js';
import { makeGuard } from '../../../src/serve/guard.js';

const TOKEN = 'xx-5e4d3c2b';
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
const PATH = ['halkbank', 'noarch', 'repodata.json'];
const LET_IN = { segments: PATH, credentials: 'login' };
const inPath = (token: string): string[] => ['t', token, ...PATH];

describe('makeGuard', () => {
  it('lets everybody read where nothing is asked, and takes nothing out of the path', () => {
    const guard = makeGuard({});
    expect(guard.closed).toBe(false);
    expect(guard.admit({ segments: inPath(TOKEN), authorization: undefined })).toEqual({
      segments: inPath(TOKEN),
      credentials: 'none',
    });
  });

  const withToken = makeGuard({ token: new Secret(TOKEN) });
  it.each<[string, string[], string | undefined]>([
    ['in the path', inPath(TOKEN), undefined],
    ['as Bearer', PATH, `Bearer ${TOKEN}`],
    ['as bearer', PATH, `bearer  ${TOKEN}`],
    ['as anybody’s password', PATH, basic(`me:${TOKEN}`)],
    ['as the password of nobody', PATH, basic(`:${TOKEN}`)],
    ['in the header, beside a wrong one in the path', inPath('wrong'), `Bearer ${TOKEN}`],
  ])('takes a token %s', (_, segments, authorization) => {
    expect(withToken.admit({ segments, authorization })).toEqual({ segments: PATH, credentials: 'token' });
  });

  it.each<[string, string[], string | undefined]>([
    ['nothing', PATH, undefined],
    ['another token', inPath('xx-5e4d3c2c'), undefined],
    ['a shorter one', inPath('xx-5e4d3c2'), undefined],
    ['a longer one', inPath(`${TOKEN}x`), undefined],
    ['other case', inPath(TOKEN.toUpperCase()), undefined],
    ['an empty one', inPath(''), undefined],
    ['/t alone', ['t'], undefined],
    ['another folder in front', ['x', 't', TOKEN, ...PATH], undefined],
    ['another scheme', PATH, `Digest ${TOKEN}`],
    ['an empty Bearer', PATH, 'Bearer '],
    ['Basic that is no base64', PATH, 'Basic ???'],
    ['the token as user', PATH, basic(`${TOKEN}:`)],
    ['Basic without a colon', PATH, basic(TOKEN)],
    ['more than one word', PATH, `Bearer ${TOKEN} x`],
  ])('refuses %s', (_, segments, authorization) => {
    expect(withToken.admit({ segments, authorization })).toBeUndefined();
  });

  it('takes users with their passwords, colons in them too, and no token where there is none', () => {
    const users = [
      { user: 'anna', password: new Secret('p:w') },
      { user: 'jörg', password: new Secret('grün') },
    ];
    const guard = makeGuard({ users });
    expect(guard.admit({ segments: PATH, authorization: basic('anna:p:w') })).toEqual(LET_IN);
    expect(guard.admit({ segments: PATH, authorization: basic('jörg:grün') })).toEqual(LET_IN);
    // As conda's requests sends it.
    const latin1 = `Basic ${Buffer.from('jörg:grün', 'latin1').toString('base64')}`;
    expect(guard.admit({ segments: PATH, authorization: latin1 })).toEqual(LET_IN);
    for (const wrong of ['anna:grün', 'anna:', ':p:w', 'anna:p', 'Anna:p:w']) {
      expect(guard.admit({ segments: PATH, authorization: basic(wrong) }), wrong).toBeUndefined();
    }
    expect(guard.admit({ segments: inPath('x'), authorization: basic('anna:p:w') })).toEqual({
      ...LET_IN,
      segments: inPath('x'),
    });
  });
});
