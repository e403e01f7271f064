import { append } from '../../base/append.js';
import { join, resolve } from 'node:path';
import { errnoOf } from '../../base/disk-errors.js';
import { RepackError } from '../../base/errors.js';
import { MANIFEST_NAME, SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import type { Runtime } from '../../runtime/runtime.js';
import { openSigner } from './keygen.js';
import type { SignatureRuntime } from './keygen.js';
import { parseSshSignature } from './parse.js';

export type { SignatureRuntime } from './keygen.js';

/** `verified`: by a key of the site's allowed signers. `well formed`: by some key, over these bytes; of who made it that says nothing. */
export type SignatureCheck = { state: 'verified'; principal: string } | { state: 'well formed' };

/** Larger is no SSH signature: one by a 16,384-bit RSA key has 6 kB. */
const MAX_SIGNATURE_BYTES = 64 * 1024;
const NAMESPACE = 'repackenv-';

/** What an SSH signature is bound to beside the bytes: the tool and the label, so that one label's is none of another's. */
export function signatureNamespace(label: string): string {
  return `${NAMESPACE}${label}`;
}

export interface SignOptions {
  /** Private key, or the public one of a key that the agent (`SSH_AUTH_SOCK`) holds. Relative to the working folder. */
  keyFile: string;
  /** The bytes of `manifest.json`. */
  manifest: Uint8Array;
  label: string;
}

/**
 * The bytes of `manifest.json.sig`: `ssh-keygen -Y sign` with the namespace `repackenv-<label>`. Ed25519 and RSA give the same bytes each
 * time. Never asks: a key with a passphrase must be in the agent. Throws E_SIGNATURE.
 */
export async function signManifest(
  rt: SignatureRuntime,
  { keyFile, manifest, label }: SignOptions,
): Promise<Uint8Array> {
  const key = await findSigningKey(rt, keyFile);
  const signer = openSigner(rt);
  const signed = await signer.run(['-Y', 'sign', '-f', key, '-n', signatureNamespace(label)], manifest);
  if (signed.ok && parseSshSignature(signed.stdout) !== undefined) return signed.stdout;
  throw new RepackError('E_SIGNATURE', {
    what: `The manifest could not be signed: ${signingProblem(signed.said)}`,
    where: key,
    hint: signingAdvice(signed.said),
    details: signed.said,
  });
}

export interface VerifyOptions {
  /** The bytes of `manifest.json`. */
  manifest: Uint8Array;
  /** The bytes of `manifest.json.sig`; undefined where there is none, which is an error. */
  signature: Uint8Array | undefined;
  label: string;
  /** The site's own (`ssh-keygen(1)`, ALLOWED SIGNERS), relative to the working folder. Without it the answer is at most `well formed`. */
  allowedSignersFile?: string | undefined;
  /** Folder of the medium that the manifest came on: allowed signers that lie in it are refused. */
  medium?: string | undefined;
  /** The signature file, for messages. */
  where?: string | undefined;
}

/**
 * Checks a detached signature over a manifest (bad-inputs G7). Throws E_SIGNATURE for one that is missing, truncated, of other bytes, of
 * another label, and, with allowed signers, by a key that they do not list for this label or that has expired. Throws E_CONFIG where the
 * file of allowed signers can't be read.
 */
export async function verifySignature(rt: SignatureRuntime, options: VerifyOptions): Promise<SignatureCheck> {
  const { manifest, label, where = SIGNATURE_NAME } = options;
  const allowed = options.allowedSignersFile === undefined ? undefined : await allowedSigners(rt, options);
  const signature = wholeSignature(options, where);
  const signer = openSigner(rt);
  return withFile(rt, signature.bytes, async (file) => {
    const namespace = signatureNamespace(label);
    const formed = await signer.run(['-Y', 'check-novalidate', '-n', namespace, '-s', file], manifest);
    if (!formed.ok) throw notOfThese(where, formed.said);
    if (allowed === undefined) return { state: 'well formed' };
    const found = await signer.run(['-Y', 'find-principals', '-s', file, '-f', allowed]);
    const principals = found.ok ? lines(found.stdout) : [];
    const said = [...found.said];
    for (const principal of principals) {
      const args = ['-Y', 'verify', '-f', allowed, '-I', principal, '-n', namespace, '-s', file];
      const verified = await signer.run(args, manifest);
      if (verified.ok) return { state: 'verified', principal };
      append(said, verified.said);
    }
    throw notAllowed({ allowed, said, fingerprint: fingerprintIn(formed.stdout), where, label });
  });
}

function wholeSignature({ signature, label }: VerifyOptions, where: string): { bytes: Uint8Array } {
  if (signature === undefined) {
    throw new RepackError('E_SIGNATURE', {
      what: 'The manifest is not signed',
      where,
      hint: `Ask the vendor for ${SIGNATURE_NAME}; or leave out the allowed signers if unsigned sets are accepted here.`,
    });
  }
  const parsed = signature.length > MAX_SIGNATURE_BYTES ? undefined : parseSshSignature(signature);
  if (parsed === undefined) {
    throw new RepackError('E_SIGNATURE', {
      what: 'The signature is not whole: this is no SSH signature, or it was cut off',
      where,
      hint: 'Copy it from the medium again, or ask the vendor for it.',
    });
  }
  // Mail and FTP may have made CRLF of its lines, which ssh-keygen does not read.
  const text = Buffer.from(signature).toString('latin1').replaceAll('\r', '').trimEnd();
  if (parsed.namespace === signatureNamespace(label)) return { bytes: Buffer.from(`${text}\n`, 'latin1') };
  const other = parsed.namespace.startsWith(NAMESPACE) ? parsed.namespace.slice(NAMESPACE.length) : undefined;
  throw new RepackError('E_SIGNATURE', {
    what:
      other === undefined
        ? `The signature was made for something else: its namespace is "${plain(parsed.namespace)}"`
        : `The signature was made for the label "${plain(other)}", not for "${label}"`,
    where,
    hint: `Ask the vendor for the signature of this label: ssh-keygen -Y sign -n ${signatureNamespace(label)}.`,
  });
}

/** The absolute path of the signing key, which is there and can be read. Throws E_SIGNATURE. */
export async function findSigningKey(rt: Pick<Runtime, 'fs' | 'machine'>, given: string): Promise<string> {
  const file = resolve(rt.machine.cwd, given);
  await readable(rt, file, { what: 'The signing key', code: 'E_SIGNATURE' });
  return file;
}

/**
 * The absolute path of the file of allowed signers, which is there and can be read. Whose it is, is not asked.
 *
 * @throws RepackError E_CONFIG: the file is the caller's, and says nothing of what was to be checked
 */
export async function findAllowedSigners(rt: Pick<Runtime, 'fs' | 'machine'>, given: string): Promise<string> {
  const file = resolve(rt.machine.cwd, given);
  await readable(rt, file, { what: 'The file of allowed signers', code: 'E_CONFIG' });
  return file;
}

async function allowedSigners(rt: SignatureRuntime, { allowedSignersFile, medium }: VerifyOptions): Promise<string> {
  const file = await findAllowedSigners(rt, allowedSignersFile!);
  if (medium !== undefined) {
    const [real, below] = await Promise.all([rt.fs.realpath(file), rt.fs.realpath(medium)]);
    if (real.startsWith(`${below.replace(/[/\\]$/, '')}/`) || real.startsWith(`${below.replace(/[/\\]$/, '')}\\`)) {
      throw new RepackError('E_SIGNATURE', {
        what: 'The file of allowed signers lies on the medium that it is to vouch for',
        where: file,
        hint: 'Use one that is kept at this site, with keys that came on another way than the medium.',
      });
    }
  }
  return file;
}

async function readable(
  rt: Pick<Runtime, 'fs'>,
  path: string,
  { what, code }: { what: string; code: 'E_SIGNATURE' | 'E_CONFIG' },
): Promise<void> {
  try {
    const handle = await rt.fs.open(path, 'r');
    const isFile = await handle.stat().then((stats) => stats.isFile());
    await handle.close();
    if (isFile) return;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new RepackError(code, {
      what: errno === 'ENOENT' ? `${what} is not there` : `${what} can't be read (${errno})`,
      where: path,
      hint: 'Check the path, and that this account may read the file.',
      cause: error,
    });
  }
  throw new RepackError(code, { what: `${what} is no file`, where: path, hint: 'Give the path of the file.' });
}

function signingProblem(said: readonly string[]): string {
  const all = said.join('\n');
  if (/incorrect passphrase/i.test(all)) return 'the key has a passphrase';
  if (/UNPROTECTED|too open/i.test(all)) return 'other accounts can read the key, so ssh-keygen ignores it';
  if (/No such file|invalid format|error in libcrypto|unsupported/i.test(all))
    return 'this is no private key that ssh-keygen reads';
  if (/No private key found|agent refused|couldn't sign/i.test(all))
    return 'the agent does not have this key, or refuses it';
  return 'ssh-keygen refused';
}

function signingAdvice(said: readonly string[]): string {
  const all = said.join('\n');
  if (/incorrect passphrase/i.test(all))
    return 'Add it to the agent (ssh-add KEY) and run again: nothing is asked here. Or use a key without passphrase, readable by this account only.';
  if (/UNPROTECTED|too open/i.test(all)) return 'chmod 600 the key file.';
  return 'Give the private key file (ssh-keygen -t ed25519 makes one), or the .pub of a key that ssh-add -l lists.';
}

function notOfThese(where: string, said: readonly string[]): RepackError {
  return new RepackError('E_SIGNATURE', {
    what: `The signature is not over this ${MANIFEST_NAME}: one of the two was changed, or is of another generation`,
    where,
    hint: 'Do not install from this set. Copy both files from the medium again; if it stays so, ask the vendor.',
    details: said,
  });
}

function notAllowed(about: {
  allowed: string;
  said: readonly string[];
  fingerprint: string | undefined;
  where: string;
  label: string;
}): RepackError {
  const { allowed, said, fingerprint, where, label } = about;
  const all = said.join('\n');
  const key = fingerprint === undefined ? 'the key' : `the key ${fingerprint}`;
  const unread = said.find((line) => /:\d+: (?:invalid|missing|bad) /.test(line));
  const problem = /has expired/.test(all)
    ? 'is listed, but has expired'
    : /not yet valid/.test(all)
      ? 'is listed, but not yet valid'
      : /not permitted for use in signature namespace/.test(all)
        ? `is listed, but not for the namespace ${signatureNamespace(label)}`
        : 'is not among the allowed signers';
  return new RepackError('E_SIGNATURE', {
    what: `The manifest is signed by a key that this site does not accept: ${key} ${problem}`,
    where,
    hint:
      unread === undefined
        ? `Ask the vendor, on another way than the medium, whether this is their key; only then put it into ${allowed}.`
        : `ssh-keygen can't read a line of ${allowed} (below). Each line is NAME KEYTYPE KEY, for instance "vendor ssh-ed25519 AAAA...": a .pub file has no NAME. Save it as plain text (ASCII or UTF-8).`,
    details: said,
  });
}

async function withFile<T>(
  rt: Pick<Runtime, 'fs' | 'machine'>,
  bytes: Uint8Array,
  work: (file: string) => Promise<T>,
): Promise<T> {
  const dir = join(rt.machine.tmpdir, `repackenv-signature-${rt.machine.pid}-${rt.machine.randomId()}`);
  await rt.fs.mkdir(dir, 0o700);
  try {
    const file = join(dir, SIGNATURE_NAME);
    await rt.fs.writeNew(file, bytes);
    return await work(file);
  } finally {
    await rt.fs.remove(dir);
  }
}

function fingerprintIn(stdout: Uint8Array): string | undefined {
  return /SHA256:[A-Za-z0-9+/]+/.exec(Buffer.from(stdout).toString('latin1'))?.[0];
}

function lines(bytes: Uint8Array): string[] {
  return Buffer.from(bytes)
    .toString('utf8')
    .split(/\r?\n/)
    .filter((line) => line !== '');
}

/** For messages: what a stranger wrote into a signature. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 80);
}
