export interface Attested {
  fn: string;
  sha256: string;
  predicateType: string;
  predicate: unknown;
  type: string;
  more: { name: string; digest: Record<string, string> }[];
  digests: Record<string, string>;
  mediaType: string;
  payloadType: string;
  payload: string;
  signatures: { sig: string }[];
}

/** A Sigstore bundle as channels serve them, with a publish attestation of CEP 27. Its signature and certificate are none. */
export function attestation(of: Pick<Attested, 'fn' | 'sha256'> & Partial<Attested>): Record<string, unknown> {
  const statement = {
    _type: of.type ?? 'https://in-toto.io/Statement/v1',
    subject: [{ name: of.fn, digest: { sha256: of.sha256, ...of.digests } }, ...(of.more ?? [])],
    predicateType: of.predicateType ?? 'https://schemas.conda.org/attestations-publish-1.schema.json',
    predicate: 'predicate' in of ? of.predicate : { targetChannel: 'https://prefix.dev/acme' },
  };
  return {
    mediaType: of.mediaType ?? 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { certificate: { rawBytes: 'AAAA' }, tlogEntries: [{ logIndex: '1' }] },
    dsseEnvelope: {
      payload: of.payload ?? Buffer.from(JSON.stringify(statement)).toString('base64'),
      payloadType: of.payloadType ?? 'application/vnd.in-toto+json',
      signatures: of.signatures ?? [{ sig: 'AAAA' }],
    },
  };
}
