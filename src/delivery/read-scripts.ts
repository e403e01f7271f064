import { readArtifactInfo } from '../archive/artifact-info.js';
import { isRepackError } from '../base/errors.js';
import { inParallel } from '../base/parallel.js';
import { openArtifact } from '../channel/read/artifact.js';
import { splitPath } from '../conda/channel/names.js';
import { asksForScripts, type Policy } from '../conda/policy/policy.js';
import type { JudgedPackage } from '../conda/policy/judge.js';
import type { Runtime } from '../runtime/runtime.js';

const AT_ONCE = 4;

/** What runs at an installation, by path, of the artifacts at `fileOf`; only where a policy asks for it. What is no package that can be read is left out. */
export async function readScripts(
  rt: Pick<Runtime, 'fs'>,
  policy: Policy,
  { paths, fileOf }: { paths: readonly string[]; fileOf: (path: string) => string },
): Promise<Map<string, NonNullable<JudgedPackage['scripts']>>> {
  const found = new Map<string, NonNullable<JudgedPackage['scripts']>>();
  if (!asksForScripts(policy)) return found;
  await inParallel(paths, AT_ONCE, async (path) => {
    try {
      const [, fn] = splitPath(path);
      const info = await openArtifact(rt, fileOf(path), (source) => readArtifactInfo(source, fn));
      found.set(path, { link: info.linkScripts, activate: info.activateScripts, menu: info.menus });
    } catch (error) {
      if (!isRepackError(error)) throw error;
    }
  });
  return found;
}
