import { createHash } from 'node:crypto';
import { isRepackError } from '../../base/errors.js';
import { unlessAborted } from '../../base/turns.js';
import type { FetchedRepodata, MissingRepodata } from './answers.js';

type Answer = FetchedRepodata | MissingRepodata;

/** Indexes that several gateways of one process have in common: each is fetched and scanned once. */
export interface SharedIndexes {
  /**
   * The answer of the first gateway that asks in this way, also for those that ask at the same moment. `way`: everything that decides what
   * the upstream answers, the token in it too: who comes another way gets nothing of it. A failure goes to all that wait, and is not
   * kept, unless it is of the content; where the first went away, the next asks itself.
   */
  fetch(way: readonly unknown[], signal: AbortSignal, load: () => Promise<Answer>): Promise<Answer>;
}

interface Kept {
  answer: Promise<Answer>;
  /** It failed since the gateway that asked was closed: says nothing about the upstream. */
  brokenOff: boolean;
}

/** Keeps indexes of at most `mostBytes` in memory, the last used ones; besides, what a gateway still holds is found again. */
export function sharedIndexes(mostBytes: number): SharedIndexes {
  const kept = new Map<string, Kept>();
  const sizes = new Map<string, number>();
  const held = new Map<string, WeakRef<FetchedRepodata>>();

  const begin = (key: string, signal: AbortSignal, load: () => Promise<Answer>): Kept => {
    const entry: Kept = { answer: load(), brokenOff: false };
    kept.set(key, entry);
    entry.answer.then(
      (answer) => {
        if (!answer.found) return;
        held.set(key, new WeakRef(answer));
        sizes.set(key, answer.index.document.length);
        makeRoom(key);
      },
      (error: unknown) => {
        entry.brokenOff = signal.aborted;
        const ofContent = isRepackError(error) && error.code === 'E_REPODATA';
        if ((entry.brokenOff || !ofContent) && kept.get(key) === entry) kept.delete(key);
      },
    );
    return entry;
  };

  const makeRoom = (newest: string): void => {
    let total = [...kept.keys()].reduce((sum, key) => sum + (sizes.get(key) ?? 0), 0);
    for (const key of kept.keys()) {
      if (total <= mostBytes) return;
      // What is still on its way has no size yet.
      if (key === newest || !sizes.has(key)) continue;
      kept.delete(key);
      total -= sizes.get(key) ?? 0;
    }
  };

  return {
    async fetch(way, signal, load) {
      const key = createHash('sha256').update(JSON.stringify(way)).digest('hex');
      for (;;) {
        signal.throwIfAborted();
        const before = kept.get(key);
        if (before === undefined) {
          const there = held.get(key)?.deref();
          return there ?? begin(key, signal, load).answer;
        }
        // The last used one is the last to go.
        kept.delete(key);
        kept.set(key, before);
        try {
          return await unlessAborted(before.answer, signal);
        } catch (error) {
          if (signal.aborted || !before.brokenOff) throw error;
        }
      }
    },
  };
}
