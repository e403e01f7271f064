import type { ArtifactInfo } from '../archive/artifact-info.js';
import { packageAt } from '../channel/compare-channels.js';
import { pathOf } from '../conda/channel/names.js';
import type { Asked } from './asked.js';
import type { Infos } from './licenses.js';
import type { RunsAtInstall } from './schema.js';

/** Packages that run something on the machine that they are installed on; what of one runs, in conda's words, each once. */
export function runsAtInstall(packages: Asked['packages'], infos: Infos): RunsAtInstall[] {
  return packages.flatMap((each) => {
    const [info, parts] = [infos.get(each.sha256 ?? ''), packageAt(pathOf(each))];
    const what = info === undefined ? [] : whatRuns(info);
    return what.length === 0 || parts === undefined ? [] : [{ ...parts, what }];
  });
}

/** `post-link`, `pre-unlink`, `activate.d`, `menuinst`. */
function whatRuns({ linkScripts, activateScripts, menus }: ArtifactInfo): string[] {
  const words = [
    ...linkScripts.map((path) => /-((?:pre|post)-(?:un)?link)\.[a-z]+$/i.exec(path)![1]!.toLowerCase()),
    ...activateScripts.map((path) => path.split('/')[2]!.toLowerCase()),
    ...(menus.length > 0 ? ['menuinst'] : []),
  ];
  return [...new Set(words)].sort();
}
