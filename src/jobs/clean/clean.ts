import { emitFindings } from '../../base/emit-findings.js';
import path from 'node:path';
import type { Finding } from '../../base/findings.js';
import type { Runtime } from '../../runtime/runtime.js';
import { cleanCache } from './cache-part.js';
import { cleanRoot } from './root-part.js';
import { listed } from '../../delivery/collect-findings.js';
import { freedBy } from './items.js';
import type { CleanItem, CleanLimits, FoundItem } from './items.js';

export interface CleanRequest {
  /** As typed; undefined: only the caches. */
  root: string | undefined;
  /** Absolute. */
  cacheDir: string;
  limits: CleanLimits;
  /** Only look. */
  dryRun: boolean;
}

export interface CleanReport {
  dryRun: boolean;
  root: string | undefined;
  cacheDir: string;
  items: CleanItem[];
  /** Bytes that the disk has free by it, or would have. */
  freed: number;
  /** Bytes of what goes that stay on the disk, since hard links elsewhere hold them. */
  linkedElsewhere: number;
  /** What is kept for earlier generations of the labels of ROOT, and stays. Bytes. */
  kept: { files: number; bytes: number };
  /** What was left alone, and why. */
  skipped: string[];
  /** Code: `not-removed`. */
  findings: Finding[];
}

/**
 * `repackenv clean`: what nothing names any more. In ROOT: files in label folders that neither manifest nor index names, leftovers of
 * broken-off runs. In the cache folder: artifacts, indexes and engine packages by age and size. Only what this program made is touched; what
 * a run works with is left, and a run that begins meanwhile waits.
 *
 * @throws RepackError E_ROOT for folders that are not ours; E_DISK, E_PUBLISH
 */
export async function clean(rt: Runtime, request: CleanRequest): Promise<CleanReport> {
  const { cacheDir, limits, dryRun } = request;
  const root = request.root === undefined ? undefined : path.resolve(rt.machine.cwd, request.root);
  const inRoot = root === undefined ? [] : [await cleanRoot(rt, { root, dryRun })];
  const inCache = await cleanCache(rt, { cacheDir, limits, dryRun });
  const parts = [...inRoot, inCache];
  const findings = notRemoved(inCache.failed);
  emitFindings(rt, findings);
  const found = parts.flatMap((part) => part.items);
  return {
    dryRun,
    root,
    cacheDir,
    items: found.map(withoutShared),
    ...freedBy(found.filter(({ removes }) => removes)),
    kept: inRoot[0]?.kept ?? { files: 0, bytes: 0 },
    skipped: parts.flatMap((part) => part.skipped),
    findings,
  };
}

function withoutShared({ kind, path: where, size, frees, why, removes }: FoundItem): CleanItem {
  return { kind, path: where, size, frees, why, removes };
}

const SHOWN = 5;

/** One finding for all. */
function notRemoved(failed: readonly string[]): Finding[] {
  if (failed.length === 0) return [];
  return [
    {
      code: 'not-removed',
      message: `${failed.length} that should go can't be removed, in use or another account's: ${listed(failed.slice(0, SHOWN), failed.length)}`,
      exit: true,
    },
  ];
}
