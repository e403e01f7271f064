import { plural } from '../../base/plural.js';
import { RepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { caseFold, pathOf } from '../../conda/channel/names.js';
import type { AcquiredArtifact } from '../../conda/plan/plan.js';
import { replaceCovers } from '../../channel/replace.js';
import type { LiveFolder } from '../../channel/staged.js';

type ComparedArtifact = Pick<AcquiredArtifact, 'subdir' | 'fn'>;

/**
 * What must hold between the live folder and the artifacts that are to be in it, before a byte is staged. `replace`: file names, package names or
 * paths whose changed bytes are accepted; `all`: every one. Those come back as findings `artifact-replaced`.
 *
 * @throws RepackError E_ARTIFACT_REPLACED where a delivered artifact has another digest upstream now (design D6), E_RECORD_CONFLICT for
 *   names that differ in case only (bad-inputs H12)
 */
export function compareWithLive<Compared extends ComparedArtifact>(
  live: LiveFolder,
  artifacts: readonly Compared[],
  { replace, digestOf }: { replace: readonly string[]; digestOf: (artifact: Compared) => string },
): Finding[] {
  refuseCaseClash(live, artifacts);
  // What lies in a folder of ours and is not in its manifest was never delivered: a repair leaves damaged files there.
  const named = live.manifest && new Set(live.manifest.files.map(({ path }) => path));
  const replaced = artifacts.flatMap((artifact) => {
    const path = pathOf(artifact);
    const was = live.files.get(path)?.sha256;
    if (was === undefined || named?.has(path) === false) return [];
    const sha256 = digestOf(artifact);
    return was === sha256 ? [] : [{ path, sha256, was }];
  });
  const refused = replaced.filter(({ path }) => !replaceCovers(replace, path));
  const [first] = refused;
  if (first !== undefined) {
    throw new RepackError('E_ARTIFACT_REPLACED', {
      what: `${plural(refused.length, 'artifact has', 'artifacts have')} other bytes upstream than the ones delivered under the same name`,
      where: refused.map(({ path }) => path).join(', '),
      hint:
        'A site that has the old file in its package cache will keep it. Ask the owner of the channel for a new build number; ' +
        `to deliver it all the same: --replace ${first.path.slice(first.path.lastIndexOf('/') + 1)} (or --replace all).`,
      details: refused.map(({ path, sha256, was }) => `${path}: delivered ${was}, upstream now ${sha256}`),
    });
  }
  return replaced.map(({ path, sha256, was }) => ({
    code: 'artifact-replaced',
    message: `${path} has other bytes under its old name (${was} before, ${sha256} now): sites that have the old one in their package cache keep it`,
    subject: path,
    exit: false,
  }));
}

/** A case-folding site (Windows, macOS) would take the two for one file: the second would overwrite, or be deleted with, the first. */
function refuseCaseClash(live: LiveFolder, artifacts: readonly ComparedArtifact[]): void {
  // Of two that clash one at least is not as it folds: a few names of half a million.
  const bent = new Map<string, string[]>();
  const note = (path: string): void => {
    const folded = caseFold(path);
    if (folded !== path) bent.set(folded, [...(bent.get(folded) ?? []), path]);
  };
  for (const path of live.files.keys()) note(path);
  for (const artifact of artifacts) note(pathOf(artifact));
  if (bent.size === 0) return;
  const straight = new Set<string>();
  for (const path of live.files.keys()) if (bent.has(path)) straight.add(path);
  for (const artifact of artifacts) if (bent.has(pathOf(artifact))) straight.add(pathOf(artifact));
  for (const artifact of artifacts) {
    const path = pathOf(artifact);
    const folded = caseFold(path);
    const others = [...(straight.has(folded) ? [folded] : []), ...(bent.get(folded) ?? [])];
    const other = others.find((each) => each !== path);
    if (other === undefined) continue;
    throw new RepackError('E_RECORD_CONFLICT', {
      what: `Two artifacts have names that differ in upper and lower case only: ${other} and ${path}`,
      where: live.dir,
      hint: 'Windows and macOS can not hold both. Ask for another build of one of them, or remove the delivered one from the label folder first.',
    });
  }
}
