import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/base/redact.js';
import { Secret } from '../../../src/base/secret.js';
import { holdsAnySecret, holdsSecret, secretPlaces } from '../../../src/base/secret-forms.js';
import { fewer } from '../../helpers/fewer.js';
import { withoutToken } from '../../../src/gateway/wire-url.js';

const TOKEN_CHARACTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+=-'];

/** All that the argument TOKEN may be. */
const tokens = fc.string({ unit: fc.constantFrom(...TOKEN_CHARACTERS), minLength: 6, maxLength: 60 });

/** Some characters, or all, as escapes with hex digits of either case. */
const percent = fc
  .tuple(fc.infiniteStream(fc.boolean()), fc.infiniteStream(fc.boolean()), fc.integer({ min: 1, max: 4 }))
  .map(([escaped, upper, levels]) => (text: string): string => {
    let encoded = text;
    for (let level = 0; level < levels; level += 1) {
      encoded = [...encoded]
        .map((character) => {
          // What an escape begins with must be escaped itself, or it is another text.
          if (character !== '%' && escaped.next().value === false) return character;
          const code = Buffer.from(character).toString('hex').replace(/../g, '%$&');
          return upper.next().value === true ? code.toUpperCase() : code;
        })
        .join('');
    }
    return encoded;
  });

/** With any bytes before and behind, so that it begins and ends at any bit. */
const packed = fc
  .tuple(
    fc.constantFrom<BufferEncoding>('base64', 'base64url', 'hex'),
    fc.uint8Array({ maxLength: 5 }),
    fc.uint8Array({ maxLength: 5 }),
    fc.boolean(),
  )
  .map(([name, before, behind, upper]) => (text: string): string => {
    const encoded = Buffer.concat([before, Buffer.from(text), behind]).toString(name);
    return name === 'hex' && upper ? encoded.toUpperCase() : encoded;
  });

const encodings = fc.oneof(
  fc.constant((text: string) => text),
  percent,
  packed,
  fc.tuple(packed, percent).map(
    ([inner, outer]) =>
      (text: string) =>
        outer(inner(text)),
  ),
  fc.tuple(percent, packed).map(
    ([inner, outer]) =>
      (text: string) =>
        outer(inner(text)),
  ),
  fc.tuple(packed, packed).map(
    ([inner, outer]) =>
      (text: string) =>
        outer(inner(text)),
  ),
);

const PLACES: ((form: string) => string)[] = [
  (form) => form,
  (form) => `https://other/login?next=%2Fprometeia&back=${form}&lang=tr`,
  (form) => `https://other/x?sig=100%zz&t=${form}`,
  (form) => `https://other/x?t=${form}&sig=100%zz`,
  (form) => `https://other/x?t=%${form}`,
  (form) => `https://other/login/${form}/x`,
  (form) => `{"etag": "${form}", "b": "%"}`,
];

describe('J1 J6 one function finds the token in every form', () => {
  it('in all allowed tokens, encodings and places; the redactor leaves none; a URL of another host holds none', () => {
    fc.assert(
      fc.property(tokens, encodings, fc.nat(PLACES.length - 1), (value, encoded, index) => {
        const form = encoded(value);
        // Behind a lone "%" two characters of packed text may be read as an escape, and are lost to everyone.
        fc.pre(index !== 4 || form.length < 3 * value.length || form.includes(value));
        const text = PLACES[index]!(form);
        const secret = new Secret(value);
        expect(secretPlaces(text, secret).length, text).toBeGreaterThan(0);
        expect(holdsSecret(Buffer.from(text), secret)).toBe(true);
        const redactor = createRedactor();
        redactor.register(secret);
        const clean = redactor.redact(text);
        expect(holdsSecret(clean, secret), clean).toBe(false);
        expect(clean).not.toContain(value);
        if (!URL.canParse(text)) return;
        const sent = withoutToken(new URL(text), secret);
        expect(sent === undefined || !sent.href.includes(form)).toBe(true);
      }),
      { numRuns: fewer(3000) },
    );
  }, 60_000);

  it.each([
    ['digests', 'a1'.repeat(32)],
    ['a URL of the same look', 'https://h/t/xx-0124/p?x=%2Fabc%25&y=YWJjZGVmZ2hpamts'],
    ['malformed escapes', '100%zz %2 % %%% %GG'],
    ['nothing', ''],
  ])('finds nothing in %s', (_name, text) => {
    expect(secretPlaces(text, new Secret('xx-0123456'))).toEqual([]);
  });

  it('says where: the rest of the text stays', () => {
    const redactor = createRedactor();
    redactor.register(new Secret('abc+def=123456'));
    expect(redactor.redact('GET /login?next=%2Ft%2Fabc%252Bdef%253D123456%2Fx 302')).toBe(
      'GET /login?next=%2Ft%2F<TOKEN>%2Fx 302',
    );
    expect(redactor.redact('a abc+def=123456 b ABC%2bDEF%3D123456 c')).toBe('a <TOKEN> b <TOKEN> c');
  });

  it('across the border of two pieces of a large file', async () => {
    const bytes = Buffer.alloc((1 << 22) + 100, 0x20);
    bytes.write('abc+def=123456', (1 << 22) - 7);
    const [secret, other] = [new Secret('abc+def=123456'), new Secret('abc+def=123457')];
    expect(holdsSecret(bytes, secret)).toBe(true);
    expect(await holdsAnySecret(bytes, [other, secret])).toBe(true);
    expect(await holdsAnySecret(bytes, [other])).toBe(false);
  });

  it('a password that is no ASCII: as text, as bytes, percent-encoded', () => {
    const secret = new Secret('şifre/é%41');
    for (const text of ['şifre/é%41', encodeURIComponent('şifre/é%41'), Buffer.from('şifre/é%41').toString('base64')])
      expect(holdsSecret(text, secret)).toBe(true);
    expect(holdsSecret(Buffer.from('x şifre/é%41 y'), secret)).toBe(true);
  });
});
