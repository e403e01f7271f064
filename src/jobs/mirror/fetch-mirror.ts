import { plural } from '../../base/plural.js';
import { emitFindings } from '../../base/emit-findings.js';
import path from 'node:path';
import { acquire } from '../../store/acquire.js';
import type { Gateway } from '../../gateway/gateway.js';
import { takeInstallers } from '../../store/installers.js';
import { withBytes } from '../../mirror/sync/artifact.js';
import type { SyncPlan } from '../../mirror/sync/sync.js';
import type { Finding } from '../../base/findings.js';
import { INSTALLERS_NAME } from '../../channel/manifest/manifest.js';
import type { AcquiredArtifact } from '../../conda/plan/plan.js';
import type { LiveFolder, SideFile } from '../../channel/staged.js';
import type { ArtifactStore } from '../../conda/plan/artifact-store.js';
import { checkFreeSpace } from '../../delivery/stage/staging.js';
import type { Runtime } from '../../runtime/runtime.js';
import { listed } from '../../delivery/collect-findings.js';
import { attestationsLeftOut } from '../stated-attestations.js';
import type { MirrorReport } from './mirror-report.js';
import type { MirrorRequest } from './mirror-request.js';
import { standingArtifact, standingSideFiles } from './standing.js';
import { INCOMING_NAME } from './with-mirror.js';

export interface FetchTask {
  request: MirrorRequest;
  gateway: Gateway;
  store: ArtifactStore;
  live: LiveFolder;
  stateDir: string;
  plan: SyncPlan;
}

interface FetchedArtifacts {
  /** All that the mirror is to hold. */
  artifacts: AcquiredArtifact[];
  /** Of them, those that were not there. */
  taken: AcquiredArtifact[];
  counts: MirrorReport['fetched'];
}

/** What the mirror is to hold, at hand: what lies in it, what differs fetched to `store`, and what lies beside the channel. */
export async function fetchMirror(
  rt: Runtime,
  task: FetchTask,
): Promise<FetchedArtifacts & { side: SideFile[]; installers: number }> {
  const fetched = await fetchArtifacts(rt, task);
  return { ...fetched, ...(await fetchBeside(rt, { ...task, fetched })) };
}

async function fetchArtifacts(
  rt: Runtime,
  { request, gateway, store, live, stateDir, plan }: FetchTask,
): Promise<FetchedArtifacts> {
  const present = plan.present.map((standing) => standingArtifact(live, standing));
  const counts = { artifacts: 0, bytes: 0, resumed: 0 };
  if (plan.wanted.length === 0) return { artifacts: present, taken: [], counts };
  await refuseSmallDisk(rt, stateDir, plan);
  const lazy = new Map(plan.wanted.map((artifact) => [`${artifact.subdir}/${artifact.fn}`, artifact]));
  const acquired = await acquire(rt, {
    artifacts: plan.wanted,
    store,
    caches: [],
    fetch: gateway.fetchArtifact,
    keepGoing: request.keepGoing,
  });
  emitFindings(rt, [...fewFindings(acquired.findings), ...leftOut(acquired.problems), ...gateway.findings()]);
  const taken = acquired.artifacts.map((artifact) => {
    if (artifact.source === 'store') counts.resumed += 1;
    else {
      counts.artifacts += 1;
      counts.bytes += artifact.size;
    }
    return withBytes(lazy.get(`${artifact.subdir}/${artifact.fn}`)!, artifact);
  });
  return { artifacts: [...present, ...taken], taken, counts };
}

/** Told before hours of fetching, not after. What an earlier run fetched is counted as there. */
async function refuseSmallDisk(rt: Runtime, stateDir: string, { wanted }: SyncPlan): Promise<void> {
  const needed = wanted.reduce((sum, { stated }) => sum + (stated.size ?? 0), 0);
  await checkFreeSpace(rt, stateDir, Math.max(0, needed - (await bytesBelow(rt, path.join(stateDir, INCOMING_NAME)))));
}

async function bytesBelow(rt: Runtime, folder: string): Promise<number> {
  let sum = 0;
  for (const entry of await rt.fs.readdir(folder).catch(() => [])) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) sum += await bytesBelow(rt, full);
    else sum += (await rt.fs.lstat(full)).size;
  }
  return sum;
}

const MANY = 5;
const EXAMPLES = 20;

/** A channel from before sha256 would give a finding for each of its thousands of files. */
function fewFindings(findings: readonly Finding[]): Finding[] {
  const plain = findings.filter(({ code }) => code === 'md5-only');
  if (plain.length <= MANY) return [...findings];
  const names = plain.slice(0, MANY).map(({ subject }) => subject ?? '');
  return [
    ...findings.filter(({ code }) => code !== 'md5-only'),
    {
      code: 'md5-only',
      message: `of ${plain.length} artifacts the channel states md5 only; it was checked, and the manifest has their sha256: ${listed(names, plain.length)}`,
      exit: false,
    },
  ];
}

function leftOut(problems: readonly { subject: string; lines: string[] }[]): Finding[] {
  if (problems.length === 0) return [];
  const lines = problems.slice(0, EXAMPLES).map((problem) => problem.lines.map((line) => line.trim()).join(' '));
  return [
    {
      code: 'artifact-left-out',
      message: `${plural(problems.length, 'artifact')} could not be had and ${problems.length === 1 ? 'is' : 'are'} not in the mirror: ${listed(lines, problems.length, '; ')}`,
      exit: true,
    },
  ];
}

interface BesideTask extends Omit<FetchTask, 'plan' | 'stateDir'> {
  fetched: FetchedArtifacts;
}

/** Installers and attestations (CEP 27), the new ones and those that lie there. */
async function fetchBeside(
  rt: Runtime,
  { request, gateway, store, live, fetched }: BesideTask,
): Promise<{ side: SideFile[]; installers: number }> {
  const { settings, keepGoing } = request;
  const taken = await takeInstallers({
    installers: settings.fetchInstallers ? settings.installers : [],
    live,
    store,
    fetch: (file) => gateway.fetchFile(file),
    keepGoing,
    statedIn: 'the mirror file',
  });
  // Those of artifacts that lie there were asked for when these came.
  const attested = request.attestations
    ? await (
        await import('../collect-attestations.js')
      ).collectAttestations(rt, { artifacts: request.reset ? fetched.artifacts : fetched.taken, gateway, store })
    : { side: [], findings: attestationsLeftOut(fetched.taken) };
  emitFindings(rt, [...taken.findings, ...attested.findings]);
  const fresh = [...taken.side, ...attested.side];
  const named = new Set(fresh.map((file) => file.path));
  const former = formerSideFiles(live, fetched.artifacts).filter((file) => !named.has(file.path));
  const side = [...fresh, ...former];
  return { side, installers: side.filter((file) => file.path.startsWith(`${INSTALLERS_NAME}/`)).length };
}

/** What lies beside the channel stays until `clean`; what belongs to an artifact, as long as that stays. */
function formerSideFiles(live: LiveFolder, artifacts: readonly AcquiredArtifact[]): SideFile[] {
  const standing = standingSideFiles(live);
  if (standing.length === 0) return [];
  const there = new Set(artifacts.map(({ subdir, fn }) => `${subdir}/${fn}`));
  const belongs = (file: string): boolean => {
    const owner = /^(.+?\.(?:conda|tar\.bz2))\./.exec(file)?.[1];
    return owner === undefined || there.has(owner);
  };
  return standing.filter(({ path: file }) => belongs(file));
}
