import { plural } from '../../base/plural.js';
import { solveManifest, solverForFolder } from '../../delivery/proof/solve-alone.js';
import path from 'node:path';
import type { EmbeddedSolver } from '../../engine/embedded/solver.js';
import { RepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import { openFolder } from '../../delivery/generations/generation-folder.js';
import { findChannelPlace, isInterrupted, prepareChannelPlace } from '../../delivery/place/channel-place.js';
import { withLockedLabel } from '../../delivery/place/locked-label.js';
import type { LabelPlace } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';
import { diagnosisOf, examine, isWorthRepair } from '../../channel/doctor/doctor.js';
import type { Diagnosis, DoctorFinding, ExamineOptions, Examination } from '../../channel/doctor/doctor.js';
import type { SitePrefix } from '../../channel/doctor/paths.js';
import { collectFindings } from '../../delivery/collect-findings.js';
import { SITE_FILES_NOT_WRITTEN } from '../../delivery/hand-over.js';
import { repairForeign } from './repair-foreign.js';
import { manifestOf, repairOurs } from './repair-ours.js';
import type { Repaired } from './repaired.js';
import type { PolicyOf } from '../policy/load-policy.js';

export interface DoctorRequest {
  /** As typed. */
  dir: string;
  repair: boolean;
  /** With `repair`: what no index may name, and leftovers, are removed. */
  prune: boolean;
  site: SitePrefix | undefined;
  /** With `repair`: what it says of a folder of ours is told. */
  policyOf?: PolicyOf | undefined;
  waitLockMs: number;
  takeOverLock: boolean;
}

export interface DoctorReport extends Diagnosis {
  /** What `--repair` did; the findings are then those that are left. */
  repair: (Repaired & { mended: DoctorFinding[] }) | undefined;
}

/**
 * `repackenv doctor DIR`: everything that is wrong with a channel folder, ours or anybody's, with what to do. `repair`: writes the indexes
 * anew out of the artifacts, under lock and journal; a folder that others made is mended without becoming ours. Where there is nothing to
 * mend nothing is written, not even beside the folder.
 *
 * @throws RepackError E_NOT_A_CHANNEL, E_ROOT, E_GENERATION; with `repair` also E_LOCKED, E_REPODATA_VERSION, E_NOT_OURS, E_SHRINK, E_PROOF, E_PUBLISH, E_DISK
 */
export async function doctor(machine: Runtime, request: DoctorRequest): Promise<DoctorReport> {
  const { rt, dir, named } = await openFolder(machine, request.dir);
  if (named !== undefined && request.repair) {
    throw new RepackError('E_USAGE', {
      what: 'What is kept of an earlier generation is only read, and not repaired',
      where: request.dir,
      hint: 'Leave out --repair.',
    });
  }
  const place = await findChannelPlace(rt, dir);
  const solver = await solverForFolder(rt, place.labelDir);
  const options: ExamineOptions = {
    dir: place.labelDir,
    site: request.site,
    opened: new Map(),
  };
  try {
    const found = await diagnose(rt, { ...options, interrupted: await isInterrupted(rt, place) }, solver);
    const before = diagnosisOf(found, request.site);
    if (!request.repair) return { ...before, repair: undefined };
    if (!isWorthRepair(found, request)) {
      return { ...before, repair: { ...nothing(before.generation), mended: [] } };
    }
    const collected = collectFindings(rt);
    const seen = found.folder.files;
    const repaired = await repair(collected.rt, { request, place, solver, options: { ...options, seen } });
    const after = diagnosisOf(await diagnose(rt, { ...options, seen }, solver), request.site);
    const left = new Set(after.findings.map(keyOf));
    const told = [...notWrittenBeside(collected.findings()), ...saidByPolicy(collected.findings())];
    return {
      ...after,
      findings: [...after.findings, ...signatureLost(repaired), ...told],
      ok: after.ok && !told.some(({ exit }) => exit),
      repair: { ...repaired, mended: before.findings.filter((each) => !left.has(keyOf(each))) },
    };
  } finally {
    await solver.close();
  }
}

/** Also solves from the folder alone; what can't be read is no channel to solve from, and reported already. */
async function diagnose(rt: Runtime, options: ExamineOptions, solver: EmbeddedSolver): Promise<Examination> {
  const found = await examine(rt, options);
  const { manifest, indexes, violations } = found;
  if (manifest === undefined || !manifest.subdirs.every((subdir) => indexes.has(subdir))) return found;
  const solves = await solveManifest(rt, { dir: options.dir, indexes, solver }, manifest);
  return { ...found, violations: [...violations, ...solves] };
}

async function repair(
  rt: Runtime,
  {
    request,
    place,
    solver,
    options,
  }: { request: DoctorRequest; place: LabelPlace; solver: EmbeddedSolver; options: ExamineOptions },
): Promise<Repaired> {
  await prepareChannelPlace(rt, place);
  const startedAt = new Date(rt.clock.now()).toISOString();
  return withLockedLabel(rt, { ...request, place, job: 'doctor' }, async (lock) => {
    // What an earlier look hashed is not read again; what it saw may have changed.
    const found = await examine(rt, options);
    refuseUnknown(found);
    refuseCapitals(found);
    const { prune, policyOf } = request;
    const manifest = await manifestOf(rt, found, place);
    return manifest === undefined
      ? repairForeign(rt, { place, lock, found, prune })
      : repairOurs(rt, {
          place,
          lock,
          found,
          prune,
          manifest,
          solver,
          startedAt,
          policy: await policyOf?.(place.label),
        });
  });
}

/** What only a newer program understands is left to it. */
function refuseUnknown({ violations, folder }: Examination): void {
  const index = violations.find(({ rule }) => rule === 'index-future');
  if (index !== undefined) {
    throw new RepackError('E_REPODATA_VERSION', {
      what: `an index has repodata_version ${index.values['version']}, which this version does not know: nothing was repaired`,
      where: path.join(folder.dir, index.subject),
      hint: 'Find out which tool wrote it and use that. Remove the index to have it written anew without what only that tool knows.',
    });
  }
  const newer = violations.find(({ rule }) => rule === 'manifest-newer');
  if (newer === undefined) return;
  throw new RepackError('E_NOT_OURS', {
    what: `the folder was made by a newer version (manifest schema ${newer.values['schema']}): nothing was repaired`,
    where: folder.dir,
    hint: 'Use that version.',
  });
}

/** Under their right names these packages count as lost: an index made now would not have them, and on Windows it would replace theirs. */
function refuseCapitals({ violations, folder }: Examination): void {
  const capitals = violations.filter(({ rule }) => rule === 'name-case');
  if (capitals.length === 0) return;
  throw new RepackError('E_NAME', {
    what: `${plural(capitals.length, 'name here is', 'names here are')} written in other letters than clients ask for: nothing was repaired`,
    where: folder.dir,
    hint: 'Rename them, or copy the folder again in a way that keeps lower case; then look again.',
    details: capitals.slice(0, 10).map(({ subject, values }) => `${subject}: clients look for ${values['expected']}`),
  });
}

/** The sender's signature is over a manifest that is no more. */
function signatureLost({ removed, generation }: Repaired): DoctorFinding[] {
  if (!removed.includes(SIGNATURE_NAME)) return [];
  return [
    {
      code: 'signature-dropped',
      message: `${SIGNATURE_NAME} was removed: it is not of the manifest that the repair wrote (generation ${generation}). This is no longer the channel that was signed`,
      subject: SIGNATURE_NAME,
      exit: false,
      warn: true,
      advice:
        "To have the sender's channel and signature again: import the full set with --allow-rollback, or synchronise. A folder of your own: sign it again (--sign-key).",
      repair: 'no',
    },
  ];
}

/** What lies beside the folder then still tells of the generation before. */
function notWrittenBeside(findings: readonly Finding[]): DoctorFinding[] {
  return findings
    .filter(({ code }) => code === SITE_FILES_NOT_WRITTEN)
    .map((each) =>
      Object.assign({}, each, {
        advice:
          'Remove what lies beside the folder, or let this account write it and run the command that made the folder.',
        repair: 'no' as const,
      }),
    );
}

/** What was published is mended all the same. */
function saidByPolicy(findings: readonly Finding[]): DoctorFinding[] {
  return findings
    .filter(({ code }) => code.startsWith('policy-'))
    .map((each) =>
      Object.assign({}, each, {
        advice: each.exit ? 'Run update: it publishes what the policy allows.' : 'Look at the policy.',
        repair: 'no' as const,
      }),
    );
}

function nothing(generation: number | undefined): Repaired {
  return { written: [], removed: [], kept: 0, read: [], leftOut: [], generation };
}

function keyOf({ code, subject }: DoctorFinding): string {
  return `${code} ${subject}`;
}
