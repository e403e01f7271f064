import type { Secret } from '../../base/secret.js';
import type { Runtime } from '../../runtime/runtime.js';
import { kindOfText } from '../packages-file-kinds.js';
import { readYaml } from '../yaml/read-yaml.js';
import { fileError, readFormFile, textOf } from '../yaml/text-file.js';
import { fromCondaLock } from './conda-lock.js';
import { fromExplicit, isExplicit } from './explicit.js';
import { LOCK_FORM } from './form.js';
import type { LockFile, LockSource } from './lock-file.js';
import { fromRattlerLock } from './rattler-lock.js';

/**
 * `--lock`: a `pixi.lock` (versions 4 to 7), the `conda.lock` of conda-workspaces, a `conda-lock.yml` (version 1), or an explicit lock
 * (`@EXPLICIT`, CEP 23), told apart by what is in them.
 *
 * @throws RepackError E_LOCK_FILE naming file, line and column
 */
export async function readLock(
  rt: Pick<Runtime, 'fs'>,
  file: string,
  environment: string | undefined,
): Promise<LockFile> {
  return readLockText(textOf(await readFormFile(rt, file, LOCK_FORM), file, LOCK_FORM), file, environment);
}

export function readLockText(text: string, file: string, environment?: string): LockFile {
  const secrets: Secret[] = [];
  const source: LockSource = { file, text, environment, secrets };
  const isRattler = /^environments:/m.test(text);
  const isYaml = isRattler || /^package:/m.test(text);
  if (!isYaml && isExplicit(text)) return { ...fromExplicit(source), file, secrets };
  if (!isYaml) {
    const kind = kindOfText(text, /\.ya?ml$/i.test(file));
    throw fileError(LOCK_FORM, file, {
      what: `This is ${kind === undefined ? 'no lock that is known here' : kind.name}`,
      hint: 'Give a pixi.lock, a conda.lock, a conda-lock.yml or an explicit lock (@EXPLICIT). A list of MatchSpecs and an environment.yml are for --packages-file.',
    });
  }
  const yaml = readYaml(text, file, LOCK_FORM);
  return { ...(isRattler ? fromRattlerLock(yaml, source) : fromCondaLock(yaml, source)), file, secrets };
}
