import type { Complaint } from '../yaml/check.js';
import type { Parts } from '../yaml/text-file.js';

/** A lock is written by a program: what is wrong in it is not for a person to mend. */
export function lockWords({ path, message }: Complaint): Parts {
  return {
    what: `This is no lock that can be read: ${path.map(String).join('.') || 'it'}: ${message}`,
    hint: 'Have it made anew by its program, and give it as it is.',
  };
}
