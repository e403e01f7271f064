/** What an SSH signature says of itself (OpenSSH, PROTOCOL.sshsig). Nothing in it is proven by reading it. */
export interface SshSignature {
  namespace: string;
  hashAlgorithm: string;
}

const MAGIC = 'SSHSIG';

/** Undefined for what is not a whole armoured SSH signature of version 1. */
export function parseSshSignature(bytes: Uint8Array): SshSignature | undefined {
  const text = Buffer.from(bytes).toString('latin1');
  const armour = /^-----BEGIN SSH SIGNATURE-----\r?\n([A-Za-z0-9+/=\r\n]+)\r?\n?-----END SSH SIGNATURE-----\s*$/.exec(
    text,
  );
  if (armour === null) return undefined;
  const blob = Buffer.from(armour[1]!, 'base64');
  if (blob.subarray(0, MAGIC.length).toString('latin1') !== MAGIC || blob.length < 10 || blob.readUInt32BE(6) !== 1)
    return undefined;
  // publickey, namespace, reserved, hash_algorithm, signature
  const fields: Buffer[] = [];
  let at = 10;
  while (fields.length < 5) {
    if (at + 4 > blob.length) return undefined;
    const size = blob.readUInt32BE(at);
    if (at + 4 + size > blob.length) return undefined;
    fields.push(blob.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  if (at !== blob.length || fields[4]!.length === 0) return undefined;
  return { namespace: fields[1]!.toString('utf8'), hashAlgorithm: fields[3]!.toString('latin1') };
}
