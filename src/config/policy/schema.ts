import { z } from 'zod';
import { isRepackError } from '../../base/errors.js';
import { nearest } from '../../base/nearest.js';
import { shown } from '../../conda/channel/names.js';
import { LICENCE_FAMILIES } from '../../conda/licence/licence-families.js';
import { licenceEntry, type LicenceEntry } from '../../conda/licence/licence-list.js';
import { REQUIREMENTS, RULES, SCRIPTS } from '../../conda/policy/policy.js';
import type { PolicyException } from '../../conda/policy/policy.js';
import { parseSpecPattern, type SpecPattern } from '../../conda/spec/spec-entry.js';
import { Wrong, step } from '../yaml/step.js';

const DAY = 24 * 60 * 60 * 1000;
const UNITS: Readonly<Record<string, number>> = { h: DAY / 24, d: DAY, w: 7 * DAY };

const text = z.string().trim().min(1, 'is empty\nWrite something, or take the line out.');

const licence = text.pipe(
  step((written: string): LicenceEntry | Wrong => {
    const entry = licenceEntry(written);
    if (entry !== undefined) return entry;
    const near = nearest(written, LICENCE_FAMILIES);
    return new Wrong(
      `has ${shown(written)}, which is neither a family of licences nor an SPDX expression`,
      `${near === undefined ? '' : `Did you mean ${near}? `}Families are ${LICENCE_FAMILIES.join(', ')}; SPDX expressions are like GPL-3.0-only or "MIT OR Apache-2.0", in upper and lower case as spdx.org has them.`,
    );
  }),
);

const spec = text.pipe(
  step((written: string): SpecPattern | Wrong => {
    try {
      return parseSpecPattern(written);
    } catch (error) {
      if (!isRepackError(error)) throw error;
      return new Wrong(
        `has ${shown(written)}, which can't be read: ${error.what.replace(/^package .*? can't be asked for: /, '')}`,
        'Write a MatchSpec, as "openssl <3.0.15", "conda-forge::blas" or "r-*", in quotes.',
      );
    }
  }),
);

const age = text.pipe(
  step((written: string): { text: string; ms: number } | Wrong => {
    const [, count, unit] = /^([0-9]{1,4})\s*([hdw])$/.exec(written) ?? [];
    if (count !== undefined && unit !== undefined) return { text: written, ms: Number(count) * UNITS[unit]! };
    return new Wrong(
      `must be an age, not ${shown(written)}`,
      'Write hours, days or weeks: newest: 48h, newest: 7d, newest: 2w. What was published later is denied.',
    );
  }),
);

const lastDay = text.pipe(
  step((written: string): { text: string; ms: number } | Wrong => {
    const time = Date.parse(`${written}T00:00:00Z`);
    const isDay = /^\d{4}-\d{2}-\d{2}$/.test(written) && !Number.isNaN(time);
    if (isDay && new Date(time).toISOString().startsWith(written)) return { text: written, ms: time + DAY - 1 };
    return new Wrong(`must be a day, not ${shown(written)}`, 'Write year, month and day: until: 2027-01-31');
  }),
);

const scope = text.pipe(
  step((written: string): string | Wrong => {
    if ((RULES as readonly string[]).includes(written) || /\d/.test(written)) return written;
    const near = nearest(written, RULES);
    return new Wrong(
      `has ${shown(written)}, which is neither a rule nor an advisory`,
      `${near === undefined ? '' : `Did you mean ${near}? `}Rules are ${RULES.join(', ')}; an advisory is like CVE-2024-5535.`,
    );
  }),
);

const lists = {
  licenses: z.array(licence).optional().meta({ description: 'families of conda-build, or SPDX expressions' }),
  packages: z.array(spec).optional().meta({ description: 'MatchSpecs; the name may hold *' }),
  channels: z.array(text).optional().meta({ description: 'names or URLs of channels' }),
};

const exception = z
  .strictObject({
    packages: z.array(spec).min(1, 'names no package\nWrite packages: "openssl 3.0.14".'),
    only: z
      .array(scope)
      .default([])
      .meta({ description: `rules (${RULES.join(', ')}) or advisories that it lets through; absent: all` }),
    reason: text.meta({ description: 'why, for whoever reads the papers' }),
    until: lastDay.meta({ description: 'the last day on which it counts, in UTC', examples: ['2027-01-31'] }),
  })
  .transform(({ until, ...rest }): PolicyException => ({ ...rest, until: until.text, untilMs: until.ms }));

const RULES_OF_ONE = {
  deny: z
    .strictObject({
      ...lists,
      scripts: z
        .array(z.enum(SCRIPTS))
        .optional()
        .meta({ description: 'what runs at an installation: link scripts, activate scripts, menu files (menuinst)' }),
    })
    .optional()
    .meta({ description: 'what may not be delivered' }),
  allow: z
    .strictObject(lists)
    .optional()
    .meta({ description: 'what alone may be delivered, by each list that is there' }),
  newest: age.optional().meta({
    description: 'what was published less than this ago is denied: by indexed_timestamp, else timestamp',
    examples: ['7d'],
  }),
  undated: z.enum(['allow', 'deny']).default('allow').meta({ description: 'of `newest`: what has no date' }),
  advisories: z.array(text).default([]).meta({
    description: 'advisories in the OSV form: files, or folders of .json; what they say is affected is denied',
  }),
  require: z
    .array(z.enum(REQUIREMENTS))
    .default([])
    .meta({ description: 'what each package (signature: the manifest) must have' }),
  except: z.array(exception).default([]).meta({ description: 'what is let through all the same, why, and how long' }),
};

/** One policy in a file of its own. */
export const POLICY_FILE_SCHEMA = z.strictObject(RULES_OF_ONE);

/** One below `policies:`. */
export const POLICY_SCHEMA = z
  .strictObject({
    from: z.array(text).default([]).meta({ description: 'other policies, whose rules and exceptions hold too' }),
    ...RULES_OF_ONE,
  })
  .nullable();

export type PolicyBlock = NonNullable<z.output<typeof POLICY_SCHEMA>>;
