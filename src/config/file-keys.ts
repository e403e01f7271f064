import { SETTINGS, SETTING_NAMES } from './settings.js';
import type { SettingName } from './settings.js';

/** The settings that can stand in a `repackenv.yml`, by their key there. */
export const BY_KEY = new Map<string, SettingName>(
  SETTING_NAMES.flatMap((name) => {
    const { key } = SETTINGS[name];
    return key === undefined ? [] : [[key, name] as const];
  }),
);

/** Their schemas. `of`: of the file, where the default is stated, since nothing else can have given a value; or of one of its labels. */
export function fileSettings({ of }: { of: 'file' | 'label' }) {
  return Object.fromEntries(
    [...BY_KEY].flatMap(([key, name]) => {
      const { given, schema, help: description, ofRun } = SETTINGS[name];
      if (of === 'label' && ofRun === true) return [];
      const absent = of === 'file' ? { default: schema.safeParse(undefined).data } : {};
      return [[key, given.optional().meta({ description, ...absent })] as const];
    }),
  );
}

/** What a file sets, by setting. */
export function settingsOf(values: Readonly<Record<string, unknown>>): Map<SettingName, unknown> {
  return new Map(
    Object.entries(values).flatMap(([key, value]) => {
      const name = BY_KEY.get(key);
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}
