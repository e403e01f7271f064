import { largest } from '../base/largest.js';
import { SETTINGS, SETTING_NAMES } from './settings.js';
import type { ResolvedSettings } from './resolve-settings.js';
import type { SettingName } from './settings.js';

/**
 * Every value in force for a command and where it is from (`--show-config`), as a configuration file that can be used again: what has no value
 * and what no file can say stand in comments. Credentials in a proxy URL are masked by the redactor.
 */
export function renderConfig(resolved: ResolvedSettings, names: readonly SettingName[]): string {
  const shown = SETTING_NAMES.filter((name) => names.includes(name));
  const inForce = shown.filter((name) => resolved.values[name] !== undefined);
  const unset = shown.filter((name) => resolved.values[name] === undefined);
  const rows = [...inForce.filter(hasKey), ...inForce.filter((name) => !hasKey(name))].map((name) => [
    hasKey(name) ? `${SETTINGS[name].key}:` : `# --${SETTINGS[name].flag}:`,
    JSON.stringify(resolved.values[name]),
    resolved.origins[name],
  ]);
  const width = (column: number) => largest(rows.map((row) => row[column]?.length ?? 0));
  return [
    `# configuration file: ${resolved.configFile ?? 'none'}`,
    ...rows.map(
      ([key = '', value = '', origin = '']) =>
        `${key.padEnd(width(0))} ${value.padEnd(Math.min(width(1), 44))}  # ${origin}`,
    ),
    ...(unset.length === 0 ? [] : [`# not set: ${unset.map((name) => SETTINGS[name].key).join(', ')}`]),
    '',
  ].join('\n');
}

function hasKey(name: SettingName): boolean {
  return SETTINGS[name].key !== undefined;
}
