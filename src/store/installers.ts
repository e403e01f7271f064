import { RepackError, isRepackError } from '../base/errors.js';
import type { Finding } from '../base/findings.js';
import { INSTALLERS_NAME } from '../channel/manifest/manifest.js';
import { safeSegment } from '../conda/channel/names.js';
import type { LiveFolder, SideFile } from '../channel/staged.js';
import type { ArtifactStore, ExpectedDigest, StoredFile } from '../conda/plan/artifact-store.js';
import { join } from 'node:path';

export interface InstallerTask {
  installers: readonly { url: string; sha256: string; name: string; line?: number | undefined }[];
  live: LiveFolder;
  store: ArtifactStore;
  fetch(file: { url: string; expected: ExpectedDigest; store: ArtifactStore }): Promise<StoredFile>;
  /** What can't be had is left out and reported. Default: then everything fails. */
  keepGoing?: boolean;
  /** For messages, the file that names them. */
  statedIn: string;
}

export interface TakenInstallers {
  side: SideFile[];
  fetched: { files: number; bytes: number };
  /** `installer-left-out`. */
  findings: Finding[];
}

/**
 * Installers (Miniforge, micromamba) that lie beside the channel, in `installers/`. One that is there with the stated sha256 is not asked
 * for again.
 *
 * @throws RepackError E_ARTIFACT_DIGEST where the bytes are not those that were stated, E_ARTIFACT_MISSING, E_NAME, and what fetching throws
 */
export async function takeInstallers(task: InstallerTask): Promise<TakenInstallers> {
  const taken: TakenInstallers = { side: [], fetched: { files: 0, bytes: 0 }, findings: [] };
  for (const { url, sha256, name } of task.installers) {
    const path = `${INSTALLERS_NAME}/${safeSegment(name, 'the installer')}`;
    const there = task.live.files.get(path);
    if (there?.sha256 === sha256) {
      taken.side.push({ path, storePath: join(task.live.dir, path), ...there });
      continue;
    }
    try {
      const stored = await task.store.find({ sha256 });
      const file = stored ?? (await task.fetch({ url, expected: { sha256 }, store: task.store }));
      if (stored === undefined) {
        taken.fetched.files += 1;
        taken.fetched.bytes += file.size;
      }
      taken.side.push({ path, storePath: file.path, size: file.size, sha256: file.sha256, md5: file.md5 });
    } catch (error) {
      const about = installerError(error, { url, sha256, statedIn: task.statedIn });
      if (about === undefined) throw error;
      if (task.keepGoing !== true) throw about;
      taken.findings.push({
        code: 'installer-left-out',
        message: `${name} is not in the mirror: ${about.what}`,
        subject: path,
        exit: true,
      });
    }
  }
  return taken;
}

/** Errors about this file; undefined for those about the upstream or the disk as a whole. */
function installerError(
  error: unknown,
  { url, sha256, statedIn }: { url: string; sha256: string; statedIn: string },
): RepackError | undefined {
  if (!isRepackError(error)) return undefined;
  if (error.code === 'E_ARTIFACT_MISSING') return error;
  if (error.code !== 'E_ARTIFACT_DIGEST') return undefined;
  return new RepackError('E_ARTIFACT_DIGEST', {
    what: `The installer has not the sha256 that ${statedIn} states`,
    where: url,
    hint: 'Compare with the sha256 on the download page; correct the line if the installer was replaced there on purpose.',
    details: error.details.length > 0 ? error.details : [`expected sha256 ${sha256}`],
    cause: error,
  });
}
