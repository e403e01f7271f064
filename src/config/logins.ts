import path from 'node:path';
import { RepackError } from '../base/errors.js';
import { Secret } from '../base/secret.js';
import type { Runtime } from '../runtime/runtime.js';
import { readSecretFile } from './secret-file.js';

/**
 * A file of `user:password` lines (`--basic-auth-file`), with blank lines and `#` comments. The file holds passwords as they are typed:
 * hashed ones are refused, since they would be taken for the password itself. Throws E_CONFIG, never with a password in it.
 */
export async function readLogins(
  file: string,
  rt: Pick<Runtime, 'fs' | 'machine'>,
): Promise<{ logins: { user: string; password: Secret }[]; warning: string | undefined }> {
  const full = path.resolve(rt.machine.cwd, file);
  const refuse = (what: string, hint: string, cause?: unknown): RepackError =>
    new RepackError('E_CONFIG', { what, where: full, hint, cause });
  const SHAPE = 'Each line is user:password, as they are typed; lines that begin with # are comments.';
  const { text, warning } = await readSecretFile(rt, full, {
    refuse: (cause) =>
      refuse('The file of users and passwords can’t be read', `Check its path and permissions. ${SHAPE}`, cause),
  });
  const logins: { user: string; password: Secret }[] = [];
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    if (raw.trim() === '' || raw.startsWith('#')) continue;
    const colon = raw.indexOf(':');
    const [user, password] = [raw.slice(0, colon), raw.slice(colon + 1)];
    if (colon < 1 || password === '') throw refuse(`Line ${at + 1} is not user:password`, SHAPE);
    if (/^(\$(2[abxy]?|apr1|1|5|6|y|argon2\w*)\$|\{(SHA|SSHA)\d*\})/.test(password))
      throw refuse(`Line ${at + 1} holds a hashed password, which can't be used here`, SHAPE);
    logins.push({ user, password: new Secret(password) });
  }
  if (logins.length === 0) throw refuse('The file of users and passwords names nobody', SHAPE);
  return { logins, warning };
}
