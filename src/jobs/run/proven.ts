import { join, resolve } from 'node:path';
import { sha256Of } from '../../codec/digests.js';
import { isMissing } from '../../base/fs-errors.js';
import type { Finding } from '../../base/findings.js';
import { canonicalJson } from '../../base/json.js';
import { VERSION } from '../../base/tool-version.js';
import type { Proof, StagedChannel } from '../../channel/staged.js';
import type { SolvedSubdir } from '../../conda/plan/plan.js';
import { STATE_NAME, type LabelPlace } from '../../delivery/place/root.js';
import { rememberSeen } from '../../delivery/place/seen.js';
import type { LabelFolder } from '../../delivery/place/label-folder.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { RepackRequest } from '../request.js';
import type { JobTools } from './job-tools.js';

/** In the state folder: what the last whole update was asked, what it read, and what it proved (design D9). */
export const PROVEN_NAME = 'proven.json';

/** Then all of it is done anew, so that a disk that loses bits without a trace is found out. */
const STANDS_MS = 7 * 24 * 60 * 60 * 1000;

/** An update as it went all the way: with the same request, indexes and bytes it would end in the same way. */
export interface Proven {
  schema: 1;
  tool: string;
  /** sha256 of all of the request that decides what the folder holds and how it is judged. */
  asked: string;
  manifestSha256: string;
  /** Of the files that the manifest does not name: signature and sums, by path. */
  beside: Record<string, string>;
  /** Every index that was read: its URL without file name, sha256 unpacked; null where the channel has none. */
  indexes: [channel: string, subdir: string, sha256: string | null][];
  /** Files `LABEL.…` beside the folder, by name, with what any writing would change: size, mtime, ctime, inode. */
  siteFiles: Record<string, readonly number[]>;
  solved: Pick<SolvedSubdir, 'engine' | 'priority'>[];
  checks: Proof['checks'];
  /** Those that the run ends with each time. */
  findings: Finding[];
  /** ISO 8601, UTC. */
  at: string;
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
/** What was wrong with the folder and is right now; and what the gateway says again where it holds. */
const PASSING: ReadonlySet<string> = new Set([
  'artifact-missing',
  'artifact-replaced',
  'index-rewritten',
  'manifest-rebuilt',
  'side-file-restored',
  'v3-records',
  'zst-older-than-json',
]);

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
  const { root, label } = request;
  const file = join(resolve(rt.machine.cwd, root), STATE_NAME, label, PROVEN_NAME);
  const proven = parseProven(await rt.fs.readText(file).catch(() => ''));
  if (proven?.tool !== VERSION || proven.asked !== askedDigest(request)) return undefined;
  const age = rt.clock.now() - Date.parse(proven.at);
  return age >= 0 && age < STANDS_MS ? proven : undefined;
}

function parseProven(text: string): Proven | undefined {
  try {
    const { sha256, ...value } = JSON.parse(text) as Proven & { sha256?: unknown };
    return value.schema === 1 && sha256Of(canonicalJson(value)) === sha256 ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Those of another label that begins alike are among them: then more is looked at than need be. */
async function marksBeside(rt: Pick<Runtime, 'fs'>, { root, label }: LabelPlace): Promise<Proven['siteFiles']> {
  const entries = await rt.fs.readdir(root);
  const names = entries.filter((entry) => entry.isFile() && entry.name.startsWith(`${label}.`)).map(({ name }) => name);
  const marks = await Promise.all(names.map(async (name) => [name, await marksOf(rt, join(root, name))] as const));
  return Object.fromEntries(marks);
}

/** The files for a site are those that were laid, as they were laid. */
export async function siteFilesStand(
  rt: Pick<Runtime, 'fs'>,
  { siteFiles }: Pick<Proven, 'siteFiles'>,
  { root }: Pick<LabelPlace, 'root'>,
): Promise<boolean> {
  const now = await Promise.all(
    Object.entries(siteFiles).map(async ([name, marks]) => {
      const found = await marksOf(rt, join(root, name));
      return marks.every((mark, at) => mark === found[at]);
    }),
  );
  return now.length > 0 && now.every(Boolean);
}

/** Of what is gone or can't be looked at: none that any file has. */
async function marksOf(rt: Pick<Runtime, 'fs'>, file: string): Promise<number[]> {
  const stats = await rt.fs.lstat(file).catch(() => undefined);
  return stats === undefined ? [-1] : [stats.size, stats.mtimeMs, stats.ctimeMs, stats.ino];
}

/** Before a whole update: should it fail, nothing is proven. */
export async function forgetProven(rt: Runtime, { place }: Pick<LabelFolder, 'place'>): Promise<void> {
  await rt.fs.unlink(join(place.stateDir, PROVEN_NAME)).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
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
    const proven: Proven = {
      schema: 1,
      tool: VERSION,
      asked: askedDigest(request),
      manifestSha256,
      beside: Object.fromEntries(others.map(({ path, sha256 }) => [path, sha256])),
      indexes: tools.gateway.indexesRead().map(({ channel, subdir, sha256 }) => [channel.url, subdir, sha256]),
      siteFiles: await marksBeside(rt, folder.place),
      solved: solved.map(({ engine, priority }) => ({ engine, priority })),
      checks: proof.checks,
      findings: lasting,
      at: new Date(rt.clock.now()).toISOString(),
    };
    await rememberSeen(rt, folder.place, staged.files);
    const text = canonicalJson({ ...proven, sha256: sha256Of(canonicalJson(proven)) });
    await rt.fs.writeWhole(join(folder.place.stateDir, PROVEN_NAME), `${text}\n`, { durable: false });
  } catch (error) {
    // The folder is published by now: this must not end the run as if it were not.
    rt.events.emit({ type: 'debug', message: `remembering what was proven: ${String(error)}` });
  }
  await rt.reach('update:remembered');
}
