import { dirname, join } from 'node:path';
import { emitFindings } from '../base/emit-findings.js';
import { bytesOfChanges } from '../channel/compare-channels.js';
import type { Proof, PublishReceipt, StagedChannel } from '../channel/staged.js';
import type { PolicyVerdict } from '../conda/policy/verdict.js';
import { VERSION } from '../base/tool-version.js';
import type { Runtime } from '../runtime/runtime.js';
import { guardSignature } from './guard.js';
import { lastGeneration, recordedKeep } from './generations/keep-generation.js';
import { pruneAfter } from './generations/prune.js';
import { laySiteFiles, signerOf } from './hand-over.js';
import type { LabelFolder } from './place/label-folder.js';
import { proveConsistent } from './proof/prove-consistent.js';
import { STEP_PREFIXES, USUAL_KEEP, type IndexProposal, type Proposal } from './proposal.js';
import { publish, switchIndexes } from './publish.js';
import { givenBytes } from './switch/give.js';
import { refuseLeaks } from './secret-scan.js';
import { checkFreeSpace, createStaging, type Staging } from './stage/staging.js';

/** How the folder ended. Paths relative to it, with `/`. */
export type Published = Pick<
  PublishReceipt,
  'generation' | 'manifestSha256' | 'unchanged' | 'bytesWritten' | 'written' | 'removed'
>;

export interface Delivered {
  staged: StagedChannel;
  proof: Proof;
  published: Published;
  /** What the policy says, where there is one. */
  verdict: PolicyVerdict | undefined;
  /** What left the folder, or was replaced in it, and went to the pool for earlier generations. */
  pooled: { files: number; bytes: number };
}

/**
 * The one way to change a channel folder (design D14), whatever proposes it: stage beside it, ask the policy, prove, scan for secrets, switch, lay
 * beside it what its site needs. Nothing reaches the folder before all of them. To be called with the folder locked, recovered and
 * looked at (`withLabelFolder`).
 *
 * @throws RepackError as staging, the proofs and `publish` throw; E_POLICY, E_SECRET_LEAK
 */
export async function deliver(rt: Runtime, proposal: Proposal, folder: LabelFolder): Promise<Delivered> {
  const { job, adopt, from, siteFiles, quietIfSame = false } = proposal;
  const { place, live, lock, startedAt } = folder;
  const keep = proposal.keep ?? (await recordedKeep(rt, place.stateDir)) ?? USUAL_KEEP[job] ?? 0;
  let verdict: PolicyVerdict | undefined;
  const delivered = await onePath(rt, folder, {
    job,
    alsoScanned: proposal.alsoScanned,
    stage: async (dir) => {
      const staged = await stage(rt, proposal, { folder, dir });
      if (keep > 1) await requirePoolRoom(rt, staged, { live, place });
      verdict = await allowed(rt, proposal, { staged, live });
      return staged;
    },
    prove: (staged) => prove(rt, proposal, { staged, live }),
    change: async (staged, staging) => {
      if (quietIfSame && isSame(staged)) return asItWas(staged, live);
      const tool = `repackenv ${VERSION}`;
      return publish(rt, {
        place,
        staging,
        staged,
        live,
        lock,
        adopt,
        keep,
        rollback: proposal.rollback,
        verdict,
        engine: from,
        tool,
        startedAt,
      });
    },
    layBeside: async (staged) => {
      if (keep > 0 && !isSame(staged)) await pruneAfter(rt, place, keep);
      if (siteFiles === 'leave') return;
      await laySiteFiles(rt, { labelDir: place.labelDir, staged, onlyThere: siteFiles === 'renew' });
    },
  });
  const pooled = keep > 1 ? pooledOf(delivered.staged, live) : { files: 0, bytes: 0 };
  return { ...delivered, verdict, pooled };
}

/** What goes to the pool; sizes as the folder had them. */
function givenOf({ files, leaving }: Pick<StagedChannel, 'files' | 'leaving'>, live: LabelFolder['live']) {
  const given = givenBytes(live);
  const replaced = files.flatMap(({ path, change }) => (change === 'changed' ? [path] : []));
  return [...leaving, ...replaced].flatMap((path) =>
    given.has(path) ? [{ path, size: live.files.get(path)?.size ?? 0 }] : [],
  );
}

function pooledOf(staged: Pick<StagedChannel, 'files' | 'leaving'>, live: LabelFolder['live']) {
  const given = givenOf(staged, live);
  return { files: given.length, bytes: given.reduce((sum, { size }) => sum + size, 0) };
}

/** A subdir that is a mount of its own has no links into the pool: what leaves it is copied. @throws RepackError E_DISK_FULL */
async function requirePoolRoom(
  rt: Runtime,
  staged: StagedChannel,
  { live, place }: Pick<LabelFolder, 'live' | 'place'>,
): Promise<void> {
  const given = givenOf(staged, live);
  if (given.length === 0) return;
  const volumeOf = async (folder: string): Promise<number | undefined> =>
    rt.fs.stat(folder).then(
      ({ dev }) => dev,
      () => undefined,
    );
  const here = await volumeOf(place.stateDir);
  const others = new Set<string>();
  for (const folder of new Set(given.map(({ path }) => dirname(path)))) {
    const there = await volumeOf(join(live.dir, folder));
    if (there !== undefined && there !== here) others.add(folder);
  }
  const copied = given.filter(({ path }) => others.has(dirname(path)));
  if (copied.length > 0)
    await checkFreeSpace(
      rt,
      place.stateDir,
      copied.reduce((sum, { size }) => sum + size, 0),
    );
}

/** What brings nothing in that was not published before, and is somebody's will. */
const TOLD_ONLY: ReadonlySet<Proposal['job']> = new Set(['rollback', 'clean', 'doctor']);

/** The policy's gate, over the index files that would be published. @throws RepackError E_POLICY */
async function allowed(
  rt: Runtime,
  { job, policy }: Proposal,
  { staged, live }: { staged: StagedChannel; live: LabelFolder['live'] },
): Promise<PolicyVerdict | undefined> {
  if (policy === undefined) return undefined;
  const { judgeStaged, passVerdict } = await import('./policy-gate.js');
  const verdict = await judgeStaged(rt, policy, { staged, live });
  passVerdict(rt, verdict, { where: live.dir, told: TOLD_ONLY.has(job) });
  return verdict;
}

/**
 * The same path for new indexes in a folder that others made, which stays theirs; `live` is what of it is looked at.
 *
 * @throws RepackError E_PROOF, E_SECRET_LEAK, E_PUBLISH, E_LOCK, E_DISK, E_DISK_FULL
 */
export async function deliverIndexes(
  rt: Runtime,
  { job, indexes, leaving }: IndexProposal,
  folder: Pick<LabelFolder, 'place' | 'lock' | 'live'>,
): Promise<void> {
  const { place, live, lock } = folder;
  const { stageIndexes } = await import('./stage/stage-indexes.js');
  const { proveIndexes } = await import('./proof/prove-indexes.js');
  await onePath(rt, folder, {
    job,
    stage: async (dir) => ({ dir, files: await stageIndexes(rt, { indexes, live, dir }), leaving }),
    prove: (staged) => proveIndexes(rt, { staged, live }),
    change: (staged, staging) => switchIndexes(rt, { place, lock, staging, staged, live }),
    layBeside: async () => undefined,
  });
}

/** What differs between what is delivered, in the order in which it is asked. */
interface Way<Staged, Proven, Changed> {
  job: Proposal['job'];
  alsoScanned?: readonly string[] | undefined;
  stage(dir: string): Promise<Staged>;
  prove(staged: Staged): Promise<Proven>;
  change(staged: Staged, staging: Staging): Promise<Changed>;
  layBeside(staged: Staged): Promise<void>;
}

async function onePath<Staged extends Pick<StagedChannel, 'dir' | 'files'>, Proven, Changed>(
  rt: Runtime,
  { place }: Pick<LabelFolder, 'place'>,
  way: Way<Staged, Proven, Changed>,
): Promise<{ staged: Staged; proof: Proven; published: Changed }> {
  const step = STEP_PREFIXES[way.job];
  const staging = await createStaging(rt, { stateDir: place.stateDir, command: way.job });
  try {
    const staged = await way.stage(staging.channelDir);
    await rt.reach(`${step}:staged`);
    const proof = await way.prove(staged);
    await refuseLeaks(rt, staged, way.alsoScanned);
    await rt.reach(`${step}:proven`);
    const published = await way.change(staged, staging);
    await rt.reach(`${step}:published`);
    await way.layBeside(staged);
    await rt.reach(`${step}:handed-over`);
    return { staged, proof, published };
  } finally {
    await staging.discard();
  }
}

async function stage(
  rt: Runtime,
  { content, drop, mayLeave = () => true }: Proposal,
  { folder: { place, live }, dir }: { folder: LabelFolder; dir: string },
): Promise<StagedChannel> {
  if (content.kind === 'given') {
    const staged = { ...content.channel, dir };
    await checkFreeSpace(rt, place.stateDir, bytesOfChanges(staged.files));
    await content.write(staged);
    return staged;
  }
  const { plan, artifacts: acquired, signKey } = content;
  const { stageChannel } = await import('./stage/stage-channel.js');
  const { findings, ...staged } = await stageChannel(rt, {
    ...content,
    acquired,
    live,
    lastGeneration: await lastGeneration(rt, place.stateDir),
    dir,
    sign: signerOf(rt, { signKey, label: plan.label }),
  });
  emitFindings(rt, findings);
  const leaving = staged.leaving.filter(mayLeave);
  if (drop !== undefined) guardSignature({ leaving }, drop, live);
  return { ...staged, leaving };
}

async function prove(
  rt: Runtime,
  { proof }: Proposal,
  { staged, live }: { staged: StagedChannel; live: LabelFolder['live'] },
): Promise<Proof> {
  if (proof.kind === 'installable') {
    const { proveInstallable } = await import('./proof/prove-installable.js');
    return proveInstallable(rt, { staged, ...proof });
  }
  if (proof.announced === true)
    rt.events.emit({ type: 'stage-started', stage: 'prove', detail: 'index = files = manifest, every new byte' });
  return proveConsistent(rt, { staged, live, ...proof });
}

function asItWas({ manifest }: StagedChannel, live: LabelFolder['live']): Published {
  const { generation } = manifest;
  const manifestSha256 = live.manifestSha256 ?? '';
  return { generation, manifestSha256, unchanged: true, bytesWritten: 0, written: [], removed: [] };
}

/** Nothing would be written and nothing would leave. */
export function isSame({ files, leaving }: Pick<StagedChannel, 'files' | 'leaving'>): boolean {
  return leaving.length === 0 && files.every(({ change }) => change === 'unchanged');
}
