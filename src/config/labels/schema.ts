import { z } from 'zod';
import { isRepackError } from '../../base/errors.js';
import { nearest } from '../../base/nearest.js';
import { TOKEN_LIKE } from '../../base/token-like.js';
import { parseLabel } from '../../conda/channel/names.js';
import { fileSettings } from '../file-keys.js';
import { POLICY_SCHEMA, type PolicyBlock } from '../policy/schema.js';
import { installerOf, type WrittenInstaller } from '../installers.js';
import { Wrong } from '../yaml/step.js';
import { circleIn } from './chain.js';

const text = z.string().min(1, 'must not be empty');

/** What stands in a label and in a set of `defaults:`, and nowhere else. */
const OWN = {
  from: z.array(text).optional().meta({
    description:
      'sets of `defaults:`: what the label itself leaves open is as in the first of them that says it, last of all in the set `all`',
  }),
  packages: z
    .array(text)
    .optional()
    .meta({ description: 'MatchSpecs, together with those of packages_file; with neither: as last published' }),
  policy: z
    .array(text)
    .optional()
    .meta({ description: 'names of `policies:` that hold for it, whatever command changes its folder' }),
  installers: z
    .array(
      z.strictObject({
        url: text.optional().meta({ description: 'https://…, or file:///…' }),
        file: text.optional().meta({ description: 'a file on this machine; counts from the folder of this file' }),
        sha256: z
          .union([z.string(), z.number()])
          .transform((value) => String(value).trim().toLowerCase())
          .optional(),
        name: text.optional().meta({ description: 'its name in installers/; absent: the last part of url or file' }),
      }),
    )
    .optional()
    .meta({
      description:
        'programs that bring a client to a machine without one, each by url or file with its sha256; absent: as last published; []: none',
    }),
  token_env: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, and not the token')
    .optional()
    .meta({ description: 'environment variable that holds the token' }),
  token_file: text.optional().meta({ description: 'file that holds the token' }),
};

const BLOCK = z.strictObject({ ...OWN, ...fileSettings({ of: 'label' }) }).nullable();

/** A label or a set of `defaults:` as the file has it. */
export type Block = NonNullable<z.output<typeof BLOCK>>;
export type Blocks = Readonly<Record<string, Block | null>>;

export const OWN_KEYS = Object.keys(OWN);

/** The keys of `repackenv.yml` below which blocks stand. */
export const BLOCKS = {
  defaults: z
    .record(z.string(), BLOCK)
    .nullable()
    .optional()
    .meta({ description: 'settings that labels share, in sets by name; the set `all` counts for every label' }),
  labels: z
    .record(z.string(), BLOCK)
    .nullable()
    .optional()
    .meta({ description: 'the customers: each label with its packages and settings' }),
  policies: z
    .record(z.string(), POLICY_SCHEMA)
    .nullable()
    .optional()
    .meta({ description: 'what may be delivered: rules by name, which labels name with `policy:`' }),
};

const TOKEN_HINT =
  'Name where the token is: token_env: VARIABLE, or token_file: FILE. If it was one, have it replaced.';

/** What no schema of a single value sees: names, sets that are not there, circles, tokens. */
export function checkBlocks(
  written: {
    defaults?: Blocks | null | undefined;
    labels?: Blocks | null | undefined;
    policies?: Readonly<Record<string, PolicyBlock | null>> | null | undefined;
  },
  context: z.core.$RefinementCtx,
): void {
  const [defaults, labels, policies] = [written.defaults ?? {}, written.labels ?? {}, written.policies ?? {}];
  const complain = (path: PropertyKey[], wrong: Wrong, of: 'key' | 'value' = 'value'): void =>
    void context.addIssue({ code: 'custom', path, message: wrong.message, params: { of } });

  for (const [at, blocks] of Object.entries({ defaults, labels })) {
    const seen = new Map<string, string>();
    for (const [name, block] of Object.entries(blocks)) {
      const wrong = nameProblem(at, name, seen);
      if (wrong !== undefined) complain([at, name], wrong, 'key');
      seen.set(name.toLowerCase(), name);
      if (block === null) continue;
      for (const path of tokensIn(block)) complain([at, name, ...path], new Wrong('looks like a token', TOKEN_HINT));
      if (block.token_env !== undefined && block.token_file !== undefined)
        complain([at, name, 'token_file'], new Wrong('stands beside token_env', 'Keep one of the two.'));
      for (const { item, wrong: about } of installerProblems(block.installers ?? []))
        complain([at, name, 'installers', item], about);
      for (const [item, set] of (block.from ?? []).entries())
        if (!Object.hasOwn(defaults, set))
          complain([at, name, 'from', item], unknownName(set, ['set of `defaults:`', 'Sets'], defaults));
      for (const [item, policy] of (block.policy ?? []).entries())
        if (!Object.hasOwn(policies, policy))
          complain([at, name, 'policy', item], unknownName(policy, POLICY_WORDS, policies));
    }
  }
  for (const [name, policy] of Object.entries(policies)) {
    for (const path of tokensIn(name).concat(tokensIn(policy)))
      complain(['policies', name, ...path], new Wrong('looks like a token', TOKEN_HINT));
    for (const [item, other] of (policy?.from ?? []).entries())
      if (!Object.hasOwn(policies, other))
        complain(['policies', name, 'from', item], unknownName(other, POLICY_WORDS, policies));
  }
  for (const [at, blocks] of Object.entries({ defaults, policies })) {
    const circle = circleIn(blocks);
    if (circle === undefined) continue;
    const hint = `A ${at === 'defaults' ? 'set' : 'policy'} is made from others, never from itself: take one of these names out.`;
    complain([at, circle[0]!, 'from'], new Wrong(`goes in a circle: ${circle.join(' -> ')}`, hint));
  }
}

function nameProblem(at: string, name: string, seen: ReadonlyMap<string, string>): Wrong | undefined {
  if (TOKEN_LIKE.test(name)) return new Wrong('has a name that looks like a token', TOKEN_HINT);
  const twin = seen.get(name.toLowerCase());
  if (twin !== undefined) {
    return new Wrong(
      `has ${twin} and ${name}, which differ only by case`,
      'Windows and many file systems take the two for one name: rename one, or take it out.',
    );
  }
  try {
    parseLabel(name);
    return undefined;
  } catch (error) {
    if (!isRepackError(error)) throw error;
    const what = at === 'labels' ? error.what : error.what.replace(/^label/, 'set');
    return new Wrong(`: ${what}`, error.hint);
  }
}

function installerProblems(written: readonly WrittenInstaller[]): { item: number; wrong: Wrong }[] {
  const names = new Map<string, string>();
  return written.flatMap((each, item) => {
    const made = installerOf(each, (file) => `/${file.split(/[\\/]/).at(-1)}`);
    if (made instanceof Wrong) return [{ item, wrong: made }];
    const twin = names.get(made.name.toLowerCase());
    names.set(made.name.toLowerCase(), made.name);
    if (twin === undefined) return [];
    const what = `has two files that would both be ${made.name} in installers/`;
    return [{ item, wrong: new Wrong(what, 'Give one of the two a name of its own: `name: …`.') }];
  });
}

const POLICY_WORDS = ['policy of `policies:`', 'Policies'] as const;

function unknownName(
  name: string,
  [what, many]: readonly [string, string],
  all: Readonly<Record<string, unknown>>,
): Wrong {
  const known = Object.keys(all);
  const near = nearest(name, known);
  return new Wrong(
    `names "${name}", which is no ${what}`,
    `${near === undefined ? '' : `Did you mean ${near}? `}${known.length === 0 ? 'There are none.' : `${many}: ${known.join(', ')}.`}`,
  );
}

/** Where a text stands that is a token, or a URL with one in it. */
function tokensIn(value: unknown, path: PropertyKey[] = []): PropertyKey[][] {
  if (typeof value === 'string')
    return TOKEN_LIKE.test(value) || /^https?:\/\/\S*\/t\/[^/\s]/i.test(value) ? [path] : [];
  if (typeof value !== 'object' || value === null) return [];
  const items = Array.isArray(value) ? [...value.entries()] : Object.entries(value).filter(([key]) => key !== 'sha256');
  return items.flatMap(([key, each]) => tokensIn(each, [...path, key]));
}
