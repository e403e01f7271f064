import type { PolicyBlock } from '../policy/schema.js';
import type { WrittenInstaller } from '../installers.js';
import type { SettingName } from '../settings.js';

/** A label, or a set of `defaults:`, as ROOT/repackenv.yml has it. */
export interface DeclaredBlock {
  /** `labels: halkbank` */
  origin: string;
  line: number;
  from: readonly string[];
  values: ReadonlyMap<SettingName, unknown>;
  packages: readonly WrittenSpec[] | undefined;
  /** Names of policies; undefined: left open. */
  policy: readonly string[] | undefined;
  installers: readonly WrittenInstaller[] | undefined;
  token: { env: string } | { file: string } | undefined;
  /** `FILE, line 3, column 5` */
  whereOf(...path: PropertyKey[]): string;
}

/** A MatchSpec as written, and where. */
export interface WrittenSpec {
  text: string;
  where: string;
}

/** What ROOT/repackenv.yml declares; in the file's order. */
export interface Declared {
  file: string;
  labels: ReadonlyMap<string, DeclaredBlock>;
  defaults: ReadonlyMap<string, DeclaredBlock>;
  policies: ReadonlyMap<string, PolicyBlock | null>;
}
