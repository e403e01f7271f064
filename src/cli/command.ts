import type { Command } from 'commander';
import { EXIT } from '../base/errors.js';
import type { ExitCode } from '../base/errors.js';
import type { Finding } from '../base/findings.js';
import type { Redactor } from '../base/redact.js';
import type { Secret } from '../base/secret.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Terminal } from '../runtime/terminal.js';
import type { Reporter } from './reporter/reporter.js';
import type { SettingName, SettingValues } from '../config/settings.js';
import type { ChannelLogin } from '../base/channel-login.js';
import type { FoundRoot } from '../config/labels/find-root.js';
import type { ResolvedSettings } from '../config/resolve-settings.js';

/** What the command line said beside settings, before any value is checked. */
export interface Typed {
  /** Positionals, variadic ones flattened. */
  args: readonly string[];
  /** The command's own options, camelCase, as commander parsed them. */
  options: Readonly<Record<string, unknown>>;
}

/** What a command works with. */
export interface CliCall extends Typed {
  /** `logins`: what `channelLogins` and `netrc` name, read. */
  values: SettingValues & { logins: readonly ChannelLogin[] };
  /** Settings that nobody gave a value. */
  leftOpen: ReadonlySet<SettingName>;
  /** Where values came from, and what ROOT declares. */
  resolved: ResolvedSettings;
  /** Of a command that looks for ROOT. */
  root: FoundRoot | undefined;
  token: Secret | undefined;
  /** When this run began, ms: the time by which policies judge. */
  at: number;
  rt: Runtime;
  reporter: Reporter;
  redactor: Redactor;
  terminal: Terminal;
}

/** One command of a program: all that the programs know of it. */
export interface CliCommand {
  name: string;
  /** One line for the program's help. */
  summary: string;
  /** The entries of the settings table that mean something to it. */
  settings: readonly SettingName[];
  /** Settings that are taken, since others give them together, and mean nothing to it: the help is silent about them. */
  silent?: readonly SettingName[];
  /** Arguments, own options, examples. */
  declare?(command: Command): void;
  /** By `--token-env` and `--token-file`, or found among the arguments (as `readToken` takes it); absent: it needs none. */
  token?: 'options' | ((typed: Typed) => string | undefined);
  /** ROOT, where `repackenv.yml` is looked for. */
  root?(typed: Typed): string | undefined;
  /** Which arguments are label folders: there LABEL and LABEL@N alone mean one in ROOT, and `--root` is an option. */
  folders?: readonly number[];
  /** Its LABEL is one of ROOT, as `labelArgument` reads it: ROOT may also be found. */
  labelOfRoot?: true;
  /** ROOT may also be found, as `findRoot` does; its labels are wanted. */
  findsRoot?: true;
  /** Its name in the dated log of `--log-dir`: what it is about, e.g. the label. Absent: it writes no log. */
  log?(typed: Typed): string;
  /** `--show-config` is its own to answer. */
  showsConfig?(typed: Typed): boolean;
  /** What can be refused before settings, token and log are looked at. Throws E_USAGE and the like. */
  check?(typed: Typed, root?: FoundRoot): void;
  run(call: CliCall): Promise<ExitCode>;
}

/** The text of an own option; undefined where it was not given. */
export function textOption({ options }: Typed, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Reads an option that may be repeated. */
export function appended(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** The texts of an own option that may be repeated. */
export function textsOption({ options }: Typed, name: string): string[] {
  const value = options[name];
  return Array.isArray(value) ? value.map(String) : [];
}

export const OUTPUT_SETTINGS = ['json', 'quiet', 'debug'] as const satisfies readonly SettingName[];

/** For commands that reach channels. */
export const NETWORK_SETTINGS = [
  'channelLogins',
  'netrc',
  'allowHttp',
  'maxIndexMb',
  'requestsPerSecond',
  'proxy',
  'noProxy',
  'caFiles',
] as const satisfies readonly SettingName[];

/** For commands that take a folder's lock and write it. */
export const LOCK_SETTINGS = ['waitLock', 'takeOverLock'] as const satisfies readonly SettingName[];

/** The exit code of a command that did its work: 1 where a finding needs somebody. */
export function exitOf(findings: readonly Finding[]): ExitCode {
  return findings.some(({ exit }) => exit) ? EXIT.findings : EXIT.done;
}
