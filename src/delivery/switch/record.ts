import { join } from 'node:path';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { MANIFEST_COPY_NAME } from '../place/inspect.js';
import { removeJournal, type Journal } from './journal.js';
import { writeReceipt } from '../receipts.js';

/**
 * Closes a switch that is complete: copy of the manifest, receipt, then the journal goes. Safe to be done again when a crash came
 * between.
 */
export async function recordSwitch(
  rt: Runtime,
  { labelDir, stateDir, journal }: { labelDir: string; stateDir: string; journal: Journal },
): Promise<void> {
  if (journal.receipt !== null) {
    await rt.fs.writeWhole(join(stateDir, MANIFEST_COPY_NAME), await rt.fs.readFile(join(labelDir, MANIFEST_NAME)));
    const receipt = { ...journal.receipt, finishedAt: new Date(rt.clock.now()).toISOString() };
    await writeReceipt(rt, stateDir, receipt);
    await rt.reach('publish:recorded');
  }
  if (journal.removeFolder) await rt.fs.rmdir(labelDir).catch(() => undefined);
  await removeJournal(rt, stateDir);
  await rt.reach('publish:journal-removed');
}
