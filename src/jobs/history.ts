import { join } from 'node:path';
import { RepackError, isRepackError } from '../base/errors.js';
import type { Finding } from '../base/findings.js';
import { member } from '../base/json.js';
import { compareChannels, packageAt } from '../channel/compare-channels.js';
import { channelsIn, isThere } from '../channel/read/list-folder.js';
import { SIGNATURE_NAME, type Manifest } from '../channel/manifest/manifest.js';
import { whyMoved, type Reason } from '../channel/manifest/why-moved.js';
import type { PublishReceipt } from '../channel/staged.js';
import { wholeness } from '../delivery/generations/generation-folder.js';
import { readHold, type Hold } from '../delivery/generations/hold.js';
import { bestKnown, labelAt } from '../delivery/generations/named-generation.js';
import { listGenerations, type Generation } from '../delivery/generations/read-generations.js';
import { sitesOf, type Received } from '../delivery/generations/received.js';
import { openKnownLabel } from '../delivery/place/known-label.js';
import type { LabelPlace } from '../delivery/place/root.js';
import type { Runtime } from '../runtime/runtime.js';

export interface HistoryEntry {
  generation: number;
  live: boolean;
  /** `whole`: every byte is here; `manifest`: what it held is known; `receipt`: only that it was published. */
  kept: 'whole' | 'manifest' | 'receipt' | 'damaged';
  /** ISO 8601, UTC: end of the run that published it first; null: not known any more. */
  published: string | null;
  engine: string | null;
  /** Why it is another than the one before; null: not known. */
  because: Reason[] | null;
  /** Names of packages, each in one of the lists; null: not known. */
  changes: NameChanges | null;
  /** All its files; null: not known. */
  bytes: number | null;
  /** What was sent to a site that had the one before; null: not known. */
  bytesToTravel: number | null;
  signed: boolean | null;
  /** It has the content of this earlier one. */
  rolledBackTo: number | null;
  sites: string[];
  /** Why what was kept of it can't be used. */
  damage: string | null;
}

export interface NameChanges {
  added: string[];
  removed: string[];
  changed: string[];
}

export interface HistoryReport {
  label: string;
  labelDir: string;
  live: number | null;
  held: Hold | null;
  /** Oldest first. */
  generations: HistoryEntry[];
  /** What each site told last; `behind`: so many generations. */
  sites: (Received & { behind: number })[];
  findings: Finding[];
}

/**
 * `repackenv history LABEL`: what was published, one entry a generation. Reads only; artifacts are looked for, and not read.
 *
 * @throws RepackError E_LABEL, E_ROOT: no such label, or a ROOT
 */
export async function history(rt: Runtime, { root, label }: { root: string; label: string }): Promise<HistoryReport> {
  const place = (await labelAt(rt, join(root, label))) ?? (await openKnownLabel(rt, root, label));
  const findings: Finding[] = [];
  const readOr = async <T>(read: Promise<T>, otherwise: T): Promise<T> =>
    read.catch((error: unknown) => {
      if (!isRepackError(error)) throw error;
      findings.push({ code: 'notes-damaged', message: error.what, subject: error.where, exit: true });
      return otherwise;
    });
  const all = await listGenerations(rt, place);
  if (all.length === 0) await refuseRoot(rt, place.labelDir);
  const each = oneEach(all);
  const live = all.find((one) => one.live);
  const liveNumber = live?.generation ?? null;
  const held = await readOr(readHold(rt, place), undefined);
  const told = await readOr(sitesOf(rt, place.stateDir), []);
  if (live !== undefined && !each.some((one) => one.manifestSha256 === live.manifestSha256)) {
    const message = `the manifest in the label folder, of generation ${live.generation}, is not the one that was published`;
    findings.push({ code: 'live-manifest-altered', message, subject: place.labelDir, exit: true });
  }
  const generations: HistoryEntry[] = [];
  const isWhole = await wholeness(rt, place);
  for (const one of each) generations.push(await entryOf(rt, { one, each, place, told, isWhole, live: liveNumber }));
  const numbers = [...new Set(each.map(({ generation }) => generation))];
  const behind = (generation: number): number =>
    numbers.filter((number) => number > generation && number <= (liveNumber ?? 0)).length;
  return {
    label,
    labelDir: place.labelDir,
    live: liveNumber,
    held: held ?? null,
    generations,
    sites: told.map((site) => Object.assign(site, { behind: behind(site.generation) })),
    findings,
  };
}

/** @throws RepackError E_ROOT: the folder holds label folders, and is none */
async function refuseRoot(rt: Runtime, dir: string): Promise<void> {
  const labels = await channelsIn(rt, dir, { anybodys: false });
  if (labels.length === 0) return;
  throw new RepackError('E_ROOT', {
    what: 'That folder holds label folders, and is none itself',
    where: dir,
    hint: `Name one of them: ${labels.slice(0, 5).join(', ')}${labels.length > 5 ? ', …' : ''}.`,
  });
}

/** One of each, whatever its index was packed like; of a folder that was made anew there are two of one number. */
function oneEach(all: readonly Generation[]): Generation[] {
  const groups = new Map<string, Generation[]>();
  for (const one of all) {
    const previous = one.receipt?.previous ?? one.manifest?.previous;
    const known = one.receipt ?? one.manifest;
    const key = `${one.generation} ${known === undefined ? undefined : previous}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((several) => bestKnown(several)!);
}

interface About {
  one: Generation;
  each: readonly Generation[];
  place: LabelPlace;
  told: readonly Received[];
  isWhole: (one: Generation) => Promise<boolean>;
  live: number | null;
}

async function entryOf(rt: Runtime, about: About): Promise<HistoryEntry> {
  const { one, each, place, told, live, isWhole } = about;
  const { generation, receipt, manifest, damage } = one;
  const before = beforeIt(one, each);
  const first = manifest !== undefined && manifest.previous === null;
  const because = manifest && (first ? whyMoved(undefined, manifest) : before && whyMoved(before, manifest));
  const changes =
    manifest !== undefined && (first || before !== undefined)
      ? changesOf(before, manifest)
      : receipt && changesIn(receipt, receipt.previous === null);
  const kept = manifest === undefined ? 'receipt' : (await isWhole(one)) ? 'whole' : 'manifest';
  const back = member(receipt, 'rolledBackTo');
  return {
    generation,
    live: one.live || (generation === live && each.every((other) => other === one || other.generation !== live)),
    kept: damage === undefined ? kept : 'damaged',
    published: receipt?.finishedAt ?? null,
    engine: receipt?.engine ?? null,
    because: because ?? null,
    changes: changes ?? null,
    bytes: manifest?.files.reduce((sum, { size }) => sum + size, 0) ?? null,
    bytesToTravel: receipt?.bytesToTravel ?? null,
    signed: await isSigned(rt, one, place),
    rolledBackTo: typeof back === 'number' ? back : null,
    sites: told.filter((site) => site.generation === generation).map(({ site }) => site),
    damage: damage ?? null,
  };
}

/** Its manifest names the one before; where that one's bytes were another's since, the number does. */
function beforeIt(one: Generation, each: readonly Generation[]): Manifest | undefined {
  const named = each.find(({ manifestSha256 }) => manifestSha256 === one.manifest?.previous);
  return named?.manifest ?? each.findLast(({ generation }) => generation === one.generation - 1)?.manifest;
}

async function isSigned(rt: Runtime, { dir, live, receipt }: Generation, place: LabelPlace): Promise<boolean | null> {
  const folder = live ? place.labelDir : dir;
  if (folder !== undefined) return isThere(rt, join(folder, SIGNATURE_NAME));
  return receipt === undefined ? null : receipt.written.includes(SIGNATURE_NAME);
}

function changesOf(before: Manifest | undefined, after: Manifest): NameChanges {
  const artifacts = (manifest: Manifest | undefined) => manifest?.files.filter(({ kind }) => kind === 'artifact') ?? [];
  const { added, removed, upgraded, downgraded, rerecorded } = compareChannels(artifacts(before), artifacts(after));
  return sorted({ added, removed, changed: [...upgraded, ...downgraded, ...rerecorded] });
}

/** By the files that the run wrote and removed: without a manifest it can't be told what a file that was written new replaced. */
function changesIn({ written, removed }: PublishReceipt, first: boolean): NameChanges {
  const packages = (paths: readonly string[]) => paths.map(packageAt).filter((each) => each !== undefined);
  return sorted({ added: packages(written), removed: first ? [] : packages(removed), changed: [] });
}

type Named = readonly { name: string }[];

/** A name that comes and goes, on whatever platforms, has changed. */
function sorted(names: { added: Named; removed: Named; changed: Named }): NameChanges {
  const [added, removed, changed] = [names.added, names.removed, names.changed].map(
    (list) => new Set(list.map(({ name }) => name)),
  );
  const moved = new Set([...changed!, ...[...added!].filter((name) => removed!.has(name))]);
  const others = (list: ReadonlySet<string>): string[] => [...list].filter((name) => !moved.has(name)).sort();
  return { added: others(added!), removed: others(removed!), changed: [...moved].sort() };
}
