import { describe, expect, it } from 'vitest';
import { bytesContain, parsedList, textLists } from '../../../../src/conda/record/record-bytes.js';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('textLists', () => {
  it.each([
    ['{"depends":["a", "b ]"],"name":"x"}', ['["a", "b ]"]']],
    ['{ "constrains" : [] , "depends" : [ "a" ] }', ['[]', '[ "a" ]']],
    ['{"depends":[],"depends_of":["a"],"depend":["b"],"Depends":["c"]}', ['[]']],
    ['{"extra":{"depends":["a"]}}', []],
    ['{"depends":"a"}', ['"a"']],
    ['{"depends":["ş"]}', ['["ş"]']],
    ['{}', []],
    ['[]', []],
    ['{"constrains":["a"],"depends":["b"', ['["a"]']],
    ['{"constrains":["a"],', ['["a"]']],
    [`{"constrains":["a"],"x":${'['.repeat(65)}${']'.repeat(65)},"depends":["b"]}`, ['["a"]']],
  ])('takes out of %s as written: %j', (text, lists) => {
    expect(textLists(bytesOf(text), ['depends', 'constrains'])).toEqual(lists);
  });

  it('takes the keys that are asked for', () => {
    expect(textLists(bytesOf('{"depends":["a"],"constrains":["b"]}'), ['constrains'])).toEqual(['["b"]']);
    expect(textLists(bytesOf('{"depends":["a"]}'), [])).toEqual([]);
  });
});

it.each([
  ['["a","b"]', ['a', 'b']],
  ['["a",7,null,["b"],"c"]', ['a', 'c']],
  ['"a"', []],
  ['{"0":"a"}', []],
  ['null', []],
  ['["a"', []],
  ['', []],
])('parsedList gives of %s the texts', (list, texts) => {
  expect(parsedList(list)).toEqual(texts);
});

it.each([
  ['abc', 'abc', true],
  ['xabc', 'abc', true],
  ['aabc', 'abc', true],
  ['ababc', 'abc', true],
  ['ab', 'abc', false],
  ['abxabx', 'abc', false],
  ['', 'a', false],
  ['xa', 'a', true],
])('bytesContain: %j holds %j: %s', (text, wanted, expected) => {
  expect(bytesContain(bytesOf(text), bytesOf(wanted))).toBe(expected);
});
