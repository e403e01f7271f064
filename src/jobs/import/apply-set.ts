import type { SetContent } from '../../media/set/content.js';
import type { Target } from '../../media/set/target.js';
import { planImport, stageImport } from '../../media/import/stage.js';
import { writeSiteReceipt } from '../../media/site-receipt.js';
import type { LiveFolder, StagedChannel } from '../../channel/staged.js';
import { deliver } from '../../delivery/deliver.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { Policy } from '../../conda/policy/policy.js';
import type { LabelFolder } from '../../delivery/place/label-folder.js';

export interface ApplyOptions {
  content: SetContent;
  folder: LabelFolder;
  adopt: boolean;
  keep?: number | undefined;
  /** Also write what a site without this tool needs beside the folder. */
  siteFiles: boolean;
  command: 'import' | 'merge';
  policy: Policy | undefined;
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
 * From checked bytes to a published label folder and its site receipt. Where every file is right already, nothing is written but the
 * receipt.
 */
export async function applySet(rt: Runtime, options: ApplyOptions): Promise<Applied> {
  const { content, folder, adopt, keep, siteFiles, policy, command, from, set, signature } = options;
  const { stateDir } = folder.place;
  const channel = await planImport(rt, { content, live: folder.live, dir: stateDir });
  const { staged, published } = await deliver(
    rt,
    {
      job: command,
      content: { kind: 'given', channel, write: (staged) => stageImport(rt, { content, staged }) },
      proof: { kind: 'consistent', artifactsHashed: true },
      from,
      policy,
      adopt,
      keep,
      siteFiles: siteFiles ? 'make' : 'leave',
    },
    folder,
  );
  const receipt = await writeSiteReceipt(rt, { stateDir, target: content.target, set, signature });
  await rt.reach('import:receipt-written');
  const { unchanged, bytesWritten } = published;
  return { staged, unchanged, bytesWritten, receipt };
}

/** Of a channel that the folder has already: its bytes need not be read anywhere. */
export function nothingToRead(target: Target): SetContent {
  return { target, has: () => false, walk: async function* () {}, indexes: new Map() };
}

/** Every file is there with the right bytes. */
export function isWhole(target: Target, live: LiveFolder): boolean {
  return [...target.files].every(([path, { sha256 }]) => live.files.get(path)?.sha256 === sha256);
}
