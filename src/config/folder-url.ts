import { pathToFileURL } from 'node:url';
import { parseUrl } from '../base/parse-url.js';

/** `/srv/up`, `./up`, `~/up`; `D:\up`, `D:/up` and `\\server\share` of Windows. */
export const FOLDER_PATH = /^(\.{0,2}\/(?!\/)|~\/|[A-Za-z]:[\\/]|\\\\|\.{1,2}\\)/;
const WINDOWS_PATH = /^([A-Za-z]:|\\\\)/;
/** A `%` that begins no escape stands for itself. */
const LONE_PERCENT = /%(?![0-9a-f]{2})/gi;

/**
 * A server or folder as URLs are written: a path becomes `file:///…`, blanks and accents are encoded. What is neither is left to those who
 * read it. `full` makes a path absolute.
 */
export function folderUrl(written: string, full: (path: string) => string): string {
  if (FOLDER_PATH.test(written)) {
    const windows = WINDOWS_PATH.test(written);
    return pathToFileURL(windows ? written : full(written), windows ? { windows } : {}).href;
  }
  // Kept as it was written wherever it can be. A variable that nobody filled in is for others to tell.
  if (/^[!-[\]-~]*$|%(?![0-9a-f]{2})[a-z_]\w*%/i.test(written) || !/^(https?|file):\/\//.test(written)) return written;
  const encoded = written.replaceAll(LONE_PERCENT, '%25');
  return parseUrl(encoded)?.href ?? written;
}
