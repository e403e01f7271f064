import { RepackError, isRepackError } from '../../base/errors.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import type { GatewayLimits } from '../limits.js';
import type { IndexFile } from './cache.js';

/** One form of the index of a subdir. */
interface FileRequest {
  channel: Channel;
  subdir: Subdir;
  file: IndexFile;
}

/** Another form of the index may be sound, unless it is too large in each. */
export function isContentError(error: unknown): error is RepackError {
  return isRepackError(error) && error.code === 'E_REPODATA' && !(error instanceof OverLimit);
}

/** Told once, with what each form said. */
export function allBroken(errors: readonly RepackError[]): RepackError {
  const last = errors.at(-1)!;
  if (errors.length === 1) return last;
  return new RepackError('E_REPODATA', {
    what: last.what,
    where: last.where,
    hint: last.hint,
    details: [...last.details, ...errors.slice(0, -1).map(({ what, where }) => `${where ?? ''}: ${what}`)],
    cause: last,
  });
}

export class OverLimit extends RepackError {}

export function overLimit(cause: unknown, { channel, subdir, file }: FileRequest, limits: GatewayLimits): RepackError {
  const mb = Math.floor(limits.maxRepodataBytes / 1_000_000);
  return new OverLimit('E_REPODATA', {
    what: isRepackError(cause) ? cause.what : 'The index is larger than the limit',
    where: `${channel.url}/${subdir}/${file}`,
    hint: `At most ${mb} MB are read of an index, and less of one that unpacks to more than ${limits.maxRepodataRatio} times its size. If you know it to be right, raise --max-index-mb.`,
    cause,
  });
}

export function asRepodataError(error: unknown, { channel, subdir, file }: FileRequest): unknown {
  if (!isRepackError(error)) return error;
  return new RepackError('E_REPODATA', {
    what: error.what,
    where: error.code === 'E_REPODATA' && error.where !== undefined ? error.where : `${channel.url}/${subdir}/${file}`,
    hint:
      error.code === 'E_REPODATA'
        ? error.hint
        : 'The index is broken where it is served: tell whoever runs the channel.',
    details: error.code === 'E_REPODATA' || error.where === undefined ? error.details : [error.where],
    cause: error,
  });
}
