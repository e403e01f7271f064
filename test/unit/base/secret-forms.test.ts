import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createRedactor } from '../../../src/base/redact.js';
import { Secret } from '../../../src/base/secret.js';
import { parseUrl } from '../../../src/base/parse-url.js';
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
  const VALUE = 'abc+def=123456';
  const percented = (text: string): string => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('');
  const times = (count: number, encode: (text: string) => string, text: string): string =>
    Array.from({ length: count }).reduce<string>((encoded) => encode(encoded), text);

  // The first character of the form and the end, and nothing else.
  it.each<[string, string]>([
    ['as it is', VALUE],
    ['in upper case', VALUE.toUpperCase()],
    ['as a part of a URL', encodeURIComponent(VALUE)],
    ['with escapes in lower case', encodeURIComponent(VALUE).toLowerCase()],
    ['as a part of a URL, twice', times(2, encodeURIComponent, VALUE)],
    ['as a part of a URL, 12 times', times(12, encodeURIComponent, VALUE)],
    ['as a part of a URL, 40 times', times(40, encodeURIComponent, VALUE)],
    ['as escapes', percented(VALUE)],
    ['as escapes of escapes', times(2, percented, VALUE)],
    ['with one escape', '%61bc+def=123456'],
    ['with its last character as an escape', 'abc+def=12345%36'],
    ['in hex', Buffer.from(VALUE).toString('hex')],
    ['in hex of upper case', Buffer.from(VALUE).toString('hex').toUpperCase()],
    ['in base64, without what fills it up', Buffer.from(VALUE).toString('base64url')],
    ['in hex as escapes', percented(Buffer.from(VALUE).toString('hex'))],
    ['in base64 of hex', Buffer.from(Buffer.from(VALUE).toString('hex')).toString('base64').replace(/=+$/, '')],
    ['in hex of base64', Buffer.from(Buffer.from(VALUE).toString('base64url')).toString('hex')],
    ['in hex of hex', Buffer.from(Buffer.from(VALUE).toString('hex')).toString('hex')],
    ['in hex of escapes', Buffer.from(percented(VALUE)).toString('hex')],
  ])('says exactly where it stands %s', (_how, form) => {
    const secret = new Secret(VALUE);
    for (const [before, behind] of [
      ['', ''],
      ['next: ', ' end'],
      ['100%zz ', ' %'],
      ['%20', '%20'],
    ] as const) {
      const places = secretPlaces(before + form + behind, secret);
      expect(new Set(places.map((place) => place.join()))).toEqual(
        new Set([`${before.length},${before.length + form.length}`]),
      );
    }
  });

  it('finds it in base64 of both alphabets, from any bit on', () => {
    const missed: string[] = [];
    for (const value of [VALUE, 'a?>b?>~~', 'kM4kM5kM6', 'xxxx']) {
      const secret = new Secret(value);
      for (const name of ['base64', 'base64url', 'hex'] as const) {
        for (let lead = 0; lead < 5; lead += 1) {
          for (let tail = 0; tail < 4; tail += 1) {
            const bytes = Buffer.concat([Buffer.alloc(lead, 0xa5), Buffer.from(value), Buffer.alloc(tail, 0x5a)]);
            const form = bytes.toString(name);
            const [each, of] = name === 'hex' ? [2, 1] : [4, 3];
            const start = 2 + Math.floor((lead * each) / of);
            const end = 2 + Math.ceil(((lead + value.length) * each) / of);
            const found = secretPlaces(`: ${form} .`, secret);
            if (found.length !== 1 || found[0]![0] !== start || found[0]![1] !== end)
              missed.push(`${value} ${name} ${lead} ${tail}: ${JSON.stringify(found)}, not ${start},${end}`);
          }
        }
      }
    }
    expect(missed).toEqual([]);
  });

  // Base64 of the first is of hex digits only, as a digest is: of the last one where it begins behind another byte.
  it.each([
    ['kM4kM5kM6', 'a000a001a002'],
    ['kM4kM5kM6', 'ffa000a001a002ff'],
    ['wBwgtw_', '03dCd2d0d19cEe50'],
  ])('finds %s in %s, which might be a digest', (value, form) => {
    expect(secretPlaces(form, new Secret(value)).length).toBeGreaterThan(0);
  });

  // A digit of an escape as an escape, and a digit of that one: no form of the value, and two characters longer each time.
  const digitEscaped = (text: string): string => text.replace(/%([0-9a-f])(?=[^%]*$)/, '%%3$1');

  it('undoes 12 escapes one over another, over one that is a form of the value, and no more', () => {
    const secret = new Secret(VALUE);
    for (let levels = 0; levels <= 12; levels += 1) {
      const form = times(levels, digitEscaped, VALUE.replace('a', '%61'));
      expect(secretPlaces(`x ${form} y`, secret).map((place) => place.join())).toContain(`2,${2 + form.length}`);
    }
    expect(secretPlaces(times(13, digitEscaped, VALUE.replace('a', '%61')), secret)).toEqual([]);
  });

  const PACKINGS = ['base64url', 'hex'] as const;
  const packings = (depth: number): BufferEncoding[][] =>
    depth === 0 ? [[]] : packings(depth - 1).flatMap((inner) => PACKINGS.map((name) => inner.concat(name)));

  it.each([1, 2, 3])('looks into base64 and hex one in another, %i deep, up to 2', (depth) => {
    const secret = new Secret(VALUE);
    for (const names of packings(depth)) {
      const form = names.reduce((text, name) => Buffer.from(text).toString(name), VALUE);
      expect([names, holdsSecret(`x ${form} y`, secret)]).toEqual([names, depth <= 2]);
    }
  });

  /** How often something in a text was read as base64, and as hex. */
  function unpacked(text: string, value: string): { base64: number; hex: number } {
    const secret = new Secret(value);
    // What is worked out once of each secret is no part of it.
    holdsSecret('', secret);
    const from = vi.spyOn(Buffer, 'from');
    try {
      expect(holdsSecret(text, secret)).toBe(false);
      const names = from.mock.calls.map((call: readonly unknown[]) => call[1]);
      return {
        base64: names.filter((name) => name === 'base64').length,
        hex: names.filter((name) => name === 'hex').length,
      };
    } finally {
      from.mockRestore();
    }
  }

  const DIGEST = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  const OTHER = 'abc+def=123457';

  // An index has two digests a record: to look into each would take most of the time.
  it.each<[string, string, string, number, number]>([
    ['a digest', DIGEST, VALUE, 0, 0],
    ['digests beside other things', `{"name":"${'longer-than-the-secret'}","sha256":"${DIGEST}"}`, VALUE, 4, 0],
    ['a digest in upper case', DIGEST.toUpperCase(), VALUE, 0, 0],
    ['a text in base64', `x ${Buffer.from(OTHER).toString('base64url')} y`, VALUE, 4, 0],
    ['a text in hex, from both digits', `x ${Buffer.from(OTHER).toString('hex')} y`, VALUE, 0, 1],
    ['hex of which no part is a text as long', `${'61'.repeat(13)}00${'61'.repeat(13)}`, VALUE, 0, 0],
    ['hex of which the end is a text as long', `ff00${'61'.repeat(14)}`, VALUE, 0, 1],
    ['hex of which the beginning is a text as long', `${'7e'.repeat(14)}ff00`, VALUE, 0, 1],
    ['too little hex', '61'.repeat(13), VALUE, 0, 0],
    ['too little base64', 'x'.repeat(18), VALUE, 0, 0],
    ['as little base64 as may hold it', 'x'.repeat(19), VALUE, 4, 0],
    ['a digest, for a password that is no ASCII', DIGEST, 'şığüöç1', 0, 2],
    ['a digest, for what may look like one in base64', DIGEST, 'kM4kM5kM6', 4, 0],
    ['a digest, for what may look like one in base64 behind another byte', DIGEST, 'wBwgtw_', 4, 0],
    ['nothing', '', VALUE, 0, 0],
  ])('reads %s no more often than it must', (_what, text, value, base64, hex) => {
    expect(unpacked(text, value)).toEqual({ base64, hex });
  });

  it('gives places in order', () => {
    const hex = Buffer.from(VALUE).toString('hex');
    const places = secretPlaces(`${hex} ${VALUE} ${percented(VALUE)} ${VALUE}`, new Secret(VALUE));
    const starts = places.map(([start]) => start);
    expect([...new Set(starts)]).toEqual([0, 29, 44, 87]);
    expect(starts).toEqual(starts.toSorted((one, other) => one - other));
  });

  it('looks for nothing shorter than four characters', () => {
    expect(secretPlaces('abc abc', new Secret('abc'))).toEqual([]);
    expect(holdsSecret('abc', new Secret('abc'))).toBe(false);
    expect(secretPlaces('abcd', new Secret('abcd'))).toEqual([[0, 4]]);
  });

  it('finds nothing where there is no secret, or almost it', () => {
    expect(holdsSecret(VALUE, undefined)).toBe(false);
    for (const near of [VALUE.slice(1), VALUE.slice(0, -1), VALUE.replace('+', ' '), VALUE.replace('=', '=='), '%2'])
      for (const form of [
        near,
        percented(near),
        Buffer.from(near).toString('hex'),
        Buffer.from(near).toString('base64'),
      ])
        expect(secretPlaces(form, new Secret(VALUE))).toEqual([]);
  });

  it('takes what means something in a regular expression as it is', () => {
    const value = String.raw`\^$.*+?()[]{}|/-`;
    const secret = new Secret(value);
    expect(secretPlaces(`a ${value} b`, secret)).toEqual([[2, 2 + value.length]]);
    expect(secretPlaces(`a ${encodeURIComponent(value)} b`, secret).length).toBeGreaterThan(0);
    expect(secretPlaces('a \\\\^$xx+?()[]{}|/- b', secret)).toEqual([]);
    expect(secretPlaces('aaaa', new Secret('a.*a'))).toEqual([]);
  });

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

  it.each(['şifre/é%41', 'éşifre', 'şifreé', 'şığüöç'])(
    'a password that is no ASCII, %s: as text, as bytes, percent-encoded, in base64, in hex',
    (password) => {
      const secret = new Secret(password);
      const bytes = Buffer.from(password);
      for (const text of [password, encodeURIComponent(password), bytes.toString('base64'), bytes.toString('hex')])
        expect(holdsSecret(`x ${text} y`, secret)).toBe(true);
      expect(holdsSecret(Buffer.from(`x ${password} y`), secret)).toBe(true);
    },
  );

  it.each(['şifre', 'a\tb\n1', 'a\u0000\u000fbc'])('%j behind escapes of any number', (password) => {
    const secret = new Secret(password);
    for (const count of [1, 2, 13, 40])
      expect(holdsSecret(`x ${times(count, encodeURIComponent, password)} y`, secret)).toBe(true);
  });

  it('across the border of two pieces of a large file', async () => {
    const bytes = Buffer.alloc((1 << 22) + 100, 0x20);
    bytes.write('abc+def=123456', (1 << 22) - 7);
    const [secret, other] = [new Secret('abc+def=123456'), new Secret('abc+def=123457')];
    expect(holdsSecret(bytes, secret)).toBe(true);
    expect(await holdsAnySecret(bytes, [other, secret])).toBe(true);
    expect(await holdsAnySecret(bytes, [other])).toBe(false);
    expect(holdsSecret(bytes, other)).toBe(false);
  });

  it('at the end of a large file, and not where its last byte is missing', async () => {
    const bytes = Buffer.alloc((1 << 22) + (1 << 17), 0x20);
    bytes.write('abc+def=123456', bytes.length - 14);
    const [secret, other] = [new Secret('abc+def=123456'), new Secret('abc+def=123457')];
    expect(holdsSecret(bytes, secret)).toBe(true);
    expect(await holdsAnySecret(bytes, [other, secret])).toBe(true);
    expect(holdsSecret(bytes, other)).toBe(false);
    expect(holdsSecret(bytes.subarray(0, -1), secret)).toBe(false);
  });

  it('lets others work between the pieces of a large file', async () => {
    let worked = false;
    setImmediate(() => (worked = true));
    await holdsAnySecret(Buffer.alloc((1 << 22) + 1, 0x20), [new Secret('abc+def=123456')]);
    expect(worked).toBe(true);
  });

  it('in all allowed tokens, encodings and places; the redactor leaves none; a URL of another host holds none', () => {
    fc.assert(
      fc.property(tokens, encodings, fc.nat(PLACES.length - 1), (value, encoded, index) => {
        const form = encoded(value);
        // Behind a lone "%" the first two characters may be read as an escape, and are lost to everyone who has to undo others.
        const hasEscapes = /^[0-9a-f]{2}.*%/is.test(form);
        fc.pre(index !== 4 || form.includes(value) || (form.length < 3 * value.length && !hasEscapes));
        const text = PLACES[index]!(form);
        const secret = new Secret(value);
        expect(secretPlaces(text, secret).length, text).toBeGreaterThan(0);
        expect(holdsSecret(Buffer.from(text), secret)).toBe(true);
        const redactor = createRedactor();
        redactor.register(secret);
        const clean = redactor.redact(text);
        expect(holdsSecret(clean, secret), clean).toBe(false);
        expect(clean).not.toContain(value);
        const url = parseUrl(text);
        if (url === undefined) return;
        const sent = withoutToken(url, secret);
        expect(sent === undefined || !sent.href.includes(form)).toBe(true);
      }),
      { numRuns: fewer(3000), endOnFailure: fewer(3000) < 3000 },
    );
  });
});
