/**
 * Texts for lines that a person copies into a shell. What comes from outside (specs of a manifest, names on a medium, URLs) passes one
 * of these on its way into a line.
 */

/** Nothing in it means anything to sh, cmd or PowerShell; nor is it taken for an option. A `%` only as in URLs. */
const PLAIN = /^[\w/](?:[\w.=:/@-]|%[0-9A-Fa-f]{2})*$/;

/**
 * Between double quotes nothing in it means anything either. Not among them: `$`, a grave accent, a backslash, `%VARIABLE%`, the `!` by
 * which bash calls an earlier line (it does not before `=`), what is no ASCII (PowerShell takes curly quotes for quotes).
 */
const PLAIN_IN_QUOTES = /^(?:[\w\p{L}\p{N} .,:;=<>~|&()[\]{}+*/@#?'^-]|!(?==)|%[0-9A-Fa-f]{2})*$/u;

/** One word for sh, cmd and PowerShell alike; undefined where no spelling is the same to all three. */
export function wordForAnyShell(text: string): string | undefined {
  if (PLAIN.test(text)) return text;
  return PLAIN_IN_QUOTES.test(text) ? `"${text}"` : undefined;
}

/** One word for cmd and PowerShell: a path there has backslashes. */
export function wordForWindows(text: string): string | undefined {
  const word = wordForAnyShell(text.replaceAll('\\', '/'));
  return word?.startsWith('"') === true ? `"${text}"` : word && text;
}

/** One word for a POSIX shell, whatever it holds. */
export function wordForSh(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The path of a folder on this machine as one word for the shells that it has: a path of Windows is known by its beginning. */
export function wordForShellHere(folder: string): string {
  const isWindows = /^(?:[A-Za-z]:\\|\\\\)/.test(folder);
  return (isWindows ? wordForWindows(folder) : undefined) ?? wordForSh(folder);
}

/**
 * A MatchSpec for any shell. Where one holds what means something between quotes too (the `!` of an epoch), its name alone is asked for:
 * the channel has what was meant. Undefined where it does not begin with a name.
 */
export function specForAnyShell(spec: string): string | undefined {
  return /^[A-Za-z0-9_]/.test(spec)
    ? (wordForAnyShell(spec.replaceAll('"', "'")) ?? /^[A-Za-z0-9_][\w.-]*/.exec(spec)?.[0])
    : undefined;
}
