import { plural } from '../../base/plural.js';
import { emitFindings } from '../../base/emit-findings.js';
import { SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import type { LiveFolder } from '../../channel/staged.js';
import { pathOf } from '../../conda/channel/names.js';
import type { RepackPlan } from '../../conda/plan/plan.js';
import { asksForScripts } from '../../conda/policy/policy.js';
import type { Runtime } from '../../runtime/runtime.js';
import { knownInfos, type KnownInfos } from '../planned-runs.js';
import type { RepackRequest } from '../request.js';
import { guardPlan } from './guard-plan.js';

interface KnownToJudge {
  plan: RepackPlan;
  live: LiveFolder;
  /** Of a plan, which says what it could not judge; undefined: the gate follows, and nothing is said. */
  known?: KnownInfos;
}

/**
 * What of a policy no record tells, before anything is fetched: what runs at an installation, of packages that were read before; a signature and
 * attestations, which are there only where they are asked for.
 *
 * @throws RepackError E_POLICY
 */
export async function guardKnown(
  rt: Runtime,
  { policy, cacheDir, signKey, attestations }: Pick<RepackRequest, 'policy' | 'cacheDir' | 'signKey' | 'attestations'>,
  { plan, live, known }: KnownToJudge,
): Promise<void> {
  if (policy === undefined) return;
  const required = new Set(policy.parts.flatMap(({ require }) => require));
  const scripts = asksForScripts(policy);
  if (!scripts && !required.has('signature') && !required.has('attestations')) return;
  const { packages, infos } = known ?? (scripts ? await knownInfos(rt, { cacheDir }, plan, live) : NOTHING);
  await guardPlan(rt, policy, {
    plan,
    scripts: new Map(
      packages.map((each) => {
        const { linkScripts, activateScripts, menus } = infos.get(each.sha256 ?? '')!;
        return [pathOf(each), { link: linkScripts, activate: activateScripts, menu: menus }] as const;
      }),
    ),
    signed: signKey !== undefined || live.files.has(SIGNATURE_NAME),
    attested: attestations ? undefined : () => false,
  });
  if (known === undefined) return;
  const unread = scripts ? plan.artifacts.length - packages.length : 0;
  const later = [
    ...(unread > 0
      ? [`what runs at the installation of ${unread} of ${plural(plan.artifacts.length, 'package')}`]
      : []),
    ...(required.has('attestations') && attestations ? ['whether each package has an attestation'] : []),
  ];
  if (later.length === 0) return;
  const message = `the policy is asked once the packages are here: ${later.join(', ')}`;
  emitFindings(rt, [{ code: 'policy-later', message, exit: false }]);
}

const NOTHING: KnownInfos = { packages: [], infos: new Map() };
