import { RepackError } from '../base/errors.js';
import { pypiName } from '../conda/channel/names.js';

/** What an environment.yml leaves to pip. */
export interface PipSection {
  file: string;
  line: number;
  entries: readonly PipEntry[];
}

export interface PipEntry {
  /** Without addresses, which may hold a password. */
  text: string;
  line: number;
  /** As PEP 503 has it; undefined for options, paths and bare URLs. */
  name: string | undefined;
}

/** A name, perhaps with extras, before a version, a marker or a URL. */
const PIP_NAME = /^([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)\s*(?:\[[^\]]*\]\s*)?(?=$|[<>=!~;@(#])/i;

export function pipEntry(entry: string): Pick<PipEntry, 'text' | 'name'> {
  const text = entry.trim();
  const name = PIP_NAME.exec(text)?.[1];
  const bare = text.replaceAll(/:\/\/\S*/g, '://…');
  return { text: bare, name: name === undefined ? undefined : pypiName(name) };
}

/** `details`: what is known of each entry. */
export function pipRefused({ file, line }: PipSection, details: readonly string[] = []): RepackError {
  return new RepackError('E_SPEC_FILE', {
    what: 'The `pip:` section can’t be delivered: a conda channel holds conda packages only',
    where: `${file}, line ${line}`,
    hint: 'Name the conda packages of the same software under dependencies: instead, or build them. With --allow-pip-section the rest is delivered without them.',
    details,
  });
}
