import { describe, expect, it } from 'vitest';
import { parseRange } from '../../../src/serve/byte-range.js';
import { outcomeOf } from '../../../src/serve/conditions.js';

const FILE = { etag: '"abc"', lastModified: 'Sat, 21 Nov 2026 10:00:00 GMT', size: 100 };
const BEFORE = 'Sat, 21 Nov 2026 09:59:59 GMT';
const AFTER = 'Sat, 21 Nov 2026 10:00:01 GMT';

const of = (headers: Record<string, string>, method = 'GET') => outcomeOf({ method, headers }, FILE);

describe('parseRange', () => {
  it.each([
    ['bytes=0-0', { first: 0, last: 0 }],
    ['bytes=0-', { first: 0, last: 99 }],
    ['bytes=10-19', { first: 10, last: 19 }],
    ['Bytes = 10-19', { first: 10, last: 19 }],
    ['bytes=99-', { first: 99, last: 99 }],
    ['bytes=50-100000', { first: 50, last: 99 }],
    ['bytes=50-99999999999999999999999', { first: 50, last: 99 }],
    ['bytes=-1', { first: 99, last: 99 }],
    ['bytes=-1000', { first: 0, last: 99 }],
    ['bytes=0-1,5-6', 'whole'],
    ['bytes=0-, 0-, 0-', 'whole'],
    ['lines=1-2', 'whole'],
  ])('takes %s', (header, expected) => {
    expect(parseRange(header, 100)).toEqual(expected);
  });

  it.each([
    'bytes=100-',
    'bytes=100-200',
    'bytes=5-2',
    'bytes=-0',
    'bytes=-',
    'bytes=',
    'bytes',
    'bytes=a-b',
    'bytes=1',
    'bytes=1-2-3',
    'bytes=0x1-2',
    'bytes=1.5-2',
    'bytes=0-1,x',
    'bytes=0-1, bytes=2-3',
    'bytes=99999999999999999999999-',
    '=0-1',
    '',
  ])('N14 finds %j unsatisfiable', (header) => {
    expect(parseRange(header, 100)).toBe('unsatisfiable');
  });

  it('finds nothing in an empty file', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRange('bytes=-5', 0)).toBe('unsatisfiable');
  });
});

describe('outcomeOf', () => {
  it.each<[string, Record<string, string>, ReturnType<typeof of>]>([
    ['nothing asked', {}, 'whole'],
    ['same tag', { 'if-none-match': '"abc"' }, 'not-modified'],
    ['same tag, made weak by a proxy', { 'if-none-match': 'W/"abc"' }, 'not-modified'],
    ['one of several', { 'if-none-match': '"x", "abc"' }, 'not-modified'],
    ['any', { 'if-none-match': '*' }, 'not-modified'],
    ['other tag', { 'if-none-match': '"abcd"' }, 'whole'],
    ['a tag without quotes', { 'if-none-match': 'abc' }, 'whole'],
    ['other tag beats a date', { 'if-none-match': '"x"', 'if-modified-since': AFTER }, 'whole'],
    ['not newer', { 'if-modified-since': FILE.lastModified }, 'not-modified'],
    ['newer', { 'if-modified-since': BEFORE }, 'whole'],
    ['an older form of date', { 'if-modified-since': 'Saturday, 21-Nov-26 10:00:00 GMT' }, 'not-modified'],
    ['the oldest form of date', { 'if-modified-since': 'Sat Nov 21 10:00:00 2026' }, 'not-modified'],
    ['no date', { 'if-modified-since': 'yesterday' }, 'whole'],
    ['if-match', { 'if-match': '"abc"' }, 'whole'],
    ['if-match is strong', { 'if-match': 'W/"abc"' }, 'failed'],
    ['if-match of other bytes', { 'if-match': '"x"' }, 'failed'],
    ['if-unmodified-since', { 'if-unmodified-since': AFTER }, 'whole'],
    ['if-unmodified-since before', { 'if-unmodified-since': BEFORE }, 'failed'],
    ['not modified beats a range', { 'if-none-match': '"abc"', range: 'bytes=0-1' }, 'not-modified'],
    ['range', { range: 'bytes=1-2' }, { first: 1, last: 2 }],
    ['range of these bytes', { range: 'bytes=1-2', 'if-range': '"abc"' }, { first: 1, last: 2 }],
    ['N5 range of other bytes', { range: 'bytes=1-2', 'if-range': '"x"' }, 'whole'],
    ['N5 if-range is strong', { range: 'bytes=1-2', 'if-range': 'W/"abc"' }, 'whole'],
    ['if-range by date', { range: 'bytes=1-2', 'if-range': FILE.lastModified }, { first: 1, last: 2 }],
    ['if-range by a later date', { range: 'bytes=1-2', 'if-range': AFTER }, 'whole'],
    ['a range behind the end of other bytes', { range: 'bytes=500-', 'if-range': '"x"' }, 'whole'],
    ['a range behind the end', { range: 'bytes=500-' }, 'unsatisfiable'],
  ])('%s', (_, headers, expected) => {
    expect(of(headers)).toEqual(expected);
  });

  it('gives HEAD no range', () => {
    expect(of({ range: 'bytes=1-2' }, 'HEAD')).toBe('whole');
    expect(of({ range: 'nonsense' }, 'HEAD')).toBe('whole');
  });

  it('N15 goes by the tag where the file’s time may not be told', () => {
    const headers = { 'if-modified-since': AFTER };
    expect(outcomeOf({ method: 'GET', headers }, { ...FILE, lastModified: undefined })).toBe('whole');
  });
});
