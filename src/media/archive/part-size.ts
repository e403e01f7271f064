import { RepackError } from '../../base/errors.js';
import { shown } from '../../conda/channel/names.js';

/** The largest file that FAT32 holds. */
export const FAT32_FILE_BYTES = 2 ** 32 - 1;

/**
 * Sizes that media are known by, in bytes, with room left for the file system and the small files beside a part. DVD: 4.70 GB on the
 * smaller kind of disc (ECMA-267 and DVD+R differ by 7 MB); a file above 4 GiB needs UDF. CD: 360,000 blocks of 2,048 bytes.
 */
export const PART_SIZES: Readonly<Record<string, number>> = {
  fat32: FAT32_FILE_BYTES,
  dvd: 4400 * 2 ** 20,
  'dvd-dl': 8000 * 2 ** 20,
  cd: 690 * 2 ** 20,
};

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  ...binary('K', 1),
  ...binary('M', 2),
  ...binary('G', 3),
  ...binary('T', 4),
};

/**
 * `4700000000`, `650MB` (10^6), `4GiB`, `4G` (2^30, as `split -b` has it), `1.5G`, or one of {@link PART_SIZES}; upper and lower case are
 * one. Bytes. Throws E_PART_SIZE.
 */
export function parsePartSize(text: string): number {
  const name = text.trim().toLowerCase();
  if (Object.hasOwn(PART_SIZES, name)) return PART_SIZES[name]!;
  const [, number = '', unit = ''] = /^([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)$/.exec(text.trim()) ?? [];
  const factor = UNITS[unit.toUpperCase()];
  const bytes = Math.floor(Number(number) * (factor ?? Number.NaN));
  if (number !== '' && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new RepackError('E_PART_SIZE', {
    what: `${shown(text)} is not a size for a part`,
    where: `--part-size ${shown(text)}`,
    hint: `Give bytes, or a number with a unit (650MB, 4GiB), or one of ${Object.keys(PART_SIZES).join(', ')}.`,
  });
}

/** The media of {@link PART_SIZES} that take a file of this size, smallest first. */
export function mediaFor(bytes: number): string[] {
  return Object.entries(PART_SIZES)
    .filter(([, size]) => bytes <= size)
    .sort(([, a], [, b]) => a - b)
    .map(([name]) => name);
}

function binary(letter: string, power: number): Record<string, number> {
  return { [letter]: 1024 ** power, [`${letter}IB`]: 1024 ** power };
}
