import { pathOf } from '../conda/channel/names.js';
import { recordDigest } from '../channel/index/repodata.js';
import { compareChannels, liveContent, type ComparedFile } from '../channel/compare-channels.js';
import { makeManifest } from '../channel/manifest/make-manifest.js';
import { INSTALLERS_NAME, isIndexPath, SIGNATURE_NAME } from '../channel/manifest/manifest.js';
import { whyMoved } from '../channel/manifest/why-moved.js';
import type { ExpectedDigest } from '../conda/plan/artifact-store.js';
import type { PlannedArtifact, RepackPlan } from '../conda/plan/plan.js';
import type { ChannelChanges, LiveFolder } from '../channel/staged.js';
import { guardSignature } from './guard.js';

export interface PlannedChanges {
  /** `bytesToTravel` counts packages only. */
  changes: ChannelChanges;
  /** Paths in the subdirs that are no index and would not be there afterwards. */
  leaving: string[];
  /** An installer comes or goes. */
  installersMove: boolean;
}

/** Of the installers in the folder, by path; `fetch`: those to come. */
interface PlannedInstallers {
  leave: readonly string[];
  fetch: readonly unknown[];
}

/** What a run would change, told from the records alone: nothing is fetched. */
export function plannedChanges(
  live: LiveFolder,
  artifacts: readonly (PlannedArtifact & { stated?: ExpectedDigest; lossy?: boolean })[],
  installers?: PlannedInstallers,
): PlannedChanges {
  const after = artifacts.map((artifact): ComparedFile => {
    const path = pathOf(artifact);
    const was = live.files.get(path);
    // What is not there is compared with nothing: of it only the size counts, and that its record can be written.
    if (was === undefined && artifact.stated !== undefined && !artifact.lossy)
      return { path, size: artifact.stated.size ?? 0, sha256: '' };
    const { fn, subdir, record } = artifact;
    const sha256 = record?.sha256 ?? digestByMd5(was, record?.md5);
    const size = record?.size ?? 0;
    return record === undefined
      ? { path, size, sha256 }
      : { path, size, sha256, record: recordDigest({ fn, subdir, record }) };
  });
  const before = liveContent(live).filter(
    ({ path, kind }) => path.includes('/') && !isIndexPath(path) && kind !== 'paper',
  );
  const names = new Set(after.map((file) => file.path));
  return {
    changes: compareChannels(before, after),
    leaving: before
      .map((file) => file.path)
      .filter((path) => !names.has(path))
      .filter((path) => installers === undefined || !isInstaller(path) || installers.leave.includes(path)),
    installersMove: installers !== undefined && installers.leave.length + installers.fetch.length > 0,
  };
}

/**
 * Whether the label is signed afterwards. As far as the records tell: that an attestation or the bytes of an artifact without a record change,
 * only the run sees.
 *
 * @throws RepackError E_ASKS_LESS as the run would: the signature of the live folder would go
 */
export function plannedSignature(
  { plan, live, planned }: { plan: RepackPlan; live: LiveFolder; planned: PlannedChanges },
  { signKey, drop, indexBz2 }: { signKey: string | undefined; drop: readonly string[]; indexBz2: boolean },
): 'signed' | 'none' {
  if (signKey !== undefined) return 'signed';
  const { manifest, files } = live;
  if (manifest === undefined || !files.has(SIGNATURE_NAME)) return 'none';
  const { added, removed, upgraded, downgraded, rerecorded } = planned.changes;
  const known = plan.artifacts.every(({ record }) => record !== undefined);
  const moved = [added, removed, upgraded, downgraded, known ? rerecorded : []].some((list) => list.length > 0);
  const encoded = manifest.files.some(({ path }) => path.endsWith('.json.bz2'));
  const asked = whyMoved(manifest, makeManifest(plan, manifest.files, live));
  if (!moved && !planned.installersMove && asked.length === 0 && encoded === indexBz2) return 'signed';
  guardSignature({ leaving: [SIGNATURE_NAME] }, drop, live);
  return 'none';
}

function isInstaller(path: string): boolean {
  return path.startsWith(`${INSTALLERS_NAME}/`);
}

/** A channel that states no sha256: the live file counts as the same when its md5 is the stated one. */
function digestByMd5(file: { md5: string; sha256: string } | undefined, md5: string | null | undefined): string {
  return file !== undefined && file.md5 === md5 ? file.sha256 : '';
}
