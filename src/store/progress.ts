import type { AcquiredArtifact, PlannedArtifact } from '../conda/plan/plan.js';
import type { Runtime } from '../runtime/runtime.js';

export interface AcquireProgress {
  /** `bytes` more of a transfer have come in. */
  more(artifact: PlannedArtifact, bytes: number): void;
  done(artifact: AcquiredArtifact): void;
}

/** Emits `acquire-total` now and `acquire-progress` as bytes come in. A transfer that starts again counts no more than its size. */
export function acquireProgress(rt: Runtime, artifacts: readonly PlannedArtifact[]): AcquireProgress {
  const underway = new Map<string, number>();
  const emit = (bytes: number): void => {
    if (bytes !== 0) rt.events.emit({ type: 'acquire-progress', bytes });
  };
  rt.events.emit({
    type: 'acquire-total',
    artifacts: artifacts.length,
    bytes: artifacts.reduce((sum, { record }) => sum + sizeOf(record?.size), 0),
  });
  return {
    more: (artifact, bytes) => {
      const size = artifact.record?.size ?? Number.POSITIVE_INFINITY;
      const before = underway.get(keyOf(artifact)) ?? 0;
      const after = Math.min(size, before + bytes);
      underway.set(keyOf(artifact), after);
      emit(after - before);
    },
    done: (artifact) => {
      const before = underway.get(keyOf(artifact)) ?? 0;
      underway.delete(keyOf(artifact));
      emit(artifact.size - before);
    },
  };
}

const keyOf = ({ subdir, fn }: PlannedArtifact): string => `${subdir}/${fn}`;

function sizeOf(size: unknown): number {
  return typeof size === 'number' && Number.isSafeInteger(size) && size > 0 ? size : 0;
}
