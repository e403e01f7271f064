import { join } from 'node:path';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { MANIFEST_COPY_NAME } from '../place/inspect.js';
import { removeJournal, type Journal } from './journal.js';
import { writeHold } from '../generations/hold.js';
import { nameGeneration } from '../generations/keep-generation.js';
import { writeReceipt } from '../receipts.js';

/**
 * Closes a switch that is complete: the kept generation gets its number, copy of the manifest, receipt, then the journal goes. Safe to be done
 * again when a crash came between.
 */
export async function recordSwitch(
  rt: Runtime,
  {
    labelDir,
    stateDir,
    stagingDir,
    journal,
  }: { labelDir: string; stateDir: string; stagingDir: string; journal: Journal },
): Promise<void> {
  if (journal.receipt !== null) {
    const receipt = { ...journal.receipt, finishedAt: new Date(rt.clock.now()).toISOString() };
    if (journal.hold !== undefined) {
      await writeHold(rt, stateDir, journal.hold);
      await rt.reach('rollback:hold-written');
    }
    await nameGeneration(rt, { stateDir, stagingDir, receipt });
    await rt.fs.writeWhole(join(stateDir, MANIFEST_COPY_NAME), await rt.fs.readFile(join(labelDir, MANIFEST_NAME)));
    await writeReceipt(rt, stateDir, receipt);
    await rt.reach('publish:recorded');
  }
  if (journal.removeFolder) await rt.fs.rmdir(labelDir).catch(() => undefined);
  await removeJournal(rt, stateDir);
  await rt.reach('publish:journal-removed');
}
