import { isSubdir } from '../conda/channel/names.js';

/** Behind the label, the lock of all platforms. */
export const CONDA_LOCK = 'conda-lock.yml';

/** What every way of carrying brings beside the folder, behind the label. */
export const SENT_ALONG = ['INSTALL.md', 'verify.sh', 'verify.ps1'];

/**
 * Whether a file beside the folder of `label` is one that we write there. Wherever something is carried they are named one by one:
 * `halkbank.*` would take customer `halkbank.test`.
 */
export function isSiteFile(label: string, name: string): boolean {
  if (!name.startsWith(`${label}.`)) return false;
  const rest = name.slice(label.length + 1);
  const platform = /^(.+)\.explicit\.txt$/.exec(rest)?.[1];
  return platform === undefined ? OF_ALL.has(rest) : isSubdir(platform);
}

const OF_ALL: ReadonlySet<string> = new Set([...SENT_ALONG, CONDA_LOCK]);
