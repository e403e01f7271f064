import path from 'node:path';
import { copySiteReceipt } from '../../media/site-receipt.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Applied } from './apply-set.js';

/** Found out before the work, not after it. @throws RepackError E_USAGE */
export async function refuseReceiptPlace(rt: Runtime, receipt: string | undefined): Promise<void> {
  if (receipt === undefined) return;
  const folder = path.dirname(path.resolve(rt.machine.cwd, receipt));
  const there = await rt.fs.stat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (there) return;
  throw new RepackError('E_USAGE', {
    what: 'The folder for the receipt is not there',
    where: folder,
    hint: 'Create it, or give --receipt another place.',
  });
}

/**
 * The copy of the site receipt that was asked for; gives its path. The set is in the folder by then: whoever reads of a copy that could not be
 * written has to know that.
 *
 * @throws RepackError E_DISK, E_DISK_FULL
 */
export async function copyReceipt(
  rt: Runtime,
  { label, applied, place }: { label: string; applied: Applied; place: string },
): Promise<string> {
  const { receipt: from, staged } = applied;
  const { generation } = staged.manifest;
  try {
    return await copySiteReceipt(rt, { from, to: path.resolve(rt.machine.cwd, place), label, generation });
  } catch (error) {
    if (!isRepackError(error)) throw error;
    throw new RepackError(error.code, {
      what: `Generation ${generation} of ${label} is in place, only the copy of its receipt is not: ${error.what}`,
      where: error.where,
      hint: `Nothing need be imported again: copy the receipt from ${from}.`,
      details: error.details,
      cause: error.cause,
    });
  }
}
