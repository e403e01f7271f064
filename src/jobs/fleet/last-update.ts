import { diskReason } from '../../base/disk-errors.js';
import path from 'node:path';
import { SILENT } from '../../base/events.js';
import { isMissing } from '../../base/fs-errors.js';
import { canonicalJson, objectIn } from '../../base/json.js';
import { lockLabel, type LabelLock } from '../../delivery/lock/lock.js';
import { STATE_NAME } from '../../delivery/place/root.js';
import type { Runtime } from '../../runtime/runtime.js';

/** Beside the state folders of labels, none of which begins with a dot. */
const NAME = '.last-update.json';

export interface LabelEnd {
  label: string;
  failed: boolean;
}

/** The labels of ROOT whose last update failed, was interrupted, or was not begun; undefined where none was ever run. */
export async function lastFailed(rt: Pick<Runtime, 'fs'>, root: string): Promise<string[] | undefined> {
  try {
    const { schema, failed } = objectIn(await rt.fs.readText(pathIn(root))) ?? {};
    return schema === 1 && Array.isArray(failed) ? failed.filter((each) => typeof each === 'string') : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Labels that were not in this run stay as they ended before. Never throws: what was published is published. */
export async function noteLastUpdate(rt: Runtime, root: string, ends: readonly LabelEnd[]): Promise<void> {
  let lock: LabelLock | undefined;
  try {
    // Several hosts that share ROOT may end at the same time.
    const stateDir = path.join(root, STATE_NAME, '.fleet');
    await rt.fs.mkdirp(stateDir);
    // Also of a run that was interrupted: what it did not do is what `--failed` is for.
    const own = { ...rt, signal: new AbortController().signal, events: SILENT };
    // It is held for a moment only: nobody need be told of that wait.
    lock = await lockLabel(own, {
      stateDir,
      label: 'the last update',
      waitMs: rt.signal.aborted ? HURRIED_MS : WAIT_MS,
      takeOver: true,
      command: 'update',
    });
    const before = (await lastFailed(rt, root)) ?? [];
    const now = ends.flatMap(({ label, failed }) => (failed ? [label] : []));
    const others = before.filter((label) => !ends.some((end) => end.label === label));
    const document = {
      schema: 1,
      at: new Date(rt.clock.now()).toISOString(),
      labels: ends.map(({ label }) => label),
      failed: [...new Set([...others, ...now])].sort(),
    };
    const file = pathIn(root);
    await rt.reach('fleet:ended');
    await rt.fs.mkdirp(path.dirname(file));
    await sweep(rt, path.dirname(file));
    await rt.fs.writeWhole(file, `${canonicalJson(document, 2)}\n`, {
      aside: `${file}.${rt.machine.pid}-${rt.machine.randomId()}`,
    });
  } catch (error) {
    const message = `which labels failed could not be noted in ${pathIn(root)}: ${diskReason(error)}`;
    rt.events.emit({ type: 'warning', message });
  } finally {
    await lock?.release();
  }
}

const WAIT_MS = 90_000;
/** Who pressed Ctrl-C waits no longer. */
const HURRIED_MS = 5000;

const STALE_MS = 60 * 60_000;

/** What a run that was killed left half written. */
async function sweep(rt: Runtime, folder: string): Promise<void> {
  for (const { name } of await rt.fs.readdir(folder)) {
    if (!name.startsWith(`${NAME}.`)) continue;
    const { mtimeMs } = await rt.fs.lstat(path.join(folder, name));
    if (rt.clock.now() - mtimeMs > STALE_MS) await rt.fs.remove(path.join(folder, name));
  }
}

function pathIn(root: string): string {
  return path.join(root, STATE_NAME, NAME);
}
