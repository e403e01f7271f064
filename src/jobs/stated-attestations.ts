import type { Finding } from '../base/findings.js';
import type { AcquiredArtifact } from '../conda/plan/plan.js';

/**
 * One finding where records state attestations (CEP 27) and nobody asked for them (`--attestations`): the records stay the channel's, and name
 * a file that is not delivered.
 */
export function attestationsLeftOut(
  artifacts: readonly Pick<AcquiredArtifact, 'record' | 'subdir' | 'fn'>[],
): Finding[] {
  const stated = artifacts.filter(({ record }) => typeof record['attestations_sha256'] === 'string');
  const [first] = stated;
  if (first === undefined) return [];
  const which = `${first.subdir}/${first.fn}${stated.length === 1 ? '' : `, and of ${stated.length - 1} more`}`;
  return [
    {
      code: 'attestation-left-out',
      message: `the attestation that the record of ${which} states is not carried: --attestations carries it`,
      subject: 'attestations',
      exit: false,
    },
  ];
}
