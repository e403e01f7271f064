import { RepackError } from '../../base/errors.js';
import { diskReason } from '../../base/disk-errors.js';

/** What `init` says where the disk takes a file not. */
export function notWritten(
  code: 'E_ROOT' | 'E_OUT',
  { name, where, hint, cause }: { name: string; where: string; hint: string; cause: unknown },
): RepackError {
  return new RepackError(code, {
    what: `${name} can’t be written: ${diskReason(cause)}`,
    where,
    hint,
    cause,
  });
}
