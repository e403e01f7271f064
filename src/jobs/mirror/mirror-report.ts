import type { LabelPlace } from '../../delivery/place/root.js';
import type { MirrorRequest } from './mirror-request.js';
import type { SyncPlan } from '../../mirror/sync/sync.js';
import type { Finding } from '../../base/findings.js';
import type { ChannelChanges, Proof } from '../../channel/staged.js';
import type { Hold } from '../../delivery/generations/hold.js';

/** The end of `repackenv mirror`. Sizes in bytes. */
export interface MirrorReport {
  job: 'mirror';
  label: string;
  /** Absolute path of the mirror. */
  mirrorDir: string;
  /** The mirror file. */
  file: string | undefined;
  channels: string[];
  platforms: string[];
  /** What the mirror holds (or would hold). */
  artifacts: number;
  bytesTotal: number;
  /** Number of files left out, by rule. */
  excluded: Readonly<Record<string, number>>;
  /** Fetched in this run; `resumed` were on this disk: from a run that broke off, or in another folder below ROOT. */
  fetched: { artifacts: number; bytes: number; resumed: number };
  /** To be fetched: only in a dry run. */
  toFetch?: { artifacts: number; bytes: number } | undefined;
  installers: number;
  /** In the mirror though the filter does not pick them: `clean -f` removes them. */
  kept: SyncPlan['kept'];
  /** Gone upstream, so gone (or to go) here. */
  withdrawn: string[];
  /** Files that leave for other reasons: never ours, or left from before. */
  leaving: string[];
  strangers: string[];
  /** Of a dry run by what the records say: `bytesToTravel` counts packages only. */
  changes: ChannelChanges;
  findings: Finding[];
  /** The mirror is held: nothing was looked for or changed. */
  held?: Hold | undefined;
  /** Absent for a dry run. */
  published?:
    | {
        generation: number;
        manifestSha256: string;
        unchanged: boolean;
        bytesWritten: number;
        proof: Proof;
        /** Folder of the delta that was written. */
        delta?: { dir: string; files: number; bytes: number } | undefined;
      }
    | undefined;
}

/** What a report says of the mirror whatever came of it. */
export function mirrorHead(
  { label, settings, channels }: MirrorRequest,
  { labelDir }: Pick<LabelPlace, 'labelDir'>,
): Pick<MirrorReport, 'job' | 'label' | 'mirrorDir' | 'file' | 'channels' | 'platforms'> {
  return {
    job: 'mirror',
    label,
    mirrorDir: labelDir,
    file: settings.file,
    channels: channels.map(({ url }) => url),
    platforms: [...settings.platforms],
  };
}
