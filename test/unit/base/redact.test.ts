import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/base/redact.js';
import { fewer } from '../../helpers/fewer.js';
import { Secret } from '../../../src/base/secret.js';

const TOKEN = 'xx-5ecret.to_ken+1~=';

function redactor(value = TOKEN) {
  const made = createRedactor();
  made.register(new Secret(value));
  return made;
}

describe('J1 redact by value', () => {
  it.each([
    ['raw', `wrong token ${TOKEN} sent`],
    ['percent-encoded', `GET /?t=${encodeURIComponent(TOKEN)}`],
    ['percent-encoded, lower case hex', encodeURIComponent(TOKEN).toLowerCase()],
    ['every byte percent-encoded', [...Buffer.from(TOKEN)].map((byte) => `%${byte.toString(16)}`).join('')],
    ['base64 alone', Buffer.from(TOKEN).toString('base64')],
    ['base64 behind one character', Buffer.from(`:${TOKEN}`).toString('base64')],
    ['base64 behind user name', `Basic ${Buffer.from(`user:${TOKEN}`).toString('base64')}`],
    ['base64 in the middle', Buffer.from(`user:${TOKEN}@host`).toString('base64')],
    ['base64url', Buffer.from(`ab${TOKEN}`).toString('base64url')],
  ])('takes it out: %s', async (_name, text) => {
    const clean = redactor().redact(text);
    expect(clean).not.toContain(TOKEN);
    expect(await redactor().foundIn(Buffer.from(text))).toBe(true);
    expect(await redactor().foundIn(Buffer.from(clean))).toBe(false);
    expect(clean).toContain('<TOKEN>');
  });

  it.each(['xx_1.2_3', 'a+b+c+d', 'xx.y~z=1', 'ab%2Fcd%25', 'condas', 'package', 'linux-64'])(
    'J5 %s is taken out by its value, in each place; what only looks like it stays',
    async (token) => {
      const near = `${token.slice(0, -1)} ${token.slice(1)}`;
      const text = `${near} at ${token}, /x/${encodeURIComponent(token)}/y, ${token}${token}`;
      const clean = redactor(token).redact(text);
      expect(clean).toBe(`${near} at <TOKEN>, /x/<TOKEN>/y, <TOKEN><TOKEN>`);
      expect(await redactor(token).foundIn(Buffer.from(clean))).toBe(false);
    },
  );

  it('leaves text without it as it is', () => {
    expect(redactor().redact('numpy-1.26.4-py39_0.conda at /srv/t-files/x')).toBe(
      'numpy-1.26.4-py39_0.conda at /srv/t-files/x',
    );
  });

  it.each([
    ['one long name', 'a'.repeat(fewer(2_000_000))],
    ['names with dots', 'a.b-c_'.repeat(fewer(300_000))],
    ['beginnings of URLs', 'a://b'.repeat(fewer(400_000))],
    ['escapes', 'a%25'.repeat(fewer(400_000))],
    ['escapes of escapes', `%${'25'.repeat(fewer(500_000))}`],
    ['what may be base64', 'Ab9/'.repeat(fewer(400_000))],
  ])('takes time in line with the length: %s, far beyond what the square of it allows', (_name, text) => {
    expect(redactor().redact(text)).toBe(text);
  });

  it('does nothing with an empty secret', () => {
    expect(redactor('').redact('abc')).toBe('abc');
  });
});

describe('J6 redact by the shape of URLs, also for secrets that were never registered', () => {
  it.each([
    ['https://h/t/other-token_1.2/prometeia', 'https://h/t/<TOKEN>/prometeia'],
    ['https://h/t/other-token', 'https://h/t/<TOKEN>'],
    ['https://h/t/other?x=1', 'https://h/t/<TOKEN>?x=1'],
    ['"https://h/t/other"', '"https://h/t/<TOKEN>"'],
    ['http://user:pass@proxy:3128/', 'http://<USER>@proxy:3128/'],
    ['http://tok-as-user@host/x', 'http://<USER>@host/x'],
    ['http://user:p@ss@host/x', 'http://<USER>@host/x'],
  ])('%s', (text, expected) => {
    expect(createRedactor().redact(text)).toBe(expected);
  });
});

describe('Secret', () => {
  it('prints as [secret] in text, JSON and inspection', async () => {
    const { inspect } = await import('node:util');
    const secret = new Secret(TOKEN);
    for (const text of [`${secret}`, JSON.stringify({ secret }), inspect({ secret }), String(secret)]) {
      expect(text).not.toContain(TOKEN);
      expect(text).toContain('[secret]');
    }
  });
});
