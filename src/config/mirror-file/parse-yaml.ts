import { visit } from 'yaml';
import type { Node } from 'yaml';
import { swallowedKeys } from '../yaml/broken-forms.js';
import type { SwallowedKey } from '../yaml/broken-forms.js';
import { ALIAS, keyOf } from '../yaml/check.js';
import { isNothing, readYaml as readFile } from '../yaml/read-yaml.js';
import type { Place, YamlFile as ReadFile } from '../yaml/read-yaml.js';
import { fileError } from '../yaml/text-file.js';
import type { FileForm } from '../yaml/text-file.js';
import { MIRROR_KEYS } from './types.js';

export type { Place } from '../yaml/read-yaml.js';

export const MIRROR_FORM: FileForm = {
  code: 'E_MIRROR_FILE',
  name: 'mirror file',
  mostBytes: 1024 * 1024,
  option: '-f or --mirror-config',
  keys: MIRROR_KEYS,
  example: 'mirror_dir: /srv/mirror/main\n  platforms: [linux-64]',
};

/** A key with its value, and where things stand. Nothing is judged yet. */
export interface YamlEntry {
  readonly key: string;
  /** Undefined where nothing stands after the colon. */
  readonly value: Node | undefined;
  readonly line: number;
  readonly place: Place;
}

export interface YamlFile extends ReadFile {
  readonly entries: readonly YamlEntry[];
  /** Comments that end with a key and are followed by a list which now belongs to the key before. */
  readonly swallowed: readonly SwallowedKey[];
}

/** @throws RepackError E_MIRROR_FILE: as `readYaml`, and for a file that is empty or has aliases. */
export function readMirrorYaml(input: string | Uint8Array, file: string): YamlFile {
  const yaml = readFile(input, file, MIRROR_FORM);
  const { root, place, text } = yaml;
  if (root === undefined) {
    throw fileError(MIRROR_FORM, `${file}, line 1`, {
      what: 'The mirror file is empty',
      hint: 'Write at least where the mirror is:\n  mirror_dir: /srv/mirror/main',
    });
  }
  visit(root, { Alias: (_, node) => yaml.refuse(place(node), ALIAS) });
  const entries = root.items.map(({ key, value }): YamlEntry => {
    const where = place(key);
    const present = isNothing(value) ? undefined : value!;
    return { key: keyOf(yaml, key), value: present, line: where.line, place: where };
  });
  return { ...yaml, entries, swallowed: swallowedKeys(text, MIRROR_KEYS) };
}
