import path from 'node:path';
import type { Asked } from '../../answers/asked.js';
import { policyVerdict } from '../../answers/policy.js';
import type { PolicyAnswer, PolicyReport } from '../../answers/schema.js';
import { RepackError } from '../../base/errors.js';
import { MANIFEST_NAME, SIGNATURE_NAME } from '../../channel/manifest/manifest.js';
import { isThere } from '../../channel/read/list-folder.js';
import { pathOf } from '../../conda/channel/names.js';
import type { Policy } from '../../conda/policy/policy.js';
import { readScripts } from '../../delivery/read-scripts.js';
import type { Runtime } from '../../runtime/runtime.js';
import { openAsked } from '../answers/open-asked.js';

export interface PolicyCheckRequest {
  where: string;
  /** Of a label of ROOT (absolute); label undefined: a channel folder of others. */
  policyOf(root: string, label: string | undefined): Promise<Policy | undefined>;
  /** When the run began, ms. */
  at: number;
}

/**
 * `repackenv policy check WHERE`: what the policy says of what is there. Reads only.
 *
 * @throws RepackError E_USAGE where no policy holds for any of it; what `openAsked` and `loadPolicy` throw
 */
export async function checkPolicy(rt: Runtime, { where, policyOf, at }: PolicyCheckRequest): Promise<PolicyReport> {
  const answers: PolicyAnswer[] = [];
  for (const asked of await openAsked(rt, where)) {
    const { given, label, generation } = asked;
    const dir = folderOf(rt, given);
    const policy = await policyOf(path.dirname(dir), label ?? undefined);
    answers.push({
      given,
      label,
      generation,
      ...(await judged(rt, asked, { policy: policy ?? { parts: [], at }, dir })),
    });
  }
  if (answers.some(({ policies }) => policies.length > 0)) return { answers };
  throw new RepackError('E_USAGE', {
    what: 'No policy holds for this',
    where,
    hint: 'Give one with --policy FILE, or with --named NAME one of ROOT/repackenv.yml; a label names its own there (policy: NAME).',
  });
}

async function judged(rt: Runtime, asked: Asked, { policy, dir }: { policy: Policy; dir: string }) {
  const { manifest, packages } = asked;
  const there = await isThere(rt, path.join(dir, MANIFEST_NAME));
  const side = manifest?.files.filter(({ kind }) => kind === 'side').map((each) => each.path);
  const scripts = await readScripts(rt, policy, {
    paths: packages.map(pathOf),
    fileOf: (each) => path.join(dir, each),
  });
  return policyVerdict(policy, {
    ...asked,
    scripts,
    attested: side && ((pkg) => side.some((each) => each.startsWith(`${pathOf(pkg)}.`))),
    signed: there ? await isThere(rt, path.join(dir, SIGNATURE_NAME)) : undefined,
  });
}

/** Of a manifest the folder that it lies in. */
function folderOf(rt: Runtime, given: string): string {
  const full = path.resolve(rt.machine.cwd, given);
  return path.basename(full) === MANIFEST_NAME ? path.dirname(full) : full;
}
