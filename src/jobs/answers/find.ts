import path from 'node:path';
import { namesIn } from '../../answers/asked.js';
import { findIn, wantedFile } from '../../answers/find.js';
import type { SearchedLabel } from '../../answers/find.js';
import type { FindReport } from '../../answers/schema.js';
import { isRepackError } from '../../base/errors.js';
import { nearestFew } from '../../base/nearest.js';
import { inParallel } from '../../base/parallel.js';
import { splitPath } from '../../conda/channel/names.js';
import { listGenerations } from '../../delivery/generations/read-generations.js';
import { sitesOf } from '../../delivery/generations/received.js';
import { labelsOfRoot, STATE_NAME } from '../../delivery/place/root.js';
import { MANIFEST_NAME } from '../../channel/manifest/manifest.js';
import { isThere } from '../../channel/read/list-folder.js';
import type { Runtime } from '../../runtime/runtime.js';
import { openAsked } from './open-asked.js';

/** Labels that are read at the same time. */
const AT_ONCE = 8;

type Looked = SearchedLabel & { unread: FindReport['unread'] };

/**
 * `repackenv find SPEC WHERE`: who has it. Of a ROOT all labels and all their generations, by their manifests alone: reading these takes
 * less than a second for 500 of 300 packages, so nothing is remembered between calls. Throws E_SPEC, and what `openAsked` throws.
 */
export async function findJob(
  rt: Runtime,
  { spec, where }: { spec: string; where: string },
): Promise<FindReport & { near: string[] }> {
  const { name, fits } = wantedFile(spec);
  const labels = await lookThrough(rt, where);
  const matches = findIn(labels, fits);
  const near = matches.length > 0 || name === undefined ? [] : nearestFew(name, namesOf(labels), 5);
  return {
    spec,
    matches,
    looked_at: { labels: labels.length, generations: labels.reduce((sum, each) => sum + each.generations.length, 0) },
    unread: labels.flatMap(({ unread }) => unread),
    near,
  };
}

async function lookThrough(rt: Runtime, given: string): Promise<Looked[]> {
  const dir = path.resolve(rt.machine.cwd, given);
  if (await isThere(rt, path.join(dir, MANIFEST_NAME))) return [await lookAtLabel(rt, given, dir)];
  const names = (await labelsOfRoot(rt, dir).catch(() => undefined))?.filter((name) => !name.startsWith('.'));
  if (names === undefined || names.length === 0) return lookAtOne(rt, given);
  const labels = await inParallel(names, AT_ONCE, (name) =>
    lookAtLabel(rt, path.join(given, name), path.join(dir, name)),
  );
  const known = labels.filter(({ generations, unread }) => generations.length + unread.length > 0);
  return known.length > 0 ? known : lookAtOne(rt, given);
}

async function lookAtLabel(rt: Runtime, given: string, labelDir: string): Promise<Looked> {
  const label = path.basename(labelDir);
  const stateDir = path.join(path.dirname(labelDir), STATE_NAME, label);
  const all = await listGenerations(rt, { labelDir, stateDir });
  return {
    given,
    label,
    generations: all.flatMap(({ manifest, generation, live, seen }) =>
      manifest === undefined ? [] : [{ generation, live, since: seen[0] ?? null, files: manifest.files }],
    ),
    unread: all.flatMap(({ manifest, generation, damage }) =>
      manifest === undefined ? [{ label, generation, why: damage ?? 'only its receipt is kept' }] : [],
    ),
    sites: await sitesIn(rt, stateDir),
  };
}

/** A generation, a manifest, a channel of others. */
async function lookAtOne(rt: Runtime, given: string): Promise<Looked[]> {
  return (await openAsked(rt, given)).map(({ packages, generation, ...asked }) => {
    const files = packages.map(({ subdir, fn, sha256, channel }) => ({
      path: `${subdir}/${fn}`,
      kind: 'artifact' as const,
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(channel === undefined ? {} : { channel }),
    }));
    const generations = [{ generation, live: false, since: null, files }];
    return { given: asked.given, label: asked.label, generations, sites: [], unread: [] };
  });
}

/** What each site told last; where these notes are damaged, that is said. */
async function sitesIn(rt: Runtime, stateDir: string): Promise<SearchedLabel['sites']> {
  const told = await sitesOf(rt, stateDir).catch((error: unknown) => {
    if (!isRepackError(error)) throw error;
    rt.events.emit({ type: 'warning', message: `${error.what}: ${error.where}` });
    return [];
  });
  return told.map(({ site, generation, at }) => ({ site, generation, at }));
}

function namesOf(labels: readonly SearchedLabel[]): Set<string> {
  const files = labels.flatMap(({ generations }) => generations.flatMap((each) => each.files));
  const paths = new Set(files.flatMap(({ kind, path: at }) => (kind === 'artifact' ? [at] : [])));
  return new Set(
    namesIn(
      [...paths].map((at) => {
        const [subdir, fn] = splitPath(at);
        return { subdir, fn };
      }),
    ),
  );
}
