import { policyVerdict, type JudgedChannel } from '../../answers/policy.js';
import { isRepackError } from '../../base/errors.js';
import { manifestProfile } from '../../channel/manifest/make-manifest.js';
import { NOARCH } from '../../conda/channel/channel.js';
import { pathOf } from '../../conda/channel/names.js';
import type { PlannedArtifact, RepackPlan } from '../../conda/plan/plan.js';
import { judge } from '../../conda/policy/judge.js';
import type { Policy } from '../../conda/policy/policy.js';
import { isAllowed, type PolicyVerdict } from '../../conda/policy/verdict.js';
import type { PackageRecord } from '../../conda/record/records.js';
import type { RepodataSource } from '../../conda/record/repodata-index.js';
import { pickedRecord } from '../../conda/record/repodata-record.js';
import { compareVersions } from '../../conda/spec/version.js';
import { passVerdict } from '../../delivery/policy-gate.js';
import type { Runtime } from '../../runtime/runtime.js';

/** What is planned, and what is known of it beside its records. */
export interface PlanToJudge extends Pick<JudgedChannel, 'scripts' | 'signed' | 'attested'> {
  plan: Pick<RepackPlan, 'label' | 'specs' | 'profiles' | 'channels'> & { artifacts: readonly PlannedArtifact[] };
  /** Where something else could come from; undefined: that is not asked. */
  source?: RepodataSource;
  /** Of what is denied, a line on what can be done; without it and with a source, the version that would be let through. */
  allowed?: (path: string) => string;
  /** Default: the label. */
  where?: string;
  /** What is denied is told only. */
  told?: boolean;
}

/**
 * The same question as the gate of a delivery asks, before anything is fetched, of what has a record already; says of what is denied which version would
 * be let through.
 *
 * @throws RepackError E_POLICY
 */
export async function guardPlan(
  rt: Pick<Runtime, 'events'>,
  policy: Policy | undefined,
  { plan, source, allowed, where = `label ${plan.label}`, told, ...known }: PlanToJudge,
): Promise<void> {
  if (policy === undefined) return;
  const verdict = policyVerdict(policy, {
    ...known,
    given: plan.label,
    manifest: { specs: plan.specs.map(({ text }) => text), profiles: plan.profiles.map(manifestProfile) },
    packages: plan.artifacts.flatMap(({ subdir, fn, channel, record }) =>
      record === undefined
        ? []
        : [{ subdir, fn, size: undefined, sha256: undefined, channel: channel?.url ?? null, record }],
    ),
  });
  const { denied } = verdict;
  const asks = source !== undefined && !isAllowed(verdict);
  const lines = asks
    ? await allowedInstead(policy, denied, { plan, source })
    : new Map(allowed && denied.map(({ path }) => [path, allowed(path)] as const));
  passVerdict(rt, verdict, { where, told, allowed: lines });
}

/** Of each denied package, in words, the newest that the policy lets through. */
async function allowedInstead(
  policy: Policy,
  denied: PolicyVerdict['denied'],
  { plan, source }: Required<Pick<PlanToJudge, 'plan' | 'source'>>,
): Promise<Map<string, string>> {
  const told = new Map<string, string>();
  for (const { path, name } of denied) {
    const platforms = plan.profiles.map(({ subdir }) => subdir);
    const own = plan.artifacts.find((each) => pathOf(each) === path)?.subdir;
    const subdirs = own === undefined || own === NOARCH ? platforms : [own];
    const newest = await newestAllowed(policy, name, {
      channels: plan.channels,
      subdirs: [...subdirs, NOARCH],
      source,
    });
    told.set(
      path,
      newest === undefined
        ? `allowed would be: no ${name} of the declared channels`
        : `allowed would be: ${name} ${newest.version}, the newest such of the declared channels`,
    );
  }
  return told;
}

async function newestAllowed(
  policy: Policy,
  name: string,
  {
    channels,
    subdirs,
    source,
  }: { channels: RepackPlan['channels']; subdirs: readonly string[]; source: RepodataSource },
): Promise<PackageRecord | undefined> {
  let newest: PackageRecord | undefined;
  for (const channel of channels) {
    for (const subdir of new Set(subdirs)) {
      const index = await source.repodata(channel, subdir);
      for (const fn of index?.filenames(name) ?? []) {
        const record = usable(() => pickedRecord(index!, fn, subdir));
        if (record === undefined || judge(policy, { record, subdir, channel: channel.url }).denials.length > 0)
          continue;
        if (newest === undefined || compareVersions(record.version, newest.version) > 0) newest = record;
      }
    }
  }
  return newest;
}

function usable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return undefined;
  }
}
