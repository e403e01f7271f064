import path from 'node:path';
import { errnoOf } from '../base/disk-errors.js';
import { canonicalJson } from '../base/json.js';
import { describeOwner, ownerState, OWNER_NAME, parseOwner } from '../delivery/lock/lock-owner.js';
import type { OutFolder } from '../media/export/medium-folder.js';
import type { WorkPlace } from '../media/export/work-folder.js';
import type { Runtime } from '../runtime/runtime.js';

const PREFIX = '.repackenv-export-';

/** Where an export writes until all of it is there: a folder inside OUT, so that a rename ends it. Makes nothing. */
export async function workPlaceIn(rt: Runtime, out: string): Promise<WorkPlace> {
  const text = `${canonicalJson(await describeOwner(rt, 'export'), 2)}\n`;
  return { path: path.join(out, `${PREFIX}${rt.machine.randomId()}`), owner: { name: OWNER_NAME, text } };
}

/** Removes it, and an OUT that was made for nothing. */
export async function removeWorkPlace(rt: Runtime, { path: folder }: WorkPlace, out: OutFolder): Promise<void> {
  await rt.fs.remove(folder).catch((error: unknown) => warn(rt, folder, error));
  // Only where nothing came into it.
  if (!out.exists) await rt.fs.rmdir(out.path).catch(() => undefined);
}

/** Removes what runs that were killed left in OUT: only folders with our mark whose process is certainly gone. */
export async function sweepWorkPlaces(rt: Runtime, { path: out, exists }: OutFolder): Promise<void> {
  if (!exists) return;
  for (const entry of await rt.fs.readdir(out)) {
    if (!entry.isDirectory() || !entry.name.startsWith(PREFIX)) continue;
    const folder = path.join(out, entry.name);
    const text = await rt.fs.readText(path.join(folder, OWNER_NAME)).catch(() => '');
    const owner = parseOwner(text);
    if (owner === undefined) {
      // Gone meanwhile: its run has ended.
      if (await isUnmarked(rt, folder).catch(() => false))
        await rt.fs.remove(folder).catch((error: unknown) => warn(rt, folder, error));
      continue;
    }
    const state = await ownerState(rt, owner, rt.clock.now() - Date.parse(owner.since));
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
