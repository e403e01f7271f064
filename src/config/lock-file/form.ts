import type { FileForm } from '../yaml/text-file.js';

export const LOCK_FORM: FileForm = {
  code: 'E_LOCK_FILE',
  name: 'lock file',
  mostBytes: 64 * 1024 * 1024,
  option: '--lock',
  // Written by a program: no hand has indented a key.
  keys: [],
  example: 'version: 6\n  environments: …\n  packages: …',
};
