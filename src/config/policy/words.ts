import { nearest } from '../../base/nearest.js';
import { said, type Complaint } from '../yaml/check.js';
import type { Parts } from '../yaml/text-file.js';

const EXAMPLE = `A policy is like
  deny: {licenses: [GPL3, AGPL], packages: ["openssl <3.0.15"]}
  newest: 7d
  except: [{packages: "openssl 3.0.14", reason: ticket 4711, until: 2027-01-31}]`;

/** What is said of a value that the schema of policies does not take; `path` begins in the policy, `of` says which. */
export function policyWords({ path, message, value, knownKeys }: Complaint, of = ''): Parts {
  const names = path.filter((step) => typeof step === 'string');
  if (knownKeys !== undefined) {
    const key = names.at(-1) ?? '';
    const near = nearest(key, knownKeys);
    const below = names.length < 2 ? '' : ` below "${names.slice(0, -1).join(': ')}"`;
    return {
      what: `Unknown key "${key}"${below}${of}`,
      hint: `${near === undefined ? '' : `Did you mean "${near}"? `}Known here: ${knownKeys.toSorted().join(', ')}.`,
    };
  }
  const key = names.length === 0 ? `The policy${of}` : `"${names.join(': ')}"${of}`;
  const [what = '', ...hint] = message.split('\n');
  if (hint.length > 0) return { what: `${key} ${what}`, hint: hint.join('\n') };
  if (value === undefined) return { what: `${key} is missing`, hint: EXAMPLE };
  if (value === null) return { what: `${key} has no value`, hint: `Write one, or take the line out. ${EXAMPLE}` };
  return { what: `${key} has a wrong value: ${said(message, value)}`, hint: EXAMPLE };
}
