import type { Journal } from '../../src/delivery/switch/journal.js';

/** The journal of a publication of acme that does nothing, but for `parts`. */
export function journalOf(parts: Partial<Journal> = {}): Journal {
  return {
    schema: 1,
    purpose: 'publish',
    label: 'acme',
    run: 'r',
    operations: [],
    undo: null,
    removeFolder: false,
    receipt: null,
    ...parts,
  };
}
