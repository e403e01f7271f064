import { z } from 'zod';
import { shown } from '../../conda/channel/names.js';
import { Wrong, step } from '../yaml/step.js';

export const text = z.string().trim();

/** A text; of a number what is written: a digest of digits only, a share. */
export const written = z.union([z.string(), z.number()]);

/** Empty where nothing follows the colon. */
export function list<Item extends z.ZodType>(item: Item) {
  return z
    .array(item)
    .nullable()
    .transform((items) => items ?? []);
}

/** A list of plain texts, each read by `make`. */
export function texts<Entry>(key: string, make: (text: string) => Entry | Wrong) {
  return list(text.pipe(step((entry: string) => severalIn(key, entry) ?? make(entry))));
}

/** A text that was meant as a list of plain words; a MatchSpec and a licence may hold blanks, a MatchSpec commas too. */
function severalIn(key: string, entry: string): Wrong | undefined {
  const blanks = key === 'include' || key === 'exclude' || key === 'license_blacklist';
  const words = entry.split(blanks ? /\s*[,;]\s*/ : /\s*[,;]\s*|\s+-\s+|\s+/).filter((each) => each !== '');
  if (words.length < 2 || !words.every((each) => /^[A-Za-z0-9_.*/:-]+$/.test(each))) return undefined;
  return new Wrong(
    `has ${words.length} values in one text`,
    `A dash is missing, or the brackets and commas of a list:\n  ${key}: [${words.join(', ')}]`,
  );
}

/** What a schema says of any value that it does not take: `must be true or false, not "maybe"`. Of none it says nothing. */
export function aboutValue(what: string, hint: string): { error: (issue: { input?: unknown }) => string | undefined } {
  return {
    error: ({ input }) => {
      if (input === null || input === undefined) return undefined;
      const single = ['string', 'number', 'boolean'].includes(typeof input);
      return new Wrong(single ? `${what}, not ${shown(String(input))}` : what, hint).message;
    },
  };
}

/** `true`, `false`, and what YAML 1.1 of the old tools took for them: `yes`, `no`, `on`, `off`. */
export function flag(error = aboutValue('must be true or false', 'Write `true` or `false`.')) {
  return z
    .union([z.boolean(), z.string().regex(/^(true|yes|on|false|no|off)$/i, error)], error)
    .transform((value) => /^(true|yes|on)$/i.test(String(value)));
}
