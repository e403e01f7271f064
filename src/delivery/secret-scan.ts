import path from 'node:path';
import { RepackError } from '../base/errors.js';
import type { StagedChannel } from '../channel/staged.js';
import type { Runtime } from '../runtime/runtime.js';

/** Files larger than this are artifacts or databases of the engine, whose content is the upstream's. */
const MAX_SCANNED_BYTES = 256 * 1024 * 1024;

/**
 * The last look before anything is published (design D10): no secret in an index, manifest or side file that is staged, nor in what else the
 * run wrote. Artifacts are not looked into: their digest is the upstream's.
 * @throws RepackError E_SECRET_LEAK
 */
export async function refuseLeaks(
  rt: Pick<Runtime, 'fs' | 'secrets'>,
  { dir, files }: Pick<StagedChannel, 'dir' | 'files'>,
  alsoScanned: readonly string[] = [],
): Promise<void> {
  const ours = files.filter((file) => file.kind !== 'artifact').map((file) => path.join(dir, file.path));
  for (const each of [...ours, ...alsoScanned]) await refuseLeak(rt, each);
}

async function refuseLeak(rt: Pick<Runtime, 'fs' | 'secrets'>, place: string): Promise<void> {
  const stats = await rt.fs.lstat(place).catch(() => undefined);
  if (stats?.isDirectory() === true) {
    const entries = await rt.fs.readdir(place).catch(() => []);
    for (const { name } of entries) await refuseLeak(rt, path.join(place, name));
    return;
  }
  if (stats?.isFile() !== true || stats.size === 0 || stats.size > MAX_SCANNED_BYTES) return;
  if (!(await rt.secrets.foundIn(await rt.fs.readFile(place)))) return;
  throw new RepackError('E_SECRET_LEAK', {
    what: 'The token was found in a file that must not hold it; nothing was published',
    where: place,
    hint: 'Where you wrote it yourself (the reason of an exception in a policy), take it out there; else please report this as a bug (without the file). Consider the token known and have it replaced.',
  });
}
