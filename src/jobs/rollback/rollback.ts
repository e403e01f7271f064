import { emitFindings } from '../../base/emit-findings.js';
import { join } from 'node:path';
import { EXIT, isRepackError, RepackError } from '../../base/errors.js';
import { profileOfManifest } from '../../channel/manifest/profile.js';
import type { SideFile } from '../../channel/staged.js';
import { channelAt, NOARCH, type Channel } from '../../conda/channel/channel.js';
import { pathOf, splitPath } from '../../conda/channel/names.js';
import type { AcquiredArtifact, PlannedArtifact, RepackPlan, SolvedSubdir } from '../../conda/plan/plan.js';
import { parseMatchSpec } from '../../conda/spec/match-spec.js';
import type { WorkSettings } from '../../config/work-settings.js';
import type { Secret } from '../../base/secret.js';
import { collectFindings, type Collected } from '../../delivery/collect-findings.js';
import { deliver } from '../../delivery/deliver.js';
import { sharePool } from '../../delivery/generations/pool.js';
import { createStaging } from '../../delivery/stage/staging.js';
import { heldText, holdFrom, readHold, writeHold } from '../../delivery/generations/hold.js';
import { generationOf } from '../../delivery/generations/named-generation.js';
import { openKnownLabel } from '../../delivery/place/known-label.js';
import { lookAtLabelFolder, withLabelFolder, type LabelFolder } from '../../delivery/place/label-folder.js';
import type { Runtime } from '../../runtime/runtime.js';
import { acquire, type Acquired } from '../../store/acquire.js';
import { collectAttestations } from '../collect-attestations.js';
import type { JobReport } from '../job-report.js';
import { openedBy } from '../opened-by.js';
import { paperMaker } from '../papers.js';
import { guardPlan } from '../policy/guard-plan.js';
import type { PolicyOf } from '../policy/load-policy.js';
import { planReport, publishedReport } from '../published-report.js';
import { refuseSmallDisks } from '../run/disk-room.js';
import { withEngines, withTools, type Engines, type JobTools } from '../run/job-tools.js';
import { incomplete, readGeneration, type KeptGeneration } from './read-generation.js';

export interface RollbackRequest extends WorkSettings {
  root: string;
  label: string;
  /** As behind the `@` of ROOT/LABEL@N. */
  to: string;
  /** For whoever meets the hold. */
  why: string | undefined;
  /** Label folders, of this generation or later, where bytes are looked for too. */
  from: readonly string[];
  token: Secret | undefined;
  /** Base URL whose channels the token opens. */
  tokenBaseUrl: string;
  /** What it says is told, and stops nothing. */
  policyOf?: PolicyOf | undefined;
  drop: readonly string[];
}

/**
 * `repackenv rollback LABEL --to N`: publishes the content of generation N under a new number, and holds the label with the same switch
 * (design D15). Bytes come from the label folder, the store, what ROOT keeps, then from their channels by digest.
 *
 * @throws RepackError E_GENERATION, E_GENERATION_INCOMPLETE, E_ASKS_LESS (a signature), and as an update
 */
export async function rollback(machine: Runtime, request: RollbackRequest): Promise<JobReport> {
  const collected = collectFindings(machine);
  const { rt } = collected;
  await openKnownLabel(rt, request.root, request.label);
  // What was solved once is not solved again.
  const wishes = { engine: 'embedded', enginePath: request.enginePath, subdirs: [], prove: request.prove } as const;
  const look = { ...request, job: 'rollback', adopt: false, replace: ['all'] };
  return withEngines(rt, wishes, async (engines) =>
    request.dryRun
      ? rehearse(collected, request, await lookAtLabelFolder(rt, look), engines)
      : withLabelFolder(rt, look, (folder) => carryOut(collected, request, folder, engines)),
  );
}

interface Way {
  kept: KeptGeneration;
  plan: RepackPlan;
  /** The generation that is live. */
  from: number;
}

async function wayBack(
  rt: Runtime,
  request: RollbackRequest,
  { place, live }: Pick<LabelFolder, 'place' | 'live'>,
): Promise<Way> {
  const given = `--to ${request.to}`;
  const { label } = place;
  const hint =
    'Give a number (3), how far before the live one (@-1), or a day (2026-11-21, UTC). repackenv history says which there are.';
  const text = request.to.replace(/^@/, '');
  const named = await generationOf(rt, place, { given, text, path: place.labelDir, hint });
  const from = live.manifest?.generation;
  if (named.live || from === undefined) {
    throw new RepackError('E_GENERATION', {
      what:
        from === undefined
          ? `${label} has no live generation to go back from`
          : `Generation ${from} is the live one of ${label}; nothing was changed`,
      where: given,
      hint: from === undefined ? 'Publish it first: repackenv update.' : 'To keep it as it is: repackenv hold.',
    });
  }
  const kept = await readGeneration(rt, named);
  return { kept, plan: planOf(kept, request), from };
}

/** The plan that the generation came from, as far as its manifest can tell. */
function planOf({ manifest, artifacts: bare }: KeptGeneration, request: RollbackRequest): RepackPlan {
  const opened = (channel: Channel): Channel => openedBy(request, channel);
  const artifacts = bare.map((each) => ({ ...each, channel: each.channel && opened(each.channel) }));
  const profiles = manifest.profiles.map(profileOfManifest);
  // Which noarch packages were chosen for which platform is not known: of several, the solve of each says whether it is closed.
  const chosen = profiles.length === 1 ? artifacts : [];
  const engine = { kind: 'capture', version: '' } as const;
  return {
    label: manifest.label,
    specs: manifest.specs.map(parseMatchSpec),
    channels: manifest.channels.map((url) => opened(channelAt(url))),
    channelPriority: request.channelPriority,
    profiles,
    solved: manifest.subdirs
      .filter((subdir) => subdir !== NOARCH)
      .map((subdir): SolvedSubdir => ({ subdir, engine, priority: 'flexible', artifacts: chosen })),
    artifacts,
    findings: [],
  };
}

async function carryOut(
  { rt, findings }: Collected,
  request: RollbackRequest,
  folder: LabelFolder,
  engines: Engines,
): Promise<JobReport> {
  const { place } = folder;
  const before = await readHold(rt, place);
  const way = await wayBack(rt, request, folder);
  const { kept, plan, from } = way;
  const { generation: to } = kept;
  return withTools(rt, toolOptions(request, { place, plan, engines }), async (tools) => {
    const { store, gateway, runDir } = tools;
    await refuseSmallDisks(rt, { artifacts: plan.artifacts, store, folder, cacheDir: request.cacheDir });
    const { acquired, side } = await whilePoolStays(rt, place, async () => {
      const taken = await bytesOf(rt, request, { way, folder, tools });
      return { acquired: taken, side: await sideFilesOf(rt, { way, folder, tools, artifacts: taken.artifacts }) };
    });
    emitFindings(rt, [...acquired.findings, ...gateway.findings()]);
    await rt.reach('update:acquired');

    const why = `rolled back to generation ${to}${request.why === undefined ? '' : `: ${request.why}`}`;
    const { indexes } = kept;
    const delivered = await deliver(
      rt,
      {
        job: 'rollback',
        content: {
          kind: 'channel',
          plan,
          artifacts: acquired.artifacts,
          side,
          indexBz2: hasBz2(kept),
          indexes,
          replace: ['all'],
          signKey: request.signKey,
          // Nothing was asked of a mirror, which has none.
          ...(plan.specs.length === 0 ? {} : { papers: paperMaker(rt, request, folder) }),
        },
        // Nothing was asked of a mirror: it can be held against itself only.
        proof: plan.specs.length === 0 ? { kind: 'consistent' } : { kind: 'installable', plan, request, tools },
        from: `generation ${to}`,
        policy: await request.policyOf?.(place.label),
        drop: request.drop,
        rollback: { to, why },
        siteFiles: request.siteFiles ? 'make' : 'leave',
        alsoScanned: [runDir],
      },
      folder,
    );
    // Where the folder has that content already, there was no switch to be held with.
    if (delivered.published.unchanged)
      await writeHold(rt, place.stateDir, holdFrom(rt, { generation: delivered.published.generation, why }));
    await rt.reach('rollback:held');
    if (before !== undefined) rt.events.emit({ type: 'note', message: `the label was ${heldText(before)}` });
    const report = publishedReport({
      job: 'rollback',
      plan,
      folder,
      request,
      fetched: acquired.counts,
      ...delivered,
      findings: findings(),
    });
    const because = delivered.published.unchanged ? [] : (['rollback'] as const);
    return {
      ...report,
      engines: [],
      rollback: { from, to },
      held: await readHold(rt, place),
      published: { ...report.published!, because: [...because] },
    };
  });
}

/** What would be, told from what is kept: nothing is fetched, written or locked. */
async function rehearse(
  { rt, findings }: Collected,
  request: RollbackRequest,
  folder: Pick<LabelFolder, 'place' | 'live'>,
  engines: Engines,
): Promise<JobReport> {
  const { plan, from, kept } = await wayBack(rt, request, folder);
  await guardPlan(rt, await request.policyOf?.(folder.place.label), { plan, told: true });
  return withTools(rt, toolOptions(request, { place: folder.place, plan, engines }), async ({ store }) => {
    const absent: string[] = [];
    for (const artifact of plan.artifacts) {
      const expected = artifact.expected!;
      const there = folder.live.files.get(pathOf(artifact))?.sha256 === expected.sha256;
      const here = there || (await store.holds(expected)) || (await store.find(expected, artifact)) !== undefined;
      if (!here) absent.push(`${pathOf(artifact)} from ${artifact.channel?.url ?? 'no channel'}`);
    }
    if (absent.length > 0)
      rt.events.emit({ type: 'note', message: `not on this machine, to be fetched: ${absent.join(', ')}` });
    const report = planReport(plan, folder, { findings: findings(), request: { ...request, indexBz2: hasBz2(kept) } });
    return { ...report, engines: [], rollback: { from, to: kept.generation } };
  });
}

/** Runs `work`, which takes bytes out of the pool into the store, while no prune takes them away. */
async function whilePoolStays<T>(rt: Runtime, place: LabelFolder['place'], work: () => Promise<T>): Promise<T> {
  const staging = await createStaging(rt, { stateDir: place.stateDir, command: 'rollback' });
  try {
    const use = await sharePool(rt, place.root, { job: 'rollback', stagingDir: staging.dir });
    await rt.reach('rollback:pool-shared');
    return await work().finally(use.release);
  } finally {
    await staging.discard();
  }
}

function toolOptions(
  request: RollbackRequest,
  { place, plan, engines }: { place: LabelFolder['place']; plan: RepackPlan; engines: Engines },
) {
  const { profiles } = plan;
  const channels = [
    ...new Map(
      [...plan.channels, ...plan.artifacts.flatMap(({ channel }) => channel ?? [])].map((each) => [each.url, each]),
    ).values(),
  ];
  return {
    ...request,
    root: place.root,
    job: 'rollback',
    engine: 'embedded',
    channels,
    profiles,
    subdirs: [],
    engines,
  } as const;
}

interface Task {
  way: Way;
  folder: LabelFolder;
  tools: JobTools;
}

/** Every artifact with the bytes that the generation had. */
async function bytesOf(rt: Runtime, request: RollbackRequest, { way, folder, tools }: Task): Promise<Acquired> {
  const { kept, plan } = way;
  // A channel that states md5 only, or nothing: the manifest knows more.
  const artifacts: PlannedArtifact[] = plan.artifacts.map((each) => ({
    ...each,
    record: { ...each.record!, ...statedDigests(each) },
  }));
  const places = request.from.flatMap((dir) => kept.manifest.subdirs.map((subdir) => join(dir, subdir)));
  let acquired: Acquired;
  try {
    acquired = await acquire(rt, {
      artifacts,
      store: tools.store,
      live: folder.live,
      caches: places,
      fetch: tools.gateway.fetchArtifact,
      keepGoing: true,
    });
  } catch (error) {
    if (!isRepackError(error) || error.exitCode !== EXIT.upstream) throw error;
    throw new RepackError(error.code, {
      what: `Generation ${kept.generation} is not whole on this machine, and its channel can't be asked for the rest: ${error.what}`,
      where: error.where,
      hint: `${error.hint ?? ''}${request.token === undefined ? ' If it lies behind the token: --token-env NAME.' : ''} Or name a label folder that has them: --from FOLDER.`.trim(),
      details: error.details,
      cause: error,
    });
  }
  if (acquired.problems.length > 0)
    throw incomplete(
      { generation: kept.generation, where: folder.place.labelDir },
      acquired.problems.flatMap(({ lines }) => lines),
    );
  const records = new Map(plan.artifacts.map((each) => [pathOf(each), each.record!]));
  return {
    ...acquired,
    artifacts: acquired.artifacts.map((each) => Object.assign({}, each, { record: records.get(pathOf(each))! })),
  };
}

function hasBz2({ indexes }: KeptGeneration): boolean {
  return indexes.some(({ path }) => path.endsWith('.bz2'));
}

function statedDigests({ expected }: PlannedArtifact): { sha256: string } {
  return { sha256: expected!.sha256! };
}

/** Attestations and installers as the generation had them. */
async function sideFilesOf(
  rt: Runtime,
  { way, folder, tools, artifacts }: Task & { artifacts: readonly AcquiredArtifact[] },
): Promise<SideFile[]> {
  const { kept } = way;
  const { live } = folder;
  const found: SideFile[] = [];
  const absent: typeof kept.side = [];
  for (const file of kept.side) {
    const { path, size, sha256, md5 } = file;
    const [subdir, fn] = splitPath(path);
    const there = live.files.get(path)?.sha256 === sha256 ? join(live.dir, path) : undefined;
    const storePath = there ?? (await tools.store.find({ sha256, size }, { subdir, fn }))?.path;
    if (storePath === undefined) absent.push(file);
    else found.push({ path, size, sha256, md5, storePath });
  }
  if (absent.length === 0) return found;
  const attested = artifacts.filter((each) => absent.some(({ path }) => path.startsWith(`${pathOf(each)}.`)));
  const { side } = await collectAttestations(rt, { artifacts: attested, gateway: tools.gateway, store: tools.store });
  const fetched = side.filter((each) =>
    absent.some(({ path, sha256 }) => path === each.path && sha256 === each.sha256),
  );
  const lost = absent.filter(({ path }) => !fetched.some((each) => each.path === path));
  if (lost.length > 0)
    throw incomplete(
      { generation: kept.generation, where: folder.place.labelDir },
      lost.map(({ path }) => `${path}: neither this machine nor its channel has it`),
    );
  return [...found, ...fetched];
}
