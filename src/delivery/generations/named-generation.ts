import { basename, dirname, join, resolve } from 'node:path';
import { RepackError } from '../../base/errors.js';
import { runsOf } from '../../base/runs.js';
import { SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import { isFolder, isThere } from '../../channel/read/list-folder.js';
import type { StoredManifest } from '../../channel/manifest/read-manifest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { STATE_NAME, type LabelPlace } from '../place/root.js';
import { listGenerations, type Generation } from './read-generations.js';

/** What stands behind the `@`: a number, so many before the live one, or the end of a day (UTC). */
export type Selector =
  | { kind: 'number'; generation: number }
  | { kind: 'back'; steps: number }
  | { kind: 'day'; day: string };

/** A generation that was asked for as `ROOT/LABEL@N`. */
export interface NamedGeneration extends Generation {
  /** As typed. */
  given: string;
  /** The absolute path that it is asked for under; nothing is there. */
  path: string;
  place: LabelPlace;
  /** Of the same label, oldest first. */
  all: readonly Generation[];
}

type ReadRuntime = Pick<Runtime, 'fs' | 'clock' | 'machine'>;

const GRAMMAR = 'Behind the @ stands a number (@3), how far before the live one (@-1), or a day (@2026-11-21, UTC).';

/**
 * The generation that `ROOT/LABEL@N` names, wherever a folder, a manifest or a receipt can stand (design D15). Undefined: it is a path, one
 * that is there or one without a label's name before the last `@`.
 *
 * @throws RepackError E_GENERATION: no such generation of this label, or nothing that could name one; says which there are.
 */
export async function namedGeneration(rt: ReadRuntime, given: string): Promise<NamedGeneration | undefined> {
  const name = splitName(given);
  if (name === undefined) return undefined;
  const path = resolve(rt.machine.cwd, given);
  if (await isThere(rt, path)) return undefined;
  const place = await labelAt(rt, name.folder);
  return place === undefined ? undefined : generationOf(rt, place, { given, path, text: name.selector });
}

export interface AskedGeneration {
  /** As typed. */
  given: string;
  text: string;
  path?: string;
  /** What can be given. */
  hint?: string;
}

/** The generation of this label that `text` names, as it stands behind an `@`. @throws RepackError E_GENERATION */
export async function generationOf(
  rt: ReadRuntime,
  place: LabelPlace,
  { given, text, path = `${place.labelDir}@${text}`, hint = GRAMMAR }: AskedGeneration,
): Promise<NamedGeneration> {
  const { label } = place;
  const selector = parseSelector(text);
  if (selector === undefined) {
    throw new RepackError('E_GENERATION', {
      what: `${JSON.stringify(text)} names no generation of ${label}`,
      where: given,
      hint,
    });
  }
  const all = await listGenerations(rt, place);
  const chosen = chooseGeneration(all, selector, { given, label, now: new Date(rt.clock.now()).toISOString() });
  return { ...chosen, given, path, place, all };
}

/** Why only a receipt may be kept (design D15), and what is to be done about those to come. */
export const WHO_KEEPS =
  'Mirrors and imported folders keep no more than receipts unless told: --keep N, or keep: N in repackenv.yml, keeps N generations from the next run on.';

/** The manifest of a generation, byte for byte. @throws RepackError E_GENERATION: it is not kept, or damaged. */
export function manifestOf({ given, place, ...each }: Omit<NamedGeneration, 'path' | 'all'>): StoredManifest {
  const { generation, manifest, manifestBytes: bytes, manifestSha256: sha256, dir, damage } = each;
  if (manifest !== undefined && bytes !== undefined && sha256 !== undefined) return { manifest, bytes, sha256 };
  const { label } = place;
  throw new RepackError('E_GENERATION', {
    what:
      damage === undefined
        ? `Of generation ${generation} of ${label} only the receipt is kept: what it held is not known here`
        : `What was kept of generation ${generation} of ${label} is damaged: ${damage}`,
    where: dir ?? given,
    hint: `Give its manifest instead: ${label}-g${generation}.manifest.json of the set that was sent, or the receipt that a site sent back.${dir === undefined ? ` ${WHO_KEEPS}` : ''}`,
  });
}

/** Of its manifest; undefined where it is not signed, or nobody knows. */
export async function signatureOf(
  rt: Pick<Runtime, 'fs'>,
  { dir, live, place }: Pick<NamedGeneration, 'dir' | 'live' | 'place'>,
): Promise<Uint8Array | undefined> {
  const folder = live ? place.labelDir : dir;
  return folder === undefined ? undefined : rt.fs.readFile(join(folder, SIGNATURE_NAME)).catch(() => undefined);
}

/** At the last `@`; undefined where that is a URL, or nothing stands on a side of it. Pure. */
export function splitName(given: string): { folder: string; selector: string } | undefined {
  if (given.includes('://') || given.includes('\0')) return undefined;
  const at = given.lastIndexOf('@');
  const [folder, selector] = [given.slice(0, Math.max(at, 0)), given.slice(at + 1).replace(/[\\/]+$/, '')];
  return folder === '' || /[\\/]/.test(selector) ? undefined : { folder, selector };
}

/** Undefined: it is none. Pure. */
export function parseSelector(text: string): Selector | undefined {
  if (/^[1-9]\d{0,14}$/.test(text)) return { kind: 'number', generation: Number(text) };
  if (/^-[1-9]\d{0,14}$/.test(text)) return { kind: 'back', steps: -Number(text) };
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return undefined;
  const date = new Date(`${text}T00:00:00.000Z`);
  const isOfCalendar = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
  return isOfCalendar ? { kind: 'day', day: text } : undefined;
}

/**
 * Pure. Of several of one number, that which was kept, then the live one, then the one whose manifest is known, then the newest.
 *
 * @throws RepackError E_GENERATION
 */
export function chooseGeneration(
  all: readonly Generation[],
  selector: Selector,
  { given, label, now }: { given: string; label: string; now: string },
): Generation {
  const refuse = (what: string, hint = `There ${known(all)}.`): never => {
    throw new RepackError('E_GENERATION', { what, where: given, hint });
  };
  const numbered = (generation: number): Generation | undefined =>
    bestKnown(all.filter((each) => each.generation === generation));
  if (selector.kind === 'number') {
    return numbered(selector.generation) ?? refuse(`${label} has no generation ${selector.generation}`);
  }
  if (selector.kind === 'back') {
    const live = all.find((each) => each.live);
    if (live === undefined) return refuse(`${label} has no live generation to count from: its folder has no manifest`);
    const before = [...new Set(all.map(({ generation }) => generation))].filter((each) => each < live.generation);
    const generation = before.at(-selector.steps);
    if (generation !== undefined) return numbered(generation)!;
    const far = selector.steps === 1 ? 'before' : `${selector.steps} before`;
    return refuse(`No generation ${far} the live one (${live.generation}) of ${label} is known`);
  }
  if (selector.day > now) return refuse(`${selector.day} is still to come`, GRAMMAR);
  const seen = all.flatMap((each) => each.seen.map((at) => ({ at, each })));
  const then = seen.filter(({ at }) => at.slice(0, 10) <= selector.day).sort((a, b) => (a.at < b.at ? -1 : 1));
  const first = seen.map(({ at }) => at).sort()[0];
  const begin =
    first === undefined ? 'no run is noted here' : `the first run that is noted ended on ${first.slice(0, 10)}`;
  return (
    then.at(-1)?.each ??
    refuse(`What was live of ${label} on ${selector.day} is not known: ${begin}`, `There ${known(all)}: give a number.`)
  );
}

/** Of several of one number, as `chooseGeneration` says. */
export function bestKnown(several: readonly Generation[]): Generation | undefined {
  const rank = ({ dir, damage, live, manifest }: Generation): number =>
    (dir === undefined || damage !== undefined ? 0 : 4) + (live ? 2 : 0) + (manifest === undefined ? 0 : 1);
  return several.reduce<Generation | undefined>(
    (best, each) => (best && rank(best) > rank(each) ? best : each),
    undefined,
  );
}

/** `is generation 3 (live)`, `are generations 1-4, 6 (live: 6)`. */
export function known(all: readonly Generation[]): string {
  const numbers = [...new Set(all.map(({ generation }) => generation))].sort((a, b) => a - b);
  if (numbers.length === 0) return 'are none yet';
  const live = all.find((each) => each.live)?.generation;
  if (numbers.length === 1) return `is generation ${numbers[0]}${live === undefined ? '' : ' (live)'} only`;
  return `are generations ${ranges(numbers)}${live === undefined ? '' : ` (live: ${live})`}`;
}

function ranges(numbers: readonly number[]): string {
  return runsOf(numbers)
    .map(([from, to]) => (from === to ? `${from}` : to === from + 1 ? `${from}, ${to}` : `${from}-${to}`))
    .join(', ');
}

/** A label that has a folder, or only a history. A link to its folder leads to where its history lies. */
export async function labelAt(rt: Pick<Runtime, 'fs' | 'machine'>, given: string): Promise<LabelPlace | undefined> {
  const dir = resolve(rt.machine.cwd, given);
  const real = await rt.fs.realpath(dir).catch(async () => {
    const parent = await rt.fs.realpath(dirname(dir)).catch(() => dirname(dir));
    return join(parent, basename(dir));
  });
  const [root, label] = [dirname(real), basename(real)];
  const place = { label, root, labelDir: real, stateDir: join(root, STATE_NAME, label), created: false };
  if (label === '') return undefined;
  return (await isFolder(rt, real)) || (await isFolder(rt, place.stateDir)) ? place : undefined;
}
