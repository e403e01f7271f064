import path from 'node:path';
import { advisoryBook } from '../../conda/advisory/osv.js';
import type { Policy, PolicyRules } from '../../conda/policy/policy.js';
import { policyNamesOf } from '../../config/labels/resolve-label.js';
import type { Declared } from '../../config/labels/types.js';
import { pathInFile } from '../../config/path-in-file.js';
import type { PolicyBlock } from '../../config/policy/schema.js';
import { CONFIG_NAME } from '../../config/resolve-settings.js';
import { isMissing } from '../../base/fs-errors.js';
import { nearest } from '../../base/nearest.js';
import { RepackError } from '../../base/errors.js';
import { readAdvisories } from '../answers/read-advisories.js';
import type { Runtime } from '../../runtime/runtime.js';

/** Where the policy of a folder is looked for. */
export interface PolicyWishes {
  /** As given; undefined: no ROOT. */
  root: string | undefined;
  /** Undefined: no label's. */
  label: string | undefined;
  /** What has been read already, where it is of ROOT. */
  declared: Declared | undefined;
  /** `--policy`: holds beside the label's, so that an option never weakens it. */
  file: string | undefined;
  /** A policy of ROOT/repackenv.yml by its name. */
  named?: string | undefined;
  /** What `defaults: all` says counts also where the label is not declared. */
  undeclared: boolean;
  /** When it is judged, in ms. */
  at: number;
}

/** The policy of a label, to be asked when it is known which one that is. */
export type PolicyOf = (label: string | undefined) => Promise<Policy | undefined>;

type Door = Pick<Runtime, 'fs' | 'machine'>;

/**
 * All policies that hold for a label: those that it names in ROOT/repackenv.yml, whatever else was read, and that of a file. Undefined where there is
 * none.
 *
 * @throws RepackError E_CONFIG for what can't be read, E_USAGE for a name that is none and for advisories that can't be read
 */
export async function loadPolicy(rt: Door, wishes: PolicyWishes): Promise<Policy | undefined> {
  const { file, named, label, at } = wishes;
  const declared = await declaredAt(rt, wishes);
  const names = label === undefined || declared === undefined ? [] : policyNamesOf(declared, label, wishes);
  if (named !== undefined) names.push(knownName(named, declared, wishes.root));
  const parts: PolicyRules[] = [];
  for (const name of withFrom(names, declared?.policies ?? new Map()))
    parts.push(await rulesOf(rt, name, declared!.policies.get(name) ?? undefined, declared!.file));
  if (file !== undefined) {
    const { readPolicyFile } = await import('../../config/policy/policy-file.js');
    parts.push(await rulesOf(rt, path.basename(file), await readPolicyFile(rt, file), file));
  }
  return parts.length === 0 ? undefined : { parts, at };
}

async function declaredAt(rt: Door, { root, declared }: PolicyWishes): Promise<Declared | undefined> {
  if (root === undefined || root === '') return undefined;
  const file = path.resolve(rt.machine.cwd, root, CONFIG_NAME);
  if (declared?.file === file) return declared;
  try {
    await rt.fs.stat(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const { readConfigFile } = await import('../../config/config-file.js');
  return (await readConfigFile(rt, file)).declared;
}

function knownName(name: string, declared: Declared | undefined, root: string | undefined): string {
  const known = [...(declared?.policies.keys() ?? [])];
  if (known.includes(name)) return name;
  const near = nearest(name, known);
  throw new RepackError('E_USAGE', {
    what: `There is no policy "${name}"`,
    where: declared?.file ?? root ?? 'command line',
    hint: `${near === undefined ? '' : `Did you mean ${near}? `}${known.length === 0 ? `Policies stand below policies: in ROOT/${CONFIG_NAME}; a file of its own is given by --policy.` : `There are: ${known.join(', ')}.`}`,
  });
}

/** Each with those that it is made from; there are no circles. */
function withFrom(names: readonly string[], policies: ReadonlyMap<string, PolicyBlock | null>): Set<string> {
  const all = new Set(names);
  for (const name of all) for (const other of policies.get(name)?.from ?? []) all.add(other);
  return all;
}

/** Of a block that says nothing: it allows everything. */
async function rulesOf(rt: Door, name: string, block: PolicyBlock | undefined, file: string): Promise<PolicyRules> {
  const { deny, allow, newest, undated = 'allow', advisories = [], require = [], except = [] } = block ?? {};
  const places = advisories.map((written) => pathInFile(rt.machine, path.dirname(file), written));
  const read = await readAdvisories(rt, places, `advisories of policy ${name}`);
  return {
    name,
    deny: { ...listsOf(deny), scripts: deny?.scripts },
    allow: listsOf(allow),
    newest,
    undated,
    advisories: advisoryBook(read),
    require,
    except,
  };
}

function listsOf(lists: PolicyBlock['allow']): PolicyRules['allow'] {
  return { licenses: lists?.licenses, packages: lists?.packages, channels: lists?.channels };
}
