import { z } from 'zod';
import { FOLDER_PATH } from './folder-url.js';

/** What is said of a setting beside its schema. */
export interface Stated {
  /** What a value has to be, and its default; a default that depends on the machine is `resolveSettings`'s. */
  schema: z.ZodType;
  group: 'Channels' | 'Target' | 'Engine' | 'Proof and publishing' | 'Network' | 'Places' | 'Output';
  help: string;
  /** Placeholder in the help; absent for a switch, and where the schema names the words. */
  value?: string;
  /** It may also stand without its value, as a switch. */
  wordless?: true;
  /** Option name without dashes; absent: the setting's name, `base-url` of `baseUrl`. */
  flag?: string;
  /** False where a configuration file makes no sense (`--dry-run`); else its key there is the setting's name, `base_url` of `baseUrl`. */
  inFile?: false;
  /** Of a run, not of one of its labels: it stands below none. */
  ofRun?: true;
  /** The value is a path (or several). */
  path?: true;
  /** The default as the help says it, where it is not the schema's. */
  defaultText?: string;
}

export const text = z.string().min(1, 'must not be empty');
/** One of a list. Nothing that stands in one has a comma behind its first word, but a path or URL. */
export const item = text.refine((written) => !/^[^,/\\\s]+,/.test(written), 'several in one: each stands for itself');
export const texts = z.array(item).default([]);
export const onOff = z.boolean().default(false);

/** A whole number of things, also as a text of digits. What is empty is none: `--keep "$KEEP"` must not mean 0. */
export function whole(least: number, most: number, things: string) {
  const number = z
    .int(`must be a whole number of ${things}`)
    .min(least, `must be ${least} or more`)
    .max(most, `must be ${most} at most`);
  return z.preprocess(
    (given) => (typeof given === 'string' && /^\s*-?\d+\s*$/.test(given) ? Number(given) : given),
    number,
  );
}

/** A whole URL of http, https or file, or the path of a folder: see `folderUrl`. */
export const place = z
  .string()
  .refine((written) => /^(https?|file):\/\/\S/.test(written) || FOLDER_PATH.test(written), {
    message: 'must be a URL that begins with https://, http:// or file://, or the path of a folder',
  });
