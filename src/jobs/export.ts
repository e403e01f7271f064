import path from 'node:path';
import type { Digests } from '../codec/digests.js';
import { exportChannel } from '../media/export/export.js';
import type { ExportResult } from '../media/export/export.js';
import { resolveOut } from '../media/export/medium-folder.js';
import type { PlannedSet } from '../media/archive/plan-parts.js';
import { mediaFor, parsePartSize } from '../media/archive/part-size.js';
import { explainDiskErrorOn } from '../base/disk-errors.js';
import type { Finding } from '../base/findings.js';
import { parseSubdir } from '../conda/channel/names.js';
import { JOURNAL_NAME } from '../delivery/switch/journal.js';
import { STATE_NAME } from '../delivery/place/root.js';
import type { Runtime } from '../runtime/runtime.js';
import { openWholeFolder } from '../delivery/generations/generation-folder.js';
import { collectFindings } from '../delivery/collect-findings.js';
import { readSince } from './read-since.js';
import { removeWorkPlace, sweepWorkPlaces, workPlaceIn } from './medium-folder.js';

export interface ExportRequest {
  /** ROOT/LABEL or ROOT/LABEL@N, or a mirror. */
  dir: string;
  out: string;
  zstd: boolean;
  /** As typed: `4GiB`, `dvd`. */
  partSize: string | undefined;
  /** None: all platforms. */
  subdirs: readonly string[];
  perPlatform: boolean;
  /** SSH key that signs what the folder's own signature is not over. */
  signKey: string | undefined;
  siteFiles: boolean;
  /** A manifest, a site's receipt, a generation or a site, as `readSince` takes it. */
  since: string | undefined;
}

export interface ExportReport {
  job: 'export' | 'delta';
  dir: string;
  out: string;
  label: string;
  generation: number;
  manifestSha256: string;
  base: { generation: number; manifestSha256: string } | undefined;
  /** The site has it all: no set was made. */
  nothingNew: boolean;
  sets: ExportedSet[];
  /** Names in `out` that have other bytes than before; empty where the sets lay there already. */
  written: string[];
  bytesWritten: number;
  findings: Finding[];
}

export interface ExportedSet {
  name: string;
  /** Id: tells sets apart. */
  set: string;
  kind: 'full' | 'delta';
  subdirs: string[];
  compression: 'none' | 'zstd';
  signed: boolean;
  /** Sizes in bytes. `fits`: the kinds of media that take it (`fat32`, `dvd`, …). */
  parts: { file: string; size: number; sha256: string; md5: string; fits: string[] }[];
  added: string[];
  changed: string[];
  removed: string[];
  /** Bytes of the files in it, as `update` and `diff` count them; the archives add their headers, or pack them. */
  bytesToTravel: number;
  /** Of these, the bytes of packages. */
  bytesOfPackages: number;
}

/** `repackenv export DIR --to OUT`, and with `--since` (`repackenv delta`) only what changed. Takes no lock and only reads DIR. */
export async function exportToMedium(machine: Runtime, request: ExportRequest): Promise<ExportReport> {
  const { rt: collecting, findings } = collectFindings(machine);
  const { rt, dir, named } = await openWholeFolder(collecting, request.dir);
  const since = request.since === undefined ? undefined : await readSince(rt, request.since, { dir, named });
  const partSize = request.partSize === undefined ? undefined : parsePartSize(request.partSize);
  const subdirs = [...new Set(request.subdirs.map(parseSubdir))];
  const out = await resolveOut(rt, request.out, dir);
  const work = await workPlaceIn(rt, out.path);
  try {
    await sweepWorkPlaces(rt, out);
    const result = await exportChannel(rt, {
      dir,
      out,
      compression: request.zstd ? 'zstd' : 'none',
      partSize,
      subdirs: subdirs.length === 0 ? undefined : subdirs,
      perPlatform: request.perPlatform,
      signKey: request.signKey,
      siteFiles: request.siteFiles,
      since,
      work,
      journal: await journalOf(rt, dir),
    });
    return report({ dir, out: out.path, since: request.since }, result, findings());
  } catch (error) {
    throw await explainDiskErrorOn(rt, error, { doing: 'write the medium', path: out.path, folder: out.volume });
  } finally {
    await removeWorkPlace(rt, work, out);
  }
}

/** Where a journal lies while a switch of this folder is under way, or where one broke off. */
async function journalOf(rt: Runtime, dir: string): Promise<string> {
  const real = await rt.fs.realpath(dir).catch(() => dir);
  return path.join(path.dirname(real), STATE_NAME, path.basename(real), JOURNAL_NAME);
}

function report(
  { dir, out, since }: { dir: string; out: string; since: string | undefined },
  result: ExportResult,
  findings: Finding[],
): ExportReport {
  const { sets, label, generation, manifestSha256, base, nothingNew, written, bytesWritten } = result;
  return {
    job: since === undefined ? 'export' : 'delta',
    dir,
    out,
    label,
    generation,
    manifestSha256,
    base,
    nothingNew,
    sets: sets.map(exportedSet),
    written,
    bytesWritten,
    findings,
  };
}

function exportedSet({ set, digests }: ExportResult['sets'][number]): ExportedSet {
  const { added, changed, removed } = set.changes;
  return {
    name: set.name,
    set: set.id,
    kind: set.base === null ? 'full' : 'delta',
    subdirs: set.target.manifest.subdirs,
    compression: set.compression,
    signed: set.signature !== undefined,
    parts: set.parts.map(({ file }, index) => exportedPart(file, digests[index]!)),
    added,
    changed,
    removed,
    ...carriedBy(set),
  };
}

/** What the set brings into the label folder; the first member of a part is its header. */
function carriedBy({ parts }: PlannedSet): Pick<ExportedSet, 'bytesToTravel' | 'bytesOfPackages'> {
  const members = parts.flatMap((part) => part.members.slice(1));
  const packages = members.filter(({ from }) => 'file' in from && from.file.kind === 'artifact');
  const bytesOf = (list: typeof members): number => list.reduce((sum, { size }) => sum + size, 0);
  return { bytesToTravel: bytesOf(members), bytesOfPackages: bytesOf(packages) };
}

function exportedPart(file: string, { size, sha256, md5 }: Digests): ExportedSet['parts'][number] {
  return { file, size, sha256, md5, fits: mediaFor(size) };
}
