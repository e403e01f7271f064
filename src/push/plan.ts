import { INDEX_NAMES, isIndexPath, MANIFEST_NAME, type Manifest } from '../channel/manifest/manifest.js';
import { NOARCH } from '../conda/channel/channel.js';
import { isSubdir } from '../conda/channel/names.js';
import { isSiteFile } from '../site/names.js';
import type { Cargo, Far } from './cargo.js';

/**
 * Parts of a push in their order (design D21). At every instant every index at the target names only files that are there with the stated
 * digest: new artifacts first; a name whose bytes change is taken out of the index before and put back after; what nothing names goes last.
 * Where a file can't be replaced by a rename, the packed form of an index, which clients prefer, is out while the plain one changes.
 */
export const PUSH_PHASES = [
  'artifacts',
  'packed-out',
  'reduced',
  'replaced',
  'noarch-out',
  'noarch',
  'noarch-packed',
  'indexes-out',
  'indexes',
  'indexes-packed',
  'beside',
  'manifest',
  'sums',
  'site',
  'gone',
] as const;

export type PushPhase = (typeof PUSH_PHASES)[number];

/** What of a phase may be done in any order. */
export interface Batch {
  phase: PushPhase;
  put: Cargo[];
  remove: string[];
}

export interface PlanInput {
  label: string;
  cargo: readonly Cargo[];
  far: Far;
  farManifest: Manifest | undefined;
  /** Paths of the cargo that lie there with the same bytes. */
  held: ReadonlySet<string>;
  renames: boolean;
  /** `repodata.json` of a subdir without the artifacts of these paths. */
  reduce: (subdir: string, without: ReadonlySet<string>) => Cargo;
}

/** The complete list of what a push does, in order. Empty batches are left out. Pure. */
export function planPush({ label, cargo, far, farManifest, held, renames, reduce }: PlanInput): Batch[] {
  const send = cargo.filter(({ path }) => !held.has(path));
  const leaving = leavingPaths({ label, cargo, far, farManifest });
  const isThere = (path: string): boolean => far.files.has(path);
  const forms = (subdir: string): string[] => INDEX_NAMES.map((name) => `${label}/${subdir}/${name}`);
  const replaced = send.filter(({ kind, path }) => kind === 'artifact' && isThere(path));
  const reducedIn = [...new Set(replaced.map(({ path }) => subdirOf(path)))].filter((subdir) =>
    forms(subdir).some(isThere),
  );
  const packedOut = reducedIn.flatMap((subdir) => forms(subdir).slice(1)).filter(isThere);
  // What was taken out on the way has to come back, though it was the right one.
  const indexes = cargo.filter(
    ({ kind, path }) => kind === 'index' && (!held.has(path) || reducedIn.includes(subdirOf(path))),
  );
  const batches: Batch[] = [
    put(
      'artifacts',
      sent(send, 'artifact', (path) => !isThere(path)),
    ),
    {
      phase: 'packed-out',
      put: [],
      remove: [...new Set([...leaving.filter(isIndexPath), ...packedOut])].sort(lastForm),
    },
    put(
      'reduced',
      reducedIn.map((subdir) => reduce(subdir, new Set(replaced.map(({ path }) => path)))),
    ),
    put('replaced', replaced),
    ...indexBatches(indexes, { renames, isThere }),
    put('beside', sent(send, 'beside')),
    {
      phase: 'manifest',
      // By path the signature follows its manifest at once.
      put: sent(send, 'manifest'),
      remove: leaving.filter((path) => path.startsWith(`${label}/${MANIFEST_NAME}.`)),
    },
    put('sums', sent(send, 'sums')),
    { phase: 'site', put: sent(send, 'site'), remove: leaving.filter((path) => !path.startsWith(`${label}/`)) },
    {
      phase: 'gone',
      put: [],
      remove: leaving.filter(
        (path) => path.startsWith(`${label}/`) && !isIndexPath(path) && !path.startsWith(`${label}/${MANIFEST_NAME}.`),
      ),
    },
  ];
  return batches.filter((batch) => batch.put.length > 0 || batch.remove.length > 0);
}

/** `noarch` before the platforms: a client that reads in between rather misses a platform's package than what it depends on. */
function indexBatches(
  indexes: readonly Cargo[],
  { renames, isThere }: { renames: boolean; isThere: (path: string) => boolean },
): Batch[] {
  const part = (inNoarch: boolean, forms: (path: string) => boolean): Cargo[] =>
    indexes.filter(({ path }) => (subdirOf(path) === NOARCH) === inNoarch && forms(path));
  const isPacked = (path: string): boolean => path.endsWith('.zst');
  const three = (inNoarch: boolean, [out, plain, packed]: [PushPhase, PushPhase, PushPhase]): Batch[] =>
    renames
      ? [
          put(
            plain,
            part(inNoarch, () => true),
          ),
        ]
      : [
          {
            phase: out,
            put: [],
            remove: part(inNoarch, isPacked).flatMap(({ path }) => (isThere(path) ? [path] : [])),
          },
          put(
            plain,
            part(inNoarch, (path) => !isPacked(path)),
          ),
          put(packed, part(inNoarch, isPacked)),
        ];
  return [
    ...three(true, ['noarch-out', 'noarch', 'noarch-packed']),
    ...three(false, ['indexes-out', 'indexes', 'indexes-packed']),
  ];
}

/** Ours by position (below a subdir), by the manifest there, or by name; strangers stay. */
function leavingPaths({
  label,
  cargo,
  far,
  farManifest,
}: Pick<PlanInput, 'label' | 'cargo' | 'far' | 'farManifest'>): string[] {
  const stays = new Set(cargo.map(({ path }) => path));
  const listed = new Set(farManifest?.files.map(({ path }) => `${label}/${path}`));
  const siteFiles = cargo.some(({ kind }) => kind === 'site');
  const isOurs = (path: string): boolean => {
    if (!path.startsWith(`${label}/`)) return siteFiles && isSiteFile(label, path);
    const within = path.slice(label.length + 1);
    return isSubdir(within.split('/')[0]!) || listed.has(path) || within === `${MANIFEST_NAME}.sig`;
  };
  return [...far.files.keys()].filter((path) => !stays.has(path) && isOurs(path)).sort();
}

function put(phase: PushPhase, cargo: Cargo[]): Batch {
  return { phase, put: cargo, remove: [] };
}

function sent(cargo: readonly Cargo[], kind: Cargo['kind'], which: (path: string) => boolean = () => true): Cargo[] {
  return cargo.filter((each) => each.kind === kind && which(each.path));
}

/** The second part: `LABEL/SUBDIR/NAME`. */
function subdirOf(path: string): string {
  return path.split('/')[1]!;
}

/** Packed forms, which clients prefer, go before the plain one. */
function lastForm(a: string, b: string): number {
  const rank = (path: string): number => (path.endsWith('.json') ? 1 : 0);
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}
