import { SETTING_NAMES, setting } from './settings.js';
import type { ResolvedSettings } from './resolve-settings.js';
import type { SettingName } from './settings.js';

/** Every value in force for a command and where it is from (`--show-config`); credentials in a proxy URL are masked by the redactor. */
export function renderConfig(resolved: ResolvedSettings, names: readonly SettingName[]): string {
  const rows = SETTING_NAMES.filter((name) => names.includes(name)).map((name) => [
    setting(name).key ?? setting(name).flag.replaceAll('-', '_'),
    JSON.stringify(resolved.values[name] ?? null),
    resolved.origins[name],
  ]);
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const lines = rows.map(
    ([key = '', value = '', origin = '']) =>
      `${`${key}:`.padEnd(width(0) + 1)} ${value.padEnd(Math.min(width(1), 44))}  # ${origin}`,
  );
  return [`# configuration file: ${resolved.configFile ?? 'none'}`, ...lines, ''].join('\n');
}
