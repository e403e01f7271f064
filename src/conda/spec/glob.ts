/**
 * Does `text` match `pattern`, in which `*` stands for any run of characters (CEP 29, "String matching", case-insensitive where
 * nothing else is said)? Linear but for the last star, so a hostile `*a*a*a*b` costs nothing.
 */
export function globMatches(pattern: string, text: string, { caseMatters = false } = {}): boolean {
  const wanted = caseMatters ? pattern : pattern.toLowerCase();
  const given = caseMatters ? text : text.toLowerCase();
  let at = 0;
  let p = 0;
  let star = -1;
  let retry = 0;
  while (at < given.length) {
    if (wanted[p] === '*') {
      star = p++;
      retry = at;
    } else if (wanted[p] === given[at]) {
      p++;
      at++;
    } else if (star >= 0) {
      p = star + 1;
      at = ++retry;
    } else {
      return false;
    }
  }
  while (wanted[p] === '*') p++;
  return p === wanted.length;
}
