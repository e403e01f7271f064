import path from 'node:path';
import { isRepackError } from '../base/errors.js';
import type { Finding } from '../base/findings.js';
import type { Secret } from '../base/secret.js';
import { safeSegment } from '../conda/channel/names.js';
import { collectFindings } from '../delivery/collect-findings.js';
import { openWholeFolder } from '../delivery/generations/generation-folder.js';
import { notePushed, readPushed, type Pushed } from '../delivery/generations/pushed.js';
import { noteReceived } from '../delivery/generations/received.js';
import { lockLabel } from '../delivery/lock/lock.js';
import { findChannelPlace, prepareChannelPlace } from '../delivery/place/channel-place.js';
import type { LabelPlace } from '../delivery/place/root.js';
import { JOURNAL_NAME } from '../delivery/switch/journal.js';
import { VERSION } from '../base/tool-version.js';
import { movesOn } from '../media/export/export.js';
import { manifestDigest, readGeneration, type Generation } from '../media/export/source.js';
import type { Carrier, Cargo } from '../push/cargo.js';
import { planPush, type Batch } from '../push/plan.js';
import { parseTarget } from '../push/target.js';
import type { Runtime } from '../runtime/runtime.js';
import { openCarrier, type CarrierSettings } from './push/open-carrier.js';
import { loadCargo, reduceIndex, type Load } from './push/load-cargo.js';
import { refuseTarget } from './push/refuse-target.js';

export interface PushRequest extends CarrierSettings {
  /** ROOT/LABEL, ROOT/LABEL@N, or a mirror. */
  dir: string;
  /** As typed. */
  target: string;
  /** Take over what lies there without a manifest of ours. */
  adopt: boolean;
  /** Also where the target is newer. */
  allowRollback: boolean;
  dryRun: boolean;
  siteFiles: boolean;
  /** Note that this site has it now. */
  site: string | undefined;
  waitLockMs: number;
  takeOverLock: boolean;
}

export interface PushReport extends Pushed {
  job: 'push';
  label: string;
  dir: string;
  dryRun: boolean;
  /** The target had all of it. */
  unchanged: boolean;
  /** What the target had before. */
  before: { generation: number; manifestSha256: string } | null;
  /** Paths relative to TARGET. */
  put: string[];
  gone: string[];
  findings: Finding[];
}

const MAX_ATTEMPTS = 5;

/**
 * `repackenv push DIR TARGET` (design D21). Reads as an export does: without the label's lock, every byte held against the manifest; where the
 * folder is published into meanwhile, it goes on with what is new. `register`: of each key, before it is used.
 *
 * @throws RepackError E_TARGET, E_ROLLBACK, E_PUSH, E_LOGIN_REFUSED, E_UPSTREAM, E_TLS, E_NOT_OURS, E_FOLDER_DIFFERS, E_LOCKED, E_DISK, E_DISK_FULL
 */
export async function push(
  machine: Runtime,
  request: PushRequest,
  register: (secret: Secret) => void,
): Promise<PushReport> {
  const { rt: collecting, findings } = collectFindings(machine);
  const site = request.site === undefined ? null : safeSegment(request.site, 'the site');
  const { rt, dir, named } = await openWholeFolder(collecting, request.dir);
  const first = await readGeneration(rt, dir);
  const place = named?.place ?? (await findChannelPlace(rt, dir));
  const label = named === undefined ? path.basename(place.labelDir) : place.label;
  const target = parseTarget(request.target, label);
  await prepareChannelPlace(rt, place);
  const stateDir = path.join(place.stateDir, 'push');
  await rt.fs.mkdirp(stateDir);
  const { waitLockMs: waitMs, takeOverLock: takeOver } = request;
  const lock = await lockLabel(rt, { stateDir, label, waitMs, takeOver, command: 'push' });
  const work = path.join(stateDir, 'work');
  let carrier: Carrier | undefined;
  try {
    await rt.fs.remove(work);
    await rt.fs.mkdirp(work);
    carrier = await openCarrier(rt, {
      ...request,
      label,
      target,
      place,
      dir,
      work,
      inPlace: named === undefined,
      register,
    });
    const pushing = { rt, place, label, dir, carrier, request, site };
    for (let attempt = 1, generation = first; ; attempt++, generation = await readGeneration(rt, dir)) {
      try {
        return { ...(await pushGeneration(pushing, generation)), findings: findings() };
      } catch (error) {
        if (named !== undefined || attempt === MAX_ATTEMPTS || !mayHaveMoved(error)) throw error;
        const journal = path.join(place.stateDir, JOURNAL_NAME);
        if (!(await movesOn(rt, { dir, journal, sha256: generation.sha256 }))) throw error;
        rt.events.emit({
          type: 'note',
          message: `${dir} was published while it was pushed: going on with what is new`,
        });
      }
    }
  } finally {
    await carrier?.close();
    await rt.fs.remove(work).catch(() => undefined);
    await lock.release();
  }
}

/** What a file that is gone or another looks like, to us or to rsync. */
function mayHaveMoved(error: unknown): boolean {
  return isRepackError(error) && (error.code === 'E_FOLDER_DIFFERS' || error.code === 'E_PUSH');
}

interface Pushing {
  rt: Runtime;
  place: LabelPlace;
  label: string;
  dir: string;
  carrier: Carrier;
  request: PushRequest;
  site: string | null;
}

async function pushGeneration(pushing: Pushing, generation: Generation): Promise<Omit<PushReport, 'findings'>> {
  const { rt, place, label, dir, carrier, request, site } = pushing;
  const load = await loadCargo(rt, { dir, label, generation, siteFiles: request.siteFiles });
  const startedAt = new Date(rt.clock.now()).toISOString();
  const far = await carrier.look();
  const known = (await readPushed(rt, place.stateDir)).some((each) => each.target === carrier.where);
  const there = refuseTarget({ ...request, label, where: carrier.where, generation, far, known, load });
  const same = there?.sha256 === generation.sha256;
  const held = new Set<string>();
  for (const each of load.cargo) {
    const file = far.files.get(each.path);
    if (file !== undefined && (await carrier.holds(each, file, same))) held.add(each.path);
  }
  const batches = planPush({
    label,
    cargo: load.cargo,
    far,
    farManifest: there?.manifest,
    held,
    renames: carrier.renames,
    reduce: (subdir, without) => reduceIndex(load, subdir, without),
  });
  const put = batches.flatMap((batch) => batch.put);
  const gone = batches.flatMap((batch) => batch.remove);
  const begun: Pushed = {
    target: carrier.where,
    generation: generation.manifest.generation,
    manifestSha256: generation.sha256,
    startedAt,
    finishedAt: null,
    host: rt.machine.hostname,
    user: rt.machine.username,
    tool: VERSION,
    files: put.length,
    removed: gone.length,
    bytes: put.reduce((sum, { size }) => sum + size, 0),
    site,
  };
  const report = {
    job: 'push' as const,
    label,
    dir,
    dryRun: request.dryRun,
    unchanged: batches.length === 0,
    before: there === undefined ? null : { generation: there.manifest.generation, manifestSha256: there.sha256 },
    put: put.map((each) => each.path),
    gone,
  };
  if (request.dryRun) return { ...begun, ...report };
  if (batches.length > 0) {
    await notePushed(rt, place.stateDir, begun);
    await rt.reach('push:begun');
  }
  const bytes = await carry(pushing, { batches, load });
  if (batches.length > 0 && path.isAbsolute(dir) && (await manifestDigest(rt, dir)) !== generation.sha256) {
    rt.events.emit({
      type: 'note',
      message: `${dir} was published while it was pushed: the target is whole, and not the newest`,
    });
  }
  const finishedAt = new Date(rt.clock.now()).toISOString();
  const receipt = { ...begun, bytes, finishedAt };
  if (batches.length > 0) await notePushed(rt, place.stateDir, receipt);
  await rt.reach('push:noted');
  if (site !== null) {
    const { generation: number, manifestSha256 } = receipt;
    await noteReceived(rt, place, { site, generation: number, manifestSha256, at: finishedAt, from: 'push' });
  }
  return { ...receipt, ...report };
}

/** One batch after the other. Gives the bytes that went over the line. */
async function carry(
  { rt, carrier }: Pushing,
  { batches, load }: { batches: readonly Batch[]; load: Load },
): Promise<number> {
  let bytes = 0;
  const total = batches.flatMap((batch) => batch.put).reduce((sum, { size }) => sum + size, 0);
  const sizes = new Map(load.cargo.map((each: Cargo) => [each.path, each.size]));
  let done = 0;
  for (const { phase: part, put, remove } of batches) {
    rt.signal.throwIfAborted();
    const reached = async (name: string): Promise<void> => {
      done += sizes.get(name) ?? 0;
      rt.events.emit({ type: 'progress', stage: 'publish', bytes: Math.min(done, total), of: total });
      await rt.reach(`push:${part}`);
    };
    // Within a part what leaves goes first: a signature before the manifest that it is not of.
    if (remove.length > 0) await carrier.remove(remove, () => rt.reach(`push:${part}`));
    bytes += await carrier.put(put, reached);
  }
  return bytes;
}
