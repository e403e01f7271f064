import { isRepackError } from '../../base/errors.js';
import type { Channel, Subdir } from '../../conda/channel/channel.js';
import { judge } from '../../conda/policy/judge.js';
import type { Denial, Policy } from '../../conda/policy/policy.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import type { Denies } from '../../engine/embedded/candidates.js';

/** The first rule that does not let a record through. */
export function denialOf(
  policy: Policy,
): (judged: { record: PackageRecord; subdir: Subdir; channel: Channel }) => Denial | undefined {
  return ({ record, subdir, channel }) => judge(policy, { record, subdir, channel: channel.url }).denials[0];
}

/** What the embedded solver may not choose. */
export function deniesBy(policy: Policy): Denies {
  const denied = denialOf(policy);
  return (judged) => denied(judged) !== undefined;
}

/** The same for a real engine: an index without what is denied. A record that can't be read stays, as without a policy. */
export function engineViewBy(
  policy: Policy,
): (index: RepodataIndex, channel: Channel, subdir: Subdir) => RepodataIndex {
  const denies = deniesBy(policy);
  return (index, channel, subdir) =>
    index.filter((_fn, read) => {
      const record = readable(read);
      return record === undefined || !denies({ record, subdir, channel });
    });
}

function readable(read: () => PackageRecord): PackageRecord | undefined {
  try {
    return read();
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return undefined;
  }
}
