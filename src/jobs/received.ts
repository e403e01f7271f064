import path from 'node:path';
import { RepackError } from '../base/errors.js';
import type { Finding } from '../base/findings.js';
import { MANIFEST_NAME } from '../channel/manifest/manifest.js';
import { otherFile, receiptIn } from '../channel/manifest/other-file.js';
import { NOARCH } from '../conda/channel/channel.js';
import { caseFold, safeSegment } from '../conda/channel/names.js';
import { known, labelAt } from '../delivery/generations/named-generation.js';
import { listGenerations, type Generation } from '../delivery/generations/read-generations.js';
import { noteReceived, sitesOf, type Received } from '../delivery/generations/received.js';
import { openKnownLabel } from '../delivery/place/known-label.js';
import { labelsOfRoot, type LabelPlace } from '../delivery/place/root.js';
import { readIt, toldBy } from '../media/export/base.js';
import type { Runtime } from '../runtime/runtime.js';
import { matching } from './read-since.js';

export interface ReceivedRequest {
  /** As typed. */
  file: string;
  site: string;
  root: string;
  /** Where the file does not say it. */
  label: string | undefined;
}

export interface ReceivedReport extends Received {
  label: string;
  /** Platforms, where the site has some of them only. */
  subdirs: string[] | null;
  /** What the label folder has now. */
  live: number | null;
  /** So many generations lie between. */
  behind: number;
  /** What the site told before, where that was another. */
  before: number | null;
  findings: Finding[];
}

/** What a file that came back says. */
interface Told {
  label: string | undefined;
  generation: number | undefined;
  manifestSha256: string;
}

/**
 * `repackenv received FILE --site NAME`: notes which site has what, by the digest of the manifest there: a manifest, SHA256SUMS, the receipt of
 * an import or of a run.
 *
 * @throws RepackError E_NAME, E_USAGE: a file that says nothing of the kind, a site's name in other capitals. E_GENERATION: it is of no
 * generation that is known here. E_MEDIUM, E_LABEL, E_ROOT, E_LOCKED, E_DISK
 */
export async function received(rt: Runtime, request: ReceivedRequest): Promise<ReceivedReport> {
  const site = safeSegment(request.site, 'the site');
  const { bytes, path: file } = await readIt(rt, path.resolve(rt.machine.cwd, request.file), {
    doing: 'read what came back',
  });
  const told = readTold(bytes, file);
  if (request.label !== undefined && told.label !== undefined && told.label !== request.label) {
    throw new RepackError('E_USAGE', {
      what: `This is of label ${told.label}, not of ${request.label}`,
      where: file,
      hint: `Leave out --label, or give what came back of ${request.label}.`,
    });
  }
  const found = await findKnown(rt, { ...request, file }, told);
  const { place, one, all, subdirs } = found;
  const sites = await sitesOf(rt, place.stateDir);
  refuseOtherCase(site, sites);
  const at = new Date(rt.clock.now()).toISOString();
  const { generation } = one;
  const { manifestSha256 } = told;
  const noted = { site, generation, manifestSha256, at, from: path.basename(file) };
  await noteReceived(rt, place, noted);
  const live = all.find((each) => each.live)?.generation ?? null;
  const numbers = new Set(all.map((each) => each.generation));
  const before = sites.find((each) => each.site === site)?.generation ?? null;
  const behind = [...numbers].filter((number) => number > generation && number <= (live ?? 0)).length;
  const findings: Finding[] = [];
  if (before !== null && before > generation) {
    const message = `site ${site} told of generation ${before} before: it has gone back, or this is an older file`;
    findings.push({ code: 'site-went-back', message, subject: site, exit: false, warn: true });
  }
  return {
    label: place.label,
    ...noted,
    subdirs,
    live,
    behind,
    before: before === generation ? null : before,
    findings,
  };
}

function readTold(bytes: Uint8Array, file: string): Told {
  const told = toldBy(bytes, file);
  if ('base' in told) {
    const { manifest, sha256 } = told.base;
    return { label: manifest.label, generation: manifest.generation, manifestSha256: sha256 };
  }
  const text = Buffer.from(bytes).toString('utf8');
  const receipt = receiptIn(text);
  if (receipt !== undefined) return receipt;
  const line = /^([0-9a-f]{64}) [ *](?:\.\/)?manifest\.json\r?$/m.exec(text);
  if (line !== null) return { label: undefined, generation: undefined, manifestSha256: line[1]! };
  const other = otherFile(bytes);
  const reason = told.parsed.kind === 'broken' ? told.parsed.reason : 'it is something else';
  throw new RepackError('E_USAGE', {
    what: `This does not say what a site has: ${other === undefined ? reason : `it is ${other.is}`}`,
    where: file,
    hint: `Give the ${MANIFEST_NAME} or SHA256SUMS of the folder at the site, or the receipt that the import there wrote (import --receipt).`,
  });
}

interface Known {
  place: LabelPlace;
  one: Generation;
  all: readonly Generation[];
  subdirs: string[] | null;
}

async function findKnown(rt: Runtime, { root, label, file }: ReceivedRequest, told: Told): Promise<Known> {
  const only = label ?? told.label;
  const labels = only === undefined ? ((await labelsOfRoot(rt, path.resolve(root))) ?? []) : [only];
  let unknown = `There is no label in ${root}`;
  for (const name of labels.filter((each) => !each.startsWith('.'))) {
    const at = await labelAt(rt, path.join(root, name));
    const place = at ?? (only === undefined ? undefined : await openKnownLabel(rt, root, name));
    if (place === undefined) continue;
    const all = await listGenerations(rt, place);
    for (const one of all) {
      const subdirs = isOf(one, told.manifestSha256);
      if (subdirs !== undefined) return { place, one, all, subdirs };
    }
    unknown = only === undefined ? `None of the labels ${labels.join(', ')} had it` : `Of ${name} there ${known(all)}`;
  }
  const which =
    told.generation === undefined ? 'It' : `Generation ${told.generation} of ${told.label}, as it is at the site,`;
  throw new RepackError('E_GENERATION', {
    what: `${which} was not published here: no generation that is known has this manifest (sha256 ${told.manifestSha256.slice(0, 16)}…)`,
    where: file,
    hint: `${unknown}. Is it of another ROOT, or was the manifest changed on the way? A site can check its folder with repackenv verify. Nothing was noted.`,
  });
}

/** Null: all its platforms; undefined: this is no manifest of it. */
function isOf(
  { manifest, manifestBytes: bytes, manifestSha256: sha256 }: Generation,
  wanted: string,
): string[] | null | undefined {
  if (sha256 === wanted) return null;
  if (manifest === undefined || bytes === undefined || sha256 === undefined) return undefined;
  const some = matching({ manifest, bytes, sha256 }, wanted);
  return some?.manifest.subdirs.filter((subdir) => subdir !== NOARCH);
}

function refuseOtherCase(site: string, sites: readonly Received[]): void {
  const other = sites.find((each) => each.site !== site && caseFold(each.site) === caseFold(site));
  if (other === undefined) return;
  throw new RepackError('E_USAGE', {
    what: `Site ${site} differs from ${other.site}, which is known, only in upper and lower case`,
    where: `--site ${site}`,
    hint: `Give --site ${other.site}, or another name.`,
  });
}
