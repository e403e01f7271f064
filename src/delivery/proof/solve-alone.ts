import path from 'node:path';
import { openEmbeddedSolver, type EmbeddedSolver } from '../../engine/embedded/solver.js';
import { solveEmbedded } from '../../engine/embedded/solve.js';
import type { EmbeddedRuntime } from '../../engine/embedded/solve.js';
import { isRepackError, type RepackError } from '../../base/errors.js';
import { parseMatchSpec, specsFor, withText } from '../../conda/spec/match-spec.js';
import type { MatchSpec } from '../../conda/spec/match-spec.js';
import type { TargetProfile } from '../../conda/plan/profile.js';
import { MANIFEST_NAME, type Manifest } from '../../channel/manifest/manifest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { profileOfManifest } from '../../channel/manifest/profile.js';
import { folderChannel } from '../../channel/read/folder-source.js';
import type { Indexes } from '../../channel/read/read-indexes.js';
import { violation } from '../../channel/check/rules.js';
import type { Violation } from '../../channel/check/rules.js';

/** What a channel folder is solved from: its own indexes, and nothing else is looked at. */
export interface AloneFolder {
  dir: string;
  indexes: Indexes;
  solver: EmbeddedSolver;
}

/** Can the specs be installed on one subdir from this folder and nothing else? At the site the folder is the only channel. */
export async function solveAlone(
  rt: EmbeddedRuntime,
  { dir, indexes, solver }: AloneFolder,
  asked: { label: string; specs: readonly MatchSpec[]; profile: TargetProfile },
): Promise<Violation | undefined> {
  const { label, profile } = asked;
  // The channel that a spec was restricted to does not exist at the site.
  const specs = specsFor(asked.specs, profile.subdir).map(({ text: _text, channel: _channel, ...parts }) =>
    withText(parts),
  );
  const request = { specs, channels: [folderChannel(dir, label)], channelPriority: 'flexible' as const, profile };
  try {
    await solveEmbedded(rt, { request, source: { repodata: async (_channel, subdir) => indexes.get(subdir) }, solver });
    return undefined;
  } catch (error) {
    if (!isRepackError(error) || error.code === 'E_INTERRUPTED' || error.code === 'E_MEMORY') throw error;
    const subject = `${specs.map((spec) => spec.text).join(', ')} on ${profile.subdir}`;
    return violation('unsolvable', subject, { reason: inOneLine(error) });
  }
}

/** A finding is one line: what the solver draws as a tree reads on as a sentence. */
function inOneLine({ what, details }: RepackError): string {
  const drawn = details.map((line) => line.replace(/^[\s│├└─]+/u, ''));
  return [drawn.length === 0 ? what : `${what}:`, ...drawn].join(' ');
}

/** The thread starts at once where there is a manifest to be solved; a folder of others needs none. Throws as `openEmbeddedSolver`. */
export async function solverForFolder(rt: Runtime, dir: string): Promise<EmbeddedSolver> {
  const later = await rt.fs.lstat(path.join(dir, MANIFEST_NAME)).then(
    () => false,
    () => true,
  );
  return openEmbeddedSolver(rt, { later });
}

/** Can the specs of a folder's manifest be installed from the folder alone, on each of its machines? */
export async function solveManifest(
  rt: EmbeddedRuntime,
  folder: AloneFolder,
  manifest: Manifest,
): Promise<Violation[]> {
  const found: Violation[] = [];
  const specs = manifest.specs.map(parseMatchSpec);
  for (const profile of manifest.profiles.map(profileOfManifest)) {
    const problem = await solveAlone(rt, folder, { label: manifest.label, specs, profile });
    if (problem !== undefined) found.push(problem);
  }
  return found;
}
