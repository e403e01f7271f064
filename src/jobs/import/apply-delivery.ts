import type { Delivery } from '../../media/import/check.js';
import type { Target } from '../../media/import/target.js';
import { bytesToStage, planImport, stageImport } from '../../media/import/stage.js';
import { writeSiteReceipt } from '../../media/site-receipt.js';
import type { LiveFolder, StagedChannel } from '../../channel/staged.js';
import { publish } from '../../delivery/publish.js';
import { checkFreeSpace, createStaging } from '../../delivery/stage/staging.js';
import type { Runtime } from '../../runtime/runtime.js';
import { VERSION } from '../../base/tool-version.js';
import { laySiteFiles } from '../../delivery/hand-over.js';
import type { LabelFolder } from '../../delivery/place/label-folder.js';

export interface ApplyOptions {
  delivery: Delivery;
  folder: LabelFolder;
  adopt: boolean;
  /** Also write what a site without this tool needs beside the folder. */
  siteFiles: boolean;
  command: 'import' | 'merge';
  /** For receipts: what it came from, the id of the set, and who vouches for it. */
  from: string;
  set: string | null;
  signature: string;
}

export interface Applied {
  staged: StagedChannel;
  unchanged: boolean;
  bytesWritten: number;
  /** Path of the site receipt. */
  receipt: string;
}

/**
 * From checked bytes to a published label folder: plan, free space, stage beside it, switch, site receipt. Under the label's lock. Where every
 * file is right already, nothing is written but the receipt.
 */
export async function applyDelivery(rt: Runtime, options: ApplyOptions): Promise<Applied> {
  const { delivery, folder, adopt, siteFiles, command, from, set, signature } = options;
  const { place, live, lock, startedAt } = folder;
  const staging = await createStaging(rt, { stateDir: place.stateDir, command });
  try {
    const staged = await planImport(rt, { delivery, live, dir: staging.channelDir });
    await checkFreeSpace(rt, place.stateDir, bytesToStage(staged));
    await stageImport(rt, { delivery, staged });
    await rt.reach('import:staged');
    const { unchanged, bytesWritten } = await publish(rt, {
      place,
      staging,
      staged,
      live,
      lock,
      adopt,
      engine: from,
      tool: `repackenv ${VERSION}`,
      startedAt,
    });
    await rt.reach('import:published');
    await laySiteFiles(rt, { request: { siteFiles }, labelDir: place.labelDir, staged });
    const receipt = await writeSiteReceipt(rt, { stateDir: place.stateDir, target: delivery.target, set, signature });
    await rt.reach('import:receipt-written');
    return { staged, unchanged, bytesWritten, receipt };
  } finally {
    await staging.discard();
  }
}

/** Of a channel that the folder has already: its bytes need not be read anywhere. */
export function nothingToRead(target: Target): Delivery {
  return { target, has: () => false, walk: async function* () {}, indexes: new Map() };
}

/** Every file is there with the right bytes. */
export function isWhole(target: Target, live: LiveFolder): boolean {
  return [...target.files].every(([path, { sha256 }]) => live.files.get(path)?.sha256 === sha256);
}
