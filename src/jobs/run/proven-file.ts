import { join, resolve } from 'node:path';
import { sha256Of } from '../../codec/digests.js';
import type { Finding } from '../../base/findings.js';
import { isMissing } from '../../base/fs-errors.js';
import { canonicalJson } from '../../base/json.js';
import { VERSION } from '../../base/tool-version.js';
import type { Channel } from '../../conda/channel/channel.js';
import { STATE_NAME, type LabelPlace } from '../../delivery/place/root.js';
import type { Gateway } from '../../gateway/gateway.js';
import type { Runtime } from '../../runtime/runtime.js';

/** In the state folder: what the last whole run was asked, what it read, and what it proved (design D9). */
export const PROVEN_NAME = 'proven.json';

/** Then all of it is done anew, so that a disk that loses bits without a trace is found out. */
const STANDS_MS = 7 * 24 * 60 * 60 * 1000;

/** What a whole run of any job leaves behind, where the next of the same request may stand on it. */
export interface ProvenRun {
  schema: 1;
  tool: string;
  /** sha256 of all of the request that decides what the folder holds and how it is judged. */
  asked: string;
  manifestSha256: string;
  /** Every index that was read: its URL without file name, sha256 unpacked; null where the channel has none. */
  indexes: [channel: string, subdir: string, sha256: string | null][];
  /** Files `LABEL.…` beside the folder, by name, with what any writing would change: size, mtime, ctime, inode. */
  siteFiles: Record<string, readonly number[]>;
  /** Those that the run ends with each time. */
  findings: Finding[];
  /** ISO 8601, UTC. */
  at: string;
}

/** Findings of what was wrong with the folder and is right now; and what the gateway says again where it holds. */
export const PASSING: ReadonlySet<string> = new Set([
  'artifact-missing',
  'artifact-replaced',
  'index-rewritten',
  'manifest-rebuilt',
  'side-file-restored',
  'v3-records',
  'zst-older-than-json',
]);

/** What was proven where this was asked; undefined where it must be found out anew. Reads only, without the lock: all of it is checked again. */
export async function readProven<T extends ProvenRun>(
  rt: Runtime,
  { root, label }: { root: string; label: string },
  asked: string,
): Promise<T | undefined> {
  const file = join(resolve(rt.machine.cwd, root), STATE_NAME, label, PROVEN_NAME);
  const proven = parseProven<T>(await rt.fs.readText(file).catch(() => ''));
  if (proven?.tool !== VERSION || proven.asked !== asked) return undefined;
  const age = rt.clock.now() - Date.parse(proven.at);
  return age >= 0 && age < STANDS_MS ? proven : undefined;
}

function parseProven<T extends ProvenRun>(text: string): T | undefined {
  try {
    const { sha256, ...value } = JSON.parse(text) as T & { sha256?: unknown };
    const proven = value as unknown as T;
    return proven.schema === 1 && sha256Of(canonicalJson(proven)) === sha256 ? proven : undefined;
  } catch {
    return undefined;
  }
}

/** What every whole run writes down in the same way, as it ends. */
export async function provenRun(
  rt: Pick<Runtime, 'fs' | 'clock'>,
  { place, gateway, asked }: { place: LabelPlace; gateway: Gateway; asked: string },
): Promise<Pick<ProvenRun, 'schema' | 'tool' | 'asked' | 'indexes' | 'siteFiles' | 'at'>> {
  return {
    schema: 1,
    tool: VERSION,
    asked,
    indexes: (await gateway.indexesRead()).map(({ channel, subdir, sha256 }) => [channel.url, subdir, sha256]),
    siteFiles: await marksBeside(rt, place),
    at: new Date(rt.clock.now()).toISOString(),
  };
}

/** To be called with the label locked and the staging folder gone. */
export async function writeProven<T extends ProvenRun>(
  rt: Pick<Runtime, 'fs'>,
  { stateDir }: Pick<LabelPlace, 'stateDir'>,
  proven: T,
): Promise<void> {
  const text = canonicalJson({ ...proven, sha256: sha256Of(canonicalJson(proven)) });
  await rt.fs.writeWhole(join(stateDir, PROVEN_NAME), `${text}\n`, { durable: false });
}

/** Before a whole run: should it fail, nothing is proven. */
export async function forgetProven(rt: Pick<Runtime, 'fs'>, { stateDir }: Pick<LabelPlace, 'stateDir'>): Promise<void> {
  await rt.fs.unlink(join(stateDir, PROVEN_NAME)).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}

/** Every index that was read then has the same bytes now; asked in the same order, so that what fails first does. */
export async function readsTheSame(
  { indexes }: Pick<ProvenRun, 'indexes'>,
  { gateway, channels }: { gateway: Gateway; channels: readonly Channel[] },
): Promise<boolean> {
  const byUrl = new Map(channels.map((channel) => [channel.url, channel]));
  await Promise.all(
    indexes.map(([url, subdir]) => {
      const channel = byUrl.get(url);
      return channel === undefined ? undefined : gateway.repodata(channel, subdir);
    }),
  );
  const now = new Map((await gateway.indexesRead()).map((read) => [`${read.channel.url}/${read.subdir}`, read.sha256]));
  return indexes.every(([url, subdir, sha256]) => now.get(`${url}/${subdir}`) === sha256);
}

/** Those of another label that begins alike are among them: then more is looked at than need be. */
async function marksBeside(rt: Pick<Runtime, 'fs'>, { root, label }: LabelPlace): Promise<ProvenRun['siteFiles']> {
  const entries = await rt.fs.readdir(root);
  const names = entries.filter((entry) => entry.isFile() && entry.name.startsWith(`${label}.`)).map(({ name }) => name);
  const marks = await Promise.all(names.map(async (name) => [name, await marksOf(rt, join(root, name))] as const));
  return Object.fromEntries(marks);
}

/** The files for a site are those that were laid, as they were laid. */
export async function siteFilesStand(
  rt: Pick<Runtime, 'fs'>,
  { siteFiles }: Pick<ProvenRun, 'siteFiles'>,
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
