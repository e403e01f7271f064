import { objectIn } from '../../base/json.js';

export const SET_FORMAT = 'repackenv-set' as const;
export const PART_FORMAT = 'repackenv-part' as const;
export const DELTA_FORMAT = 'repackenv-delta' as const;
export const SITE_RECEIPT_FORMAT = 'repackenv-site-receipt' as const;

/** The `format` that a file of ours states; undefined for a manifest, which has none, and for what is no JSON. */
export function formatIn(text: string): string | undefined {
  const format = objectIn(text)?.['format'];
  return typeof format === 'string' ? format : undefined;
}
