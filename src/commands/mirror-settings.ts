import type { MirrorSettings } from '../mirror/mirror-file.js';
import { mirrorConfigText } from '../mirror/show-mirror-config.js';
import type { Runtime } from '../runtime/runtime.js';
import { resolveFolder } from './mirror/declare-mirror.js';

export { readMirrorSettings } from './mirror/read-settings.js';
export { declareMirrorChannels, deltaFolder, mirrorPlace } from './mirror/declare-mirror.js';
export type { MirrorSettings } from '../mirror/mirror-file.js';

/** `mirror --show-config`: the mirror file in force, with the line that each value is from. Folders as they are on this machine. */
export function showMirrorConfig({ machine }: Pick<Runtime, 'machine'>, settings: MirrorSettings): string {
  const { mirrorDir, deltaDir } = settings;
  return mirrorConfigText({
    ...settings,
    mirrorDir: resolveFolder(machine, settings, mirrorDir),
    deltaDir: deltaDir === undefined ? undefined : resolveFolder(machine, settings, deltaDir),
  });
}
