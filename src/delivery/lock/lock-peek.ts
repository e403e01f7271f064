import { join } from 'node:path';
import { largest } from '../../base/largest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { ownerState, readOwner, type LockOwner } from './lock-owner.js';

/** Who holds the lock of a state folder; undefined where nobody does, or one that is certainly dead. Writes nothing. */
export async function lockHolder(rt: Runtime, stateDir: string): Promise<LockOwner | undefined> {
  const dir = join(stateDir, 'lock');
  const entries = await rt.fs.readdir(dir).catch(() => []);
  const numbers = entries.filter((entry) => /^[1-9]\d*$/.test(entry.name)).map(({ name }) => Number(name));
  if (numbers.length === 0) return undefined;
  const top = await readOwner(rt, join(dir, String(largest(numbers)))).catch(() => undefined);
  if (top?.owner === undefined) return undefined;
  const state = await ownerState(rt, top.owner, rt.clock.now() - top.heartbeatMs);
  return state === 'dead' ? undefined : top.owner;
}
