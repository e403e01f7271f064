import { fewLines } from '../base/few-lines.js';
import { pathOf, splitPath } from '../conda/channel/names.js';
import type { Policy } from '../conda/policy/policy.js';
import { isAllowed, type PolicyVerdict } from '../conda/policy/verdict.js';
import { policyVerdict } from '../answers/policy.js';
import { join } from 'node:path';
import { readScripts } from './read-scripts.js';
import type { AskedPackage } from '../answers/asked.js';
import { emitFindings } from '../base/emit-findings.js';
import type { Finding } from '../base/findings.js';
import { RepackError } from '../base/errors.js';
import { SIGNATURE_NAME } from '../channel/manifest/manifest.js';
import { readIndex } from '../channel/read/folder-source.js';
import type { LiveFolder, StagedChannel } from '../channel/staged.js';
import { parseMatchSpec } from '../conda/spec/match-spec.js';
import { scanRepodata } from '../conda/record/repodata-scan.js';
import type { Runtime } from '../runtime/runtime.js';

const MOST_DETAILS = 60;

interface ToJudge {
  staged: StagedChannel;
  live: LiveFolder;
  rehearsed?: ReadonlyMap<string, Uint8Array> | undefined;
}

/**
 * What a policy says of a channel as it is staged: of the very index files that would be published. `rehearsed`: nothing is staged, and those that would
 * change are at hand, by path; what runs at an installation is then not looked at.
 */
export async function judgeStaged(
  rt: Pick<Runtime, 'fs'>,
  policy: Policy,
  { staged, live, rehearsed }: ToJudge,
): Promise<PolicyVerdict> {
  const { manifest } = staged;
  const packages: AskedPackage[] = [];
  for (const subdir of manifest.subdirs) {
    const name = `${subdir}/repodata.json`;
    const file = staged.files.find(({ path }) => path === name);
    const bytes = rehearsed?.get(name);
    const dir = file?.change === 'unchanged' ? live.dir : staged.dir;
    const index = bytes === undefined ? file && (await readIndex(rt, dir, subdir)) : scanRepodata(bytes, name);
    for (const { path, size, sha256, channel } of manifest.files) {
      const [folder, fn] = splitPath(path);
      const record = folder === subdir ? index?.record(fn) : undefined;
      if (record !== undefined) packages.push({ subdir, fn, size, sha256, channel, record });
    }
  }
  const side = new Set(manifest.files.filter(({ kind }) => kind === 'side').map(({ path }) => path));
  const unchanged = new Set(staged.files.filter(({ change }) => change === 'unchanged').map(({ path }) => path));
  const scripts = await readScripts(rt, policy, {
    paths: rehearsed === undefined ? packages.map(pathOf) : [],
    fileOf: (path) => join(unchanged.has(path) ? live.dir : staged.dir, path),
  });
  return policyVerdict(policy, {
    scripts,
    given: staged.label,
    manifest,
    packages,
    attested: (pkg) => [...side].some((path) => path.startsWith(`${pathOf(pkg)}.`)),
    signed: staged.files.some(({ path }) => path === SIGNATURE_NAME),
  });
}

/**
 * Nothing that is denied is published. `allowed`: of a denied package, what would be let through.
 *
 * @throws RepackError E_POLICY
 */
function refuseDenied(
  verdict: PolicyVerdict,
  { where, allowed }: { where: string; allowed?: ReadonlyMap<string, string> },
): void {
  if (isAllowed(verdict)) return;
  const { denied, ended } = verdict;
  const lines = [
    ...(verdict.unsigned ? ['require signature: the manifest would not be signed'] : []),
    ...denied.flatMap((each) => denialLines(each, allowed?.get(each.path))),
    ...ended
      .filter(({ packages }) =>
        packages.map((text) => parseMatchSpec(text).name).some((of) => denied.some(({ name }) => name === of)),
      )
      .map(({ packages, until }) => `the exception for ${packages.join(', ')} ended on ${until} and counts no more`),
  ];
  const names = [...new Set(denied.map(({ name, version }) => `${name} ${version}`))];
  throw new RepackError('E_POLICY', {
    what:
      names.length === 0
        ? `The policy ${policiesOf(verdict)} asks for a signature; nothing was changed`
        : `The policy ${policiesOf(verdict)} does not allow ${some(names)}; nothing was changed`,
    where,
    hint:
      names.length === 0
        ? 'Sign it: --sign-key FILE.'
        : 'Ask for other versions or packages, wait where it is a matter of age, or have an exception written into the policy: except: [{packages, reason, until}].',
    details: fewLines(lines, MOST_DETAILS),
  });
}

function denialLines(
  { path, rule, because, way }: PolicyVerdict['denied'][number],
  allowed: string | undefined,
): string[] {
  return [
    `${path}: ${rule} (${because})`,
    ...(way === null ? [] : [`  ${way}`]),
    ...(allowed === undefined ? [] : [`  ${allowed}`]),
  ];
}

/** What somebody should know though it is published; the denied too, where that was somebody's will (a rollback). */
export function policyFindings(verdict: PolicyVerdict): Finding[] {
  const of = policiesOf(verdict);
  return [
    ...verdict.denied.map(({ path, rule, because }): Finding => ({
      code: 'policy-denied',
      message: `the policy ${of} does not allow ${path}: ${rule} (${because})`,
      subject: path,
      exit: true,
    })),
    ...verdict.excepted.map(({ path, rule, because, reason, until }): Finding => ({
      code: 'policy-excepted',
      message: `${path} is let through until ${until}, though ${rule} (${because}): ${reason}`,
      subject: `${path} ${rule}`,
      exit: false,
    })),
    ...verdict.ended.map(({ packages, until, reason }): Finding => ({
      code: 'policy-exception-ended',
      message: `the exception for ${packages.join(', ')} (${reason}) ended on ${until} and counts no more`,
      subject: `${packages.join(', ')} until ${until}`,
      exit: false,
      warn: true,
    })),
    ...(verdict.undated.length === 0
      ? []
      : [
          {
            code: 'policy-undated',
            message: `without a date, and let through by the rule on age: ${some(verdict.undated)} (undated: deny refuses them)`,
            subject: of,
            exit: false,
          },
        ]),
  ];
}

function policiesOf({ policies }: PolicyVerdict): string {
  return policies.join(' and ');
}

const MOST_NAMES = 8;

function some(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return `${names.slice(0, MOST_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/**
 * The gate: nothing that is denied goes on, unless it is `told` only.
 *
 * @throws RepackError E_POLICY
 */
export function passVerdict(
  rt: Pick<Runtime, 'events'>,
  verdict: PolicyVerdict,
  how: { where: string; told?: boolean; allowed?: ReadonlyMap<string, string> },
): void {
  if (how.told !== true) refuseDenied(verdict, how);
  emitFindings(rt, policyFindings(verdict));
}
