import path from 'node:path';
import { RepackError } from '../base/errors.js';
import type { Redactor } from '../base/redact.js';
import type { StagedChannel } from '../channel/staged.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Workshop } from './workshop.js';

/** Files larger than this are artifacts or databases of the engine, whose content is the upstream's. */
const MAX_SCANNED_BYTES = 256 * 1024 * 1024;

/**
 * The last look before anything is published (design D10): the token must be in no index, manifest or side file, and nowhere in the run
 * folder. Artifacts are not looked into: their digest is the upstream's.
 * @throws RepackError E_SECRET_LEAK
 */
export async function refuseLeaks(rt: Runtime, workshop: Workshop, staged: StagedChannel): Promise<void> {
  const { redactor, runDir, enginePkgsDir } = workshop;
  if (redactor === undefined) return;
  const ours = staged.files.filter((file) => file.kind !== 'artifact').map((file) => path.join(staged.dir, file.path));
  const engines = [path.join(enginePkgsDir, 'urls.txt'), path.join(enginePkgsDir, 'urls')];
  for (const file of [...ours, ...engines, ...(await filesBelow(rt, runDir))]) await refuseLeak(rt, redactor, file);
}

/** The same look at single files, e.g. the log at the end of a run. */
export async function refuseLeak(rt: Pick<Runtime, 'fs'>, redactor: Redactor, file: string): Promise<void> {
  const size = await rt.fs.lstat(file).then(
    (stat) => (stat.isFile() ? stat.size : 0),
    () => 0,
  );
  if (size === 0 || size > MAX_SCANNED_BYTES) return;
  if (!redactor.foundIn(await rt.fs.readFile(file))) return;
  throw new RepackError('E_SECRET_LEAK', {
    what: 'The token was found in a file that must not hold it; nothing was published',
    where: file,
    hint: 'Please report this as a bug (without the file). Consider the token known and have it replaced.',
  });
}

async function filesBelow(rt: Runtime, folder: string): Promise<string[]> {
  const entries = await rt.fs.readdir(folder).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const full = path.join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(rt, full);
      return entry.isFile() ? [full] : [];
    }),
  );
  return found.flat();
}
