import { z } from 'zod';

/** What the questions answer with `--json`: the report that ends the output. `repackenv schema why` prints its JSON Schema. */

const pkg = {
  name: z.string(),
  version: z.string(),
  build: z.string(),
  subdir: z.string().nullable().describe('the folder that its file lies in; null: a virtual package, of the machine'),
};

const asked = {
  given: z.string().describe('as typed; of a ROOT, ROOT/LABEL'),
  label: z.string().nullable().describe('null: a channel folder of others'),
  generation: z.number().int().nullable(),
};

const byName = {
  wanted: z
    .boolean()
    .describe('false: a mirror or a channel of others, in which nothing was asked for by name; no path begins there'),
};

const step = z.object({
  ...pkg,
  constraint: z
    .string()
    .describe('the entry of depends that leads here, as published; of the first step, what was asked for'),
});

const whyPackage = z.object({
  ...pkg,
  asked_for: z.array(z.string()).describe('MatchSpecs that ask for this package itself'),
  because_of: z.array(z.string()).describe('all MatchSpecs that were asked for and lead to it'),
  needed_by: z.array(step).describe('packages that need it, each with its constraint on it'),
  paths: z.array(z.array(step)).describe('from what was asked for to the package, the shortest first'),
  more: z.boolean().describe('there are more paths than were asked for'),
});

const whyPlatform = z.object({
  subdir: z.string().describe('the platform that this holds for: its packages and those of noarch'),
  packages: z.array(whyPackage),
});

/** `packages`: what it needs; with `--invert`, what needs it. */
export interface TreeNode extends Omit<WhyStep, 'constraint'> {
  constraint: string | null;
  state: 'whole' | 'above' | 'cut';
  packages: TreeNode[];
}

const treeNode: z.ZodType<TreeNode> = z.lazy(() =>
  z.object({
    ...pkg,
    constraint: z
      .string()
      .nullable()
      .describe('the entry of depends that leads here; of a root, what was asked for, or null'),
    state: z
      .enum(['whole', 'above', 'cut'])
      .describe('above: what is below it stands above; cut: it lies deeper than --depth'),
    packages: z.array(treeNode),
  }),
);

const packageLicence = z.object({
  ...pkg,
  subdir: z.string(),
  license: z.string().nullable().describe('as the record states it'),
  spdx: z.boolean().describe('it is an SPDX licence expression'),
  families: z
    .array(z.string())
    .describe('the families of conda-build that it is of; all of them where it offers a choice'),
  disagrees: z.boolean().describe('the record states another family beside it'),
  sha256: z.string().nullable(),
  url: z.string().nullable().describe('where it was published, without a token'),
  license_files: z
    .array(z.string())
    .nullable()
    .describe('the licence files in the package, as its papers name them; null: it was not looked into'),
});

/** In reports and on pages. */
const runs = z.object({
  name: z.string(),
  version: z.string(),
  build: z.string(),
  subdir: z.string(),
  fn: z.string(),
  what: z
    .array(z.string())
    .describe('link scripts as conda names them (post-link, pre-unlink), activate.d, deactivate.d, menuinst'),
});

const licensesAnswer = z.object({
  ...asked,
  packages: z.array(packageLicence),
  totals: z.object({
    families: z.record(z.string(), z.number().int()).describe('packages by family; one may be of several'),
    licenses: z.array(z.object({ license: z.string().nullable(), packages: z.number().int() })),
  }),
});

const foundPackage = z.object({
  ...pkg,
  subdir: z.string(),
  fn: z.string(),
  sha256: z.string().nullable(),
  channel: z.string().nullable().describe('where it was published, without a token'),
  given: asked.given,
  label: asked.label,
  generations: z.array(z.number().int()).describe('of the label, oldest first: those that have this very file'),
  live: z.boolean().describe('the label folder has it now'),
  since: z.string().nullable().describe('ISO 8601, UTC: first publication of the first of them; null: not known'),
  until: z.string().nullable().describe('first publication of the generation without it; null: live, or not known'),
  sites: z
    .array(z.object({ site: z.string(), generation: z.number().int(), at: z.string() }))
    .describe('sites that told last that they have one of these generations'),
});

const noted = { name: z.string(), subdirs: z.array(z.string()) };
const single = z.array(z.object({ ...noted, version: z.string() }));
const moved = z.array(z.object({ ...noted, from: z.string(), to: z.string() }));
const notesAdvisory = z.object({
  id: z.string().describe('the CVE, where there is one'),
  aliases: z.array(z.string()),
  summary: z.string().nullable(),
  packages: z
    .array(z.object({ name: z.string(), from: z.array(z.string()), to: z.array(z.string()) }))
    .describe('those that it is or was true of, with all versions before and after'),
});

const judged = { path: z.string().describe('SUBDIR/FILE'), name: z.string(), version: z.string() };
const met = {
  policy: z.string().describe('whose rule it is'),
  rule: z.string().describe('as a person reads it: deny licenses: GPL3'),
  because: z.string().describe('what of the package meets it'),
};

const policyAnswer = z.object({
  ...asked,
  policies: z.array(z.string()).describe('all that were judged by; empty: none holds for it'),
  at: z.string().describe('ISO 8601, UTC: when it was judged'),
  packages: z.number().int(),
  denied: z.array(
    z.object({
      ...judged,
      ...met,
      way: z.string().nullable().describe('what pulls it in; null where nothing says it'),
    }),
  ),
  unsigned: z.boolean().describe('a signature is required, and there is none'),
  excepted: z
    .array(z.object({ ...judged, ...met, reason: z.string(), until: z.string() }))
    .describe('what an exception lets through'),
  undated: z.array(z.string()).describe('let through by a rule on age for want of a date'),
  ended: z
    .array(z.object({ packages: z.array(z.string()), reason: z.string(), until: z.string() }))
    .describe('exceptions past their last day, which count no more'),
});

export const ANSWERS = {
  policy: z.object({ type: z.literal('report'), answers: z.array(policyAnswer) }),
  notes: z.object({
    type: z.literal('report'),
    from: z.object(asked),
    to: z.object(asked),
    added: single,
    removed: single,
    upgraded: moved,
    downgraded: moved,
    rebuilt: moved.describe('same version, another build: from and to are version and build, or file names'),
    record_changed: single.describe('same file name, but its record or its bytes changed in the channel'),
    kept: z.number().int().describe('files that are the same'),
    licence_changed: z.array(z.object({ name: z.string(), from: z.array(z.string()), to: z.array(z.string()) })),
    asked: z.object({ added: z.array(z.string()), removed: z.array(z.string()) }),
    advisories: z.object({
      judged: z.number().int(),
      closed: z.array(notesAdvisory).describe('true of a package before, and of none of that name after'),
      open: z.array(notesAdvisory.extend({ new: z.boolean().describe('it was not true before') })),
    }),
  }),
  find: z.object({
    type: z.literal('report'),
    spec: z.string(),
    matches: z.array(foundPackage),
    looked_at: z.object({ labels: z.number().int(), generations: z.number().int() }),
    unread: z
      .array(z.object({ label: z.string(), generation: z.number().int(), why: z.string() }))
      .describe('generations of which no manifest could be looked through'),
  }),
  licenses: z.object({ type: z.literal('report'), answers: z.array(licensesAnswer) }),
  tree: z.object({
    type: z.literal('report'),
    answers: z.array(
      z.object({ ...asked, ...byName, platforms: z.array(z.object({ subdir: z.string(), roots: z.array(treeNode) })) }),
    ),
  }),
  why: z.object({
    type: z.literal('report'),
    name: z.string(),
    answers: z.array(z.object({ ...asked, ...byName, platforms: z.array(whyPlatform) })),
  }),
} as const;

export type AnswerName = keyof typeof ANSWERS;
type Answer<N extends AnswerName> = Omit<z.infer<(typeof ANSWERS)[N]>, 'type'>;

export type WhyStep = z.infer<typeof step>;
export type WhyPackage = z.infer<typeof whyPackage>;
export type WhyPlatform = z.infer<typeof whyPlatform>;
export type WhyReport = Answer<'why'>;
export type TreeReport = Answer<'tree'>;
export type TreePlatform = TreeReport['answers'][number]['platforms'][number];
export type FoundPackage = z.infer<typeof foundPackage>;
export type FindReport = Answer<'find'>;
export type NotesAdvisory = z.infer<typeof notesAdvisory>;
export type NotesReport = Answer<'notes'>;
export type PolicyAnswer = z.infer<typeof policyAnswer>;
export type PolicyReport = Answer<'policy'>;
export type PackageLicence = z.infer<typeof packageLicence>;
export type LicensesAnswer = z.infer<typeof licensesAnswer>;
export type RunsAtInstall = z.infer<typeof runs>;
export type LicensesReport = Answer<'licenses'>;

/** The JSON Schema (2020-12) of a report. */
export function answerSchema(name: AnswerName): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(ANSWERS[name]);
  return { $schema, title: `report of repackenv ${name} --json`, ...rest };
}
