import { expect, it } from 'vitest';
import { dayOf, publishedAt, timeOf } from '../../../../src/conda/record/times.js';

// conda takes what is larger than the last second of the year 9999 for milliseconds (`conda.models.records.TimestampField`).
it.each([
  [1_544_155_153, 1_544_155_153_000],
  [1_544_155_153_559, 1_544_155_153_559],
  [253_402_300_799, 253_402_300_799_000],
  [253_402_300_800, 253_402_300_800],
  [0, 0],
  [Number.NaN, undefined],
  [Number.POSITIVE_INFINITY, undefined],
  ['1544155153', undefined],
  [null, undefined],
  [undefined, undefined],
])('%j is the time %j', (stated, ms) => {
  expect(timeOf(stated)).toBe(ms);
});

const RECORD = { name: 'a', version: '1', build: '0', build_number: 0, depends: [] };

it.each([
  ['when its channel took it in, before when it was built (CEP 47)', { timestamp: 2, indexed_timestamp: 3 }, 3000],
  ['when it was built, where that is all', { timestamp: 2 }, 2000],
  ['when it was built, where the other is none', { timestamp: 2, indexed_timestamp: null }, 2000],
  ['never, where it says nothing', {}, undefined],
])('a record is published %s', (_what, more, ms) => {
  expect(publishedAt({ ...RECORD, ...more })).toBe(ms);
});

it.each([
  [Date.UTC(2026, 10, 29), '2026-11-29'],
  [Date.UTC(2026, 10, 29, 23, 59, 59, 999), '2026-11-29'],
  [8.64e15 + 1, 'timestamp 8640000000000001'],
])('%i is of the day %s', (ms, day) => {
  expect(dayOf(ms)).toBe(day);
});
