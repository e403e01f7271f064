import { join } from 'node:path';
import { MANIFEST_NAME, SIGNATURE_NAME, type Manifest } from '../channel/manifest/manifest.js';
import { readManifest } from '../channel/manifest/read-manifest.js';
import { isThere } from '../channel/read/list-folder.js';
import { readHold, type Hold } from '../delivery/generations/hold.js';
import { listGenerations } from '../delivery/generations/read-generations.js';
import { sitesOf } from '../delivery/generations/received.js';
import { STATE_NAME, labelsOfRoot } from '../delivery/place/root.js';
import type { Runtime } from '../runtime/runtime.js';
import { lastFailed } from './fleet/last-update.js';

/** A label that is declared, published, or both. */
export interface LabelState {
  label: string;
  declared: boolean;
  /** Null: nothing is published. */
  generation: number | null;
  /** ISO 8601, UTC: first publication of that generation; null: not known. */
  published: string | null;
  hold: Omit<Hold, 'schema'> | null;
  /** Sites that told, and have an earlier generation. */
  behind: { site: string; generation: number }[];
  /** Its last update did not end well. */
  failed: boolean;
  /** Why its state can't be read. */
  damage: string | null;
}

/** What was asked for stands in its manifest; nothing was of a mirror. */
export interface PublishedFolder {
  /** The folder's name. */
  label: string;
  manifest: Manifest;
  signed: boolean;
}

/** In the order of their names; `declared` are not looked at. A folder without a manifest of ours, and a mirror, are no labels. */
export async function undeclaredLabels(
  rt: Runtime,
  root: string,
  declared: { has(label: string): boolean },
): Promise<string[]> {
  const published = await publishedFolders(rt, root, declared);
  return published.flatMap(({ label, manifest }) =>
    manifest.label === label && manifest.specs.length > 0 ? [label] : [],
  );
}

/** Folders below ROOT with a manifest of ours, but `except`: labels and mirrors. */
export async function publishedFolders(
  rt: Runtime,
  root: string,
  except: { has(label: string): boolean } = new Set(),
): Promise<PublishedFolder[]> {
  const found: PublishedFolder[] = [];
  for (const label of (await labelsOfRoot(rt, root)) ?? []) {
    if (except.has(label)) continue;
    const stored = await readManifest(rt, join(root, label, MANIFEST_NAME)).catch(() => undefined);
    if (stored === undefined) continue;
    const signed = await isThere(rt, join(root, label, SIGNATURE_NAME));
    found.push({ label, manifest: stored.manifest, signed });
  }
  return found;
}

/** What is declared, in the file's order, then what is published and not declared. Writes nothing. */
export async function labels(rt: Runtime, root: string, declared: readonly string[]): Promise<LabelState[]> {
  const undeclared = await undeclaredLabels(rt, root, new Set(declared));
  return labelStates(rt, root, { labels: [...declared, ...undeclared], declared });
}

/** Of these labels only. Writes nothing. */
export async function labelStates(
  rt: Runtime,
  root: string,
  { labels, declared = [] }: { labels: readonly string[]; declared?: readonly string[] },
): Promise<LabelState[]> {
  const failed = (await lastFailed(rt, root)) ?? [];
  const states: LabelState[] = [];
  for (const label of labels) {
    const empty: LabelState = {
      label,
      declared: declared.includes(label),
      generation: null,
      published: null,
      hold: null,
      behind: [],
      failed: failed.includes(label),
      damage: null,
    };
    states.push(await stateOf(rt, root, empty));
  }
  return states;
}

async function stateOf(rt: Runtime, root: string, empty: LabelState): Promise<LabelState> {
  const { label } = empty;
  const [labelDir, stateDir] = [join(root, label), join(root, STATE_NAME, label)];
  try {
    const live = (await listGenerations(rt, { labelDir, stateDir })).find((each) => each.live);
    const generation = live?.generation ?? null;
    const hold = await readHold(rt, { label, stateDir });
    const behind = (await sitesOf(rt, stateDir)).filter((each) => generation !== null && each.generation < generation);
    return {
      ...empty,
      generation,
      published: live?.receipt?.finishedAt ?? null,
      hold: hold === undefined ? null : { generation: hold.generation, since: hold.since, why: hold.why },
      behind: behind.map(({ site, generation: has }) => ({ site, generation: has })),
    };
  } catch (error) {
    return { ...empty, damage: error instanceof Error ? error.message : String(error) };
  }
}
