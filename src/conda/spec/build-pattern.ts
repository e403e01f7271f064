import { globMatches } from './glob.js';

/** What a regular expression for builds may hold here: groups that are not repeated, so that none takes longer than its text. */
const PLAIN_REGEX =
  /^\^(?:[A-Za-z0-9_.+*?|-]|\\[._+*d w]|\[[A-Za-z0-9_.-]+\]|\((?:\?:)?[A-Za-z0-9_.|]+\)(?![*+?{]))*\$$/;

/** May `pattern` stand for builds: a build string, one with `*` for any run of characters, or a plain regular expression (`^py3.*$`)? */
export function isBuildPattern(pattern: string): boolean {
  return (
    pattern.length <= 200 && (pattern.startsWith('^') ? PLAIN_REGEX.test(pattern) : /^[^\s^$\\()|[\]]+$/.test(pattern))
  );
}

/** Does a build fit? Upper and lower case differ, as they do to conda; rattler takes them for the same. */
export function buildMatches(pattern: string, build: string): boolean {
  if (!pattern.startsWith('^')) return globMatches(pattern, build, { caseMatters: true });
  return isBuildPattern(pattern) && new RegExp(pattern, 'y').test(build);
}
