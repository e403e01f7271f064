import { emitFindings } from '../../base/emit-findings.js';
import { canonicalJson } from '../../base/json.js';
import { VERSION } from '../../base/tool-version.js';
import type { ChannelChanges, Proof, StagedChannel } from '../../channel/staged.js';
import { sha256Of } from '../../codec/digests.js';
import type { Collected } from '../../delivery/collect-findings.js';
import { folderMarks } from '../../delivery/place/folder-marks.js';
import type { LabelFolder } from '../../delivery/place/label-folder.js';
import type { LabelPlace } from '../../delivery/place/root.js';
import { recordUnchanged } from '../../delivery/receipts.js';
import type { Gateway } from '../../gateway/gateway.js';
import type { Runtime } from '../../runtime/runtime.js';
import {
  PASSING,
  provenRun,
  readProven,
  readsTheSame,
  siteFilesStand,
  writeProven,
  type ProvenRun,
} from '../run/proven-file.js';
import { SEEN_NAME } from '../../delivery/place/seen.js';
import { CHOICE_NAME } from './choice-memory.js';
import { DELTA_BASE_NAME } from './keep-delta.js';
import type { MirrorReport } from './mirror-report.js';
import type { MirrorRequest } from './mirror-request.js';
import type { PlannedMirror } from './plan-mirror.js';
import { withoutTold } from './told.js';

/** A mirror as a whole run left it: with the same request, indexes and bytes the next would end in the same way. */
interface ProvenMirror extends ProvenRun {
  /** Of all that lies in the mirror, as it was published. */
  folder: string;
  generation: number;
  previous: string | null;
  checks: Proof['checks'];
  /** Of a run that finds nothing new. */
  report: Omit<MirrorReport, 'findings' | 'published'>;
}

/** What of a request counts; `free`: who asks and how it is reached, or what nothing new has no use for. Secrets are free, as for labels. */
const PARTS: Readonly<Record<keyof MirrorRequest, 'counts' | 'free'>> = {
  settings: 'counts',
  root: 'counts',
  label: 'counts',
  channels: 'counts',
  token: 'free',
  logins: 'free',
  profiles: 'counts',
  deltaDir: 'counts',
  reset: 'free',
  allowShrink: 'free',
  keepGoing: 'counts',
  channelPriority: 'counts',
  engine: 'free',
  enginePath: 'free',
  cacheDir: 'free',
  allowHttp: 'counts',
  maxIndexMb: 'counts',
  requestsPerSecond: 'free',
  proxy: 'free',
  noProxy: 'counts',
  caFiles: 'counts',
  takeOverLock: 'free',
  waitLockMs: 'free',
  replace: 'counts',
  keep: 'counts',
  signKey: 'counts',
  papers: 'free',
  policy: 'counts',
  attestations: 'counts',
  adopt: 'free',
  dryRun: 'free',
  prove: 'free',
  indexBz2: 'counts',
  siteFiles: 'counts',
};

function askedOf(request: MirrorRequest): string {
  const parts = Object.entries(PARTS).flatMap(([name, kind]) =>
    kind === 'free' ? [] : [[name, request[name as keyof MirrorRequest]]],
  );
  return sha256Of(
    canonicalJson({ ...(Object.fromEntries(parts) as object), settings: { ...request.settings, token: undefined } }),
  );
}

/** What was proven for this very request, where the mirror lies there as it was left then. To be called with the mirror locked. */
export async function provenMirror(
  rt: Runtime,
  { request, place }: { request: MirrorRequest; place: LabelPlace },
): Promise<ProvenMirror | undefined> {
  if (request.reset || request.policy !== undefined) return undefined;
  const proven = await readProven<ProvenMirror>(rt, request, askedOf(request));
  if (proven === undefined || (await marksOfMirror(rt, place)) !== proven.folder) return undefined;
  return !request.siteFiles || (await siteFilesStand(rt, proven, place)) ? proven : undefined;
}

/**
 * The end of a run whose mirror is as it was proven, where the indexes are so too (design D9): of the mirror no file is opened. Undefined where
 * they are not. Throws what the gateway does where a channel can't be read, as a whole run would.
 */
export async function standOnMirror(
  { rt, findings }: Collected,
  task: { request: MirrorRequest; proven: ProvenMirror; gateway: Gateway; unseen: Omit<LabelFolder, 'live'> },
): Promise<MirrorReport | undefined> {
  const { request, proven, gateway, unseen } = task;
  const { stateDir } = unseen.place;
  if (!(await readsTheSame(proven, { gateway, channels: request.channels }))) return undefined;
  emitFindings(rt, [...gateway.findings(), ...(await withoutTold(rt, { stateDir, findings: proven.findings }))]);
  const { manifestSha256, generation, previous, checks, at } = proven;
  const asOf = { generation, at };
  await recordUnchanged(rt, unseen.place, {
    manifest: { label: request.label, generation, previous },
    manifestSha256,
    engine: 'none',
    tool: `repackenv ${VERSION}`,
    startedAt: unseen.startedAt,
    proof: asOf,
  });
  const proof = { checks, asOf };
  const published = { generation, manifestSha256, unchanged: true, bytesWritten: 0, proof };
  return { ...proven.report, findings: findings(), published };
}

interface WholeMirror {
  request: MirrorRequest;
  place: LabelPlace;
  gateway: Gateway;
  planned: PlannedMirror;
  staged: StagedChannel;
  report: MirrorReport;
}

/** What a whole run of the mirror says again, besides of its choice, each night in which nothing is new. */
const ONCE: ReadonlySet<string> = new Set([...PASSING, 'md5-only', 'attestation-left-out']);

/**
 * Writes down how a whole run ended, where the next may stand on it. To be called with the mirror locked, all else done. It saves time only: a disk that
 * refuses is a debug event.
 */
export async function rememberMirror(rt: Runtime, run: WholeMirror): Promise<void> {
  const { request, place, gateway, planned, staged, report } = run;
  const { published } = report;
  const isNeed = (code: string): boolean => code === 'open-dependencies';
  // Where nobody asked for them to be there, they are told of after a change only.
  const needs =
    request.settings.filter.dependencies === 'none' ? [] : report.findings.filter(({ code }) => isNeed(code));
  const lasting = [...planned.choice.findings, ...needs];
  const told = new Set(lasting.map(({ code }) => code));
  const others = report.findings.filter(({ code }) => !ONCE.has(code) && !told.has(code) && !isNeed(code));
  // A policy goes by the day too.
  if (published === undefined || request.policy !== undefined) return;
  if (!planned.choice.final || others.length > 0) return;
  if (report.excluded['not-fetched'] !== undefined) return;
  try {
    const meant = new Map(staged.files.map((file) => [file.path, file]));
    let found = 0;
    const folder = await marksOfMirror(rt, place, (path, size, mtimeMs) => {
      const file = meant.get(path);
      if (file?.size === size && file.mtimeMs === mtimeMs) found += 1;
      else if (file !== undefined || !report.strangers.includes(path.split('/')[0]!)) found = Number.NaN;
    });
    if (found !== meant.size) return;
    await writeProven<ProvenMirror>(rt, place, {
      ...(await provenRun(rt, { place, gateway, asked: askedOf(request) })),
      folder,
      manifestSha256: published.manifestSha256,
      generation: published.generation,
      previous: staged.manifest.previous,
      checks: published.proof.checks,
      findings: lasting,
      report: nothingNew(report),
    });
  } catch (error) {
    // The mirror is published by now: this must not end the run as if it were not.
    rt.events.emit({ type: 'debug', message: `remembering how the mirror was left: ${String(error)}` });
  }
}

/** What the same run would say, had it found nothing new. */
function nothingNew({ findings: _findings, published: _published, ...report }: MirrorReport): ProvenMirror['report'] {
  const fetched = { artifacts: 0, bytes: 0, resumed: 0 };
  return { ...report, fetched, withdrawn: [], leaving: [], changes: noChange(report.changes) };
}

function noChange({ kept, added, upgraded, downgraded, rerecorded }: ChannelChanges): ChannelChanges {
  const all = kept + added.length + upgraded.length + downgraded.length + rerecorded.length;
  const none = { added: [], removed: [], upgraded: [], downgraded: [], rerecorded: [] };
  return { ...none, kept: all, bytesToTravel: 0, bytesOfPackages: 0 };
}

/** Besides the mirror what is remembered of it: where that was lost or altered, all is done anew. */
async function marksOfMirror(
  rt: Runtime,
  { labelDir, stateDir }: LabelPlace,
  tell?: Parameters<typeof folderMarks>[2],
): Promise<string> {
  const state = await rt.fs.marks(stateDir, [SEEN_NAME, CHOICE_NAME, DELTA_BASE_NAME]);
  return `${await folderMarks(rt, labelDir, tell)} ${state.join(' ')}`;
}
