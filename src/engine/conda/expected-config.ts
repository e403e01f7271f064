/** What must be in force in an isolated environment, as the engine was told it. */
export interface ExpectedConfig {
  /** URLs as the engine was told them, highest priority first. */
  channels: readonly string[];
  subdir: string;
  proxyUrl: string | undefined;
  pkgsDir: string;
  /** `-c` on the command line decides, so further channels in configuration files have no effect (4.4 and later). */
  channelsByOption: boolean;
}

/** A setting that is not ours: its key in the configuration files and what it is in force as. */
export interface ForeignSetting {
  /** Its name and older names, as a configuration file may spell it. */
  keys: readonly string[];
  value: string;
}
