import { join } from 'node:path';
import type { Runtime } from '../../runtime/runtime.js';
import { topClaim } from './lock-claims.js';
import { ownerState, type LockOwner } from './lock-owner.js';

/** Who holds the lock of a state folder; undefined where nobody does, or one that is certainly dead. Writes nothing. */
export async function lockHolder(rt: Runtime, stateDir: string): Promise<LockOwner | undefined> {
  const top = await topClaim(rt, join(stateDir, 'lock')).catch(() => undefined);
  if (top?.owner === undefined) return undefined;
  const state = await ownerState(rt, top.owner, rt.clock.now() - top.heartbeatMs);
  return state === 'dead' ? undefined : top.owner;
}
