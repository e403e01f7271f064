import { join } from 'node:path';
import { isMissing } from '../../base/fs-errors.js';
import { canonicalJson, isObject, objectIn } from '../../base/json.js';
import type { Runtime } from '../../runtime/runtime.js';

/** Below the state folder of a label (design D21): what was pushed where. */
export const PUSHED_NAME = 'pushed.json';
/** Older ones are left out. */
const MOST_KEPT = 200;

/** The receipt of one push. */
export interface Pushed {
  /** The label's folder there. */
  target: string;
  generation: number;
  manifestSha256: string;
  /** ISO 8601, UTC. */
  startedAt: string;
  /** Null: it has not ended, or broke off. What lies at the target is ours all the same. */
  finishedAt: string | null;
  host: string;
  user: string;
  tool: string;
  /** Files that were put and removed; bytes that went over the line. */
  files: number;
  removed: number;
  bytes: number;
  site: string | null;
}

/** All that are noted, oldest first; notes that can't be read count as none: they decide nothing but whether a target is known. */
export async function readPushed(rt: Pick<Runtime, 'fs'>, stateDir: string): Promise<Pushed[]> {
  const text = await rt.fs.readText(join(stateDir, PUSHED_NAME)).catch((error: unknown) => {
    if (isMissing(error)) return '';
    throw error;
  });
  const pushed = objectIn(text)?.['pushed'];
  return Array.isArray(pushed) ? pushed.filter(isPushed) : [];
}

function isPushed(value: unknown): value is Pushed {
  return isObject(value) && typeof value['target'] === 'string';
}

/** Writes it behind the others, in place of an earlier one to the same target that has not ended. One push of a label at a time. */
export async function notePushed(rt: Pick<Runtime, 'fs'>, stateDir: string, receipt: Pushed): Promise<void> {
  const others = (await readPushed(rt, stateDir)).filter(
    ({ target, finishedAt }) => target !== receipt.target || finishedAt !== null,
  );
  const pushed = [...others, receipt].slice(-MOST_KEPT);
  await rt.fs.writeWhole(join(stateDir, PUSHED_NAME), `${canonicalJson({ schema: 1, pushed }, 2)}\n`);
}
