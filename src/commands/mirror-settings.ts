import type { MirrorSettings } from '../mirror/mirror-file.js';
import { mirrorConfigText } from '../mirror/show-mirror-config.js';

export { readMirrorSettings } from './mirror/read-settings.js';
export { declareMirrorChannels, deltaFolder, mirrorPlace } from './mirror/declare-mirror.js';
export type { MirrorSettings } from '../mirror/mirror-file.js';

/** `mirror --show-config`: the mirror file in force, with the line that each value is from. */
export function showMirrorConfig(settings: MirrorSettings): string {
  return mirrorConfigText(settings);
}
