import { plural } from '../base/plural.js';
import { RepackError } from '../base/errors.js';

/** An artifact that can't be read as what its name says. */
export function corrupt(distFilename: string, reason: string, cause?: unknown): RepackError {
  return new RepackError('E_ARTIFACT_CORRUPT', {
    what: `${distFilename} is no readable package: ${reason}`,
    where: distFilename,
    hint: 'Remove this file where it comes from (a package cache, a channel) and fetch it again.',
    cause,
  });
}

/** Says what went wrong below, keeping what is already reported well. */
export function asCorrupt(distFilename: string, error: unknown): unknown {
  if (error instanceof RepackError) {
    if (error.code !== 'E_DECOMPRESS') return error;
    return corrupt(distFilename, `${error.what}${error.where === undefined ? '' : ` (${error.where})`}`, error);
  }
  if (isSystemError(error)) return error;
  return corrupt(distFilename, error instanceof Error ? error.message : String(error), error);
}

/** EIO, EACCES and the like: the disk's fault, not the artifact's. Codes of the libraries below do not have a `syscall`. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

/**
 * What the first bytes betray about a file that is not what its name says; undefined where they fit the format. `format`
 * is that of the name.
 */
export function misfit(head: Uint8Array, format: 'conda' | 'tar.bz2'): string | undefined {
  if (head.length === 0) return 'the file is empty (0 bytes)';
  const text = new TextDecoder('latin1').decode(head);
  const looksLike = text.startsWith('PK') ? 'conda' : text.startsWith('BZh') ? 'tar.bz2' : undefined;
  if (looksLike === format) return undefined;
  const wanted = format === 'conda' ? 'a zip file' : 'a bzip2 file';
  if (looksLike !== undefined) return `it is not ${wanted}; it looks like a .${looksLike} package under a wrong name`;
  if (/^\s*<(?:!doctype|html|\?xml|head|body)/i.test(text))
    return `it is not ${wanted} but a web page (an error page saved as a package?)`;
  if (/^\s*[{[]/.test(text)) return `it is not ${wanted} but looks like JSON (an error message saved as a package?)`;
  return head.length < 4 ? `it ends after ${plural(head.length, 'byte')}` : `it is not ${wanted}`;
}
