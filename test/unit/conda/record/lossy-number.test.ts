import { expect, it } from 'vitest';
import { lossyNumber } from '../../../../src/conda/record/lossy-number.js';

// IEEE 754: whole numbers are exact up to 2^53 - 1; what is larger than all is read as Infinity.
it.each([
  ['{"a":9007199254740991,"b":-9007199254740991,"c":1.5,"d":1e-7,"e":0}', undefined],
  ['{"a":9007199254740993}', 'a'],
  ['{"a":-9007199254740993}', 'a'],
  ['{"a":1e999}', 'a'],
  ['{"a":-1e999}', 'a'],
  ['{"a":1,"b":{"c":[0,{"d":1e999}]}}', 'b.c.1.d'],
  ['{"a":1e999,"b":1e999}', 'a'],
  ['["1e999",null,true,false,"9007199254740993"]', undefined],
  ['1e999', ''],
  ['null', undefined],
])('of %s JavaScript can not carry: %s', (text, path) => {
  expect(lossyNumber(JSON.parse(text))?.path).toBe(path);
});

it('says as what it is read', () => {
  expect(lossyNumber(JSON.parse('{"a":9007199254740993}'))).toEqual({ value: 9007199254740992, path: 'a' });
});

it('has nothing to say of what is not there', () => {
  expect(lossyNumber(undefined)).toBeUndefined();
});
