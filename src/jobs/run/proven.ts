import { sha256Of } from '../../codec/digests.js';
import type { Finding } from '../../base/findings.js';
import { canonicalJson } from '../../base/json.js';
import type { Proof, StagedChannel } from '../../channel/staged.js';
import type { SolvedSubdir } from '../../conda/plan/plan.js';
import { rememberSeen } from '../../delivery/place/seen.js';
import type { LabelFolder } from '../../delivery/place/label-folder.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { RepackRequest } from '../request.js';
import type { JobTools } from './job-tools.js';
import { PASSING, provenRun, readProven, writeProven, type ProvenRun } from './proven-file.js';

/** An update as it went all the way: with the same request, indexes and bytes it would end in the same way. */
export interface Proven extends ProvenRun {
  /** Of the files that the manifest does not name: signature and sums, by path. */
  beside: Record<string, string>;
  solved: Pick<SolvedSubdir, 'engine' | 'priority'>[];
  checks: Proof['checks'];
}

/**
 * What of a request counts. `free`: who asks, from where and how it is reached, which decides nothing where the same indexes come. Secrets are
 * free too: what a token opens shows in the indexes.
 */
const PARTS: Readonly<Record<keyof RepackRequest, 'counts' | 'free'>> = {
  label: 'counts',
  root: 'free',
  token: 'free',
  logins: 'free',
  specs: 'counts',
  lock: 'counts',
  pip: 'counts',
  channels: 'counts',
  channelPriority: 'counts',
  subdirs: 'counts',
  profiles: 'counts',
  drop: 'counts',
  policy: 'counts',
  installers: 'counts',
  declared: 'counts',
  engine: 'counts',
  enginePath: 'counts',
  allowHttp: 'counts',
  maxIndexMb: 'counts',
  requestsPerSecond: 'free',
  proxy: 'free',
  noProxy: 'counts',
  caFiles: 'counts',
  cacheDir: 'free',
  waitLockMs: 'free',
  takeOverLock: 'free',
  dryRun: 'free',
  recheck: 'free',
  replace: 'counts',
  keep: 'counts',
  signKey: 'counts',
  papers: 'counts',
  attestations: 'counts',
  adopt: 'counts',
  indexBz2: 'counts',
  siteFiles: 'counts',
  prove: 'counts',
};

/** What these say comes of request and records alone, so it holds for the next run too. */
const LASTING: ReadonlySet<string> = new Set(['md5-only', 'attestation-left-out', 'not-conda']);

/** What a request is about, as a digest. */
export function askedDigest(request: RepackRequest): string {
  const parts = Object.entries(PARTS).flatMap(([name, kind]) =>
    kind === 'free' ? [] : [[name, request[name as keyof RepackRequest]]],
  );
  const lock = request.lock && { ...request.lock, packages: [...request.lock.packages], secrets: [] };
  return sha256Of(canonicalJson({ ...(Object.fromEntries(parts) as object), lock }));
}

/**
 * May it stand on what an earlier run proved? Not where something counts that is no function of request and indexes: files beside the artifacts
 * that nobody announces, an engine of the user's, a policy, which goes by the day and by what packages say.
 */
function canStand({ attestations, policy, prove, engine }: RepackRequest): boolean {
  return (
    !attestations && policy === undefined && prove.kind === 'solve' && (engine === 'embedded' || engine === 'auto')
  );
}

/** What was proven for this very request; undefined where it must be found out anew. Reads only, without the lock: all of it is checked again. */
export async function provenFor(rt: Runtime, request: RepackRequest): Promise<Proven | undefined> {
  if (!canStand(request) || request.recheck === true) return undefined;
  return readProven<Proven>(rt, request, askedDigest(request));
}

export interface WholeUpdate {
  request: RepackRequest;
  folder: LabelFolder;
  tools: Pick<JobTools, 'gateway'>;
  solved: readonly SolvedSubdir[];
  staged: StagedChannel;
  proof: Proof;
  manifestSha256: string;
  findings: readonly Finding[];
}

/**
 * Writes down what a whole update was asked, read and proved, where the next may stand on it. To be called with the label locked and the staging
 * folder gone. It saves time only: a disk that refuses is a debug event.
 */
export async function rememberProven(rt: Runtime, run: WholeUpdate): Promise<void> {
  const { request, folder, tools, solved, staged, proof, manifestSha256, findings } = run;
  const lasting = findings.filter(({ code }) => LASTING.has(code));
  if (!canStand(request) || solved.some(({ engine }) => engine.kind !== 'embedded' && engine.kind !== 'lock')) return;
  if (findings.some(({ code }) => !LASTING.has(code) && !PASSING.has(code))) return;
  const named = new Set(staged.manifest.files.map(({ path }) => path));
  const others = staged.files.filter(({ path, kind }) => kind !== 'manifest' && !named.has(path));
  try {
    await rememberSeen(rt, folder.place, staged.files);
    await writeProven<Proven>(rt, folder.place, {
      ...(await provenRun(rt, { place: folder.place, gateway: tools.gateway, asked: askedDigest(request) })),
      manifestSha256,
      beside: Object.fromEntries(others.map(({ path, sha256 }) => [path, sha256])),
      solved: solved.map(({ engine, priority }) => ({ engine, priority })),
      checks: proof.checks,
      findings: lasting,
    });
  } catch (error) {
    // The folder is published by now: this must not end the run as if it were not.
    rt.events.emit({ type: 'debug', message: `remembering what was proven: ${String(error)}` });
  }
  await rt.reach('update:remembered');
}
