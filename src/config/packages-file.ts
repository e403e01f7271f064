import { z } from 'zod';
import type { Runtime } from '../runtime/runtime.js';
import { RepackError } from '../base/errors.js';
import { kindOfText } from './packages-file-kinds.js';
import { pipEntry, pipRefused, type PipEntry, type PipSection } from './pip-section.js';
import { checked } from './yaml/check.js';
import type { Complaint } from './yaml/check.js';
import { dropFrom, readYaml } from './yaml/read-yaml.js';
import { readFormFile, textOf } from './yaml/text-file.js';
import type { FileForm, Parts } from './yaml/text-file.js';

export interface PackagesFile {
  /** MatchSpecs as written, with the line each stands on. */
  specs: { text: string; line: number }[];
  /** `channels:` of an environment.yml, as written: told to the user, never taken as declared. */
  channels: string[];
  pip?: PipSection | undefined;
}

const FORM: FileForm = {
  code: 'E_SPEC_FILE',
  name: 'packages file',
  mostBytes: 4 * 1024 * 1024,
  option: '--packages-file',
  keys: ['name', 'channels', 'dependencies'],
  example: 'dependencies:\n    - numpy>=1.26',
};

/** An environment.yml, as far as it is read. */
const SCHEMA = z.object({
  // Behind `readonly` one text does not stand for a list of one: conda would not read it so.
  dependencies: z.array(z.union([z.string(), z.strictObject({ pip: z.array(z.string()).readonly() })])).readonly(),
  channels: z.array(z.unknown()).catch([]),
});

/**
 * `--packages-file`: MatchSpecs, a line each (`#` begins a comment), or an `environment.yml`.
 * @throws RepackError E_SPEC_FILE naming file and line, and what the file is where it is a lock or a list of another program's.
 */
export async function readPackagesFile(rt: Pick<Runtime, 'fs'>, file: string): Promise<PackagesFile> {
  return readPackagesText(await readFormFile(rt, file, FORM), file, true);
}

/** @throws RepackError also for a `pip:` section, unless `takesPip` */
export function readPackagesText(bytes: Uint8Array, file: string, takesPip = false): PackagesFile {
  const text = textOf(bytes, file, FORM);
  const isYaml = looksLikeYaml(file, text);
  const other = kindOfText(text, isYaml);
  if (other !== undefined) {
    throw new RepackError('E_SPEC_FILE', {
      what: `This is ${other.name}`,
      where: `${file}, line ${other.line}`,
      hint: other.hint,
    });
  }
  if (!isYaml) return { specs: fromLines(text), channels: [] };
  const read = fromEnvironmentYaml(text, file);
  if (read.pip !== undefined && !takesPip) throw pipRefused(read.pip);
  return read;
}

function looksLikeYaml(file: string, text: string): boolean {
  return /\.ya?ml$/i.test(file) || /^dependencies\s*:/m.test(text);
}

function fromLines(text: string): PackagesFile['specs'] {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    return line === '' ? [] : [{ text: line, line: index + 1 }];
  });
}

function fromEnvironmentYaml(text: string, file: string): PackagesFile {
  const yaml = readYaml(text, file, FORM);
  dropFrom(yaml, 'dependencies', isEmptyPip);
  const { dependencies, channels } = checked(yaml, SCHEMA, words);
  const specs: PackagesFile['specs'] = [];
  const entries: PipEntry[] = [];
  for (const [at, item] of dependencies.entries()) {
    const line = (...path: PropertyKey[]): number => yaml.at(['dependencies', at, ...path]).line;
    if (typeof item === 'string') specs.push({ text: item.trim(), line: line() });
    else for (const [nth, entry] of item.pip.entries()) entries.push({ ...pipEntry(entry), line: line('pip', nth) });
  }
  const first = dependencies.findIndex((item) => typeof item !== 'string');
  return {
    specs,
    channels: channels.filter((each) => typeof each !== 'object').map(String),
    pip: first === -1 ? undefined : { file, line: yaml.at(['dependencies', first]).line, entries },
  };
}

/** `- pip:` whose entries are commented out: nothing is asked for by it. */
function isEmptyPip(item: unknown): boolean {
  return ['{"pip":null}', '{"pip":[]}'].includes(JSON.stringify(item));
}

function words({ path, value, knownKeys }: Complaint): Parts {
  if (path.length === 1) {
    return {
      what: 'There is no list `dependencies:` in it',
      hint: 'Give an environment.yml, or MatchSpecs, a line each, in a .txt file.',
    };
  }
  const inPip = path[2] === 'pip' && value !== undefined && knownKeys === undefined;
  return inPip
    ? {
        what: path.length === 3 ? '`pip:` is not a list' : 'This entry of `pip:` is not a text',
        hint: 'Write what pip is to install, an item each: `- name==1.0`.',
      }
    : { what: 'This dependency is not a text', hint: 'Write one MatchSpec an item; put versions in quotes.' };
}
