import { Option } from 'commander';
import type { Command } from 'commander';
import { appended } from './command.js';
import type { GivenOptions } from '../config/resolve-settings.js';
import { SETTINGS, SETTING_NAMES } from '../config/settings.js';
import type { SettingName } from '../config/settings.js';

/** Puts settings of the table on a command, in the table's order, under their headings. */
export function addSettings(
  command: Command,
  names: readonly SettingName[],
  silent: readonly SettingName[] = [],
): void {
  // Of what only prints a text of the program's nothing is configured.
  const isPlain = names.length === 1;
  for (const name of SETTING_NAMES)
    if (names.includes(name)) command.addOption(optionOf(name).hideHelp(silent.includes(name)));
  command.addOption(
    new Option('--config <FILE>', 'configuration file (else REPACKENV_CONFIG, ROOT/repackenv.yml, the user’s folder)')
      .helpGroup('Configuration:')
      .hideHelp(isPlain),
  );
  command.addOption(
    new Option('--show-config', 'print every value and where it is from, and end')
      .helpGroup('Configuration:')
      .hideHelp(isPlain),
  );
}

/** What the command line said, by setting. */
export function givenOptions(command: Command): GivenOptions {
  const parsed = command.opts<Record<string, unknown>>();
  const given: GivenOptions = {};
  for (const name of SETTING_NAMES) {
    const value = parsed[optionOf(name).attributeName()];
    if (value !== undefined) given[name] = value;
  }
  return given;
}

function optionOf(name: SettingName): Option {
  const { flag, value, wordless, repeatable, help, defaultText, group } = SETTINGS[name];
  const notes = [
    ...(repeatable ? ['repeatable'] : []),
    ...(defaultText === undefined ? [] : [`default ${defaultText}`]),
    SETTINGS[name].variable,
  ];
  const option = new Option(
    value === undefined ? `--${flag}` : wordless ? `--${flag} [${value}]` : `--${flag} <${value}>`,
    `${help} (${notes.join('; ')})`,
  );
  option.helpGroup(`${group}:`);
  if (repeatable) {
    option.argParser(appended);
  }
  return option;
}
