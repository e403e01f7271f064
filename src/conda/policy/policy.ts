import type { Advisory, AdvisedPackage } from '../advisory/osv.js';
import type { LicenceEntry } from '../licence/licence-list.js';
import type { SpecPattern } from '../spec/spec-entry.js';

/** What a rule can be about. The name of the rule is its key in the file. */
export const RULES = ['deny', 'allow', 'newest', 'advisories', 'require'] as const;
export type Rule = (typeof RULES)[number];

/** `signature`: of the manifest. `attestations`: of each artifact (CEP 27). */
export const REQUIREMENTS = ['license', 'sha256', 'signature', 'attestations'] as const;
export type Requirement = (typeof REQUIREMENTS)[number];

/** What runs at an installation: as conda links or unlinks, in each activation, and what menuinst makes shortcuts of. */
export const SCRIPTS = ['link', 'activate', 'menu'] as const;
export type ScriptKind = (typeof SCRIPTS)[number];

/** What a list names; undefined: no such list. */
export interface PolicyLists {
  readonly licenses: readonly LicenceEntry[] | undefined;
  readonly packages: readonly SpecPattern[] | undefined;
  /** Names or identity URLs. */
  readonly channels: readonly string[] | undefined;
}

export interface PolicyException {
  readonly packages: readonly SpecPattern[];
  /** Names of rules and ids of advisories; empty: all rules. */
  readonly only: readonly string[];
  readonly reason: string;
  /** The last day on which it counts, as written, and its last millisecond. */
  readonly until: string;
  readonly untilMs: number;
}

/** The rules of one policy (design D19). */
export interface PolicyRules {
  /** As a label names it, or the file that it stands in. */
  readonly name: string;
  readonly deny: PolicyLists & { readonly scripts: readonly ScriptKind[] | undefined };
  readonly allow: PolicyLists;
  /** Packages that were published later are denied. */
  readonly newest: { readonly text: string; readonly ms: number } | undefined;
  readonly undated: 'allow' | 'deny';
  /** Those that a package is affected by. */
  readonly advisories: (pkg: AdvisedPackage) => readonly Advisory[];
  readonly require: readonly Requirement[];
  readonly except: readonly PolicyException[];
}

/** All that holds for a label: each of `parts` must allow a package; an exception of one of them counts for the rules of all. */
export interface Policy {
  readonly parts: readonly PolicyRules[];
  /** When it is judged: one reading of the clock for a run, in ms. */
  readonly at: number;
}

/** A rule that does not let a package through. */
export interface Denial {
  readonly policy: string;
  readonly rule: Rule;
  /** The rule as a person reads it: `deny licenses: GPL3`. */
  readonly text: string;
  /** What of the package meets it. */
  readonly because: string;
  /** Ids of the advisory. */
  readonly ids: readonly string[];
}

/** What an exception let through. */
export interface Excepted {
  readonly denial: Denial;
  readonly exception: PolicyException;
}

/** Past their end: they count no more. */
export function endedExceptions({ parts, at }: Policy): PolicyException[] {
  return parts.flatMap(({ except }) => except.filter(({ untilMs }) => untilMs < at));
}

/** Whether the packages themselves must be looked into. */
export function asksForScripts({ parts }: Policy): boolean {
  return parts.some(({ deny }) => (deny.scripts?.length ?? 0) > 0);
}
