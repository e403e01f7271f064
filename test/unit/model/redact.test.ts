import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/model/redact.js';
import { Secret } from '../../../src/model/secret.js';

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
  ])('takes it out: %s', (_name, text) => {
    const clean = redactor().redact(text);
    expect(clean).not.toContain(TOKEN);
    expect(redactor().foundIn(Buffer.from(text))).toBe(true);
    expect(redactor().foundIn(Buffer.from(clean))).toBe(false);
    expect(clean).toContain('<TOKEN>');
  });

  it('leaves text without it as it is', () => {
    expect(redactor().redact('numpy-1.26.4-py39_0.conda at /srv/t-files/x')).toBe(
      'numpy-1.26.4-py39_0.conda at /srv/t-files/x',
    );
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
  ])('%s', (text, expected) => {
    expect(createRedactor().redact(text)).toBe(expected);
  });
});

describe('J1 a secret split over chunks', () => {
  it('is found wherever the text is cut', () => {
    const text = `before ${TOKEN} between https://h/t/unregistered-one/x and ${encodeURIComponent(TOKEN)} after\nlast ${TOKEN}`;
    const whole = redactor().redact(text);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 12 }), (cuts) => {
        const stream = redactor().stream();
        const places = [0, ...[...cuts].sort((a, b) => a - b), text.length];
        let out = '';
        for (let i = 1; i < places.length; i += 1) out += stream.push(text.slice(places[i - 1], places[i]));
        out += stream.end();
        expect(out).toBe(whole);
      }),
    );
  });

  it('is found in a word without end', () => {
    const stream = redactor().stream();
    let out = '';
    for (let i = 0; i < 200; i += 1)
      out += stream.push('.'.repeat(97) + (i % 7 === 0 ? TOKEN.slice(0, 9) : '') + (i % 7 === 0 ? TOKEN.slice(9) : ''));
    out += stream.end();
    expect(out).not.toContain(TOKEN);
    expect(out.length).toBeGreaterThan(12_000);
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
