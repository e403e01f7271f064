import { describe, expect, it } from 'vitest';
import { mediaFor, parsePartSize, PART_SIZES } from '../../../../src/media/archive/part-size.js';

describe('parsePartSize', () => {
  it.each([
    ['1', 1],
    ['4700000000', 4_700_000_000],
    ['512B', 512],
    ['650MB', 650_000_000],
    ['1kb', 1000],
    ['4GiB', 4 * 2 ** 30],
    ['4G', 4 * 2 ** 30],
    ['1.5G', 1.5 * 2 ** 30],
    ['100 MiB', 100 * 2 ** 20],
    ['2T', 2 * 2 ** 40],
    ['fat32', 2 ** 32 - 1],
    ['FAT32', 2 ** 32 - 1],
    ['dvd', PART_SIZES['dvd']],
    ['DVD-DL', PART_SIZES['dvd-dl']],
    ['cd', PART_SIZES['cd']],
  ])('reads %s', (text, bytes) => {
    expect(parsePartSize(text)).toBe(bytes);
  });

  it.each([
    '',
    '0',
    '-1',
    '0.5',
    '4 GB each',
    'GiB',
    '4GG',
    '1e9',
    '99999999T',
    'blu-ray',
    '4,7G',
    'NaN',
    '0x10',
    'constructor',
    '__proto__',
  ])('G10 refuses "%s"', (text) => {
    expect(() => parsePartSize(text)).toThrow(expect.objectContaining({ code: 'E_PART_SIZE', exitCode: 2 }));
  });

  it('leaves room on a disc for the file system and the small files', () => {
    // The smaller of the two kinds of each disc, bytes.
    expect(PART_SIZES['dvd']).toBeLessThan(4_700_372_992 - 64e6);
    expect(PART_SIZES['dvd-dl']).toBeLessThan(8_543_666_176 - 64e6);
    expect(PART_SIZES['cd']).toBeLessThan(360_000 * 2048 - 10e6);
  });
});

it('tells the media that take a file', () => {
  expect(mediaFor(1)).toEqual(['cd', 'fat32', 'dvd', 'dvd-dl']);
  expect(mediaFor(2 ** 32)).toEqual(['dvd', 'dvd-dl']);
  expect(mediaFor(1e10)).toEqual([]);
});
