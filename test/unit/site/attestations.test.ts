import { describe, expect, it } from 'vitest';
import { attestationPlace, checkAttestations } from '../../../src/site/attestations.js';
import { attestation, type Attested } from './sample-attestation.js';

const ARTIFACT = { fn: 'app-2.0-py_0.conda', sha256: 'ab'.repeat(32) };
const check = (...of: Partial<Attested>[]): ReturnType<typeof checkAttestations> =>
  checkAttestations(bytes(of.map((each) => attestation({ ...ARTIFACT, ...each }))), ARTIFACT);
const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

describe('attestations (CEP 27)', () => {
  it('are well formed, and never more', () => {
    expect(check({})).toEqual({ state: 'well formed', bundles: 1 });
    expect(check({}, { predicateType: 'https://slsa.dev/provenance/v1', predicate: { any: 'thing' } })).toEqual({
      state: 'well formed',
      bundles: 2,
    });
    expect(check({ predicate: null })).toEqual({ state: 'well formed', bundles: 1 });
  });

  it.each<[string, Partial<Attested>, RegExp]>([
    ['other bytes', { sha256: 'cd'.repeat(32) }, /about other bytes than those of app/],
    ['another file name', { fn: 'app-2.1-py_0.conda' }, /its subject is not app-2.0-py_0.conda alone/],
    ['two subjects', { more: [{ name: 'x', digest: { sha256: 'cd'.repeat(32) } }] }, /alone/],
    ['another digest beside', { digests: { sha512: 'ef' } }, /other digests/],
    [
      'a channel with a slash at its end',
      { predicate: { targetChannel: 'https://prefix.dev/acme/' } },
      /targetChannel/,
    ],
    ['a channel that is no URL', { predicate: { targetChannel: 'acme' } }, /targetChannel/],
    ['no channel in the predicate', { predicate: {} }, /targetChannel/],
    ['another statement', { type: 'https://example.org/Statement' }, /no in-toto statement \(_type\)/],
    ['another payload', { payloadType: 'text/plain' }, /no Sigstore bundle.*payloadType/],
    ['no signature', { signatures: [] }, /signatures/],
    ['a payload that is not JSON', { payload: Buffer.from('x').toString('base64') }, /payload is not JSON/],
    ['another media type', { mediaType: 'application/json' }, /mediaType/],
  ])('with %s are malformed', (_title, change, reason) => {
    const found = check({}, change);
    expect(found).toMatchObject({ state: 'malformed', reason: expect.stringMatching(reason) as string });
    expect(found).toMatchObject({ reason: expect.stringMatching(/^bundle 2: /) as string });
  });

  it.each([
    ['', /empty/],
    ['<html>', /not JSON/],
    ['{}', /no list/],
    ['[]', /no bundle/],
    ['[1]', /bundle 1/],
    [`[${'1,'.repeat(200)}1]`, /201 bundles/],
  ])('%j is malformed', (text, reason) => {
    expect(checkAttestations(bytes(text), ARTIFACT)).toMatchObject({ reason: expect.stringMatching(reason) as string });
  });

  it('lie where the record says, else beside the artifact', () => {
    const record = { name: 'app', version: '2.0', build: 'py_0', build_number: 0, depends: [] };
    const sha = '12'.repeat(32);
    expect(attestationPlace(ARTIFACT.fn, record)).toEqual({
      name: 'app-2.0-py_0.conda.v0.sigs',
      sha256: undefined,
      carriedAs: ['app-2.0-py_0.conda.v0.sigs'],
    });
    expect(attestationPlace(ARTIFACT.fn, { ...record, attestations_sha256: sha })).toEqual({
      name: `app-2.0-py_0.conda.sigs.${sha}`,
      sha256: sha,
      carriedAs: ['app-2.0-py_0.conda.sigs', `app-2.0-py_0.conda.sigs.${sha}`],
    });
    for (const bad of ['../x', sha.toUpperCase().replace('1', 'A'), 7, '']) {
      expect(attestationPlace(ARTIFACT.fn, { ...record, attestations_sha256: bad })).toBeUndefined();
    }
  });
});
