import { posix, win32 } from 'node:path';

/** Folders in which a mirror file is looked for. */
export interface MirrorFilePlaces {
  readonly home: string;
  readonly cwd: string;
  /** The user's configuration folder of this program; its `mirrors/` is looked in. */
  readonly configDir: string | undefined;
  readonly windows: boolean;
}

/** `--cas`: the files of cas-mirror; the first that exists is read. */
export function casFiles({ home, windows }: Pick<MirrorFilePlaces, 'home' | 'windows'>): string[] {
  return [(windows ? win32 : posix).join(home, '.cas-mirror'), '/etc/cas-mirror'];
}

/**
 * `--mirror-config NAME|FILE`: the files to try, in order. What has a separator in it or ends in `.yml` or `.yaml` is a FILE; a NAME is
 * `NAME.yml`, `NAME.yaml`, then `NAME` itself, in the working folder, then in `mirrors/` of the user's configuration folder.
 */
export function mirrorConfigFiles(text: string, { home, cwd, configDir, windows }: MirrorFilePlaces): string[] {
  const path = windows ? win32 : posix;
  if (/^~[/\\]/.test(text)) return [path.join(home, text.slice(2))];
  const isFile = text.includes('/') || (windows && text.includes('\\')) || /\.ya?ml$/i.test(text);
  if (isFile) return [path.resolve(cwd, text)];
  const folders = configDir === undefined ? [cwd] : [cwd, path.join(configDir, 'mirrors')];
  return folders.flatMap((folder) => ['.yml', '.yaml', ''].map((ending) => path.join(folder, text + ending)));
}
