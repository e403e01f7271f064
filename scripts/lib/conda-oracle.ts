import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findLayer, PROJECT_ROOT } from './layers.js';

const PROGRAM = join(PROJECT_ROOT, 'scripts', 'lib', 'conda-oracle.py');

export interface OracleRecord {
  name: string;
  version: string;
  build: string;
  build_number: number;
  subdir: string;
}

/** What other programs are asked; see conda-oracle.py. */
export interface Questions {
  order?: readonly (readonly [a: string, b: string])[];
  match?: readonly (readonly [constraint: string, version: string])[];
  spec?: readonly (readonly [text: string, record: OracleRecord])[];
}

/** One answer a question, in order; null where the program refuses the input. */
export interface Answers {
  order: (-1 | 0 | 1 | null)[];
  match: (boolean | null)[];
  spec: (boolean | null)[];
}

export type OracleName = 'conda43' | 'py-rattler';

/** Puts all questions to one program, in one process. */
export function askOracle(name: OracleName, questions: Questions): Answers {
  const { status, stdout, stderr } = spawnSync(pythonOf(name), [PROGRAM], {
    input: JSON.stringify(questions),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`${name} gave no answers: ${stderr.slice(-2000)}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Answers;
}

/** Distinct versions and dependencies in the channel indexes that lie beside the checkout; undefined where there are none. */
export function realChannelTexts(): { versions: string[]; dependencies: string[] } | undefined {
  const dir = join(PROJECT_ROOT, '..', 'shared', 'data', 'repodata');
  if (!existsSync(dir)) return undefined;
  const versions = new Set<string>();
  const dependencies = new Set<string>();
  for (const file of readdirSync(dir).sort()) {
    const document = JSON.parse(readFileSync(join(dir, file), 'utf8')) as Record<string, Record<string, RealRecord>>;
    for (const record of Object.values({ ...document['packages'], ...document['packages.conda'] })) {
      versions.add(record.version);
      for (const text of [...record.depends, ...(record.constrains ?? [])]) dependencies.add(text);
    }
  }
  return { versions: [...versions].sort(), dependencies: [...dependencies].sort() };
}

interface RealRecord {
  version: string;
  depends: string[];
  constrains?: string[];
}

/** conda's layer is its launcher; the Python that can import it lies beside. */
function pythonOf(name: OracleName): string {
  const layer = findLayer(name);
  if (!layer.available) throw new Error(`${name} is ${layer.why}`);
  return name === 'conda43' ? join(dirname(layer.path), 'python') : layer.path;
}
