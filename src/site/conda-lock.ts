import { createHash } from 'node:crypto';
import { dependencyName } from '../conda/spec/dependency.js';
import { PLACEHOLDER, placedUrl, type PlatformSet } from './explicit-lock.js';

/**
 * `LABEL.conda-lock.yml`, version 1 (conda-lock's `conda_lock/lockfile/v1/models.py`): what the explicit files name, of all platforms
 * together. Written as conda-lock writes it, every text in quotes; nothing in it varies with time. Undefined where no platform has a set.
 */
export function condaLockText(
  { label, generation }: { label: string; generation: number },
  sets: readonly PlatformSet[],
): string | undefined {
  if (sets.length === 0) return undefined;
  const platforms = sets.map(({ subdir }) => subdir);
  return [
    `# ${label}, generation ${generation}: what is installed, package by package`,
    '# Put the folder of the channel in the place of CHANNEL-FOLDER first:',
    `# ${label}.INSTALL.md has the line for it. Then: conda-lock install -n YOURENV FILE`,
    'version: 1',
    'metadata:',
    '  content_hash:',
    ...sets.map((set) => `    ${set.subdir}: ${contentHash(set)}`),
    '  channels:',
    `  - url: ${PLACEHOLDER}`,
    '    used_env_vars: []',
    '  platforms:',
    ...platforms.map((subdir) => `  - ${subdir}`),
    '  sources: []',
    'package:',
    ...sets.flatMap((set) => set.packages.flatMap((each) => entry(set.subdir, each))),
    '',
  ].join('\n');
}

function entry(subdir: string, { record, file }: PlatformSet['packages'][number]): string[] {
  // Of two constraints on one name the last stands, as in a lock of conda-lock's own.
  const needs = new Map(record.depends.map((text) => [dependencyName(text), constraintIn(text)]));
  const dependencies = [...needs].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `- name: ${quoted(record.name)}`,
    `  version: ${quoted(record.version)}`,
    '  manager: conda',
    `  platform: ${subdir}`,
    dependencies.length === 0 ? '  dependencies: {}' : '  dependencies:',
    ...dependencies.map(([name, constraint]) => `    ${quoted(name)}: ${quoted(constraint)}`),
    `  url: ${quoted(placedUrl(file.path))}`,
    '  hash:',
    `    md5: ${file.md5}`,
    `    sha256: ${file.sha256}`,
    '  category: main',
    '  optional: false',
  ];
}

/** `>=3.9 *_cpython` of `python >=3.9 *_cpython`. */
function constraintIn(text: string): string {
  return text.replace(/^\s*[^\s[=<>!~]+/, '').trim();
}

/** conda-lock compares it with its sources, which are not ours: it moves where the set does. */
function contentHash({ packages }: PlatformSet): string {
  return createHash('sha256')
    .update(packages.map(({ file }) => `${file.sha256}\n`).join(''))
    .digest('hex');
}

/** JSON's quotes are YAML's. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
