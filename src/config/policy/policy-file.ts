import type { Runtime } from '../../runtime/runtime.js';
import { checked } from '../yaml/check.js';
import { readYaml } from '../yaml/read-yaml.js';
import { fileError, readFormFile } from '../yaml/text-file.js';
import type { FileForm } from '../yaml/text-file.js';
import { POLICY_FILE_SCHEMA, type PolicyBlock } from './schema.js';
import { policyWords } from './words.js';

const FORM: FileForm = {
  code: 'E_CONFIG',
  name: 'policy file',
  mostBytes: 1024 * 1024,
  option: '--policy',
  keys: Object.keys(POLICY_FILE_SCHEMA.shape),
  example: 'deny: {licenses: [GPL3, AGPL]}\n  newest: 7d',
};

/** A policy in a file of its own. @throws RepackError E_CONFIG naming line, column and key */
export async function readPolicyFile(rt: Pick<Runtime, 'fs'>, file: string): Promise<PolicyBlock> {
  return readPolicyText(await readFormFile(rt, file, FORM), file);
}

export function readPolicyText(bytes: Uint8Array, file: string): PolicyBlock {
  const yaml = readYaml(bytes, file, FORM);
  if (yaml.root === undefined) {
    throw fileError(FORM, `${file}, line 1`, {
      what: 'The policy file is empty, and would allow everything',
      hint: `Write at least one rule:\n  ${FORM.example}`,
    });
  }
  return { ...checked(yaml, POLICY_FILE_SCHEMA, policyWords), from: [] };
}
