import path from 'node:path';
import { errnoOf } from '../base/disk-errors.js';
import { canonicalJson } from '../base/json.js';
import { describeOwner, judgeOwner, OWNER_NAME, parseOwner } from '../delivery/lock/lock-owner.js';
import type { Runtime } from '../runtime/runtime.js';

const PREFIX = '.repackenv-export-';

/** Where an export writes until all of it is there: a folder inside OUT, so that a rename ends it. */
export interface MediumFolder {
  /** Makes it (and OUT) at the first call. */
  open(): Promise<string>;
  clear(): Promise<void>;
  /** Removes what runs that were killed left in OUT: only folders with our mark whose process is certainly gone. */
  sweep(): Promise<void>;
  /** Removes it, and an OUT that was made for nothing. */
  remove(): Promise<void>;
}

export function openMediumFolder(rt: Runtime, out: { path: string; exists: boolean }): MediumFolder {
  let opened: Promise<string> | undefined;
  return {
    open: () => (opened ??= make(rt, out)),
    clear: async () => {
      const folder = await opened;
      if (folder === undefined) return;
      for (const { name } of await rt.fs.readdir(folder)) {
        if (name !== OWNER_NAME) await rt.fs.remove(path.join(folder, name));
      }
    },
    sweep: async () => (out.exists ? sweep(rt, out.path) : undefined),
    remove: async () => {
      const folder = await opened?.catch(() => undefined);
      if (folder !== undefined) await rt.fs.remove(folder).catch((error: unknown) => warn(rt, folder, error));
      // Only where nothing came into it.
      if (!out.exists) await rt.fs.rmdir(out.path).catch(() => undefined);
    },
  };
}

async function make(rt: Runtime, out: { path: string; exists: boolean }): Promise<string> {
  if (!out.exists) {
    await rt.fs.mkdirp(out.path);
    rt.events.emit({ type: 'note', message: `created ${out.path}` });
  }
  const folder = path.join(out.path, `${PREFIX}${rt.machine.randomId()}`);
  await rt.fs.mkdir(folder, 0o700);
  await rt.fs.writeNew(path.join(folder, OWNER_NAME), `${canonicalJson(await describeOwner(rt, 'export'), 2)}\n`);
  return folder;
}

async function sweep(rt: Runtime, out: string): Promise<void> {
  for (const entry of await rt.fs.readdir(out)) {
    if (!entry.isDirectory() || !entry.name.startsWith(PREFIX)) continue;
    const folder = path.join(out, entry.name);
    const text = await rt.fs.readText(path.join(folder, OWNER_NAME)).catch(() => '');
    const owner = parseOwner(text);
    if (owner === undefined) {
      if (await isUnmarked(rt, folder)) await rt.fs.remove(folder).catch((error: unknown) => warn(rt, folder, error));
      continue;
    }
    const state = await judgeOwner(rt, owner, rt.clock.now() - Date.parse(owner.since));
    if (state === 'dead') {
      rt.events.emit({ type: 'note', message: `removing what an export left that broke off: ${folder}` });
      await rt.fs.remove(folder).catch((error: unknown) => warn(rt, folder, error));
    } else if (state !== 'alive') {
      const message = `${folder} is of an export on ${owner.host} (since ${owner.since}); remove it if that one is over`;
      rt.events.emit({ type: 'warning', message });
    }
  }
}

/** Killed before its mark was whole: there is nothing else in it, and a run that lives has marked it long since. */
async function isUnmarked(rt: Runtime, folder: string): Promise<boolean> {
  const entries = await rt.fs.readdir(folder);
  const { mtimeMs } = await rt.fs.lstat(folder);
  return entries.every(({ name }) => name === OWNER_NAME) && rt.clock.now() - mtimeMs > 60_000;
}

function warn(rt: Runtime, folder: string, error: unknown): void {
  const message = `${folder} could not be removed (${errnoOf(error) ?? 'unknown error'})`;
  rt.events.emit({ type: 'warning', message });
}
