import { nearest } from '../base/nearest.js';
import { KNOWN_SUBDIRS, nearestSubdir } from '../conda/channel/names.js';
import { insteadOfOption } from './former-tools.js';
import { QUEUE_VARIABLE } from '../runtime/pace.js';
import { SETTING_NAMES, SETTINGS, variableOf } from '../config/settings.js';

/** Read outside the table of settings; those of the `.cmd` files and of tests among them. */
const OTHERS = new Set(['REPACKENV_ROOT', 'REPACKENV_CONFIG', 'REPACKENV_NODE', 'REPACKENV_EXIT', QUEUE_VARIABLE]);

/** Names that are taken, or without effect, and are probably slips: a sentence each. */
export function nearMisses(env: Readonly<Record<string, string | undefined>>, subdirs: readonly string[]): string[] {
  const known = new Set([...SETTING_NAMES.map((name) => SETTINGS[name].variable), ...OTHERS]);
  const variables = Object.keys(env).filter(
    (name) => /^REPACKENV_(?!TEST_)/.test(name) && !known.has(name) && env[name] !== '',
  );
  const unknown = variables.sort().map((name) => {
    const word = name.replace('REPACKENV_', '');
    const others = insteadOfOption([`--${word.toLowerCase().replaceAll('_', '-')}`])?.instead.split(' ')[0] ?? '';
    const variable = variableOf(others);
    const near = known.has(variable)
      ? variable.replace('REPACKENV_', '')
      : nearest(
          word,
          [...known].map((each) => each.replace('REPACKENV_', '')),
        );
    return `the environment variable ${name} has no effect: no setting is called so${near === undefined ? '' : `. Did you mean REPACKENV_${near}?`}`;
  });
  const odd = [...new Set(subdirs)].filter((subdir) => !KNOWN_SUBDIRS.includes(subdir)).sort();
  const platforms = odd.flatMap((subdir) => {
    const near = nearestSubdir(subdir);
    return near === undefined ? [] : [`conda knows no platform ${subdir}. Did you mean ${near}?`];
  });
  return [...unknown, ...platforms];
}
