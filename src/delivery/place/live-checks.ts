import { emitFindings } from '../../base/emit-findings.js';
import { join } from 'node:path';
import { objectIn } from '../../base/json.js';
import { RepackError } from '../../base/errors.js';
import { SUMS_NAME, type Manifest } from '../../channel/manifest/manifest.js';
import { futureVersion } from '../../channel/read/read-indexes.js';
import { replaceCovers } from '../../channel/replace.js';
import type { LiveFolder } from '../../channel/staged.js';
import type { Runtime } from '../../runtime/runtime.js';

/**
 * What is on disk against what our manifest says (design D6a). Another index is a finding and will be rewritten, unless its
 * `repodata_version` is unknown; a missing artifact is a finding and comes back; a changed artifact stops (E_ARTIFACT_CHANGED): its
 * name stands for other bytes at the sites.
 */
export async function compareWithManifest(
  rt: Runtime,
  live: LiveFolder,
  manifest: Manifest,
  replace: readonly string[],
): Promise<void> {
  const changed: string[] = [];
  const tell = (code: string, path: string, text: string): void => {
    const finding = { code, message: `${path} ${text}`, subject: join(live.dir, path), exit: false, warn: true };
    emitFindings(rt, [finding]);
  };
  const comesBack = 'it comes back if it is still wanted and at hand';
  for (const { path, kind, sha256 } of manifest.files) {
    const found = live.files.get(path);
    if (found?.sha256 === sha256) continue;
    if (kind === 'side' || kind === 'paper') {
      const state = found === undefined ? 'was missing' : 'was changed by somebody else';
      tell('side-file-restored', path, `${state}; ${comesBack}`);
    } else if (kind === 'index') {
      const broken = found === undefined ? 'is missing' : await refuseUnknownIndex(rt, live.dir, path);
      tell('index-rewritten', path, `${broken ?? 'was changed by somebody else'}; it is written anew`);
    } else if (found === undefined) tell('artifact-missing', path, `was missing; ${comesBack}`);
    else if (!replaceCovers(replace, path)) changed.push(`${path}: published as sha256 ${sha256}, now ${found.sha256}`);
  }
  if (live.files.get(SUMS_NAME) === undefined) tell('index-rewritten', SUMS_NAME, 'is missing; it is written anew');
  if (changed.length === 0) return;
  throw new RepackError('E_ARTIFACT_CHANGED', {
    what: `${changed.length === 1 ? 'a package in the label folder has' : `${changed.length} packages in the label folder have`} other bytes than were published`,
    where: live.dir,
    hint: 'Find out who changed it. --replace NAME (or --replace all) puts the published bytes back; sites may hold either.',
    details: changed,
  });
}

/**
 * For an index that is not as we wrote it: says what is wrong with it when it is broken (it is rebuilt), undefined when it is sound.
 * Throws E_REPODATA_VERSION for one in a format of the future, which whoever made it may need.
 */
export async function refuseUnknownIndex(rt: Runtime, dir: string, path: string): Promise<string | undefined> {
  // Compressed ones stand beside a plain one, written by the same hand.
  if (!path.endsWith('.json')) return undefined;
  const bytes = await rt.fs.readFile(join(dir, path));
  if (bytes.length === 0) return 'was empty';
  if (bytes[0] === 0) return 'was filled with NUL';
  if (objectIn(bytes.toString('utf8')) === undefined) return 'was not JSON';
  const version = futureVersion(bytes);
  if (version === undefined) return undefined;
  throw new RepackError('E_REPODATA_VERSION', {
    what: `the index in the label folder has repodata_version ${version}, which this version does not know`,
    where: join(dir, path),
    hint: 'Find out which tool wrote it. Remove that index to have it written anew, or choose another label.',
  });
}
