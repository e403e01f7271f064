import { dirname, join } from 'node:path';
import type { Runtime } from '../../runtime/runtime.js';
import type { OutFolder } from './medium-folder.js';

/** A folder in OUT for one run alone, where it writes until all of it is there. It need not exist yet. */
export interface WorkPlace {
  /** Absolute. */
  path: string;
  /** Says whose it is: the first file in it. */
  owner: { name: string; text: string };
}

export interface WorkFolder {
  /** Makes it (and OUT) at the first call. */
  open(): Promise<string>;
  /** Leaves only the file that says whose it is. */
  clear(): Promise<void>;
}

export function openWorkFolder(rt: Runtime, out: OutFolder, { path, owner }: WorkPlace): WorkFolder {
  let opened: Promise<string> | undefined;
  const make = async (): Promise<string> => {
    if (!out.exists) {
      await rt.fs.mkdirp(dirname(path));
      rt.events.emit({ type: 'note', message: `created ${dirname(path)}` });
    }
    await rt.fs.mkdir(path, 0o700);
    await rt.fs.writeNew(join(path, owner.name), owner.text);
    return path;
  };
  return {
    open: () => (opened ??= make()),
    clear: async () => {
      const folder = await opened;
      if (folder === undefined) return;
      for (const { name } of await rt.fs.readdir(folder))
        if (name !== owner.name) await rt.fs.remove(join(folder, name));
    },
  };
}
