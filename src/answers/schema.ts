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

export const ANSWERS = {
  why: z.object({
    type: z.literal('report'),
    name: z.string(),
    answers: z.array(z.object({ ...asked, platforms: z.array(whyPlatform) })),
  }),
} as const;

export type AnswerName = keyof typeof ANSWERS;
type Answer<N extends AnswerName> = Omit<z.infer<(typeof ANSWERS)[N]>, 'type'>;

export type WhyStep = z.infer<typeof step>;
export type WhyPackage = z.infer<typeof whyPackage>;
export type WhyPlatform = z.infer<typeof whyPlatform>;
export type WhyReport = Answer<'why'>;

/** The JSON Schema (2020-12) of a report. */
export function answerSchema(name: AnswerName): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(ANSWERS[name]);
  return { $schema, title: `report of repackenv ${name} --json`, ...rest };
}
