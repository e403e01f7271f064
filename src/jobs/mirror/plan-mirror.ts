import { plural } from '../../base/plural.js';
import { emitFindings } from '../../base/emit-findings.js';
import { compareWithLive } from '../../delivery/stage/compare-live.js';
import type { Gateway } from '../../gateway/gateway.js';
import { refuseShrink } from '../../mirror/sync/shrink.js';
import { forbiddenNeeds } from '../../mirror/closure/closure.js';
import { planSync } from '../../mirror/sync/sync.js';
import type { SyncPlan } from '../../mirror/sync/sync.js';
import { pathOf } from '../../conda/channel/names.js';
import { RepackError } from '../../base/errors.js';
import type { LiveFolder } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';
import { listed } from '../../delivery/collect-findings.js';
import type { MirrorRequest } from './mirror-request.js';
import { chooseFiles } from './choice-memory.js';
import type { KeyedChoice } from './choice-memory.js';
import { withoutTold } from './told.js';
import { readChannels, readLiveIndexes } from './read-mirror.js';

export interface PlannedMirror {
  choice: KeyedChoice;
  plan: SyncPlan;
  /** Every platform and noarch, and the subdirs that lie in the mirror. */
  subdirs: string[];
  forbids: (subdir: string, depends: string) => boolean;
  /** Number of files left out, by rule. */
  excluded: Readonly<Record<string, number>>;
}

interface PlanTask {
  request: MirrorRequest;
  gateway: Gateway;
  live: LiveFolder;
  stateDir: string;
}

/**
 * What the mirror is to become, known from the indexes alone; everything that can be refused before a byte is fetched is refused here.
 *
 * @throws RepackError E_SHRINK, E_ARTIFACT_REPLACED, E_RECORD, E_RECORD_CONFLICT, E_POLICY, and what reading indexes throws
 */
export async function planMirror(rt: Runtime, { request, gateway, live, stateDir }: PlanTask): Promise<PlannedMirror> {
  const { channels, settings } = request;
  const read = await readChannels(rt, { gateway, channels, platforms: settings.platforms, live });
  emitFindings(rt, gateway.findings());
  const choice = await chooseFiles(rt, { request, sources: read.sources, stateDir });
  emitFindings(rt, await withoutTold(rt, { stateDir, findings: choice.findings }));
  const plan = planSync({
    live,
    sources: read.all,
    declared: channels,
    picked: choice.picked,
    liveIndex: await readLiveIndexes(rt, live),
  });
  tellPlan(rt, plan);
  refuseBadRecords(rt, request, [...choice.refused, ...plan.refused]);
  refuseShrink({
    mirrorDir: live.dir,
    before: (live.manifest?.files ?? []).filter(({ kind }) => kind === 'artifact').length,
    withdrawn: plan.withdrawn,
    limit: settings.shrinkLimit,
    allowed: request.allowShrink,
  });
  // Known before a byte is fetched.
  await guardKept(rt, request, { live, plan });
  emitFindings(rt, compareWithLive(live, plan.wanted, { replace: request.replace, digestOf }));
  const forbidden = forbiddenNeeds({ sources: read.sources, filter: settings.filter });
  return {
    choice,
    plan,
    subdirs: [...new Set([...read.subdirs, ...(live.manifest?.subdirs ?? [])])],
    forbids: (subdir, depends) => forbidden(subdir, depends) !== undefined,
    excluded: withCount(choice.excluded, 'unusable-record', choice.refused.length + plan.refused.length),
  };
}

/** The same counts, with this one more where it is not none. */
export function withCount(
  counts: Readonly<Record<string, number>>,
  rule: string,
  count: number,
): Readonly<Record<string, number>> {
  return count === 0 ? counts : { ...counts, [rule]: count };
}

/** The policy chose what is picked; what stays though nothing picks it must pass too. */
async function guardKept(
  rt: Runtime,
  { policy, label, channels, settings }: MirrorRequest,
  { live, plan: { kept, present } }: { live: LiveFolder; plan: SyncPlan },
): Promise<void> {
  if (policy === undefined || kept.length === 0) return;
  const paths = new Set(kept.map(({ path }) => path));
  const { guardPlan } = await import('../policy/guard-plan.js');
  await guardPlan(rt, policy, {
    where: live.dir,
    plan: {
      label,
      specs: [],
      profiles: [],
      channels,
      artifacts: present.flatMap(({ artifact }) => (paths.has(pathOf(artifact)) ? [artifact] : [])),
    },
    allowed: () => `it lies in the mirror from before: repackenv clean -f ${settings.file ?? 'FILE'} takes it away`,
  });
}

function digestOf({ stated: { sha256, md5 } }: SyncPlan['wanted'][number]): string {
  return sha256 ?? `unknown, with md5 ${md5}`;
}

function tellPlan(rt: Pick<Runtime, 'events'>, { present, wanted, kept, withdrawn }: SyncPlan): void {
  const parts = [
    plural(present.length + wanted.length, 'artifact'),
    `${wanted.length} to fetch`,
    ...(kept.length === 0 ? [] : [`${kept.length} kept though no longer picked`]),
    ...(withdrawn.length === 0 ? [] : [`${withdrawn.length} gone upstream`]),
  ];
  rt.events.emit({ type: 'stage-finished', stage: 'index', detail: parts.join(', ') });
}

const EXAMPLES = 20;

/** Records that can't be mirrored are never left out in silence. */
function refuseBadRecords(
  rt: Pick<Runtime, 'events'>,
  { keepGoing, channels }: MirrorRequest,
  refused: readonly { path: string; problem: string }[],
): void {
  if (refused.length === 0) return;
  const lines = refused.map(({ path, problem }) => `${path}: ${problem}`);
  if (!keepGoing) {
    throw new RepackError('E_RECORD', {
      what: `${plural(refused.length, 'record')} of the channels can't be mirrored`,
      where: channels.map(({ url }) => url).join(', '),
      hint: 'Report it to the owner of the channel. To mirror everything else: exclude these files, or --keep-going.',
      details: lines.slice(0, EXAMPLES),
    });
  }
  emitFindings(rt, [
    {
      code: 'record-left-out',
      message: `${plural(refused.length, 'file is not in the mirror, for its record', 'files are not in the mirror, for their records')} can't be used: ${listed(lines.slice(0, EXAMPLES), lines.length, '; ')}`,
      exit: true,
    },
  ]);
}
