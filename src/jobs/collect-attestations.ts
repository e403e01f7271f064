import type { Gateway } from '../gateway/gateway.js';
import { attestationPlace, checkAttestations, MAX_ATTESTATION_BYTES } from '../site/attestations.js';
import type { AttestationPlace } from '../site/attestations.js';
import { sha256Of } from '../codec/digests.js';
import type { Finding } from '../base/findings.js';
import { inParallel } from '../base/parallel.js';
import type { AcquiredArtifact } from '../conda/plan/plan.js';
import type { SideFile } from '../channel/staged.js';
import type { ArtifactStore } from '../conda/plan/artifact-store.js';
import type { Runtime } from '../runtime/runtime.js';

export type AttestedArtifact = Pick<AcquiredArtifact, 'fn' | 'subdir' | 'channel' | 'record' | 'sha256'>;

export interface CollectAttestations {
  artifacts: readonly AttestedArtifact[];
  gateway: Pick<Gateway, 'fetchSideFile'>;
  /** Where the bytes are kept until the channel is staged. */
  store: ArtifactStore;
}

const AT_ONCE = 8;

/**
 * The attestations (CEP 27) that the channels have for these artifacts, for `stageChannel`'s `side`. What is malformed is not carried, and
 * told (`attestation-malformed`); one that a record states and the channel does not have is told too (`attestation-missing`). They are
 * carried as they are: well formed, never verified here.
 *
 * Throws E_UPSTREAM, E_TOKEN_REFUSED, E_TLS, E_REDIRECT, E_DISK.
 */
export async function collectAttestations(
  rt: Pick<Runtime, 'signal'>,
  { artifacts, gateway, store }: CollectAttestations,
): Promise<{ side: SideFile[]; findings: Finding[] }> {
  const found = await inParallel(artifacts, AT_ONCE, async (artifact) => {
    rt.signal.throwIfAborted();
    if (artifact.channel === undefined) return {};
    const place = attestationPlace(artifact.fn, artifact.record);
    if (place === undefined) return { finding: malformed(artifact, 'its record states no sha256 of it') };
    const bytes = await gateway.fetchSideFile(artifact.channel, artifact.subdir, place.name, {
      maxBytes: MAX_ATTESTATION_BYTES,
    });
    if (bytes === undefined) return place.sha256 === undefined ? {} : { finding: missing(artifact, place) };
    if (place.sha256 !== undefined && sha256Of(bytes) !== place.sha256)
      return { finding: malformed(artifact, 'it has other bytes than its record states') };
    const check = checkAttestations(bytes, artifact);
    if (check.state === 'malformed') return { finding: malformed(artifact, check.reason) };
    return { side: await keep(store, artifact, place, bytes) };
  });
  return {
    side: found.flatMap(({ side }) => side ?? []).sort((a, b) => (a.path < b.path ? -1 : 1)),
    findings: found.flatMap(({ finding }) => finding ?? []),
  };
}

async function keep(
  store: ArtifactStore,
  { subdir }: AttestedArtifact,
  { name, carriedAs }: AttestationPlace,
  bytes: Uint8Array,
): Promise<SideFile[]> {
  const writer = await store.writer();
  await writer.write(bytes);
  const { path: storePath, size, sha256, md5 } = await writer.finish({ sha256: sha256Of(bytes) }, `${subdir}/${name}`);
  return carriedAs.map((as) => ({ path: `${subdir}/${as}`, storePath, size, sha256, md5 }));
}

function malformed({ subdir, fn }: AttestedArtifact, reason: string): Finding {
  return {
    code: 'attestation-malformed',
    message: `the attestation of ${subdir}/${fn} is malformed and not carried: ${reason}`,
    subject: `${subdir}/${fn}`,
    exit: false,
    warn: true,
  };
}

function missing({ subdir, fn }: AttestedArtifact, { name }: AttestationPlace): Finding {
  return {
    code: 'attestation-missing',
    message: `the record of ${subdir}/${fn} states an attestation, but the channel has no ${name}`,
    subject: `${subdir}/${fn}`,
    exit: false,
    warn: true,
  };
}
