import { sep } from 'node:path';
import { isRepackError, RepackError } from '../../base/errors.js';
import type { Runtime } from '../../runtime/runtime.js';
import type { OpenedSet } from '../archive/open-set.js';
import { looseManifestName, SIGNATURE_SUFFIX } from '../set/names.js';
import type { Media } from '../archive/read-media.js';
import {
  findAllowedSigners,
  verifySignature,
  type SignatureCheck,
  type SignatureRuntime,
  type VerifyOptions,
} from '../../site/signature/sign.js';

export interface SignatureRules {
  /** The site's own keys. With them, an unsigned set is refused as one with a wrong signature is. */
  allowedSigners?: string | undefined;
  requireSignature: boolean;
}

type Verify = (rt: SignatureRuntime, options: VerifyOptions) => Promise<SignatureCheck>;

/**
 * Who vouches for a set, in the words of the receipt: `verified by NAME`, `well formed, not verified`, `there, not checked` (no ssh-keygen
 * here, and nobody asked), `absent`.
 *
 * @throws RepackError E_SIGNATURE; E_USAGE where a signature is required and there are no keys to hold it against
 */
export async function checkSignature(
  rt: SignatureRuntime,
  {
    opened,
    allowedSigners,
    requireSignature,
    verify = verifySignature,
  }: SignatureRules & { opened: OpenedSet; verify?: Verify },
): Promise<string> {
  const { set, file, signature, target } = opened;
  if (signature === undefined && allowedSigners === undefined && !requireSignature) return 'absent';
  const where = `${looseManifestName(set.name)}${SIGNATURE_SUFFIX} of ${file.medium}`;
  try {
    const check = await verify(rt, {
      manifest: target.bytes,
      signature,
      label: set.label,
      allowedSignersFile: allowedSigners,
      where,
    });
    return check.state === 'verified' ? `verified by ${check.principal}` : 'well formed, not verified';
  } catch (error) {
    const noProgram = isRepackError(error) && error.where === 'ssh-keygen';
    if (noProgram && allowedSigners === undefined) return 'there, not checked';
    throw error;
  }
}

/**
 * Keys come from the site, never from the medium that they are to vouch for (bad-inputs G7).
 *
 * @throws RepackError E_USAGE, E_CONFIG, E_SIGNATURE
 */
export async function refuseKeysOfMedium(
  rt: Pick<Runtime, 'fs' | 'machine'>,
  media: Media,
  { allowedSigners, requireSignature }: SignatureRules,
): Promise<void> {
  if (allowedSigners === undefined) {
    if (!requireSignature) return;
    throw new RepackError('E_USAGE', {
      what: 'A signature is required, and there are no keys to hold it against',
      where: '--require-signature',
      hint: 'Give the site’s file of keys too: --allowed-signers FILE (ssh-keygen(1), ALLOWED SIGNERS).',
    });
  }
  const file = await findAllowedSigners(rt, allowedSigners);
  const real = await rt.fs.realpath(file).catch(() => file);
  for (const place of media.places) {
    const medium = await rt.fs.realpath(place).catch(() => place);
    if (!real.startsWith(medium.endsWith(sep) ? medium : `${medium}${sep}`)) continue;
    throw new RepackError('E_SIGNATURE', {
      what: 'The file of allowed signers lies on the medium that it is to vouch for',
      where: file,
      hint: 'Use one that is kept at this site, with keys that came on another way than the medium.',
    });
  }
}
