import type { MirrorSettings } from '../../config/mirror-file/read.js';
import { mirrorConfigText } from '../../config/mirror-file/show.js';
import type { Runtime } from '../../runtime/runtime.js';
import { resolveFolder } from './declare-mirror.js';

export { readMirrorSettings } from './read-settings.js';
export { declareMirrorChannels, deltaFolder, mirrorPlace } from './declare-mirror.js';
export type { MirrorSettings } from '../../config/mirror-file/read.js';

/** `mirror --show-config`: the mirror file in force, with the line that each value is from. Folders as they are on this machine. */
export function showMirrorConfig({ machine }: Pick<Runtime, 'machine'>, settings: MirrorSettings): string {
  const { mirrorDir, deltaDir } = settings;
  return mirrorConfigText({
    ...settings,
    mirrorDir: resolveFolder(machine, settings, mirrorDir),
    deltaDir: deltaDir === undefined ? undefined : resolveFolder(machine, settings, deltaDir),
  });
}
