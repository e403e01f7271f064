import type { Asked } from '../../answers/asked.js';
import { notes } from '../../answers/notes.js';
import type { NotesReport } from '../../answers/schema.js';
import { RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import { openAsked } from './open-asked.js';
import { readAdvisories } from './read-advisories.js';

export interface NotesRequest {
  a: string;
  b: string;
  /** Files and folders of OSV JSON. */
  advisories: readonly string[];
}

/** `repackenv notes A B`: release notes for a customer. Reads only. Throws what `openAsked` and `readAdvisories` throw; E_USAGE: a ROOT. */
export async function notesJob(rt: Runtime, { a, b, advisories }: NotesRequest): Promise<NotesReport> {
  const known = await readAdvisories(rt, advisories);
  return notes(await openOne(rt, a), await openOne(rt, b), known);
}

async function openOne(rt: Runtime, given: string): Promise<Asked> {
  const [one, ...others] = await openAsked(rt, given);
  if (one !== undefined && others.length === 0 && one.given === given) return one;
  throw new RepackError('E_USAGE', {
    what: 'This is a ROOT: notes are about one label',
    where: given,
    hint: `Name one of its folders, or a generation: ${one?.given ?? given}, ${one?.given ?? given}@-1.`,
  });
}
