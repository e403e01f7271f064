import type { StagedFile } from '../../channel/staged.js';
import { formatOf } from '../../conda/channel/names.js';

/**
 * Parts of a switch, in the order they happen. At every instant every index on disk names only files on disk with the stated digest:
 * new artifacts first; a name whose bytes change is taken out of the indexes before and put back after; what no index names any more
 * goes last. Within a phase `noarch` precedes the platforms and order is by path.
 */
export const PHASES = [
  'artifact-in',
  'reduced-index-in',
  'old-index-out',
  'replaced-in',
  'index-in',
  'stale-index-out',
  'manifest-in',
  'sums-in',
  'leaving-out',
] as const;

export type Phase = (typeof PHASES)[number];

/** Paths are relative with `/`: `path` to the label folder, `from` to the run's staging folder. */
export type Operation = PutOperation | RemoveOperation;

export interface PutOperation {
  kind: 'put';
  phase: Phase;
  path: string;
  from: string;
  size: number;
  sha256: string;
  mtimeMs: number;
  /** Digest of the published bytes that it replaces and that go to the pool before (design D15). */
  gives?: string;
}

export interface RemoveOperation {
  kind: 'remove';
  phase: Phase;
  path: string;
  gives?: string;
}

/** A file that is to be put. `fresh`: nothing has that name in the label folder now. */
export interface FileToPut {
  path: string;
  from: string;
  kind: StagedFile['kind'];
  size: number;
  sha256: string;
  mtimeMs: number;
  fresh: boolean;
  /** A hard link to a file of the store. */
  linked?: boolean;
}

export interface Switch {
  files: readonly FileToPut[];
  /** Indexes without the names whose bytes change, for the time in between. */
  reduced: readonly FileToPut[];
  /** Paths below subdirs that leave. */
  leaving: readonly string[];
  /** Of what is replaced or leaves, the sha256 of the bytes that are kept, by path. */
  gives?: ReadonlyMap<string, string>;
}

/** The complete list of what a switch does, in order. */
export function planOperations({ files, reduced, leaving, gives = new Map() }: Switch): Operation[] {
  const replacedIn = new Set(
    files.filter((file) => file.kind === 'artifact' && !file.fresh).map((file) => subdirOf(file.path)),
  );
  const operations: Operation[] = [
    ...files.map((file) => put(file, phaseOf(file))),
    ...reduced.map((file) => put(file, 'reduced-index-in')),
    ...leaving.map((path): Operation => ({ kind: 'remove', path, phase: leavingPhase(path, replacedIn) })),
  ];
  for (const operation of operations) {
    const given = gives.get(operation.path);
    if (given !== undefined) operation.gives = given;
  }
  // No path stands twice in a phase.
  return operations.sort(
    (a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase) || (rank(a.path) < rank(b.path) ? -1 : 1),
  );
}

/** Whether a path names a package; anything else below a subdir may be an index and is treated as one. */
export function isArtifactPath(path: string): boolean {
  return formatOf(path) !== undefined;
}

export function subdirOf(path: string): string {
  const slash = path.indexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

function phaseOf(file: FileToPut): Phase {
  switch (file.kind) {
    case 'artifact':
      return file.fresh ? 'artifact-in' : 'replaced-in';
    case 'index':
    case 'side':
    case 'paper':
      return 'index-in';
    // Side by side: by path the signature follows its manifest at once.
    case 'manifest':
    case 'signature':
      return 'manifest-in';
    case 'sums':
      return 'sums-in';
  }
}

function leavingPhase(path: string, replacedIn: ReadonlySet<string>): Phase {
  if (isArtifactPath(path)) return 'leaving-out';
  return replacedIn.has(subdirOf(path)) ? 'old-index-out' : 'stale-index-out';
}

function put({ path, from, size, sha256, mtimeMs }: FileToPut, phase: Phase): PutOperation {
  return { kind: 'put', phase, path, from, size, sha256, mtimeMs };
}

/** `noarch` first: a client that reads between the two indexes rather misses a platform's package than what it depends on. */
function rank(path: string): string {
  return path.startsWith('noarch/') ? ` ${path}` : path;
}
