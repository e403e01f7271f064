import { isRepackError } from '../../base/errors.js';
import { withText } from '../../conda/spec/match-spec.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import type { TargetProfile } from '../../conda/plan/profile.js';
import { folderChannel } from '../read/folder-source.js';
import type { SolveOffline } from '../read/folder-source.js';
import type { Indexes } from '../read/read-indexes.js';
import { violation } from './rules.js';
import type { Violation } from './rules.js';

export interface SolveAlone {
  dir: string;
  label: string;
  specs: readonly MatchSpec[];
  profile: TargetProfile;
  /** As read from the folder: nothing else is looked at. */
  indexes: Indexes;
}

/** Can the specs be installed on one subdir from this folder and nothing else? At the site the folder is the only channel. */
export async function solveAlone(solveOffline: SolveOffline, input: SolveAlone): Promise<Violation | undefined> {
  const { dir, label, profile, indexes } = input;
  // The channel that a spec was restricted to does not exist at the site.
  const specs = input.specs.map(({ text: _text, channel: _channel, ...parts }) => withText(parts));
  try {
    await solveOffline(
      { specs, channels: [folderChannel(dir, label)], channelPriority: 'flexible', profile },
      { repodata: async (_asked, subdir) => indexes.get(subdir) },
    );
    return undefined;
  } catch (error) {
    if (!isRepackError(error) || error.code === 'E_INTERRUPTED') throw error;
    const asked = `${specs.map((spec) => spec.text).join(', ')} on ${profile.subdir}`;
    return violation('unsolvable', asked, { reason: [error.what, ...error.details].join('\n  ') });
  }
}
