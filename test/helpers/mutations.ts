import fc from 'fast-check';

/** One change of bytes; `at` is a share of their length. */
export interface Mutation {
  kind: 'flip' | 'cut' | 'drop' | 'repeat' | 'put';
  at: number;
  length: number;
  bytes: Uint8Array;
}

/** What has broken readers of others: nesting, huge and odd numbers, keys of prototypes, bytes that end texts, paths that lead out. */
const TOKENS = [
  '[[[[[[[[',
  '{"a":'.repeat(20_000),
  '['.repeat(200_000),
  '1e999',
  '-0',
  '9007199254740993',
  '"__proto__":{"x":1},',
  '"constructor":null,',
  'null',
  '""',
  '\u0000',
  '\ud800',
  '\u2028',
  '\r\n',
  '../../../../tmp/out',
  '/etc/passwd',
  'C:\\x',
  '\ufeff',
  'a'.repeat(70_000),
  '<!doctype html>',
  '&a *a',
  '!!js/function',
  '${HOME}',
  '- - - - -',
  ': : :',
];

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('flip', 'cut', 'drop', 'repeat', 'put', 'put'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.oneof(fc.nat(8), fc.nat(2000)),
  bytes: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
    fc.constantFrom(...TOKENS).map((text) => Buffer.from(text)),
  ),
});

export const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });

export function mutated(bytes: Uint8Array, changes: readonly Mutation[]): Buffer {
  let now: Buffer = Buffer.from(bytes);
  for (const change of changes) now = apply(now, change);
  return now;
}

function apply(bytes: Buffer, { kind, at, length, bytes: more }: Mutation): Buffer {
  const start = Math.floor(at * bytes.length);
  const before = bytes.subarray(0, start);
  const after = bytes.subarray(start);
  switch (kind) {
    case 'flip': {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[Math.min(start, copy.length - 1)]! ^= 1 << (length % 8);
      return copy;
    }
    case 'cut':
      return Buffer.from(before);
    case 'drop':
      return Buffer.concat([before, after.subarray(length)]);
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, length), after]);
    case 'put':
      return Buffer.concat([before, more, after]);
  }
}
